//! The search: all combinations of the choices by their total weight, on one sample.
//!
//! The work is shared: each value is written once for each form of values, each string without its frame is joined once
//! for all leads, frames and digests. A string that fits becomes a recipe, and the recipe has to stand by itself: it
//! is checked on every sample by the same code that checks requests.

use super::super::canonical::{Source, digested, join, written};
use super::super::hash::Hash;
use super::super::recipe::{Canonical, KeyPosition, Recipe};
use super::super::sign::verify;
use super::super::target::SignTarget;
use super::super::words::{Charset, DigestForm, EmptyValues, LineEnds, Order, TextCase, Transform};
use super::arrange::{ArrangementChoice, ITEM_KEY, ITEM_SIGN, PlanOrder};
use super::choices::{
    CHARSETS, FRAMES, JOINER, JOINERS, KEY_FRAMES, KEY_NAMES, LINE_ENDS, PAIR_SEPARATORS,
    PREDIGEST_FORMS, PREDIGESTS, SECRET, SEPARATOR, TRANSFORMS, VALUE_SEPARATORS, WEIGHT_MAX,
    Weighed,
};
use super::forms::{Forms, NameForm, ValueForm, Whole};
use super::opened::{HeldKey, Lead};
use super::sample::{Held, Sample, SearchBudget};
use crate::base::sort_by_key;

/// The outcome of a search.
pub(super) struct FoundRecipe {
    /// The first recipe that all samples verify under.
    pub(super) recipe: Option<Recipe>,
    /// Strings that were tried.
    pub(super) tried: u64,
    /// Everything up to the largest weight was tried.
    pub(super) is_complete: bool,
    /// Some recipe fitted the lead sample and not all others.
    pub(super) partial: Option<Recipe>,
}

