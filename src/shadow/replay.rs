//! Judges a capture offline.

use std::sync::Arc;

use super::judge::{ShadowJudge, Uncompared};
use super::report::ShadowReport;
use crate::capture::Session;
use crate::profile::Profile;

/// Judges a profile against a recorded session.
pub fn replay(profile: Arc<Profile>, session: &Session) -> ShadowReport {
    let mut judge = ShadowJudge::new(profile, session.head.signatures);
    for line in &session.lines {
        judge.offer(line.clone());
    }
    match session.end {
        Some(end) => {
            judge.leave_out(Uncompared::Lost, end.lost);
            judge.pass(end.passed);
        }
        None => judge.leave_out(Uncompared::CutOff, 1),
    }
    ShadowReport::of(&mut judge, &session.head.upstream)
}
