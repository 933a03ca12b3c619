//! A canonical string with every knob that integrators turn the wrong way.
//!
//! [`Style::of`] is what the recipe asks for; a [`Knob`] changes one thing about it.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::Write;
use std::rc::Rc;

use super::super::encoding::Encoding;
use super::super::hash::Hash;
use super::super::recipe::{Canonical, Recipe, SIGN};
use super::super::template::{self, Piece};
use super::body::body;
use super::forms::{Charset, Numbers, escaped, json_escaped, percent_encoded};
use super::mask::Hide;
use crate::base::Literal;

/// One member of the body, as it came and as people may see it.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// The name without a card number.
    pub(super) shown_name: Cow<'a, str>,
    pub(super) value: Literal<'a>,
    /// The value's JSON with its secrets masked; the same as `value` where it is none.
    pub(super) shown: Cow<'a, str>,
}

/// What all styles of one question draw on.
pub(super) struct Source<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) members: &'a [Member<'a>],
    pub(super) body: &'a str,
    pub(super) hide: Hide,
}

/// Whether secrets are written or masked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Exact,
    Masked,
}

#[derive(Clone, Debug)]
pub(super) struct Style<'a> {
    shape: Shape,
    separator: &'a str,
    joiner: &'a str,
    order: Order<'a>,
    members: Selection<'a>,
    blanks: Blanks,
    names: Names,
    numbers: Numbers,
    values: Values,
    frame: Frame,
    charset: Charset,
    last: Last,
}