/// Looks for the recipe of `samples`, of which the first is the lead.
pub(super) fn search(
    samples: &[&Sample<'_>],
    leads: &[Lead],
    documented: &[&str],
    held: &Held,
    budget: &SearchBudget<'_>,
) -> FoundRecipe {
    let usual = Recipe::default();
    let sources =
        samples.iter().map(|sample| Source::new(&usual, &sample.fields, None)).collect::<Vec<_>>();
    let mut forms = Forms::new(&sources, documented, has_key(leads));
    let mut search = Search {
        samples,
        leads,
        held,
        budget,
        frames: frames(has_key(leads)),
        outers: [const { Vec::new() }; 4],
        joins: joins(),
        tried: 0,
        partial: None,
        is_over: false,
    };
    search.outers = search.make_outers(&sources);
    for weight in 0..=WEIGHT_MAX {
        forms.extend(weight);
        if let Some(recipe) = search.level(&forms, weight) {
            let (tried, partial) = (search.tried, None);
            return FoundRecipe { recipe: Some(recipe), tried, is_complete: false, partial };
        }
        if search.is_over {
            break;
        }
    }
    FoundRecipe {
        recipe: None,
        tried: search.tried,
        is_complete: !search.is_over,
        partial: search.partial,
    }
}

struct Search<'s, 'a> {
    samples: &'s [&'s Sample<'a>],
    leads: &'s [Lead],
    held: &'s Held,
    budget: &'s SearchBudget<'s>,
    frames: Vec<Weighed<SearchFrame>>,
    joins: Vec<Weighed<Join>>,
    /// For each kind of frame, by weight.
    outers: [Vec<Vec<Outer>>; 4],
    tried: u64,
    partial: Option<Recipe>,
    is_over: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Join {
    with_names: bool,
    joiner: &'static str,
    separator: &'static str,
}

struct SearchFrame {
    kind: FrameKind,
    before: String,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    /// No key in it.
    Plain,
    /// The key stands in it.
    Key,
}

/// The steps behind the joined string.
#[derive(Clone, Copy)]
struct Outer {
    frame: u16,
    line_ends: LineEnds,
    transform: Transform,
    charset: Charset,
    predigest: Option<(Hash, DigestForm)>,
}

impl Outer {
    /// The string is signed as it is, or digested so.
    fn is_plain(self) -> bool {
        self.transform == Transform::None
            && self.line_ends == LineEnds::AsSent
            && self.charset == Charset::Utf8
    }
}

/// A string in its frame, and its first digest, for the outers that share them.
struct Framed {
    frame: u16,
    whole: String,
    digest: Option<(Hash, Vec<u8>)>,
}

impl Framed {
    fn fits(&mut self, outer: Outer, target: &SignTarget) -> bool {
        if !outer.is_plain() {
            let whole = outer.transform.apply(outer.line_ends.apply(self.whole.clone()));
            return target.fits(&digested(outer.predigest, outer.charset.encode(whole)));
        }
        let Some((hash, form)) = outer.predigest else { return target.fits(self.whole.as_bytes()) };
        if self.digest.as_ref().is_none_or(|(known, _)| *known != hash) {
            self.digest = Some((hash, hash.digest(&[self.whole.as_bytes()])));
        }
        let Some((_, digest)) = &self.digest else { return false };
        target.fits(&written(form, digest))
    }
}

/// The part of a candidate that comes before the frame.
#[derive(Clone, Copy)]
pub(super) enum Core<'s> {
    Joined {
        values: &'s ValueForm,
        names: &'s NameForm,
        join: Join,
        arrangement: &'s ArrangementChoice,
    },
    Whole(Whole),
}

/// The sets of outers: those with plain frames, with keys in them, both, and with plain frames behind a first digest.
const PLAIN: usize = 0;
const WITH_KEY: usize = 1;
const EITHER: usize = 2;
const DIGESTED: usize = 3;

impl Search<'_, '_> {
    /// Tries all candidates of exactly that weight.
    fn level(&mut self, forms: &Forms<'_, '_>, weight: usize) -> Option<Recipe> {
        for core_weight in 0..=weight {
            let rest = weight - core_weight;
            for (whole_weight, (text, whole)) in &forms.whole {
                if *whole_weight == core_weight {
                    let found = self.frame_all(text, Core::Whole(*whole), rest);
                    if found.is_some() || self.is_over {
                        return found;
                    }
                }
            }
            let found = self.joined(forms, core_weight, rest);
            if found.is_some() || self.is_over {
                return found;
            }
        }
        None
    }

    fn joined(&mut self, forms: &Forms<'_, '_>, core_weight: usize, rest: usize) -> Option<Recipe> {
        let mut text = String::with_capacity(512);
        let joins = self.joins.clone();
        for (value_weight, values) in &forms.values {
            for (name_weight, names) in &forms.names {
                for (join_weight, join) in &joins {
                    let used = value_weight + name_weight + join_weight;
                    let Some(left) = core_weight.checked_sub(used) else { continue };
                    if !join.with_names && names.case != TextCase::AsSent {
                        continue;
                    }
                    for arrangement in forms.arrangements.of(left) {
                        let core = Core::Joined { values, names, join: *join, arrangement };
                        write(&mut text, values, names, *join, arrangement, "");
                        let found = self.frame_all(&text, core, rest);
                        if found.is_some() || self.is_over {
                            return found;
                        }
                    }
                    for arrangement in forms.arrangements.with_key_of(left) {
                        let core = Core::Joined { values, names, join: *join, arrangement };
                        for at in 0..self.leads.len() {
                            let lead = &self.leads[at];
                            let extra = usize::from(lead.role == HeldKey::Beside) * 2;
                            let Some(key) = &lead.key_text else { continue };
                            let Some(rest) = rest.checked_sub(lead.weight + extra) else {
                                continue;
                            };
                            write(&mut text, values, names, *join, arrangement, key);
                            let found = self.frame(&text, core, at, PLAIN, rest);
                            if found.is_some() || self.is_over {
                                return found;
                            }
                        }
                    }
                }
            }
        }
        None
    }

    /// Tries `text` with every lead and all that may come after it.
    fn frame_all(&mut self, text: &str, core: Core<'_>, rest: usize) -> Option<Recipe> {
        for at in 0..self.leads.len() {
            let lead = &self.leads[at];
            let Some(rest) = rest.checked_sub(lead.weight) else { continue };
            let outers = match lead.role {
                HeldKey::Beside if lead.key_text.is_some() => EITHER,
                HeldKey::Beside => PLAIN,
                HeldKey::Inside => WITH_KEY,
                HeldKey::AfterDigest => DIGESTED,
            };
            if let Some(recipe) = self.frame(text, core, at, outers, rest) {
                return Some(recipe);
            }
        }
        None
    }

    fn frame(
        &mut self,
        text: &str,
        core: Core<'_>,
        lead_at: usize,
        outers: usize,
        rest: usize,
    ) -> Option<Recipe> {
        let lead = &self.leads[lead_at];
        let key = lead.key_text.as_deref().unwrap_or_default();
        let (separator, joiner) = core.marks();
        let has_lines = text.contains('\n');
        let mut hits = Vec::new();
        // Outers with the same frame, and within it with the same first digest, stand together.
        let mut framed = Framed { frame: u16::MAX, whole: String::new(), digest: None };
        for outer in &self.outers[outers][rest] {
            if outer.line_ends != LineEnds::AsSent && !has_lines {
                continue;
            }
            if framed.frame != outer.frame {
                let frame = &self.frames[usize::from(outer.frame)].1;
                framed.frame = outer.frame;
                framed.digest = None;
                framed.whole.clear();
                fill(&mut framed.whole, &frame.before, separator, joiner, key);
                framed.whole.push_str(text);
                fill(&mut framed.whole, &frame.after, separator, joiner, key);
            }
            if framed.fits(*outer, &lead.target) {
                hits.push(*outer);
            }
        }
        let before = self.tried;
        self.tried += self.outers[outers][rest].len() as u64;
        for outer in hits {
            let recipe = self.recipe(lead, outer, core);
            if let Some(recipe) = self.judge(recipe) {
                return Some(recipe);
            }
        }
        // The clock is asked now and then only.
        if self.tried > self.budget.candidates
            || (before >> 14 != self.tried >> 14 && !(self.budget.keep_going)())
        {
            self.is_over = true;
        }
        None
    }

    /// The recipe, if it is sound and every sample verifies under it.
    fn judge(&mut self, recipe: Recipe) -> Option<Recipe> {
        if recipe.check().is_err() {
            return None;
        }
        let key = self.held.verify_key(&recipe)?;
        let fits =
            |sample: &&&Sample<'_>| verify(&recipe, &key, &sample.fields, &sample.sign).is_ok();
        let fitting = self.samples.iter().filter(fits).count();
        if fitting == self.samples.len() {
            return Some(recipe);
        }
        if fitting > 0 {
            self.partial.get_or_insert(recipe);
        }
        None
    }

    fn recipe(&self, lead: &Lead, outer: Outer, core: Core<'_>) -> Recipe {
        let mut recipe = lead.recipe.clone();
        core.describe(&mut recipe);
        if recipe.empty_values() != EmptyValues::Omit {
            // A listed member that no sample has would be signed as an empty one.
            let is_sent =
                |name: &String| self.samples.iter().any(|sample| sample.fields.get(name).is_some());
            recipe.fields.retain(is_sent);
        }
        let (separator, joiner) = core.marks();
        let frame = &self.frames[usize::from(outer.frame)].1;
        let template = |text: &str| {
            let mut filled = String::new();
            for mark in text.chars() {
                let literal = match mark {
                    SECRET => {
                        filled.push_str("{key}");
                        continue;
                    }
                    SEPARATOR => separator,
                    JOINER => joiner,
                    _ => &*mark.to_string(),
                };
                filled.push_str(&literal.replace('{', "{{").replace('}', "}}"));
            }
            filled
        };
        recipe.prefix = template(&frame.before);
        recipe.suffix = template(&frame.after);
        recipe.line_ends = outer.line_ends;
        recipe.transform = outer.transform;
        recipe.charset = outer.charset;
        if let Some((hash, form)) = outer.predigest {
            (recipe.predigest, recipe.predigest_form) = (Some(hash), form);
        }
        recipe.key_at_side();
        recipe
    }
}

impl Recipe {
    /// Says by `key_position` alone that the key stands beside the whole string.
    fn key_at_side(&mut self) {
        let is_last_step = self.transform == Transform::None
            && self.predigest.is_none()
            && self.charset == Charset::Utf8
            && self.line_ends == LineEnds::AsSent;
        if self.key_position != KeyPosition::Inside || !is_last_step {
            return;
        }
        self.key_position = match (&*self.prefix, &*self.suffix) {
            ("", "{key}") => KeyPosition::After,
            ("{key}", "") => KeyPosition::Before,
            ("{key}", "{key}") => KeyPosition::Both,
            _ => return,
        };
        self.prefix.clear();
        self.suffix.clear();
    }
}

impl Core<'_> {
    /// The separator and joiner that a frame takes over.
    fn marks(&self) -> (&'static str, &'static str) {
        match self {
            Self::Joined { join, .. } if join.with_names => (join.separator, join.joiner),
            Self::Joined { join, .. } => (join.separator, "="),
            Self::Whole(_) => ("&", "="),
        }
    }

    /// Writes its settings into `recipe`.
    fn describe(&self, recipe: &mut Recipe) {
        match *self {
            Self::Whole(whole) => whole.describe(recipe),
            Self::Joined { values, names, join, arrangement } => {
                let settings = &values.settings;
                (recipe.escape, recipe.numbers) = (settings.escape, settings.numbers);
                recipe.value_case = settings.case;
                recipe.set_blanks(settings.blanks);
                join.separator.clone_into(&mut recipe.separator);
                if join.with_names {
                    recipe.names = names.case;
                    join.joiner.clone_into(&mut recipe.joiner);
                }
                let plan = &arrangement.plan;
                recipe.sign_value = plan.sign_value;
                plan.key_member.clone_into(&mut recipe.key_member);
                match &plan.order {
                    PlanOrder::Listed(list) => {
                        recipe.canonical = if join.with_names {
                            Canonical::OrderedPairs
                        } else {
                            Canonical::OrderedValues
                        };
                        let kept = list.iter().filter(|name| !plan.omitted.contains(name));
                        recipe.fields = kept.cloned().collect();
                    }
                    PlanOrder::By(order) => {
                        recipe.skip.extend(plan.omitted.iter().cloned());
                        if join.with_names && *order == Order::Name {
                            recipe.canonical = Canonical::SortedPairs;
                        } else {
                            let kind =
                                if join.with_names { Canonical::Pairs } else { Canonical::Values };
                            (recipe.canonical, recipe.order) = (kind, Some(*order));
                        }
                    }
                }
            }
        }
    }
}

