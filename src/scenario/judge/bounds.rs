//! Upper bounds of expectations: the part that is broken for good once too much has happened, and that is kept only when
//! nothing more happens.

use super::{judge_kept, judge_one};
use crate::scenario::codec::Times;
use crate::scenario::history::SpaceHistory;
use crate::scenario::model::{Expectation, OrderChoice, Subject};

impl Expectation {
    /// Returns true if more that happens could break it.
    pub fn has_upper_bound(&self) -> bool {
        let is_balanced = matches!(&self.subject, Subject::Shop(shop) if shop.balanced);
        is_balanced || self.relaxed().as_ref() != Some(self)
    }

    /// Returns true if it is not met, and nothing that may still happen can change that.
    pub fn is_broken(&self, history: &SpaceHistory) -> bool {
        let verdict = judge_one(self, history);
        let has_too_much = |relaxed: Self| judge_one(&relaxed, history).ok;
        verdict.judged && !verdict.ok && self.relaxed().is_none_or(has_too_much)
    }

    /// Returns true if it is not met, and what was forgotten could have met it: it asks for something that happened.
    pub(super) fn is_open(&self, history: &SpaceHistory) -> bool {
        let asks_for_one = match &self.subject {
            Subject::Request(_) | Subject::Events(_) => true,
            Subject::Order(order) => {
                order.counts().is_some() || order.tx_id == Some(OrderChoice::Any)
            }
            Subject::Pushback(pushback) => {
                pushback.counts().is_some() || pushback.tx_id == Some(OrderChoice::Any)
            }
            Subject::Ledger(_) | Subject::Shop(_) | Subject::AnyOf(_) | Subject::AllOf(_) => false,
        };
        asks_for_one && self.relaxed().is_some_and(|relaxed| !judge_kept(&relaxed, history).ok)
    }

    /// Returns true if only a span of time after a rule stepped in counts for it or for a part of it.
    pub fn has_span(&self) -> bool {
        self.within.is_some() || self.parts().iter().any(Self::has_span)
    }

    /// Returns true if it or a part of it sets a bound of time: a span, or a pause between calls.
    pub fn is_about_time(&self) -> bool {
        let sets_pause =
            matches!(&self.subject, Subject::Request(request) if request.apart.is_some());
        sets_pause || self.within.is_some() || self.parts().iter().any(Self::is_about_time)
    }

    /// The same without its upper bounds; `None` where nothing would be left.
    fn relaxed(&self) -> Option<Self> {
        if self.never {
            return None;
        }
        let mut relaxed = self.clone();
        match &mut relaxed.subject {
            Subject::Request(request) => {
                relax(&mut request.exactly, &mut request.at_least, &mut request.at_most);
                request.apart = None;
            }
            Subject::Order(order) => {
                relax(&mut order.exactly, &mut order.at_least, &mut order.at_most);
                let counts = [
                    &mut order.approved,
                    &mut order.completed,
                    &mut order.reversed,
                    &mut order.refunded,
                ];
                counts.into_iter().for_each(unlimited);
            }
            Subject::Pushback(pushback) => {
                relax(&mut pushback.exactly, &mut pushback.at_least, &mut pushback.at_most);
                unlimited(&mut pushback.attempts);
            }
            Subject::Shop(shop) => unlimited(&mut shop.shipped),
            Subject::AnyOf(parts) => {
                *parts = parts.iter().filter_map(Self::relaxed).collect();
                if parts.is_empty() {
                    return None;
                }
            }
            Subject::AllOf(parts) => {
                *parts = parts.iter().map(Self::relaxed).collect::<Option<_>>()?;
            }
            Subject::Events(_) | Subject::Ledger(_) => {}
        }
        Some(relaxed)
    }
}

fn relax(exactly: &mut Option<u32>, at_least: &mut Option<u32>, at_most: &mut Option<u32>) {
    if let Some(count) = exactly.take() {
        *at_least = Some(count);
    }
    if at_most.take().is_some() && at_least.is_none() {
        *at_least = Some(0);
    }
}

fn unlimited(times: &mut Option<Times>) {
    if let Some(times) = times {
        times.most = None;
    }
}
