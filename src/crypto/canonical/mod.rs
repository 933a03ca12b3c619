//! The string that is signed: the one evaluator that signing, checking, explaining and inferring share.
//!
//! [`CanonicalStyle`] holds every setting by its own. [`CanonicalStyle::of`] is the style of a recipe; the explainer and the inference
//! change single settings of one.

mod body;
mod json;
mod values;

use std::borrow::Cow;
use std::rc::Rc;

use super::encoding::Encoding;
use super::hash::Hash;
use super::keys::Secret;
use super::mask::{self, Hide};
use super::recipe::{Canonical, KEY, Recipe, SIGN};
use super::template::{self, Piece};
use super::words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, LineEnds, Numbers, Order, SignValue,
    TextCase, Transform,
};
use crate::base::{Fields, Literal, sort_by, sort_by_key};
use json::Node;

/// One member that may be part of the string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) value: Literal<'a>,
    content: SignedContent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignedContent {
    /// Its value.
    Value,
    /// The shared key.
    Key,
    /// The stand-in for the signature's value.
    Sign,
}

impl<'a> Member<'a> {
    pub(super) fn new(name: &'a str, value: Literal<'a>) -> Self {
        Self { name, value, content: SignedContent::Value }
    }
}

/// All that a string is made from.
pub(super) struct Source<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) members: Vec<Member<'a>>,
    /// The body as it came.
    pub(super) body: &'a str,
    /// The shared key in the form that the recipe asks for.
    pub(super) key: Option<Cow<'a, [u8]>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        recipe: &'a Recipe,
        fields: &'a Fields<'_>,
        secret: Option<&'a Secret>,
    ) -> Self {
        let mut members = Vec::with_capacity(16);
        members.extend(fields.iter().map(|(name, value)| Member::new(name, value)));
        let key = secret.and_then(|secret| secret.in_form(recipe.key_form));
        Self { recipe, members, body: fields.body(), key }
    }
}

/// Secrets are written or masked.
#[derive(Clone, Copy)]
pub(super) enum View<'h> {
    Exact,
    Masked(Hide<'h>),
}

/// One way to make the string.
#[derive(Clone, Debug)]
pub(super) struct CanonicalStyle<'a> {
    pub(super) shape: Shape,
    pub(super) separator: &'a str,
    pub(super) joiner: &'a str,
    pub(super) order: Arrangement<'a>,
    pub(super) members: Selection<'a>,
    pub(super) blanks: EmptyValues,
    pub(super) names: TextCase,
    pub(super) numbers: Numbers,
    pub(super) values: Escape,
    pub(super) value_case: TextCase,
    pub(super) sign_value: SignValue,
    pub(super) key_member: &'a str,
    pub(super) frame: Frame<'a>,
    pub(super) line_ends: LineEnds,
    pub(super) transform: Transform,
    pub(super) charset: Charset,
    pub(super) predigest: Option<(Hash, DigestForm)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Pairs,
    Values,
    Template,
    Json(Layout),
    Body,
}

