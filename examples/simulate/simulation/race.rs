//! Calls at the same time, of which nobody knows the order: one order of them must explain all that came of them.

use serde_json::Value;

use super::comparison::{Shown, check_journal, check_reply, difference};
use super::finding::{Found, Kind, broken};
use super::history::Call;
use super::model::{Outcome, World};
use super::web::Reply;

/// A race, and all that came of it.
pub(crate) struct Race<'r> {
    pub(crate) space: &'r str,
    pub(crate) calls: &'r [Call],
    /// The answers, one a call.
    pub(crate) replies: &'r [Reply],
    /// What the journal notes of all of them.
    pub(crate) entries: &'r [Value],
    /// What the space shows afterwards.
    pub(crate) shown: &'r Shown,
}

/// The calls that have been made so far, with what came of them.
type Made = Vec<(usize, Outcome)>;

impl Race<'_> {
    /// The world after an order of the calls that explains what came of them.
    ///
    /// # Errors
    /// What is wrong by the order that came nearest.
    pub(crate) fn explanation(&self, before: &World) -> Found<World> {
        let mut nearest = None;
        if let Some(world) = self.search(before, &mut Made::new(), &mut nearest) {
            return Ok(world);
        }
        let (kind, detail) = nearest.unwrap_or_else(|| broken("a race of nobody"));
        Err((kind, format!("no order of the calls explains what came of them; by one\n{detail}")))
    }

    /// Goes on from the calls that were made: each answer that does not fit ends the way there.
    fn search(
        &self,
        world: &World,
        made: &mut Made,
        nearest: &mut Option<(Kind, String)>,
    ) -> Option<World> {
        if made.len() == self.calls.len() {
            let outcomes: Vec<&Outcome> = made.iter().map(|(_, outcome)| outcome).collect();
            let wrong = check_journal(&outcomes, self.entries).err();
            let wrong = wrong.or_else(|| difference(&world.spaces[self.space], self.shown));
            return match wrong {
                None => Some(world.clone()),
                Some(wrong) => {
                    *nearest = Some(wrong);
                    None
                }
            };
        }
        let mut tried: Vec<(&Call, &Reply)> = Vec::new();
        for (place, (call, reply)) in self.calls.iter().zip(self.replies).enumerate() {
            // Of two that are the same and got the same answer, either may come first.
            if made.iter().any(|(earlier, _)| *earlier == place) || tried.contains(&(call, reply)) {
                continue;
            }
            tried.push((call, reply));
            let mut next = world.clone();
            let outcome = next.change(self.space, |it, setup, _| it.call(call, setup))?;
            if let Err(wrong) = check_reply(&outcome, reply) {
                nearest.get_or_insert(wrong);
                continue;
            }
            made.push((place, outcome));
            if let Some(found) = self.search(&next, made, nearest) {
                return Some(found);
            }
            made.pop();
        }
        None
    }
}
