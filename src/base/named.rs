//! Enumerations that are spelled in files, on the wire and in answers: one list of variants and names.

use super::Message;

/// A closed set of named values.
pub trait Named: Copy + 'static {
    /// One of them in a message, with its article.
    const WHAT: &'static str;
    /// All of them, in order.
    const ALL: &'static [Self];

    /// The name of one.
    fn name(self) -> &'static str;

    /// The one of that name, letter case included.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }

    /// The names of all, in order.
    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|known| known.name()).collect()
    }
}

/// A name that is not in the set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownName(Message);

impl UnknownName {
    /// The complaint that `name` is none of the set.
    pub fn new<T: Named>(name: &str) -> Self {
        Self(Message::not_among(T::WHAT, name, &T::names()))
    }
}

/// Declares an enum whose variants have stable names, with [`Named`], printing, parsing and serde. The documentation of a
/// variant is also what `about` says.
macro_rules! named_enum {
    (
        $(#[$about:meta])*
        $vis:vis enum $kind:ident ($what:literal $(, default $default:ident)?) {
            $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $kind { $($(#[doc = $doc])+ $variant,)+ }

        #[allow(dead_code, reason = "not every enum needs all of them")]
        impl $kind {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence for people.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }

        impl $crate::base::Named for $kind {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.name()
            }
        }

        $(impl Default for $kind {
            fn default() -> Self {
                Self::$default
            }
        })?

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = $crate::base::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                use $crate::base::{Named, UnknownName};
                Self::of_name(name).ok_or_else(|| UnknownName::new::<Self>(name))
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use named_enum;