/// Joins the arranged members.
fn write(
    text: &mut String,
    values: &ValueForm,
    names: &NameForm,
    form: Join,
    arrangement: &ArrangementChoice,
    key: &str,
) {
    text.clear();
    let mut is_first = true;
    for item in &arrangement.items {
        let (name, value) = match *item {
            ITEM_SIGN => ("sign", ""),
            ITEM_KEY => (arrangement.plan.key_member, key),
            at => {
                let at = usize::from(at);
                let Some(Some(value)) = values.written.get(at) else { continue };
                (names.written[at].as_str(), value.as_str())
            }
        };
        let separator = if is_first { "" } else { form.separator };
        join(text, separator, form.with_names.then_some(name), form.joiner, value);
        is_first = false;
    }
}

/// Appends a frame's text with its marks filled in.
fn fill(out: &mut String, text: &str, separator: &str, joiner: &str, key: &str) {
    for mark in text.chars() {
        match mark {
            SEPARATOR => out.push_str(separator),
            JOINER => out.push_str(joiner),
            SECRET => out.push_str(key),
            other => out.push(other),
        }
    }
}

fn joins() -> Vec<Weighed<Join>> {
    let mut joins = Vec::new();
    for (separator_weight, separator) in PAIR_SEPARATORS {
        for (joiner_weight, joiner) in JOINERS {
            let join = Join { with_names: true, joiner, separator };
            // Strung together without any mark is one habit, not two.
            let is_strung = separator.is_empty() && joiner.is_empty();
            let weight = if is_strung { 1 } else { separator_weight + joiner_weight };
            joins.push((weight, join));
        }
    }
    for (weight, separator) in VALUE_SEPARATORS {
        joins.push((*weight, Join { with_names: false, joiner: "", separator }));
    }
    sort_by_key(&mut joins, |(weight, _)| *weight);
    joins
}

