//! The members in the string and their order: every arrangement that is tried, the likelier ones first.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use super::super::canonical::{Arrangement as Sequence, CanonicalStyle, Member, Selection, Source};
use super::super::orders::permutations;
use super::super::recipe::{Recipe, SIGN};
use super::super::words::{Order, SignValue};
use super::choices::{KEY_NAMES, ORDERS, Weighed, pop};
use crate::base::sort_by_key;

/// Up to this many members every order of all of them is tried.
const PERMUTED_MAX: usize = 8;
/// Up to this many members every order of every choice of them is tried.
const CHOSEN_MAX: usize = 6;
/// Of so few members, each choice is as likely as another.
const FEW: usize = 5;
/// Up to this many members every choice of them is tried; of more, those that leave out at most two.
const SUBSETS_MAX: usize = 8;

/// An item of the lead sample's string: a position among its members, or one of these.
pub(super) const ITEM_SIGN: u16 = u16::MAX;
pub(super) const ITEM_KEY: u16 = u16::MAX - 1;

/// One choice and order of members.
pub(super) struct ArrangementChoice {
    /// Positions among the lead sample's members.
    pub(super) items: Vec<u16>,
    pub(super) plan: ArrangementPlan,
}

/// The settings that lead to an arrangement.
#[derive(Clone, Debug)]
pub(super) struct ArrangementPlan {
    pub(super) order: PlanOrder,
    pub(super) omitted: Vec<String>,
    pub(super) sign_value: SignValue,
    pub(super) key_member: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum PlanOrder {
    By(Order),
    Listed(Vec<String>),
}

/// All arrangements up to a weight, by their weight.
pub(super) struct Arrangements<'s, 'a> {
    sources: &'s [Source<'a>],
    made: Vec<Vec<ArrangementChoice>>,
    /// The same with the shared key as a member.
    made_with_key: Vec<Vec<ArrangementChoice>>,
    waiting: VecDeque<Weighed<PendingArrangement<'s>>>,
    seen: HashSet<(&'static str, Vec<Vec<u16>>)>,
}

enum PendingArrangement<'s> {
    Plan(ArrangementPlan),
    /// Every order of these members.
    Permutations(Vec<&'s str>),
}

impl<'s, 'a> Arrangements<'s, 'a> {
    /// Prepares the arrangements of the first of `sources`; two that are alike in all of them count once.
    pub(super) fn new(sources: &'s [Source<'a>], documented: &[&str], has_key: bool) -> Self {
        let mut waiting = Vec::new();
        if let Some(lead) = sources.first() {
            let names = names(lead);
            waiting.extend(plans(sources, &names, documented, has_key));
            waiting.extend(permuted(&names));
        }
        sort_by_key(&mut waiting, |(weight, _)| *weight);
        let (made, made_with_key, seen) = (Vec::new(), Vec::new(), HashSet::new());
        Self { sources, made, made_with_key, waiting: waiting.into(), seen }
    }

    /// Those of exactly that weight.
    pub(super) fn of(&self, weight: usize) -> &[ArrangementChoice] {
        self.made.get(weight).map_or(&[], Vec::as_slice)
    }

    /// Those of exactly that weight with the shared key as a member.
    pub(super) fn with_key_of(&self, weight: usize) -> &[ArrangementChoice] {
        self.made_with_key.get(weight).map_or(&[], Vec::as_slice)
    }

    /// Makes those of up to that weight.
    pub(super) fn extend(&mut self, weight: usize) {
        self.made.resize_with(weight + 1, Vec::new);
        self.made_with_key.resize_with(weight + 1, Vec::new);
        while let Some((own, waiting)) = pop(&mut self.waiting, weight) {
            match waiting {
                PendingArrangement::Plan(plan) => self.add(own, plan),
                PendingArrangement::Permutations(names) => self.add_permutations(own, &names),
            }
        }
    }

    fn add(&mut self, weight: usize, plan: ArrangementPlan) {
        let recipe = Recipe::default();
        let items = self.sources.iter().map(|source| {
            let chosen = plan.style(&recipe).chosen(source);
            chosen.iter().map(|member| item(member, source, plan.key_member)).collect::<Vec<_>>()
        });
        let items = items.collect::<Vec<_>>();
        let Some(own) = items.first().filter(|items| !items.is_empty()).cloned() else { return };
        if self.seen.insert((plan.key_member, items)) {
            let has_key = !plan.key_member.is_empty();
            let made = if has_key { &mut self.made_with_key } else { &mut self.made };
            made[weight].push(ArrangementChoice { items: own, plan });
        }
    }

    fn add_permutations(&mut self, weight: usize, names: &[&str]) {
        let Some(lead) = self.sources.first() else { return };
        let position = |name: &str| lead.members.iter().position(|member| member.name == name);
        for order in permutations(names) {
            let items = order.iter().filter_map(|name| position(name).map(|at| at as u16));
            let listed = order.iter().map(|name| (*name).to_owned()).collect();
            let arrangement = ArrangementChoice {
                items: items.collect(),
                plan: ArrangementPlan {
                    order: PlanOrder::Listed(listed),
                    omitted: Vec::new(),
                    sign_value: SignValue::Absent,
                    key_member: "",
                },
            };
            self.made[weight].push(arrangement);
        }
    }
}