#[derive(Clone, Debug)]
pub(super) enum Arrangement<'a> {
    By(Order),
    Listed(Rc<[&'a str]>),
}

#[derive(Clone, Debug)]
pub(super) enum Selection<'a> {
    All,
    Only(Rc<[&'a str]>),
    Without(Rc<[&'a str]>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Frame<'a> {
    /// These templates stand before and after; `{key}` is the shared key.
    Filled(&'a str, &'a str),
    /// These texts stand before and after.
    Around(&'a str, &'a str),
    SeparatorAfter,
    SeparatorBefore,
}

impl<'a> CanonicalStyle<'a> {
    /// The style of `recipe` itself.
    pub(super) fn of(recipe: &'a Recipe) -> Self {
        let (order, members) = if recipe.canonical.is_listed() {
            let listed = recipe.fields.iter().map(String::as_str).collect::<Rc<[_]>>();
            (Arrangement::Listed(Rc::clone(&listed)), Selection::Only(listed))
        } else {
            (Arrangement::By(recipe.order()), Selection::All)
        };
        Self {
            shape: match recipe.canonical {
                Canonical::SortedPairs | Canonical::OrderedPairs | Canonical::Pairs => Shape::Pairs,
                Canonical::OrderedValues | Canonical::Values => Shape::Values,
                Canonical::RawTemplate => Shape::Template,
                Canonical::Json => Shape::Json(recipe.layout),
                Canonical::Body => Shape::Body,
            },
            separator: &recipe.separator,
            joiner: &recipe.joiner,
            order,
            members,
            blanks: recipe.empty_values(),
            names: recipe.names,
            numbers: recipe.numbers,
            values: recipe.escape,
            value_case: recipe.value_case,
            sign_value: recipe.sign_value,
            key_member: &recipe.key_member,
            frame: Frame::Filled(&recipe.prefix, &recipe.suffix),
            line_ends: recipe.line_ends,
            transform: recipe.transform,
            charset: recipe.charset,
            predigest: recipe.predigest.map(|hash| (hash, recipe.predigest_form)),
        }
    }

    /// The bytes that are signed.
    pub(super) fn bytes(&self, source: &Source<'_>) -> Vec<u8> {
        digested(self.predigest, self.charset.encode(self.text(source, View::Exact)))
    }

    /// The string before character set and digest.
    pub(super) fn text(&self, source: &Source<'_>, view: View<'_>) -> String {
        self.finished(self.core(source, view), source, view)
    }

    /// The string without what stands around it.
    pub(super) fn core(&self, source: &Source<'_>, view: View<'_>) -> String {
        match self.shape {
            Shape::Template => self.template(source, view),
            Shape::Body => self.body(source, view),
            Shape::Json(layout) => self.json(source, view, layout),
            Shape::Pairs | Shape::Values => {
                let mut text = String::with_capacity(256);
                let mut is_first = true;
                for member in self.chosen(source) {
                    let Some(value) = self.value(&member, source, view) else { continue };
                    let name = (self.shape == Shape::Pairs).then(|| self.name(&member, view));
                    let separator = if is_first { "" } else { self.separator };
                    join(&mut text, separator, name.as_deref(), self.joiner, &value);
                    is_first = false;
                }
                text
            }
        }
    }

    /// `core` with what stands around it, changed as a whole.
    pub(super) fn finished(&self, core: String, source: &Source<'_>, view: View<'_>) -> String {
        let text = match self.frame {
            Frame::Filled("", "") => core,
            Frame::Filled(before, after) => {
                self.filled(before, source, view) + &core + &self.filled(after, source, view)
            }
            Frame::Around(before, after) => format!("{before}{core}{after}"),
            Frame::SeparatorAfter => core + self.separator,
            Frame::SeparatorBefore => format!("{}{core}", self.separator),
        };
        self.transform.apply(self.line_ends.apply(text))
    }

    fn body(&self, source: &Source<'_>, view: View<'_>) -> String {
        let sign = source.members.iter().find(|member| member.name == SIGN);
        let text = body::unsigned(source.body, sign.map(|member| member.value), self.sign_value);
        match view {
            View::Exact => text,
            View::Masked(hide) => mask::body(hide, &text),
        }
    }

    fn template(&self, source: &Source<'_>, view: View<'_>) -> String {
        let pieces = template::pieces(&source.recipe.template).flatten();
        pieces.fold(String::new(), |text, piece| match piece {
            Piece::Text(literal) => text + literal,
            Piece::Name(name) => text + &self.value_of(name, source, view),
        })
    }

    /// A prefix or suffix with its placeholders filled in.
    fn filled(&self, template: &str, source: &Source<'_>, view: View<'_>) -> String {
        let pieces = template::pieces(template).flatten();
        pieces.fold(String::new(), |text, piece| match piece {
            Piece::Text(literal) => text + literal,
            Piece::Name(KEY) => text + &key_text(source, view),
            Piece::Name(name) => text + &self.value_of(name, source, view),
        })
    }

    fn value_of(&self, name: &str, source: &Source<'_>, view: View<'_>) -> String {
        let member = source.members.iter().find(|member| member.name == name);
        let value = member.and_then(|member| self.value(member, source, view));
        value.map_or_else(String::new, Cow::into_owned)
    }

    /// The members to sign, in their order.
    pub(super) fn chosen<'m>(&self, source: &'m Source<'_>) -> Vec<Member<'m>>
    where
        'a: 'm,
    {
        let mut members = self.selected(source);
        match &self.order {
            Arrangement::By(order) => match order {
                Order::AsSent => {}
                Order::AsSentReversed => members.reverse(),
                Order::Name => sort_by(&mut members, |one, other| one.name.cmp(other.name)),
                Order::NameReversed => sort_by(&mut members, |one, other| other.name.cmp(one.name)),
                Order::NameAnyCase => {
                    sort_by_key(&mut members, |member| member.name.to_lowercase());
                }
                Order::Value => {
                    sort_by(&mut members, |one, other| one.value.text().cmp(&other.value.text()));
                }
            },
            Arrangement::Listed(names) => sort_by_key(&mut members, |member| {
                names.iter().position(|name| *name == member.name).unwrap_or(usize::MAX)
            }),
        }
        members
    }

    fn selected<'m>(&self, source: &'m Source<'_>) -> Vec<Member<'m>>
    where
        'a: 'm,
    {
        let stand_in = |name: &'m str, content: SignedContent| Member {
            name,
            value: Literal::from_json("\"\""),
            content,
        };
        let is_key = |name: &str| !self.key_member.is_empty() && name == self.key_member;
        let skipped = |name: &str| name == SIGN || is_key(name) || source.recipe.skips(name);
        let mut chosen = Vec::with_capacity(source.members.len() + 1);
        if let Selection::Only(names) = &self.members {
            chosen.extend(names.iter().filter(|name| !skipped(name)).map(|name| {
                let found = source.members.iter().find(|member| member.name == *name).copied();
                found.unwrap_or_else(|| stand_in(name, SignedContent::Value))
            }));
        } else {
            let left_out = |name: &str| match &self.members {
                Selection::Without(names) => names.contains(&name),
                _ => false,
            };
            for member in &source.members {
                if member.name == SIGN && self.sign_value != SignValue::Absent {
                    chosen.push(Member { content: SignedContent::Sign, ..*member });
                } else if !skipped(member.name) && !left_out(member.name) {
                    chosen.push(*member);
                }
            }
        }
        let has_sign = chosen.iter().any(|member| member.content == SignedContent::Sign);
        if self.sign_value != SignValue::Absent && !has_sign {
            chosen.push(stand_in(SIGN, SignedContent::Sign));
        }
        if !self.key_member.is_empty() {
            chosen.push(stand_in(self.key_member, SignedContent::Key));
        }
        chosen
    }

    /// The value as text; `None` leaves the member out.
    pub(super) fn value<'m>(
        &self,
        member: &Member<'m>,
        source: &Source<'_>,
        view: View<'_>,
    ) -> Option<Cow<'m, str>> {
        match member.content {
            SignedContent::Value => {}
            SignedContent::Key => return Some(key_text(source, view).into_owned().into()),
            SignedContent::Sign if self.sign_value == SignValue::Null => {
                return Some("null".into());
            }
            SignedContent::Sign => return Some("".into()),
        }
        if member.value.is_blank() {
            let is_null = member.value.raw() == "null";
            let word = match self.blanks {
                EmptyValues::Omit => return None,
                EmptyValues::OnlyEmpty if is_null => return None,
                EmptyValues::OnlyNullWord if !is_null => return None,
                EmptyValues::NullWord | EmptyValues::OnlyNullWord if is_null => "null",
                _ => "",
            };
            let quoted = word.is_empty() && self.values == Escape::Quoted;
            return Some(Cow::Borrowed(if quoted { "\"\"" } else { word }));
        }
        let literal = literal(member, view);
        let plain = match self.numbers.rewrite(member, &literal) {
            Some(number) => Cow::Owned(number),
            None if self.values == Escape::Quoted => literal,
            None => match literal {
                Cow::Borrowed(raw) => Literal::from_json(raw).text(),
                Cow::Owned(raw) => Cow::Owned(Literal::from_json(&raw).text().into_owned()),
            },
        };
        Some(self.values.apply(self.value_case.apply(plain)))
    }

    pub(super) fn name<'m>(&self, member: &Member<'m>, view: View<'_>) -> Cow<'m, str> {
        let name = match view {
            View::Exact => Cow::Borrowed(member.name),
            View::Masked(hide) => mask::name(hide, member.name),
        };
        self.names.apply(name)
    }

    /// The chosen members as JSON.
    fn json(&self, source: &Source<'_>, view: View<'_>, layout: Layout) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut members = Vec::new();
        for member in &self.chosen(source) {
            let Some(value) = self.value(member, source, view) else { continue };
            let literal = literal(member, view);
            let is_text = member.content == SignedContent::Key || member.value.is_string();
            let literal = match member.content {
                SignedContent::Sign if self.sign_value == SignValue::Null => "null".into(),
                SignedContent::Sign => "\"\"".into(),
                SignedContent::Value if member.value.is_blank() => literal,
                _ if !is_text => value.into_owned().into(),
                _ => match self.values {
                    Escape::None => quoted(&value).into(),
                    Escape::Quoted if value.starts_with('"') => value.into_owned().into(),
                    // JSON writers replace these after their own escapes.
                    Escape::Unicode | Escape::Slash | Escape::UnicodeSlash => {
                        let plain = Self { values: Escape::None, ..self.clone() };
                        let plain = plain.value(member, source, view).unwrap_or_default();
                        self.values.apply(quoted(&plain).into()).into_owned().into()
                    }
                    _ => Cow::<str>::Owned(format!("\"{value}\"")),
                },
            };
            members.push((quoted(&self.name(member, view)), literal));
        }
        let nodes =
            members.iter().map(|(name, literal)| (name.as_str().into(), Node::read(literal)));
        let mut nodes = nodes.collect::<Vec<_>>();
        if matches!(self.order, Arrangement::By(Order::Name)) {
            for (_, node) in &mut nodes {
                node.sort();
            }
        }
        let mut text = String::new();
        Node::Object(nodes).write(layout, 0, &mut text);
        text
    }
}

/// `bytes` after the first digest, where there is one.
pub(super) fn digested(predigest: Option<(Hash, DigestForm)>, bytes: Vec<u8>) -> Vec<u8> {
    match predigest {
        Some((hash, form)) => written(form, &hash.digest(&[&bytes])).into_owned(),
        None => bytes,
    }
}

/// A digest in that form.
pub(super) fn written(form: DigestForm, digest: &[u8]) -> Cow<'_, [u8]> {
    let encoding = match form {
        DigestForm::Raw => return digest.into(),
        DigestForm::Hex => Encoding::Hex,
        DigestForm::HexUpper => Encoding::HexUpper,
        DigestForm::Base64 => Encoding::Base64,
        DigestForm::Base64Url => Encoding::Base64Url,
    };
    encoding.encode(digest).into_bytes().into()
}

