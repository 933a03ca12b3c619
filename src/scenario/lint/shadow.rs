//! Rules that never get their turn because an earlier one takes every call.

use super::Here;
use crate::base::Message;
use crate::scenario::model::{AmountTest, Rule, Window};
use crate::scenario::rules::Condition;

/// Warns when one of the earlier rules takes every call that `rule` could take.
pub(super) fn check(rule: &Rule, earlier: &[Rule], here: &mut Here<'_>) {
    if let Some(taker) = earlier.iter().find(|earlier| takes_all(earlier, rule)) {
        here.warn(
            &["when"],
            Message::new(format!(
                "`{}` never has its turn: `{}` takes every such call",
                rule.id, taker.id
            ))
            .help("the first rule that fits decides: put the narrower one first"),
        );
    }
}

/// Returns true if `earlier` steps in for every call that `later` could step in for.
fn takes_all(earlier: &Rule, later: &Rule) -> bool {
    let when = &earlier.when;
    let is_gated = when.nth.is_some()
        || when.every.is_some()
        || when.first.is_some()
        || when.probability.is_some_and(|share| share.0 < crate::scenario::Share::WHOLE)
        || earlier.sequence.is_some();
    if is_gated {
        return false;
    }
    let (wide, narrow) = (earlier.points(), later.points());
    let (looser, tighter) = (Condition::all_of(when), Condition::all_of(&later.when));
    narrow.iter().all(|point| wide.contains(point))
        && looser.iter().all(|loose| tighter.iter().any(|tight| follows(loose, tight)))
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
