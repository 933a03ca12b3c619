//! Declarations that make a type and its [`FromYaml`](super::Form) at once.

/// A map with known keys. A field may end with `else v`, its value where the key is absent. After the struct: `short T => f` reads a `T` in place of the map; `absent v` is what an
/// absent key means; `check f` looks at the whole (`fn(&Self, Node) -> Option<()>`, having complained).
macro_rules! record {
    (@take $table:ident, $form:ty, $key:literal) => {
        $table.take::<$form>($key)
    };
    (@take $table:ident, $form:ty, $key:literal, $default:expr) => {
        $table.take_or::<$form>($key, Some($default))
    };
    (@required $form:ty) => {
        <$form as $crate::scenario::codec::FromYaml>::absent().is_none()
    };
    (@required $form:ty, $default:expr) => {
        false
    };
    (
        $(#[doc = $about:literal])+
        pub struct $type:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $form:ty = $key:literal $(else $default:expr)?,)*
        }
        $(short $short:ty => $expand:expr;)?
        $(absent $absent:expr;)?
        $(check $check:expr;)?
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $type {
            $($(#[doc = $doc])+ pub $field: $form,)*
        }

        impl $crate::scenario::codec::FromYaml for $type {
            fn read(node: $crate::scenario::codec::YamlNode<'_>) -> Option<Self> {
                $(if node.map().is_none() {
                    let short = <$short as $crate::scenario::codec::FromYaml>::read(node)?;
                    let expand: fn($short) -> Self = $expand;
                    return Some(expand(short));
                })?
                Self::read_table(node.table("a map")?, node)
            }

            fn print(&self) -> $crate::scenario::codec::Printed {
                use $crate::scenario::codec::FromYaml;
                let mut entries = Vec::new();
                $(if !FromYaml::is_absent(&self.$field) {
                    entries.push(($key.to_owned(), FromYaml::print(&self.$field)));
                })*
                $crate::scenario::codec::Printed::Map(entries)
            }

            fn schema(definitions: &mut $crate::scenario::codec::Definitions) -> serde_json::Value {
                use $crate::scenario::codec::FromYaml;
                definitions.define(stringify!($type), |definitions| {
                    let keys = &[$($crate::scenario::codec::schema::SchemaKey {
                        name: $key,
                        about: concat!($($doc),+),
                        schema: <$form as FromYaml>::schema,
                        is_required: || $crate::scenario::codec::record!(@required $form $(, $default)?),
                    },)*];
                    let about = concat!($($about),+);
                    let object = $crate::scenario::codec::schema::object(definitions, about, keys);
                    $(let object = serde_json::json!({
                        "anyOf": [object, <$short as FromYaml>::schema(definitions)]
                    });)?
                    object
                })
            }

            $(fn absent() -> Option<Self> {
                Some($absent)
            }

            fn is_absent(&self) -> bool {
                *self == $absent
            })?
        }

        impl $type {
            /// Reads the keys of `table`.
            fn read_table(
                mut table: $crate::scenario::codec::YamlTable<'_>,
                node: $crate::scenario::codec::YamlNode<'_>,
            ) -> Option<Self> {
                let _ = &mut table;
                $(let $field =
                    $crate::scenario::codec::record!(@take table, $form, $key $(, $default)?);)*
                table.finish();
                let value = Self { $($field: $field?,)* };
                let _ = node;
                $({
                    let check: fn(&Self, $crate::scenario::codec::YamlNode<'_>) -> Option<()> = $check;
                    check(&value, node)?;
                })?
                Some(value)
            }
        }
    };
}
pub(in crate::scenario) use record;

/// One of several things, each with a name: written as the bare name, or as a map whose only key is the name and
/// whose value belongs to it.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        pub enum $type:ident ($what:literal) {
            $($(#[doc = $doc:literal])+ $variant:ident $(($form:ty))? = $name:literal,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub enum $type {
            $($(#[doc = $doc])+ $variant $(($form))?,)+
        }

        impl $type {
            /// The names of all, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name that stands in the file.
            pub const fn name(&self) -> &'static str {
                match self {
                    $($crate::scenario::codec::choice!(@any $variant $(($form))?) => $name,)+
                }
            }
        }

        impl $crate::scenario::codec::FromYaml for $type {
            fn read(node: $crate::scenario::codec::YamlNode<'_>) -> Option<Self> {
                let (name, payload) = node.tagged($what, &[$($name),+])?;
                match name {
                    $($name => $crate::scenario::codec::choice!(
                        @read $name, node, payload, $variant $(($form))?
                    ),)+
                    _ => None,
                }
            }

            fn print(&self) -> $crate::scenario::codec::Printed {
                match self {
                    $($crate::scenario::codec::choice!(@bind inner $variant $(($form))?) => {
                        $crate::scenario::codec::choice!(@print $name, inner $(, $form)?)
                    })+
                }
            }

            fn schema(definitions: &mut $crate::scenario::codec::Definitions) -> serde_json::Value {
                definitions.define(stringify!($type), |definitions| {
                    let choices = &[$($crate::scenario::codec::schema::SchemaChoice {
                        name: $name,
                        about: concat!($($doc),+),
                        settings: $crate::scenario::codec::choice!(@settings $($form)?),
                    }),+];
                    let about = concat!($($about),+);
                    $crate::scenario::codec::schema::any_of(definitions, about, choices)
                })
            }
        }
    };
    (@any $variant:ident) => { Self::$variant };
    (@any $variant:ident ($form:ty)) => { Self::$variant(_) };
    (@bind $inner:ident $variant:ident) => { Self::$variant };
    (@bind $inner:ident $variant:ident ($form:ty)) => { Self::$variant($inner) };
    (@read $name:literal, $node:ident, $payload:ident, $variant:ident) => {{
        if $payload.is_some() {
            $node.refuse(concat!("`", $name, "` stands alone, without settings"));
            return None;
        }
        Some(Self::$variant)
    }};
    (@read $name:literal, $node:ident, $payload:ident, $variant:ident ($form:ty)) => {{
        let value = match $payload {
            Some(payload) => <$form as $crate::scenario::codec::FromYaml>::read(payload),
            None => {
                let absent = <$form as $crate::scenario::codec::FromYaml>::absent();
                if absent.is_none() {
                    $node.refuse(concat!("`", $name, "` needs its settings: `", $name, ": …`"));
                }
                absent
            }
        };
        value.map(Self::$variant)
    }};
    (@print $name:literal, $inner:ident) => {
        $crate::scenario::codec::Printed::Text($name.to_owned())
    };
    (@print $name:literal, $inner:ident, $form:ty) => {
        $crate::scenario::codec::Printed::tagged(
            $name,
            $crate::scenario::codec::FromYaml::print($inner),
        )
    };
    (@settings) => { None };
    (@settings $form:ty) => {
        Some((
            <$form as $crate::scenario::codec::FromYaml>::schema,
            || <$form as $crate::scenario::codec::FromYaml>::absent().is_some(),
        ))
    };
}
pub(in crate::scenario) use choice;
