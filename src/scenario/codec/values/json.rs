//! Values that end up in a JSON body, digits and all.

use serde_json::{Value, json};

use crate::scenario::codec::{Definitions, FromYaml, Printed, YamlNode};

/// Deepest nesting of a JSON value.
const DEPTH_MAX: usize = 32;

/// A JSON value as text. A number keeps its own digits: `1.00` is not `1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json(pub String);

/// Returns true if a text is a number as JSON writes it.
pub(in crate::scenario) fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

impl FromYaml for Json {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let mut out = String::new();
        write(node, &mut out, 0)?;
        Some(Self(out))
    }

    fn print(&self) -> Printed {
        // JSON is YAML, and a text in its quotes stays a text.
        Printed::Literal(self.0.clone())
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({})
    }
}

fn write(node: YamlNode<'_>, out: &mut String, depth: usize) -> Option<()> {
    if depth == DEPTH_MAX {
        node.refuse(format!("nested deeper than {DEPTH_MAX} levels"));
        return None;
    }
    if let Some((text, plain)) = node.scalar() {
        match text {
            "" | "~" if plain => out.push_str("null"),
            "null" | "true" | "false" if plain => out.push_str(text),
            number if plain && is_number(number) => out.push_str(number),
            text => out.push_str(&Value::from(text).to_string()),
        }
    } else if let Some(items) = node.list() {
        out.push('[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(item, out, depth + 1)?;
        }
        out.push(']');
    } else {
        out.push('{');
        for (at, (name, _, value)) in node.entries("a map")?.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&Value::from(name).to_string());
            out.push(':');
            write(value, out, depth + 1)?;
        }
        out.push('}');
    }
    Some(())
}
