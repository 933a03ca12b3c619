//! The parts of strings in every form that is tried, each written once. A form that writes all samples like one before
//! it is left out. Forms are made when the search comes to their weight.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use super::super::canonical::{CanonicalStyle, Source, View};
use super::super::recipe::{Canonical, Recipe};
use super::super::words::{EmptyValues, Escape, Layout, Numbers, Order, SignValue, TextCase};
use super::arrange::Arrangements;
use super::choices::{
    EMPTY_VALUES, ESCAPES, JSON_ESCAPES, LAYOUTS, NAME_CASES, NUMBERS, ORDERS, VALUE_CASES,
    Weighed, pop,
};
use crate::base::sort_by_key;

/// All forms up to a weight.
pub(super) struct Forms<'s, 'a> {
    sources: &'s [Source<'a>],
    pub(super) values: Vec<Weighed<ValueForm>>,
    pub(super) names: Vec<Weighed<NameForm>>,
    pub(super) arrangements: Arrangements<'s, 'a>,
    /// Strings that are no joined members: the body, and JSON.
    pub(super) whole: Vec<Weighed<(String, Whole)>>,
    waiting_values: VecDeque<Weighed<ValueSettings>>,
    waiting_whole: VecDeque<Weighed<Whole>>,
    seen_values: HashSet<Vec<Vec<Option<String>>>>,
    seen_whole: HashSet<Vec<String>>,
}

/// Settings that change values.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueSettings {
    pub(super) numbers: Numbers,
    pub(super) escape: Escape,
    pub(super) case: TextCase,
    pub(super) blanks: EmptyValues,
}

/// One way to write values, with the lead sample's values written so.
pub(super) struct ValueForm {
    pub(super) settings: ValueSettings,
    pub(super) written: Vec<Option<String>>,
}

/// One way to write names, with the lead sample's names written so.
pub(super) struct NameForm {
    pub(super) case: TextCase,
    pub(super) written: Vec<String>,
}

/// A string that is written as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    Body(SignValue),
    Json {
        layout: Layout,
        order: Order,
        escape: Escape,
        numbers: Numbers,
        blanks: EmptyValues,
        sign: SignValue,
    },
}

impl<'s, 'a> Forms<'s, 'a> {
    pub(super) fn new(sources: &'s [Source<'a>], documented: &'s [&'s str], has_key: bool) -> Self {
        Self {
            sources,
            values: Vec::new(),
            names: name_forms(sources),
            arrangements: Arrangements::new(sources, documented, has_key),
            whole: Vec::new(),
            waiting_values: value_settings(),
            waiting_whole: wholes(),
            seen_values: HashSet::new(),
            seen_whole: HashSet::new(),
        }
    }

    /// Makes the forms of up to that weight.
    pub(super) fn extend(&mut self, weight: usize) {
        while let Some((own, settings)) = pop(&mut self.waiting_values, weight) {
            let all = self.sources.iter().map(|source| settings.write(source));
            let all = all.collect::<Vec<_>>();
            let written = all.first().cloned().unwrap_or_default();
            if self.seen_values.insert(all) {
                self.values.push((own, ValueForm { settings, written }));
            }
        }
        while let Some((own, whole)) = pop(&mut self.waiting_whole, weight) {
            let mut recipe = Recipe::default();
            whole.describe(&mut recipe);
            let style = CanonicalStyle::of(&recipe);
            let all = self.sources.iter().map(|source| style.core(source, View::Exact));
            let all = all.collect::<Vec<_>>();
            let first = all.first().cloned().unwrap_or_default();
            if self.seen_whole.insert(all) {
                self.whole.push((own, (first, whole)));
            }
        }
        self.arrangements.extend(weight);
    }
}

