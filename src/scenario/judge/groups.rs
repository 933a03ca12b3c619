//! Several expectations together: alternatives, and parts of one.

use super::{ExpectationVerdict, capped};

/// At least one is met. One that cannot be judged may be met: without another that is, nothing can be said.
pub(super) fn any(verdicts: Vec<ExpectationVerdict>) -> ExpectationVerdict {
    let all = verdicts.len();
    let numbered = || verdicts.iter().enumerate().map(|(at, verdict)| (at + 1, verdict));
    if let Some((number, met)) = numbered().find(|(_, it)| it.judged && it.ok) {
        let detail = format!("alternative {number} of {all} is met: {}", met.detail);
        return ExpectationVerdict { detail, ..met.clone() };
    }
    if let Some((number, open)) = numbered().find(|(_, it)| !it.judged) {
        return ExpectationVerdict::not_judged(&format!(
            "alternative {number} of {all}: {}",
            open.reason()
        ));
    }
    let nearest = verdicts.iter().filter_map(|it| it.nearest.clone());
    let nearest = nearest.min_by_key(|nearest| nearest.differences.len());
    let told = numbered().map(|(number, it)| format!("alternative {number}: {}", it.detail));
    let detail = format!("none of {all} alternatives is met");
    ExpectationVerdict { ok: false, judged: true, detail, evidence: capped(told), nearest }
}

/// All are met. One that is not settles it, whatever cannot be judged.
pub(super) fn all(verdicts: Vec<ExpectationVerdict>) -> ExpectationVerdict {
    let count = verdicts.len();
    let numbered = || verdicts.iter().enumerate().map(|(at, verdict)| (at + 1, verdict));
    if let Some((number, missed)) = numbered().find(|(_, it)| it.judged && !it.ok) {
        let detail = format!("part {number} of {count} is not met: {}", missed.detail);
        return ExpectationVerdict { detail, ..missed.clone() };
    }
    if let Some((number, open)) = numbered().find(|(_, it)| !it.judged) {
        return ExpectationVerdict::not_judged(&format!(
            "part {number} of {count}: {}",
            open.reason()
        ));
    }
    let told: Vec<&str> = verdicts.iter().map(|it| it.detail.as_str()).collect();
    let detail = format!("all {count} parts are met: {}", told.join("; "));
    let evidence = capped(verdicts.iter().flat_map(|it| it.evidence.iter().cloned()));
    ExpectationVerdict { ok: true, judged: true, detail, evidence, nearest: None }
}
