//! A JSON body taken apart, with its members in their order and every number in its own digits.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{self, Serialize, Serializer};
use serde_json::value::RawValue;

/// Levels of nesting that are taken apart; serde_json stops there too.
const DEPTH_MAX: usize = 128;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonTree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in its own digits: `1.00` is not `1`.
    Number(String),
    /// A string, its escapes resolved.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object; a name may stand in it more than once.
    Object(Vec<(String, Self)>),
}

/// The members of one object, as written.
struct RawMembers<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawMembers<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

impl JsonTree {
    /// Takes a body apart; `None` where it is not JSON.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let raw: &RawValue = serde_json::from_slice(body).ok()?;
        Self::of(raw.get(), DEPTH_MAX).ok()
    }

    fn of(raw: &str, depth: usize) -> Result<Self, serde_json::Error> {
        let deeper = depth.checked_sub(1).ok_or_else(|| serde_json::Error::custom("too deep"))?;
        Ok(match raw.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(raw)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw)?;
                let items = items.into_iter().map(|item| Self::of(item.get(), deeper));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let RawMembers(members) = serde_json::from_str(raw)?;
                let members = members
                    .into_iter()
                    .map(|(name, value)| Ok((name, Self::of(value.get(), deeper)?)));
                Self::Object(members.collect::<Result<_, serde_json::Error>>()?)
            }
            _ => Self::Number(raw.to_owned()),
        })
    }

    /// The JSON text, without blanks.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_into(&mut out);
        out
    }

    fn write_into(&self, out: &mut Vec<u8>) {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(value) => out.extend_from_slice(text(value).as_bytes()),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write_into(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(text(name).as_bytes());
                    out.push(b':');
                    value.write_into(out);
                }
                out.push(b'}');
            }
        }
    }

    /// The member of that name; the last one where it stands there more than once.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// The items of an array; none of anything else.
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The text of a string, or the digits of a number.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The kind of value, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The JSON text as a string.
    pub fn json(&self) -> String {
        String::from_utf8_lossy(&self.write()).into_owned()
    }
}

impl fmt::Display for JsonTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json())
    }
}

/// Written as JSON, number by number in its own digits.
impl Serialize for JsonTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.json()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Read from JSON alone.
impl<'de> Deserialize<'de> for JsonTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::of(raw.get(), DEPTH_MAX).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::read_objects;

    #[test]
    fn digits_order_and_repeated_names_are_kept() {
        let body = r#"{"b":1.00,"a":[null,true,"x\u0041"],"b":{"c":-2e3}}"#;
        let tree = JsonTree::parse(body.as_bytes()).expect("JSON");
        assert_eq!(tree.json(), r#"{"b":1.00,"a":[null,true,"xA"],"b":{"c":-2e3}}"#);
        assert_eq!(tree.get("b").map(JsonTree::kind), Some("object"));
        assert_eq!(JsonTree::parse(b"1 2"), None);
        // Also where it is a part of something else.
        let list: Vec<JsonTree> = read_objects(br#"[ {"a": 1.00}, 2e3 ]"#).expect("a list");
        assert_eq!(serde_json::to_string(&list).expect("JSON"), r#"[{"a":1.00},2e3]"#);
    }

    #[test]
    fn nesting_has_a_bound() {
        let deep = "[".repeat(4000) + &"]".repeat(4000);
        assert_eq!(JsonTree::parse(deep.as_bytes()), None);
    }
}
