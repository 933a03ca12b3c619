//! Enumerations that are spelled in data: one list of variants and names gives parsing, printing and serde.

/// Declares an enum whose variants have stable names in files and answers.
macro_rules! named_enum {
    (
        $(#[$about:meta])*
        $kind:ident ($what:literal) { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind { $($(#[$doc])* $variant,)+ }

        impl $kind {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in files and answers.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = crate::crypto::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
                    crate::crypto::UnknownName {
                        what: $what,
                        name: name.to_owned(),
                        known: Self::ALL.iter().map(|known| known.name()).collect(),
                    }
                })
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
pub(super) use named_enum;

/// A name that is not in the list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not {what}; known are {}", known.join(", "))]
pub struct UnknownName {
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) known: Vec<&'static str>,
}