/// The named orders of each choice of members.
fn plans<'s>(
    sources: &[Source<'_>],
    names: &[&str],
    documented: &[&str],
    has_key: bool,
) -> Vec<Weighed<PendingArrangement<'s>>> {
    let mut all = names.to_vec();
    for source in sources {
        for name in self::names(source) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    let listed = documented.iter().chain(all.iter().filter(|name| !documented.contains(name)));
    let listed = listed.map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let by = |(weight, order): &Weighed<Order>| (*weight, PlanOrder::By(*order));
    let mut orders = ORDERS.iter().map(by).collect::<Vec<_>>();
    orders.insert(2, (0, PlanOrder::Listed(listed)));
    let mut plans = Vec::new();
    for (omit_weight, omitted) in omissions(names, &all, documented) {
        for (order_weight, order) in &orders {
            for (sign_weight, sign_value) in [(0, SignValue::Absent), (2, SignValue::Empty)] {
                let (order, omitted) = (order.clone(), omitted.clone());
                let plan = ArrangementPlan { order, omitted, sign_value, key_member: "" };
                plans.push((
                    omit_weight + order_weight + sign_weight,
                    PendingArrangement::Plan(plan),
                ));
            }
        }
    }
    for (order_weight, order) in orders.iter().filter(|_| has_key) {
        for (name_weight, key_member) in KEY_NAMES {
            let (order, omitted) = (order.clone(), Vec::new());
            let plan =
                ArrangementPlan { order, omitted, sign_value: SignValue::Absent, key_member };
            plans.push((1 + order_weight + name_weight, PendingArrangement::Plan(plan)));
        }
    }
    plans
}

/// The members that may be signed.
fn names<'s>(source: &'s Source<'_>) -> Vec<&'s str> {
    source.members.iter().map(|member| member.name).filter(|name| *name != SIGN).collect()
}

/// Members to leave out, with weights.
fn omissions(names: &[&str], all: &[&str], documented: &[&str]) -> Vec<(usize, Vec<String>)> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut omissions = vec![(0, Vec::new())];
    let extras = all.iter().copied().filter(|name| !documented.contains(name));
    let extras = extras.collect::<Vec<_>>();
    if !documented.is_empty() && !extras.is_empty() {
        omissions.push((1, owned(&extras)));
    }
    let most = if names.len() <= SUBSETS_MAX { names.len().saturating_sub(1) } else { 2 };
    if names.len() > 24 {
        omissions.extend(names.iter().map(|name| (2, owned(&[*name]))));
        return omissions;
    }
    for chosen in 1_u32..1 << names.len().min(24) {
        let count = chosen.count_ones() as usize;
        if count <= most {
            let left_out = names.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            let left_out = left_out.map(|(_, name)| *name).collect::<Vec<_>>();
            omissions
                .push((if names.len() <= FEW { 2 } else { (1 + count).min(4) }, owned(&left_out)));
        }
    }
    sort_by_key(&mut omissions, |(weight, _)| *weight);
    omissions
}

/// Every order of the members, and for few members of every choice of them.
fn permuted<'s>(names: &[&'s str]) -> Vec<Weighed<PendingArrangement<'s>>> {
    let count = names.len();
    if !(2..=PERMUTED_MAX).contains(&count) {
        return Vec::new();
    }
    if count > CHOSEN_MAX {
        return vec![(4, PendingArrangement::Permutations(names.to_vec()))];
    }
    let choice = |chosen: u32| {
        let kept = names.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
        kept.map(|(_, name)| *name).collect::<Vec<_>>()
    };
    let choices = (1_u32..1 << count).map(choice).filter(|kept| kept.len() > 1);
    let weight = |left_out: usize| 2 + usize::from(count > FEW) * left_out.min(2);
    choices
        .map(|kept| (weight(count - kept.len()), PendingArrangement::Permutations(kept)))
        .collect()
}

/// The place of `member` among those of `source`.
fn item(member: &Member<'_>, source: &Source<'_>, key_member: &str) -> u16 {
    if member.name == SIGN {
        return ITEM_SIGN;
    }
    if !key_member.is_empty() && member.name == key_member {
        return ITEM_KEY;
    }
    let place = source.members.iter().position(|own| own.name == member.name);
    // A member that the list names and this body lacks.
    place.map_or(ITEM_KEY - 1, |at| at as u16)
}

impl ArrangementPlan {
    /// A style with this choice and order of members.
    fn style<'s>(&'s self, recipe: &'s Recipe) -> CanonicalStyle<'s> {
        let omitted = self.omitted.iter().map(String::as_str).collect::<Rc<[_]>>();
        CanonicalStyle {
            order: match &self.order {
                PlanOrder::By(order) => Sequence::By(*order),
                PlanOrder::Listed(names) => {
                    Sequence::Listed(names.iter().map(String::as_str).collect())
                }
            },
            members: Selection::Without(omitted),
            sign_value: self.sign_value,
            key_member: self.key_member,
            ..CanonicalStyle::of(recipe)
        }
    }
}
