//! JSON in another layout: each scalar keeps its own literal, only blanks and the order of members change.

use std::borrow::Cow;

use super::super::words::Layout;
use crate::base::sort_by;

/// A JSON value whose scalars are literals of the text that it was read from.
pub(super) enum Node<'a> {
    Scalar(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Each name with its quotation marks.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads `text`, which is one JSON value; what is none is taken as a scalar.
    pub(super) fn read(text: &'a str) -> Self {
        let mut reader = CanonicalReader(text);
        match reader.value() {
            Some(node) if reader.0.trim_start().is_empty() => node,
            _ => Node::Scalar(text.into()),
        }
    }

    /// Sorts the members of all objects in it by name.
    pub(super) fn sort(&mut self) {
        match self {
            Self::Scalar(_) => {}
            Self::Array(nodes) => nodes.iter_mut().for_each(Self::sort),
            Self::Object(members) => {
                for (_, node) in &mut *members {
                    node.sort();
                }
                sort_by(members, |(left, _), (right, _)| left.cmp(right));
            }
        }
    }

    /// Writes it to the end of `out`, `depth` levels deep.
    pub(super) fn write(&self, layout: Layout, depth: usize, out: &mut String) {
        let (open, close, length) = match self {
            Self::Scalar(literal) => return out.push_str(literal),
            Self::Array(nodes) => ('[', ']', nodes.len()),
            Self::Object(members) => ('{', '}', members.len()),
        };
        out.push(open);
        for at in 0..length {
            if at > 0 {
                out.push_str(if layout == Layout::Spaced { ", " } else { "," });
            }
            line(layout, depth + 1, out);
            match self {
                Self::Scalar(_) => {}
                Self::Array(nodes) => nodes[at].write(layout, depth + 1, out),
                Self::Object(members) => {
                    let (name, node) = &members[at];
                    out.push_str(name);
                    out.push_str(if layout == Layout::Compact { ":" } else { ": " });
                    node.write(layout, depth + 1, out);
                }
            }
        }
        if length > 0 {
            line(layout, depth, out);
        }
        out.push(close);
    }
}

/// Begins a new line where the layout has lines.
fn line(layout: Layout, depth: usize, out: &mut String) {
    let indent = match layout {
        Layout::Compact | Layout::Spaced => return,
        Layout::Indent2 => "  ",
        Layout::Indent4 => "    ",
        Layout::IndentTab => "\t",
    };
    out.push('\n');
    out.push_str(&indent.repeat(depth));
}

struct CanonicalReader<'a>(&'a str);

/// Deeper nesting than this is taken as a scalar.
const DEPTH_MAX: usize = 64;

impl<'a> CanonicalReader<'a> {
    fn value(&mut self) -> Option<Node<'a>> {
        self.nested(DEPTH_MAX)
    }

    fn nested(&mut self, depth: usize) -> Option<Node<'a>> {
        let depth = depth.checked_sub(1)?;
        self.0 = self.0.trim_start();
        match self.0.as_bytes().first()? {
            b'{' => {
                let mut members = Vec::new();
                self.items('}', |reader| {
                    let name = reader.string()?;
                    reader.expect(':')?;
                    members.push((name.into(), reader.nested(depth)?));
                    Some(())
                })?;
                Some(Node::Object(members))
            }
            b'[' => {
                let mut nodes = Vec::new();
                self.items(']', |reader| {
                    nodes.push(reader.nested(depth)?);
                    Some(())
                })?;
                Some(Node::Array(nodes))
            }
            b'"' => Some(Node::Scalar(self.string()?.into())),
            _ => {
                let end = self.0.find([',', ']', '}', ' ', '\t', '\r', '\n']);
                let (literal, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
                self.0 = rest;
                (!literal.is_empty()).then(|| Node::Scalar(literal.into()))
            }
        }
    }

    /// The items between the opening bracket and `close`.
    fn items(&mut self, close: char, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.0 = &self.0[1..];
        if self.expect(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.expect(close).is_some() {
                return Some(());
            }
            self.expect(',')?;
        }
    }

    fn expect(&mut self, mark: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(mark)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start();
        let inner = self.0.strip_prefix('"')?;
        let mut escaped = false;
        let end = inner.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (literal, rest) = self.0.split_at(end + 2);
        self.0 = rest;
        Some(literal)
    }
}
