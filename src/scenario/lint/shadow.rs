//! Rules that never get their turn because an earlier one takes every call.

use std::collections::HashMap;

use super::Here;
use crate::base::Message;
use crate::scenario::model::{AmountTest, Point, Rule, Window};
use crate::scenario::rules::Condition;

/// The rules so far that take every call for which their conditions hold. They are found by a condition of theirs, so that
/// a long list of rules is not compared each with each.
#[derive(Default)]
pub(super) struct Shadows<'r> {
    takers: Vec<Taker<'r>>,
    /// Indices of takers, in their order.
    by_handle: HashMap<Handle, Vec<usize>>,
}

struct Taker<'r> {
    id: &'r str,
    points: &'r [Point],
    conditions: Vec<Condition>,
}

/// Part of a rule's conditions that any rule has as well whose every call it takes.
#[derive(PartialEq, Eq, Hash)]
enum Handle {
    /// Nothing.
    Any,
    /// A condition of this key.
    Key(&'static str),
    /// A condition of this key with this value among others.
    Value(&'static str, String),
}

impl<'r> Shadows<'r> {
    /// Warns when one of the rules before takes every call that `rule` could take, which steps in at `points`; it is one
    /// of those before from here on.
    pub(super) fn check(&mut self, rule: &'r Rule, points: &'r [Point], here: &mut Here<'_>) {
        let conditions = Condition::all_of(&rule.when);
        let handles = conditions.iter().flat_map(Handle::sought).chain([Handle::Any]);
        let candidates = handles.filter_map(|handle| self.by_handle.get(&handle)).flatten();
        let takes_all = |at: &&usize| self.takers[**at].takes_all(points, &conditions);
        if let Some(taker) = candidates.filter(takes_all).min() {
            here.void(
                &["when"],
                Message::new(format!(
                    "`{}` never has its turn: `{}` takes every such call",
                    rule.id, self.takers[*taker].id
                ))
                .help("the first rule that fits decides: put the narrower one first"),
            );
        }
        if !is_gated(rule) {
            // The handle that the fewest rules have in common.
            let handles = conditions.iter().map(Handle::offered);
            let best = handles.max_by_key(|handles| match handles.first() {
                Some(Handle::Value("txId", _)) => 2,
                Some(Handle::Value(..)) => 1,
                _ => 0,
            });
            for handle in best.unwrap_or_else(|| vec![Handle::Any]) {
                self.by_handle.entry(handle).or_default().push(self.takers.len());
            }
            self.takers.push(Taker { id: &rule.id, points, conditions });
        }
    }
}

/// Returns true if a rule lets calls through for which its conditions hold.
fn is_gated(rule: &Rule) -> bool {
    let when = &rule.when;
    when.nth.is_some()
        || when.every.is_some()
        || when.first.is_some()
        || when.probability.is_some_and(|share| share.0 < crate::scenario::Share::WHOLE)
        || rule.sequence.is_some()
}

impl Taker<'_> {
    /// Returns true if it steps in for every call that a later rule with these points and conditions could step in for.
    fn takes_all(&self, points: &[Point], conditions: &[Condition]) -> bool {
        points.iter().all(|point| self.points.contains(point))
            && self
                .conditions
                .iter()
                .all(|loose| conditions.iter().any(|tight| follows(loose, tight)))
    }
}

impl Handle {
    /// Handles of a rule with this condition: each rule that it takes every call of seeks one of them.
    fn offered(condition: &Condition) -> Vec<Self> {
        use Condition as C;
        let key = condition.key();
        let values =
            |many: &[String]| many.iter().map(|one| Self::Value(key, one.clone())).collect();
        match condition {
            C::TxId(many)
            | C::TxIdSuffix(many)
            | C::Header(many)
            | C::Merchant(many)
            | C::Terminal(many) => values(many),
            C::Card(_) | C::Field(..) => vec![Self::Value(key, format!("{condition:?}"))],
            C::Amount(test) => match test.bounds() {
                (low, high) if low == high => vec![Self::Value(key, low.to_string())],
                _ => vec![Self::Key(key)],
            },
            C::Currency(_) | C::Method(_) | C::Trt(_) | C::State(_) | C::Window(_) => {
                vec![Self::Key(key)]
            }
        }
    }

    /// Handles by which a rule with this condition finds those that take every call of it. Of several values one is
    /// enough: such a rule has all of them.
    fn sought(condition: &Condition) -> Vec<Self> {
        use Condition as C;
        let mut handles = Self::offered(condition);
        match condition {
            C::TxId(many) | C::TxIdSuffix(many) => {
                handles.truncate(1);
                let ends = many
                    .first()
                    .into_iter()
                    .flat_map(|one| one.char_indices().map(move |(at, _)| one[at..].to_owned()));
                handles.extend(ends.map(|end| Self::Value("txIdSuffix", end)));
            }
            C::Amount(_) => handles.push(Self::Key("amount")),
            _ => handles.truncate(1),
        }
        handles
    }
}

/// Returns true if `loose` holds wherever `tight` does.
fn follows(loose: &Condition, tight: &Condition) -> bool {
    use Condition as C;
    fn within<T: PartialEq>(narrow: &[T], wide: &[T]) -> bool {
        narrow.iter().all(|one| wide.contains(one))
    }
    match (loose, tight) {
        (C::TxIdSuffix(ends), C::TxId(many) | C::TxIdSuffix(many)) => {
            many.iter().all(|one| ends.iter().any(|end| one.ends_with(end.as_str())))
        }
        (C::TxId(wide), C::TxId(narrow))
        | (C::Header(wide), C::Header(narrow))
        | (C::Merchant(wide), C::Merchant(narrow))
        | (C::Terminal(wide), C::Terminal(narrow)) => within(narrow, wide),
        (C::Method(wide), C::Method(narrow)) => within(narrow, wide),
        (C::Trt(wide), C::Trt(narrow)) => within(narrow, wide),
        (C::State(wide), C::State(narrow)) => within(narrow, wide),
        (C::Amount(wide), C::Amount(narrow)) => contains(wide, narrow),
        (C::Window(wide), C::Window(narrow)) => wide == narrow || is_always(wide),
        (loose, tight) => loose == tight,
    }
}

fn contains(wide: &AmountTest, narrow: &AmountTest) -> bool {
    let ((wide_low, wide_high), (low, high)) = (wide.bounds(), narrow.bounds());
    wide_low <= low && high <= wide_high
}

fn is_always(window: &Window) -> bool {
    window.from.is_none() && window.to.is_none() && window.lasting.is_none()
}
