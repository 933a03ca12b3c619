//! Readings of values.

use toml::de::DeValue;

use super::TomlNode;
use crate::base::Message;

/// A type that can be read from a value.
pub(in crate::profile) trait Read: Sized {
    /// The value, or `None` after reporting why not.
    fn read(node: &TomlNode<'_>) -> Option<Self>;

    /// Value for an absent key; `None`: the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// A closed set of named values.
pub(in crate::profile) trait Words: Copy + 'static {
    /// Name of one of them in a message, with its article.
    const WHAT: &'static str;
    /// All of them, in order.
    const ALL: &'static [Self];
    /// The name of one.
    fn word(self) -> &'static str;
}

/// Gives a fieldless enum its names: `name()`, `ALL`, `Display`, `Serialize`, `Deserialize`, and reading from a profile.
macro_rules! words {
    ($what:literal, $type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in profiles and answers.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl $crate::profile::read::Words for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = Self::ALL;
            fn word(self) -> &'static str {
                self.name()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(reader)?;
                let known = Self::ALL.iter().copied().find(|known| known.name() == name);
                known.ok_or_else(|| serde::de::Error::custom(format!("{name:?} is not {}", $what)))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}
pub(in crate::profile) use words;

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

impl<T: Words> Read for T {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let Some(text) = node.value.as_str() else {
            node.expected(&format!("{} (a string)", T::WHAT));
            return None;
        };
        let found = T::ALL.iter().copied().find(|value| value.word() == text);
        if found.is_none() {
            let names: Vec<&str> = T::ALL.iter().map(|value| value.word()).collect();
            node.refuse(Message::not_among(T::WHAT, text, &names));
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
