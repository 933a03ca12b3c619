//! Readings of values.

use toml::de::DeValue;

use super::TomlNode;
use crate::base::{Message, Named};

/// A type that can be read from a value.
pub(in crate::profile) trait Read: Sized {
    /// The value, or `None` after reporting why not.
    fn read(node: &TomlNode<'_>) -> Option<Self>;

    /// Value for an absent key; `None`: the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

impl Read for String {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        match node.value.as_str() {
            Some("") => node.refuse("must not be empty"),
            Some(text) => return Some(text.to_owned()),
            None => node.expected("a string"),
        }
        None
    }
}

impl Read for bool {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        node.value.as_bool().or_else(|| {
            node.expected("true or false");
            None
        })
    }
}

/// The integer that `value` is, if it fits.
pub(super) fn integer<T: TryFrom<i64>>(value: &DeValue<'_>) -> Option<T> {
    let digits = value.as_integer()?;
    let number = i64::from_str_radix(&digits.as_str().replace('_', ""), digits.radix()).ok()?;
    T::try_from(number).ok()
}

macro_rules! integers {
    ($($type:ident),+) => {$(
        impl Read for $type {
            fn read(node: &TomlNode<'_>) -> Option<Self> {
                integer(node.value).or_else(|| {
                    node.expected(&format!("an integer from {} to {}", $type::MIN, $type::MAX));
                    None
                })
            }
        }
    )+};
}
integers!(i64, u64, u32, u16, u8);

impl<T: Named> Read for T {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let Some(text) = node.value.as_str() else {
            node.expected(&format!("{} (a string)", T::WHAT));
            return None;
        };
        let found = T::of_name(text);
        if found.is_none() {
            node.refuse(Message::not_among(T::WHAT, text, &T::names()));
        }
        found
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        T::read(node).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let Some(items) = node.value.as_array() else {
            node.expected("an array");
            return None;
        };
        let read: Vec<Option<T>> = items
            .iter()
            .map(|item| T::read(&TomlNode::new(node.doc, item, node.path.clone())))
            .collect();
        read.into_iter().collect()
    }
}