/// One deviation from the recipe.
#[derive(Clone, Debug)]
pub(super) enum Knob<'a> {
    Shape(Shape),
    Separator(&'a str),
    Joiner(&'a str),
    Order(Order<'a>),
    Members(Selection<'a>),
    Blanks(Blanks),
    Names(Names),
    Numbers(Numbers),
    Values(Values),
    Frame(Frame),
    Charset(Charset),
    Last(Last),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Pairs,
    Values,
    ValuesJoined,
    PairsJoined,
    Template,
    Json {
        spaced: bool,
        sorted: bool,
    },
    /// The body as it came, with this in place of the signature's value; `None` takes the member out.
    Body(Option<&'static str>),
}

#[derive(Clone, Debug)]
pub(super) enum Order<'a> {
    ByName,
    ByNameReversed,
    ByNameAnyCase,
    ByValue,
    Wire,
    Listed(Rc<[&'a str]>),
}

#[derive(Clone, Debug)]
pub(super) enum Selection<'a> {
    All,
    Only(Rc<[&'a str]>),
    Without(&'a str),
    WithEmptySign,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Blanks {
    Omitted,
    Kept,
    /// `""` kept, `null` left out.
    OnlyEmptyKept,
    /// `""` kept, `null` as the word.
    NullAsWord,
    /// `""` left out, `null` as the word.
    OnlyNullAsWord,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Names {
    AsWritten,
    Lower,
    Upper,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    Plain,
    Literal,
    UrlEncoded,
    FormEncoded,
    Trimmed,
    Upper,
    Lower,
    Escaped,
    SlashEscaped,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    Bare,
    Around(&'static str, &'static str),
    SeparatorAfter,
    SeparatorBefore,
}

/// A step after the string is complete.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last {
    Nothing,
    Base64,
    UrlEncoded,
    Upper,
    Lower,
    Digest(Hash),
    DigestAs(Hash, Encoding),
    DigestAsUpperHex(Hash),
}

impl<'a> Style<'a> {
    /// The style of `recipe` itself.
    pub(super) fn of(recipe: &'a Recipe) -> Self {
        let listed = recipe.fields.iter().map(String::as_str).collect::<Rc<[_]>>();
        let (shape, order, members) = match recipe.canonical {
            Canonical::SortedPairs => (Shape::Pairs, Order::ByName, Selection::All),
            Canonical::OrderedPairs => {
                (Shape::Pairs, Order::Listed(listed.clone()), Selection::Only(listed))
            }
            Canonical::OrderedValues => {
                (Shape::Values, Order::Listed(listed.clone()), Selection::Only(listed))
            }
            Canonical::RawTemplate => (Shape::Template, Order::Wire, Selection::All),
        };
        Self {
            shape,
            separator: &recipe.separator,
            joiner: "=",
            order,
            members,
            blanks: if recipe.omit_empty { Blanks::Omitted } else { Blanks::Kept },
            names: Names::AsWritten,
            numbers: Numbers::AsWritten,
            values: Values::Plain,
            frame: Frame::Bare,
            charset: Charset::Utf8,
            last: Last::Nothing,
        }
    }

    /// This style with one thing changed.
    pub(super) fn with(mut self, knob: &Knob<'a>) -> Self {
        match knob.clone() {
            Knob::Shape(shape) => self.shape = shape,
            Knob::Separator(separator) => self.separator = separator,
            Knob::Joiner(joiner) => self.joiner = joiner,
            Knob::Order(order) => self.order = order,
            Knob::Members(members) => self.members = members,
            Knob::Blanks(blanks) => self.blanks = blanks,
            Knob::Names(names) => self.names = names,
            Knob::Numbers(numbers) => self.numbers = numbers,
            Knob::Values(values) => self.values = values,
            Knob::Frame(frame) => self.frame = frame,
            Knob::Charset(charset) => self.charset = charset,
            Knob::Last(last) => self.last = last,
        }
        self
    }

    /// The bytes that would have been signed.
    pub(super) fn bytes(&self, source: &Source<'_>) -> Vec<u8> {
        let bytes = self.charset.encode(self.text(source, View::Exact));
        match self.last {
            Last::Digest(hash) => hash.digest(&[&bytes]),
            Last::DigestAs(hash, form) => form.encode(&hash.digest(&[&bytes])).into_bytes(),
            Last::DigestAsUpperHex(hash) => {
                Encoding::Hex.encode(&hash.digest(&[&bytes])).to_ascii_uppercase().into_bytes()
            }
            _ => bytes,
        }
    }

    /// The string before character set and digest.
    pub(super) fn text(&self, source: &Source<'_>, view: View) -> String {
        let text = match self.shape {
            Shape::Template => self.template(source, view),
            Shape::Body(sign) => body(source, view, sign),
            Shape::Json { spaced, sorted } => self.json(source, view, spaced, sorted),
            Shape::Pairs => self.joined(source, view, self.joiner, self.separator, true),
            Shape::PairsJoined => self.joined(source, view, "", "", true),
            Shape::Values => self.joined(source, view, "", self.separator, false),
            Shape::ValuesJoined => self.joined(source, view, "", "", false),
        };
        let text = match self.frame {
            Frame::Bare => text,
            Frame::Around(before, after) => format!("{before}{text}{after}"),
            Frame::SeparatorAfter => text + self.separator,
            Frame::SeparatorBefore => format!("{}{text}", self.separator),
        };
        match self.last {
            Last::Base64 => Encoding::Base64.encode(text.as_bytes()),
            Last::UrlEncoded => percent_encoded(&text, "%20"),
            Last::Upper => text.to_uppercase(),
            Last::Lower => text.to_lowercase(),
            _ => text,
        }
    }

    fn joined(
        &self,
        source: &Source<'_>,
        view: View,
        joiner: &str,
        separator: &str,
        with_names: bool,
    ) -> String {
        let mut text = String::with_capacity(256);
        for (at, (name, value)) in self.chosen(source, view).into_iter().enumerate() {
            if at > 0 {
                text.push_str(separator);
            }
            if with_names {
                text.push_str(&name);
                text.push_str(joiner);
            }
            text.push_str(&value);
        }
        text
    }

    fn template(&self, source: &Source<'_>, view: View) -> String {
        let value = |name: &str| {
            let member = source.members.iter().find(|member| member.name == name);
            member.and_then(|member| self.value(member, view)).unwrap_or_default()
        };
        let pieces = template::pieces(&source.recipe.template).flatten();
        pieces.fold(String::new(), |text, piece| match piece {
            Piece::Text(literal) => text + literal,
            Piece::Name(name) => text + &value(name),
        })
    }

    /// The members to sign in their order, each with its value as text.
    fn chosen<'m>(&self, source: &'m Source<'_>, view: View) -> Vec<(Cow<'m, str>, Cow<'m, str>)>
    where
        'a: 'm,
    {
        let mut members = self.selected(source);
        match &self.order {
            Order::Wire => {}
            Order::ByName => members.sort_by_key(|member| member.name),
            Order::ByNameReversed => members.sort_by_key(|member| Reverse(member.name)),
            Order::ByNameAnyCase => members.sort_by_key(|member| member.name.to_lowercase()),
            Order::ByValue => members.sort_by_key(|member| member.value.text()),
            Order::Listed(names) => members.sort_by_key(|member| {
                names.iter().position(|name| *name == member.name).unwrap_or(usize::MAX)
            }),
        }
        let text = |member: &Member<'m>| {
            let value = self.value(member, view)?;
            Some((self.name(member, view), value))
        };
        members.iter().filter_map(text).collect()
    }

    fn selected<'m>(&self, source: &'m Source<'_>) -> Vec<Member<'m>>
    where
        'a: 'm,
    {
        let skipped = |name: &str| name == SIGN || source.recipe.skips(name);
        let borrow = |member: &'m Member<'_>| Member {
            name: member.name,
            shown_name: Cow::Borrowed(&member.shown_name),
            value: member.value,
            shown: Cow::Borrowed(&member.shown),
        };
        let stand_in = |name: &'m str, raw: &'static str| Member {
            name,
            shown_name: name.into(),
            value: Literal::from_json(raw),
            shown: raw.into(),
        };
        let plain = source.members.iter().filter(|member| !skipped(member.name));
        match &self.members {
            Selection::All => plain.map(borrow).collect(),
            Selection::Without(left_out) => {
                plain.filter(|member| member.name != *left_out).map(borrow).collect()
            }
            // No JSON at all, so that it is not left out as a blank.
            Selection::WithEmptySign => {
                plain.map(borrow).chain(std::iter::once(stand_in(SIGN, ""))).collect()
            }
            Selection::Only(names) => {
                let find = |name: &&'a str| {
                    let found = source.members.iter().find(|member| member.name == *name);
                    found.map_or_else(|| stand_in(name, "\"\""), borrow)
                };
                names.iter().filter(|name| !skipped(name)).map(find).collect()
            }
        }
    }

    /// The value as text; `None` leaves the member out.
    fn value<'m>(&self, member: &Member<'m>, view: View) -> Option<Cow<'m, str>> {
        if member.value.is_blank() {
            let is_null = member.value.raw() == "null";
            let word = match self.blanks {
                Blanks::Omitted => return None,
                Blanks::OnlyEmptyKept if is_null => return None,
                Blanks::OnlyNullAsWord if !is_null => return None,
                Blanks::NullAsWord | Blanks::OnlyNullAsWord if is_null => "null",
                _ => "",
            };
            let quoted = word.is_empty() && matches!(self.values, Values::Literal);
            return Some(Cow::Borrowed(if quoted { "\"\"" } else { word }));
        }
        let literal = match view {
            View::Exact => Cow::Borrowed(member.value.raw()),
            View::Masked => member.shown.clone(),
        };
        let plain = self.numbers.rewrite(member, &literal).unwrap_or_else(|| match &literal {
            Cow::Borrowed(raw) => Literal::from_json(raw).text(),
            Cow::Owned(raw) => Cow::Owned(Literal::from_json(raw).text().into_owned()),
        });
        Some(match self.values {
            Values::Literal if member.value.is_string() => literal,
            Values::Plain | Values::Literal => plain,
            Values::UrlEncoded => percent_encoded(&plain, "%20").into(),
            Values::FormEncoded => percent_encoded(&plain, "+").into(),
            Values::Trimmed => plain.trim().to_owned().into(),
            Values::Upper => plain.to_uppercase().into(),
            Values::Lower => plain.to_lowercase().into(),
            Values::Escaped => escaped(&plain).into(),
            Values::SlashEscaped => plain.replace('/', "\\/").into(),
        })
    }

    fn name<'m>(&self, member: &Member<'m>, view: View) -> Cow<'m, str> {
        let name = match view {
            View::Exact => Cow::Borrowed(member.name),
            View::Masked => member.shown_name.clone(),
        };
        match self.names {
            Names::AsWritten => name,
            Names::Lower => name.to_lowercase().into(),
            Names::Upper => name.to_uppercase().into(),
        }
    }

    /// All members but the signature as JSON; blanks are kept as they are, as any JSON writer does.
    fn json(&self, source: &Source<'_>, view: View, spaced: bool, sorted: bool) -> String {
        let (comma, colon) = if spaced { (", ", ": ") } else { (",", ":") };
        let mut members = source.members.iter().filter(|m| m.name != SIGN).collect::<Vec<_>>();
        if sorted {
            members.sort_by_key(|member| member.name);
        }
        let mut text = String::from("{");
        for (at, member) in members.into_iter().enumerate() {
            let value = match self.value(member, view) {
                Some(value) if member.value.is_string() && !member.value.is_blank() => {
                    format!(
                        "\"{}\"",
                        if matches!(self.values, Values::Plain) {
                            json_escaped(&value)
                        } else {
                            value
                        }
                    )
                }
                Some(value) if !member.value.is_blank() => value.into_owned(),
                _ => member.value.raw().to_owned(),
            };
            let comma = if at > 0 { comma } else { "" };
            let _ = write!(text, "{comma}\"{}\"{colon}{value}", self.name(member, view));
        }
        text + "}"
    }
}