/// Appends one member.
pub(super) fn join(
    text: &mut String,
    separator: &str,
    name: Option<&str>,
    joiner: &str,
    value: &str,
) {
    text.push_str(separator);
    if let Some(name) = name {
        text.push_str(name);
        text.push_str(joiner);
    }
    text.push_str(value);
}

fn literal<'m>(member: &Member<'m>, view: View<'_>) -> Cow<'m, str> {
    match view {
        View::Exact => Cow::Borrowed(member.value.raw()),
        View::Masked(hide) => mask::shown(hide, member.name, member.value),
    }
}

/// The shared key as it stands within a string.
fn key_text<'s>(source: &'s Source<'_>, view: View<'_>) -> Cow<'s, str> {
    match view {
        View::Exact => source.key.as_deref().map_or("".into(), String::from_utf8_lossy),
        View::Masked(_) => "<key>".into(),
    }
}

impl Recipe {
    /// The string to sign, before `charset` and `predigest`. Secrets are masked by `hide`, and a shared key is written
    /// as `<key>`.
    pub fn canonical_masked(&self, fields: &Fields<'_>, hide: Hide<'_>) -> String {
        CanonicalStyle::of(self).text(&Source::new(self, fields, None), View::Masked(hide))
    }

    /// The string to sign, before `charset` and `predigest`, without a shared key that stands in it.
    pub fn canonical(&self, fields: &Fields<'_>) -> String {
        CanonicalStyle::of(self).text(&Source::new(self, fields, None), View::Exact)
    }

    /// The bytes to sign.
    pub(super) fn message(&self, fields: &Fields<'_>, secret: Option<&Secret>) -> Vec<u8> {
        CanonicalStyle::of(self).bytes(&Source::new(self, fields, secret))
    }
}