/// The shared key can be part of a string.
fn has_key(leads: &[Lead]) -> bool {
    leads.iter().any(|lead| lead.key_text.is_some())
}

/// The frames, those with the shared key where there is one.
fn frames(has_key: bool) -> Vec<Weighed<SearchFrame>> {
    let frame = |kind, before: &str, after: &str| SearchFrame {
        kind,
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let plain = FRAMES.iter();
    let mut frames = plain
        .map(|(weight, (before, after))| (*weight, frame(FrameKind::Plain, before, after)))
        .collect::<Vec<_>>();
    if has_key {
        let keyed = KEY_FRAMES.iter();
        frames.extend(
            keyed.map(|(weight, (before, after))| (*weight, frame(FrameKind::Key, before, after))),
        );
        for (weight, name) in KEY_NAMES {
            let mut add = |more: usize, before: String, after: String| {
                frames.push((weight + more, frame(FrameKind::Key, &before, &after)));
            };
            let named = format!("{name}{JOINER}{SECRET}");
            add(0, String::new(), format!("{SEPARATOR}{named}"));
            add(0, format!("{named}{SEPARATOR}"), String::new());
            add(1, format!("{named}{SEPARATOR}"), format!("{SEPARATOR}{named}"));
            add(2, String::new(), named.clone());
            add(2, named, String::new());
            add(2, String::new(), format!("&{name}={SECRET}"));
            add(2, format!("{name}={SECRET}&"), String::new());
        }
        sort_by_key(&mut frames, |(weight, _)| *weight);
    }
    frames
}

impl Search<'_, '_> {
    /// All that may come after the core, for each kind of lead, by weight.
    fn make_outers(&self, sources: &[Source<'_>]) -> [Vec<Vec<Outer>>; 4] {
        let any = |test: fn(&str) -> bool| sources.iter().any(|source| test(source.body));
        let is_wide = any(|body| !body.is_ascii());
        let mut digests = vec![(0, None)];
        for (w1, hash) in PREDIGESTS {
            for (w2, form) in PREDIGEST_FORMS {
                digests.push((w1 + w2, Some((*hash, *form))));
            }
        }
        let mut steps = Vec::new();
        for (w1, line_ends) in LINE_ENDS {
            for (w2, transform) in TRANSFORMS {
                for (w3, charset) in CHARSETS {
                    let is_usual = matches!(charset, Charset::Utf8);
                    let is_narrow = matches!(charset, Charset::Ascii | Charset::Latin1);
                    if is_narrow && !is_wide {
                        continue;
                    }
                    for (w4, predigest) in &digests {
                        // Two rare steps at once are no likely recipe.
                        let weight = w1 + w2 + w3 + w4;
                        if weight <= 4 && (is_usual || *transform == Transform::None) {
                            steps.push((weight, *line_ends, *transform, *charset, *predigest));
                        }
                    }
                }
            }
        }
        let mut outers = [(); 4].map(|()| (0..=WEIGHT_MAX).map(|_| Vec::new()).collect::<Vec<_>>());
        for (frame, (frame_weight, content)) in (0_u16..).zip(&self.frames) {
            for (weight, line_ends, transform, charset, predigest) in &steps {
                let weight = frame_weight + weight;
                let (line_ends, transform, charset) = (*line_ends, *transform, *charset);
                let predigest = *predigest;
                let outer = Outer { frame, line_ends, transform, charset, predigest };
                let mut add = |set: usize, more: usize| {
                    if let Some(bucket) = outers[set].get_mut(weight + more) {
                        bucket.push(outer);
                    }
                };
                match content.kind {
                    FrameKind::Plain => {
                        add(PLAIN, 0);
                        add(EITHER, 0);
                        if outer.predigest.is_some() {
                            add(DIGESTED, 0);
                        }
                    }
                    FrameKind::Key => {
                        add(WITH_KEY, 0);
                        add(EITHER, 2);
                    }
                }
            }
        }
        outers
    }
}
