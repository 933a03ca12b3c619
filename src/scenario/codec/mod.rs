//! One declaration for each part of a scenario file: its Rust type, how it is read, how it is printed, its JSON Schema.
//!
//! [`record!`], [`choice!`] and [`words!`] declare a type and write its [`FromYaml`], so a key that one of the three knows
//! the others know as well. Reading never stops at a mistake: what cannot be read is reported where it stands and
//! becomes `None`, and the rest is read on.

mod doc;
mod macros;
mod printed;
pub(super) mod schema;
mod values;

pub(super) use doc::{YamlDocument, YamlNode, YamlTable};
pub(super) use macros::{choice, record};
pub(super) use printed::Printed;
pub(super) use schema::Definitions;
pub(super) use values::is_number;
pub use values::{Decimal, Json, Many, Pattern, Share, TimePoint, Times};

/// A type that can stand in a scenario file.
pub(super) trait FromYaml: Sized {
    /// The value, or `None` after reporting why not.
    fn read(node: YamlNode<'_>) -> Option<Self>;

    /// The value as it would be written.
    fn print(&self) -> Printed;

    /// JSON Schema of the type.
    fn schema(definitions: &mut Definitions) -> serde_json::Value;

    /// Value for an absent key; `None`: the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns true if printing may leave it out.
    fn is_absent(&self) -> bool {
        false
    }
}
