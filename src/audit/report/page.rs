//! The report as one page of HTML that needs nothing else.

use askama::Template;

use super::{AuditReportError, badge};
use crate::audit::{Audit, AuditReport, CategoryGrade, FailedScenario, Severity, sequence};
use crate::base::OverallVerdict;
use crate::base::printable_html;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    audit: &'a Audit,
    badge: String,
    verdict: &'a OverallVerdict,
    took: String,
}

pub(super) fn html(report: &AuditReport<'_>) -> Result<String, AuditReportError> {
    let AuditReport { verdict, audit, .. } = report;
    let page = AuditPage {
        audit,
        badge: badge::svg(report),
        verdict,
        took: format!("{:.1} s", audit.took_ms as f64 / 1000.0),
    };
    let html = page.render().map_err(|error| AuditReportError::unmade("the page", error))?;
    Ok(printable_html(&html).into_owned())
}

/// The findings that count in a category, each with its number and its name.
fn counted<'f>(audit: &'f Audit, graded: &CategoryGrade) -> Vec<(usize, &'f str)> {
    let numbered = audit.findings.iter().enumerate();
    numbered
        .filter(|(_, finding)| graded.findings.contains(&finding.id))
        .map(|(at, finding)| (at + 1, finding.id.as_str()))
        .collect()
}

/// The pictures of what happened.
fn pictures(evidence: &FailedScenario) -> String {
    sequence::svg(&evidence.happened)
}

/// Class of a severity.
fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "soft",
        Severity::Medium => "mild",
        Severity::High | Severity::Critical => "bad",
    }
}
