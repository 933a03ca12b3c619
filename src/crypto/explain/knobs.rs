//! Single changes to the style of a recipe.

use std::rc::Rc;

use super::super::canonical::{Arrangement, CanonicalStyle, Frame, Selection, Shape};
use super::super::hash::Hash;
use super::super::words::{
    Charset, DigestForm, EmptyValues, Escape, Layout, Numbers, Order, SignValue, TextCase,
    Transform,
};

/// One deviation from the recipe.
#[derive(Clone, Debug)]
pub(super) enum Knob<'a> {
    Shape(ShapeKnob),
    Separator(&'a str),
    Joiner(&'a str),
    Order(Arrangement<'a>),
    Members(MembersKnob<'a>),
    Blanks(EmptyValues),
    Names(TextCase),
    Numbers(Numbers),
    Values(ValuesKnob),
    Frame(Frame<'a>),
    Charset(Charset),
    Last(Last),
}

/// Shapes that integrators give the string.
#[derive(Clone, Copy, Debug)]
pub(super) enum ShapeKnob {
    Pairs,
    Values,
    ValuesJoined,
    PairsJoined,
    Json(Layout, Order),
    Body(SignValue),
}

/// Members that integrators sign.
#[derive(Clone, Debug)]
pub(super) enum MembersKnob<'a> {
    All,
    Only(Rc<[&'a str]>),
    Without(&'a str),
    WithEmptySign,
}

/// Changes to values.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValuesKnob {
    Escape(Escape),
    Case(TextCase),
}

/// A step after the string is complete.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last {
    Transform(Transform),
    Digest(Hash, DigestForm),
    /// No first digest.
    None,
}

impl<'a> CanonicalStyle<'a> {
    /// This style with one thing changed.
    pub(super) fn with(mut self, knob: &Knob<'a>) -> Self {
        match knob.clone() {
            Knob::Shape(shape) => self.set_shape(shape),
            Knob::Separator(separator) => self.separator = separator,
            Knob::Joiner(joiner) => self.joiner = joiner,
            Knob::Order(order) => self.order = order,
            Knob::Members(members) => match members {
                MembersKnob::All => self.members = Selection::All,
                MembersKnob::Only(names) => self.members = Selection::Only(names),
                MembersKnob::Without(name) => self.members = Selection::Without([name].into()),
                MembersKnob::WithEmptySign => self.sign_value = SignValue::Empty,
            },
            Knob::Blanks(blanks) => self.blanks = blanks,
            Knob::Names(names) => self.names = names,
            Knob::Numbers(numbers) => self.numbers = numbers,
            Knob::Values(ValuesKnob::Escape(escape)) => self.values = escape,
            Knob::Values(ValuesKnob::Case(case)) => self.value_case = case,
            Knob::Frame(frame) => self.frame = frame,
            Knob::Charset(charset) => self.charset = charset,
            Knob::Last(Last::Transform(transform)) => self.transform = transform,
            Knob::Last(Last::Digest(hash, form)) => self.predigest = Some((hash, form)),
            Knob::Last(Last::None) => self.predigest = None,
        }
        self
    }

    fn set_shape(&mut self, shape: ShapeKnob) {
        match shape {
            ShapeKnob::Pairs => self.shape = Shape::Pairs,
            ShapeKnob::Values => self.shape = Shape::Values,
            ShapeKnob::ValuesJoined => (self.shape, self.separator) = (Shape::Values, ""),
            ShapeKnob::PairsJoined => {
                (self.shape, self.separator, self.joiner) = (Shape::Pairs, "", "");
            }
            // Any JSON writer keeps blanks, unless it is told otherwise.
            ShapeKnob::Json(layout, order) => {
                self.shape = Shape::Json(layout);
                self.order = Arrangement::By(order);
                (self.members, self.blanks) = (Selection::All, EmptyValues::Keep);
            }
            ShapeKnob::Body(sign) => (self.shape, self.sign_value) = (Shape::Body, sign),
        }
    }
}