impl ValueSettings {
    fn write(self, source: &Source<'_>) -> Vec<Option<String>> {
        let usual = Recipe::default();
        let style = CanonicalStyle {
            numbers: self.numbers,
            values: self.escape,
            value_case: self.case,
            blanks: self.blanks,
            ..CanonicalStyle::of(&usual)
        };
        let values = source.members.iter().map(|member| style.value(member, source, View::Exact));
        values.map(|value| value.map(Cow::into_owned)).collect()
    }
}

fn value_settings() -> VecDeque<Weighed<ValueSettings>> {
    let mut all = Vec::new();
    for (w1, numbers) in NUMBERS {
        for (w2, escape) in ESCAPES {
            for (w3, case) in VALUE_CASES {
                for (w4, blanks) in EMPTY_VALUES {
                    let (numbers, escape, case, blanks) = (*numbers, *escape, *case, *blanks);
                    all.push((w1 + w2 + w3 + w4, ValueSettings { numbers, escape, case, blanks }));
                }
            }
        }
    }
    sort_by_key(&mut all, |(weight, _)| *weight);
    all.into()
}

fn name_forms(sources: &[Source<'_>]) -> Vec<Weighed<NameForm>> {
    let usual = Recipe::default();
    let mut seen = HashSet::new();
    let mut forms = Vec::new();
    for (weight, case) in NAME_CASES {
        let style = CanonicalStyle { names: *case, ..CanonicalStyle::of(&usual) };
        let written = |source: &Source<'_>| {
            let members = source.members.iter();
            members.map(|member| style.name(member, View::Exact).into_owned()).collect::<Vec<_>>()
        };
        let all = sources.iter().map(written).collect::<Vec<_>>();
        let written = all.first().cloned().unwrap_or_default();
        if seen.insert(all) {
            forms.push((*weight, NameForm { case: *case, written }));
        }
    }
    forms
}

fn wholes() -> VecDeque<Weighed<Whole>> {
    let mut wholes = Vec::new();
    let signs = [(0, SignValue::Absent), (1, SignValue::Empty), (1, SignValue::Null)];
    for (weight, sign) in signs {
        wholes.push((weight, Whole::Body(sign)));
    }
    for (w1, layout) in LAYOUTS {
        for (w2, order) in ORDERS {
            for (w3, escape) in JSON_ESCAPES {
                for (w4, numbers) in NUMBERS {
                    for (w5, blanks) in EMPTY_VALUES {
                        for (w6, sign) in signs {
                            let (layout, order, escape) = (*layout, *order, *escape);
                            let (numbers, blanks) = (*numbers, *blanks);
                            let whole =
                                Whole::Json { layout, order, escape, numbers, blanks, sign };
                            // A JSON writer keeps what is blank unless it is told otherwise.
                            let blank = usize::from(blanks != EmptyValues::Keep) + w5;
                            wholes.push((w1 + w2 + w3 + w4 + blank + w6, whole));
                        }
                    }
                }
            }
        }
    }
    // The rarest combinations are no likely recipe.
    wholes.retain(|(weight, _)| *weight <= 4);
    sort_by_key(&mut wholes, |(weight, _)| *weight);
    wholes.into()
}

impl Whole {
    /// Writes its settings into `recipe`.
    pub(super) fn describe(self, recipe: &mut Recipe) {
        match self {
            Self::Body(sign) => (recipe.canonical, recipe.sign_value) = (Canonical::Body, sign),
            Self::Json { layout, order, escape, numbers, blanks, sign } => {
                recipe.canonical = Canonical::Json;
                (recipe.layout, recipe.order) = (layout, Some(order));
                (recipe.escape, recipe.numbers) = (escape, numbers);
                recipe.sign_value = sign;
                recipe.set_blanks(blanks);
            }
        }
    }
}

impl Recipe {
    pub(super) fn set_blanks(&mut self, blanks: EmptyValues) {
        (self.omit_empty, self.empty_values) = match blanks {
            EmptyValues::Omit => (true, None),
            EmptyValues::Keep => (false, None),
            other => (true, Some(other)),
        };
    }
}
