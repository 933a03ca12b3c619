//! The report card at a terminal.

use std::fmt::Write as _;

use crate::audit::{
    Audit, AuditFinding, AuditReport, CategoryGrade, FailedScenario, Grade, Severity, Unjudged,
};
use crate::base::printable;

/// The most findings of one shop whose diagrams are printed.
const DIAGRAMS_MAX: usize = 10;
/// The most scenarios of a finding that are told in full.
const EVIDENCE_MAX: usize = 2;
/// The most scenarios that were not judged for one reason and are named.
const NAMED_MAX: usize = 12;

pub(super) fn text(report: &AuditReport<'_>) -> String {
    let AuditReport { verdict, audit, .. } = report;
    let mut text = String::new();
    // Writing into a String cannot fail.
    for (at, finding) in audit.findings.iter().enumerate() {
        text += &told(at + 1, finding);
    }
    text += &unjudged(audit);
    for line in &audit.run_twice {
        let _ = writeln!(text, "run twice: {}", printable(line));
    }
    let Grade { letter, because, findings, tally, of } = &audit.grade;
    let _ = writeln!(text, "\n{}: grade {letter} ({because})", printable(&audit.shop));
    for graded in &audit.categories {
        let Grade { letter, findings, tally, of, .. } = &graded.grade;
        let (judged, numbers) = (tally.judged, numbers(audit, graded));
        let title = &graded.category.title;
        let _ = writeln!(
            text,
            "{letter:>3}  {title:<16} findings: {findings}{numbers}, judged in full: {judged} of {of}"
        );
    }
    let counts = Severity::ALL.iter().rev().filter_map(|severity| {
        let count = audit.findings.iter().filter(|it| it.severity == *severity).count();
        (count > 0).then(|| format!("{} {count}", severity.name()))
    });
    let counts: Vec<String> = counts.collect();
    let counts =
        if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let known = audit.findings.iter().filter(|finding| !finding.is_new).count();
    let known = if known == 0 { String::new() } else { format!(", known: {known}") };
    let _ = writeln!(
        text,
        "findings: {findings}{counts}{known}; judged in full: {} of {of}, not or partly judged: {}, not applicable: {}",
        tally.judged, tally.not_judged, tally.not_applicable,
    );
    let took = audit.took_ms as f64 / 1000.0;
    let _ = writeln!(text, "audit: {} ({took:.1} s)", verdict.name());
    text
}

/// Numbers of the findings that count in a category, in brackets.
fn numbers(audit: &Audit, graded: &CategoryGrade) -> String {
    let numbered = std::iter::zip(1.., &audit.findings);
    let counted = numbered.filter(|(_, finding)| graded.findings.contains(&finding.id));
    let numbers: Vec<String> = counted.map(|(number, _)| number.to_string()).collect();
    if numbers.is_empty() { String::new() } else { format!(" (see {})", numbers.join(", ")) }
}

fn told(number: usize, finding: &AuditFinding) -> String {
    let AuditFinding { id, severity, title, rule, cost, fix, is_new, evidence, .. } = finding;
    let categories = finding.categories().join(", ");
    let known = if *is_new { "" } else { ", known" };
    let mut text = format!("{number}. {title} [{}, {categories}{known}] {id}\n", severity.name());
    for (label, said) in [("rule", rule), ("cost", cost), ("fix", fix)] {
        let _ = writeln!(text, "   {label}: {}", printable(said));
    }
    for (at, it) in evidence.iter().take(EVIDENCE_MAX).enumerate() {
        let FailedScenario { scenario, title, found, repeat, diagram, .. } = it;
        let _ = writeln!(text, "   seen in {scenario}: {title}");
        for line in found {
            let _ = writeln!(text, "     {}", printable(line));
        }
        if number <= DIAGRAMS_MAX && at == 0 {
            for line in diagram.lines() {
                let _ = writeln!(text, "     {line}");
            }
        }
        let _ = writeln!(text, "     again: {}", printable(repeat));
    }
    if evidence.len() > EVIDENCE_MAX {
        let more: Vec<&str> =
            evidence.iter().skip(EVIDENCE_MAX).map(|it| it.scenario.as_str()).collect();
        let _ = writeln!(text, "   also in {}", more.join(", "));
    }
    text.push('\n');
    text
}

/// Scenarios that were not judged, put together by their reasons.
fn unjudged(audit: &Audit) -> String {
    let mut groups: Vec<(&Unjudged, Vec<&str>)> = Vec::new();
    for unjudged in &audit.unjudged {
        let same = groups.iter_mut().find(|(first, _)| {
            first.reasons == unjudged.reasons
                && first.is_not_applicable == unjudged.is_not_applicable
        });
        match same {
            Some((_, scenarios)) => scenarios.push(&unjudged.scenario),
            None => groups.push((unjudged, vec![&unjudged.scenario])),
        }
    }
    let mut text = String::new();
    for (first, scenarios) in groups {
        let label = if first.is_not_applicable { "not applicable" } else { "not judged" };
        let named = scenarios.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = scenarios.len().saturating_sub(NAMED_MAX);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let _ = writeln!(text, "{label}: {named}{more}");
        for reason in &first.reasons {
            let _ = writeln!(text, "   {}", printable(reason));
        }
        for advice in &first.advice {
            let _ = writeln!(text, "   {advice}");
        }
    }
    text
}
