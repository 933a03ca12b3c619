//! The settings that the samples leave open: another value of one setting signs the same bytes in all of them.

use serde::Serialize;

use super::super::encoding::Encoding;
use super::super::recipe::{Canonical, Recipe, SIGN};
use super::super::words::{
    Charset, EmptyValues, Escape, Layout, LineEnds, Numbers, Order, TextCase, Transform,
};
use super::sample::{Held, Sample};
use crate::base::{sort_by, sort_by_key};

/// A setting that the samples do not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Undecided {
    /// The setting's name in the `[sign]` table.
    pub setting: &'static str,
    /// The value in the recipe.
    pub chosen: String,
    /// Other values that fit all samples as well.
    pub others: Vec<String>,
    /// The sample that would decide it.
    pub sample: String,
}

/// The open settings of `recipe`.
pub(super) fn undecided(recipe: &Recipe, samples: &[Sample<'_>], held: &Held) -> Vec<Undecided> {
    let judge = SampleJudge { recipe, samples, held, messages: messages(recipe, samples, held) };
    let mut open = Vec::new();
    let mut add = |setting: &'static str, chosen: String, others: Vec<String>, sample: &str| {
        if !others.is_empty() {
            let sample = sample.to_owned();
            open.push(Undecided { setting, chosen, others, sample });
        }
    };
    let list = |names: &[String]| names.join(", ");

    let listed = match recipe.canonical {
        Canonical::OrderedPairs | Canonical::OrderedValues => list(&recipe.fields),
        _ => recipe.order().name().to_owned(),
    };
    add(
        "order",
        listed,
        judge.orders(),
        "whose members stand in another order, with one name that begins with an upper-case letter and one member more",
    );
    add(
        "omit_empty",
        recipe.empty_values().name().to_owned(),
        judge.others(EmptyValues::ALL, |recipe, value| recipe.set_blanks(*value)),
        "with one member that is null and one that is \"\"",
    );
    add(
        "numbers",
        recipe.numbers.name().to_owned(),
        judge.others(Numbers::ALL, |recipe, value| recipe.numbers = *value),
        "with an amount such as 1.50 and a JSON number such as 2.00",
    );
    add(
        "escape",
        recipe.escape.name().to_owned(),
        judge.others(Escape::ALL, |recipe, value| recipe.escape = *value),
        "with a text that has spaces at its ends, / & ' \" < ~ * and a Khmer letter",
    );
    add(
        "value_case",
        recipe.value_case.name().to_owned(),
        judge.others(TextCase::ALL, |recipe, value| recipe.value_case = *value),
        "with lower-case and upper-case letters in its values",
    );
    add(
        "names",
        recipe.names.name().to_owned(),
        judge.others(TextCase::ALL, |recipe, value| recipe.names = *value),
        "with lower-case and upper-case letters in its names",
    );
    add(
        "charset",
        recipe.charset.name().to_owned(),
        judge.others(Charset::ALL, |recipe, value| recipe.charset = *value),
        "with a Khmer letter in a value",
    );
    add(
        "transform",
        recipe.transform.name().to_owned(),
        judge.others(Transform::ALL, |recipe, value| recipe.transform = *value),
        "with lower-case and upper-case letters, a space and a Khmer letter in its values",
    );
    add(
        "separator",
        format!("{:?}", recipe.separator),
        judge.others(&["&", "|"], |recipe, value| (*value).clone_into(&mut recipe.separator)),
        "with at least two members",
    );
    add(
        "canonical",
        recipe.canonical.name().to_owned(),
        judge.shapes(),
        "that is written with other blanks and line ends, in another order, with a null in it",
    );
    add(
        "line_ends",
        recipe.line_ends.name().to_owned(),
        judge.others(LineEnds::ALL, |recipe, value| recipe.line_ends = *value),
        "with the line ends of the body changed, or with a line end in a value",
    );
    add(
        "encoding",
        recipe.encoding.name().to_owned(),
        judge.encodings(),
        "with another signature: this one has no character that tells the encodings apart",
    );
    open
}

fn messages(recipe: &Recipe, samples: &[Sample<'_>], held: &Held) -> Vec<Vec<u8>> {
    let secret = held.secret.as_ref();
    samples.iter().map(|sample| recipe.message(&sample.fields, secret)).collect()
}

struct SampleJudge<'a> {
    recipe: &'a Recipe,
    samples: &'a [Sample<'a>],
    held: &'a Held,
    messages: Vec<Vec<u8>>,
}

