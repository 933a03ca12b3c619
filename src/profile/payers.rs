//! Knowledge and accounts of payers besides cards.

use std::collections::HashMap;

use crate::base::{Reason, named_enum};

use super::cards::{check_digits, check_outcome};
use super::provenance::Mark;
use super::read::{Read, TomlDocument, TomlNode, TomlTable, fields};

/// The payers of the test world.
#[derive(Clone, PartialEq, Eq)]
pub struct Payers {
    /// The phone number of the examples.
    pub phone: String,
    /// The passcode of bindings and of the wallet app; any other is wrong.
    pub passcode: String,
    /// The `clientId`s of the examples.
    pub customer_ids: Vec<String>,
    /// One-time passwords.
    pub otp: OneTimePasswords,
    /// PAYON wallet users, one an outcome.
    pub wallets: Vec<Wallet>,
    /// Bank accounts, one an outcome.
    pub banks: Vec<BankAccount>,
}

named_enum! {
    /// The way a one-time password takes.
    pub enum OtpChannel ("a channel") {
        /// By text message.
        Sms = "sms",
        /// By mail.
        Email = "email",
        /// On the issuer's page.
        Acs = "acs",
    }
}

/// The right one-time passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimePasswords {
    default: String,
    sms: Option<String>,
    email: Option<String>,
    acs: Option<String>,
}

/// A PAYON wallet user.
#[derive(Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Identifies the user.
    pub phone: String,
    /// For people.
    pub name: String,
    /// The app's passcode.
    pub passcode: String,
    /// Result of a payment with the right passcode.
    pub outcome: Reason,
    /// Source of the row.
    pub mark: Mark,
    /// Situation that it rehearses, for people.
    pub about: String,
}

/// An account at a bank whose app pays.
#[derive(Clone, PartialEq, Eq)]
pub struct BankAccount {
    /// The bank, `PPCBank` or another.
    pub bank: String,
    /// The account number, 8 to 20 digits; unique.
    pub account: String,
    /// The holder.
    pub name: String,
    /// Result of a payment.
    pub outcome: Reason,
    /// Source of the row.
    pub mark: Mark,
    /// Situation that it rehearses, for people.
    pub about: String,
}

impl Payers {
    /// The wallet of that phone number.
    pub fn wallet(&self, phone: &str) -> Option<&Wallet> {
        self.wallets.iter().find(|wallet| wallet.phone == phone)
    }

    /// The bank account of that number.
    pub fn bank_account(&self, account: &str) -> Option<&BankAccount> {
        self.banks.iter().find(|row| row.account == account)
    }
}

impl OneTimePasswords {
    /// The right one on `channel`.
    pub fn right(&self, channel: OtpChannel) -> &str {
        let own = match channel {
            OtpChannel::Sms => &self.sms,
            OtpChannel::Email => &self.email,
            OtpChannel::Acs => &self.acs,
        };
        own.as_ref().unwrap_or(&self.default)
    }
}

impl BankAccount {
    /// The number with all but its last four digits hidden, as wide as the status example shows it.
    pub fn masked(&self) -> String {
        let last = self.account.len().saturating_sub(4);
        format!("************{}", self.account.get(last..).unwrap_or_default())
    }
}

/// Reads `payers.toml`.
pub(super) fn read(doc: &TomlDocument<'_>) -> Option<Payers> {
    let mut root = doc.root()?;
    let (wallet_rows, bank_rows) = (root.rows("wallet"), root.rows("bank"));
    let (payer, otp): (Option<PayerIdentity>, _) = (root.take("payer"), root.take("otp"));
    root.finish();
    let mut seen = HashMap::new();
    let wallets: Vec<Option<Wallet>> = wallet_rows
        .into_iter()
        .map(|mut row| {
            row.check_unique("phone", "phone", &mut seen);
            wallet(&mut row)
        })
        .collect();
    seen.clear();
    let banks: Vec<Option<BankAccount>> = bank_rows
        .into_iter()
        .map(|mut row| {
            row.check_unique("account", "account", &mut seen);
            bank_account(&mut row)
        })
        .collect();
    let PayerIdentity { phone, passcode, customer_ids } = payer?;
    Some(Payers {
        phone,
        passcode,
        customer_ids,
        otp: otp?,
        wallets: wallets.into_iter().collect::<Option<_>>()?,
        banks: banks.into_iter().collect::<Option<_>>()?,
    })
}

/// The table `[payer]`.
struct PayerIdentity {
    phone: String,
    passcode: String,
    customer_ids: Vec<String>,
}

impl Read for PayerIdentity {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        table.check_text("phone", |phone| check_digits(phone, 8..=15));
        table.check_text("passcode", |passcode| check_digits(passcode, 4..=6));
        fields!(table, PayerIdentity { phone, passcode, customer_ids })
    }
}

impl Read for OneTimePasswords {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        for channel in ["default", "sms", "email", "acs"] {
            table.check_text(channel, |otp| check_digits(otp, 4..=8));
        }
        fields!(table, OneTimePasswords { default, sms, email, acs })
    }
}

fn wallet(row: &mut TomlTable<'_>) -> Option<Wallet> {
    row.check_text("phone", |phone| check_digits(phone, 8..=15));
    row.check_text("passcode", |passcode| check_digits(passcode, 4..=6));
    check_outcome(row, &["success", "wallet"]);
    let wallet = fields!(row, Wallet { phone, name, passcode, outcome, mark, about })?;
    row.note(format!("wallet.{}", wallet.phone), wallet.mark, &wallet.about);
    Some(wallet)
}

fn bank_account(row: &mut TomlTable<'_>) -> Option<BankAccount> {
    row.check_text("account", |account| check_digits(account, 8..=20));
    check_outcome(row, &["success", "bank", "qr"]);
    let account = fields!(row, BankAccount { bank, account, name, outcome, mark, about })?;
    let key = format!("bank.{}.{}", account.bank, account.masked());
    row.note(key, account.mark, &account.about);
    Some(account)
}

impl std::fmt::Debug for Payers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payers")
            .field("wallets", &self.wallets.len())
            .field("banks", &self.banks.len())
            .finish_non_exhaustive()
    }
}
