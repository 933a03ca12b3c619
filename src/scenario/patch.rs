//! Changing a JSON body while every other member keeps its own digits and order.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::model::Patch;
use crate::base::Fields;

/// A JSON value of which only the way to the changed members is taken apart.
enum PatchedBody {
    Object(Vec<(String, PatchedBody)>),
    List(Vec<PatchedBody>),
    Raw(String),
}

/// One step of a path.
enum PathStep<'p> {
    Member(&'p str),
    Item(usize),
}

impl Patch {
    /// The body with the changes made. `None` when it is not JSON. A path that leads through a list's end changes
    /// nothing; one through members that are not there makes them.
    pub fn apply(&self, body: &[u8]) -> Option<Vec<u8>> {
        let raw: &RawValue = serde_json::from_slice(body).ok()?;
        let mut tree = PatchedBody::Raw(raw.get().to_owned());
        for (path, value) in &self.set.0 {
            tree.change(&steps(path), Some(&value.0));
        }
        for path in &self.remove {
            tree.change(&steps(path), None);
        }
        let mut out = Vec::with_capacity(body.len());
        tree.write(&mut out);
        Some(out)
    }
}

/// `resultData.items[2].amount` in steps.
fn steps(path: &str) -> Vec<PathStep<'_>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, items) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            steps.push(PathStep::Member(name));
        }
        for item in items.split('[').filter_map(|item| item.strip_suffix(']')) {
            match item.parse() {
                Ok(at) => steps.push(PathStep::Item(at)),
                Err(_) => steps.push(PathStep::Member(item)),
            }
        }
    }
    steps
}

impl PatchedBody {
    /// Sets the value at the end of `steps`, or takes it away.
    fn change(&mut self, steps: &[PathStep<'_>], value: Option<&str>) {
        let Some((step, rest)) = steps.split_first() else {
            if let Some(value) = value {
                *self = Self::Raw(value.to_owned());
            }
            return;
        };
        self.open();
        let is_end = rest.is_empty();
        match (step, &mut *self) {
            (PathStep::Member(name), Self::Object(members)) => {
                let at = members.iter().position(|(known, _)| known == name);
                match (at, value) {
                    (Some(at), None) if is_end => {
                        members.remove(at);
                    }
                    (Some(at), _) => members[at].1.change(rest, value),
                    (None, None) => {}
                    (None, Some(_)) => {
                        let mut made = Self::Object(Vec::new());
                        made.change(rest, value);
                        members.push(((*name).to_owned(), made));
                    }
                }
            }
            (PathStep::Item(at), Self::List(items)) if *at < items.len() => {
                if is_end && value.is_none() {
                    items.remove(*at);
                } else {
                    items[*at].change(rest, value);
                }
            }
            // Anything else in the way gives way to an object.
            (PathStep::Member(name), _) if value.is_some() => {
                let mut made = Self::Object(Vec::new());
                made.change(rest, value);
                *self = Self::Object(vec![((*name).to_owned(), made)]);
            }
            _ => {}
        }
    }

    /// Takes apart one level.
    fn open(&mut self) {
        let Self::Raw(raw) = self else { return };
        let opened = if let Ok(fields) = Fields::parse(raw.as_bytes()) {
            let members = fields.iter();
            Self::Object(
                members
                    .map(|(name, value)| (name.to_owned(), Self::Raw(value.raw().to_owned())))
                    .collect(),
            )
        } else if let Ok(items) =
            Vec::<&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(raw))
        {
            Self::List(items.into_iter().map(|item| Self::Raw(item.get().to_owned())).collect())
        } else {
            return;
        };
        *self = opened;
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(
                        serde_json::Value::from(name.as_str()).to_string().as_bytes(),
                    );
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::codec::Json;
    use crate::scenario::model::Members;

    fn patched(body: &str, set: &[(&str, &str)], remove: &[&str]) -> String {
        let set = set.iter().map(|(path, value)| ((*path).to_owned(), Json((*value).to_owned())));
        let remove = remove.iter().map(|path| (*path).to_owned()).collect();
        let patch = Patch { set: Members(set.collect()), remove };
        String::from_utf8(patch.apply(body.as_bytes()).expect("JSON")).expect("text")
    }

    #[test]
    fn digits_and_order_stay_where_nothing_is_changed() {
        let body = r#"{"a":1.00,"d":{"x":2.50,"y":null},"z":"é"}"#;
        assert_eq!(
            patched(body, &[("d.y", "3.10")], &[]),
            r#"{"a":1.00,"d":{"x":2.50,"y":3.10},"z":"é"}"#
        );
        assert_eq!(
            patched(body, &[], &["d.x", "nothing.here"]),
            r#"{"a":1.00,"d":{"y":null},"z":"é"}"#
        );
        assert_eq!(
            patched(body, &[("n.m", "1"), ("a", "\"1\"")], &[]),
            r#"{"a":"1","d":{"x":2.50,"y":null},"z":"é","n":{"m":1}}"#
        );
    }

    #[test]
    fn lists_are_reached_by_position() {
        let body = r#"[{"amount":1},{"amount":2}]"#;
        assert_eq!(
            patched(body, &[("[1].amount", "9.99")], &[]),
            r#"[{"amount":1},{"amount":9.99}]"#
        );
        assert_eq!(patched(body, &[("[7].amount", "9")], &["[0]"]), r#"[{"amount":2}]"#);
        assert_eq!(patched(r#"{"l":[1,2]}"#, &[("l[0]", "3")], &[]), r#"{"l":[3,2]}"#);
    }

    #[test]
    fn scalars_in_the_way_give_way() {
        assert_eq!(patched(r#"{"d":null}"#, &[("d.a", "1")], &[]), r#"{"d":{"a":1}}"#);
        let patch = Patch { set: Members::default(), remove: vec!["a".to_owned()] };
        assert_eq!(patch.apply(b"1 2"), None);
    }
}