impl SampleJudge<'_> {
    /// `other` is another recipe, a sound one, and signs the same.
    fn fits(&self, other: &Recipe) -> bool {
        other != self.recipe
            && other.check().is_ok()
            && messages(other, self.samples, self.held) == self.messages
    }

    /// The values that would do as well.
    fn others<T: ToString>(&self, all: &[T], set: impl Fn(&mut Recipe, &T)) -> Vec<String> {
        let fits = |value: &&T| {
            let mut other = self.recipe.clone();
            set(&mut other, value);
            self.fits(&other)
        };
        all.iter().filter(fits).map(ToString::to_string).collect()
    }

    /// The orders that would do as well, a list of all signed members among them.
    fn orders(&self) -> Vec<String> {
        let recipe = self.recipe;
        let (pairs, values) = match recipe.canonical {
            Canonical::SortedPairs | Canonical::Pairs | Canonical::OrderedPairs => (true, false),
            Canonical::Values | Canonical::OrderedValues => (false, true),
            Canonical::Json => (false, false),
            Canonical::Body | Canonical::RawTemplate => return Vec::new(),
        };
        let mut others = Vec::new();
        for order in Order::ALL {
            let mut other = Recipe { fields: Vec::new(), order: Some(*order), ..recipe.clone() };
            if pairs {
                other.canonical = Canonical::Pairs;
                if *order == Order::Name {
                    (other.canonical, other.order) = (Canonical::SortedPairs, None);
                }
            } else if values {
                other.canonical = Canonical::Values;
            }
            // A list leaves out what it does not name.
            let named = |name: &String| recipe.fields.is_empty() || recipe.fields.contains(name);
            for sample in self.samples {
                for (name, _) in sample.fields.iter() {
                    let name = name.to_owned();
                    if !named(&name) && !other.skip.contains(&name) {
                        other.skip.push(name);
                    }
                }
            }
            if self.fits(&other) {
                others.push(order.name().to_owned());
            }
        }
        if (pairs || values) && recipe.fields.is_empty() {
            others.extend(self.list(pairs));
        }
        others
    }

    /// The fixed list that signs the same.
    fn list(&self, pairs: bool) -> Option<String> {
        let longest = self.samples.iter().max_by_key(|sample| sample.fields.iter().count())?;
        let names = longest.fields.iter().map(|(name, _)| name.to_owned());
        let mut names =
            names.filter(|name| name != SIGN && !self.recipe.skips(name)).collect::<Vec<_>>();
        match self.recipe.order() {
            Order::Name => names.sort(),
            Order::NameReversed => sort_by(&mut names, |left, right| right.cmp(left)),
            Order::NameAnyCase => sort_by_key(&mut names, |name| name.to_lowercase()),
            Order::AsSentReversed => names.reverse(),
            Order::AsSent => {}
            Order::Value => return None,
        }
        let canonical = if pairs { Canonical::OrderedPairs } else { Canonical::OrderedValues };
        let text = names.join(", ");
        let other = Recipe { fields: names, canonical, order: None, ..self.recipe.clone() };
        self.fits(&other).then(|| format!("the list {text}"))
    }

    /// Other kinds of string that are the same text.
    fn shapes(&self) -> Vec<String> {
        let recipe = self.recipe;
        let mut others = Vec::new();
        let plain = |canonical: Canonical| Recipe {
            canonical,
            order: None,
            layout: Layout::Compact,
            numbers: Numbers::AsSent,
            escape: Escape::None,
            fields: Vec::new(),
            ..recipe.clone()
        };
        match recipe.canonical {
            Canonical::Body => {
                for layout in Layout::ALL {
                    for order in [Order::AsSent, Order::Name] {
                        let mut other = plain(Canonical::Json);
                        other.set_blanks(EmptyValues::Keep);
                        (other.layout, other.order) = (*layout, Some(order));
                        if self.fits(&other) {
                            others.push(format!("json, layout {layout}, order {order}"));
                        }
                    }
                }
            }
            Canonical::Json if self.fits(&plain(Canonical::Body)) => {
                others.push(Canonical::Body.name().to_owned());
            }
            _ => {}
        }
        others
    }

    fn encodings(&self) -> Vec<String> {
        let fits = |encoding: &&Encoding| {
            **encoding != self.recipe.encoding
                && self.samples.iter().all(|sample| {
                    encoding.decode(&sample.sign).is_ok_and(|bytes| {
                        encoding.encode(&bytes) == sample.sign
                            && self
                                .recipe
                                .encoding
                                .decode(&sample.sign)
                                .is_ok_and(|own| own == bytes)
                    })
                })
        };
        Encoding::ALL.iter().filter(fits).map(ToString::to_string).collect()
    }
}
