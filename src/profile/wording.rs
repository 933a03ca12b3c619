//! The words and codes by which answers name states, types and methods.

use std::marker::PhantomData;

use crate::base::{Named, OrderState, PaymentMethod};

use super::read::{Read, TomlNode, fields};

/// One text for each value of `K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each<K> {
    texts: Vec<String>,
    keys: PhantomData<K>,
}

/// All words and codes of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// In the answer of `/pg/orders`.
    pub orders: OrdersWording,
    /// In the answer of `/pg/transaction/status`.
    pub status: StatusWording,
    /// `paymentType`, such as `02`.
    pub payment_type: Each<PaymentMethod>,
    /// `payDvCd` of the register answer when the request names none, such as `MPI`.
    pub pay_dv_word: Each<PaymentMethod>,
    /// For requests with an invalid token.
    pub token: TokenWording,
}

/// Words of the refusal of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWording {
    /// The whole body beside HTTP 401 (documented: `1`).
    pub refusal_body: String,
}

/// Words of `/pg/orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersWording {
    /// `txStCd`, such as `09`.
    pub state: Each<OrderState>,
    /// `payDvCd`, such as `8`.
    pub pay_dv_cd: Each<PaymentMethod>,
}

/// Words of `/pg/transaction/status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusWording {
    /// `txStCd`, such as `COMPLETE`.
    pub state: Each<OrderState>,
    /// `trt`, such as `PURCHASE`.
    pub trt: TypeWords,
}

/// The two transaction types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeWords {
    /// `trt` 10.
    pub purchase: String,
    /// `trt` 12.
    pub pre_auth: String,
}

impl Each<OrderState> {
    /// The text for `state`.
    pub fn get(&self, state: OrderState) -> &str {
        &self.texts[state as usize]
    }
}

impl Each<PaymentMethod> {
    /// The text for `method`.
    pub fn get(&self, method: PaymentMethod) -> &str {
        &self.texts[method as usize]
    }
}

impl<K: Named> Read for Each<K> {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        let texts: Vec<Option<String>> = K::ALL.iter().map(|key| table.take(key.name())).collect();
        table.finish();
        Some(Self { texts: texts.into_iter().collect::<Option<_>>()?, keys: PhantomData })
    }
}

impl Read for Wording {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.table()?;
        fields!(table, Wording { orders, status, payment_type, pay_dv_word, token })
    }
}

impl Read for OrdersWording {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.table()?;
        fields!(table, OrdersWording { state, pay_dv_cd })
    }
}

impl Read for StatusWording {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.table()?;
        fields!(table, StatusWording { state, trt })
    }
}

impl Read for TypeWords {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        fields!(table, TypeWords { purchase, pre_auth })
    }
}

impl Read for TokenWording {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        fields!(table, TokenWording { refusal_body })
    }
}
