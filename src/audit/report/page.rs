//! The report as one page of HTML that needs nothing else.

use askama::Template;

use super::{AuditReportError, badge};
use crate::audit::{Audit, AuditBar, FailedScenario, Severity, sequence};
use crate::base::printable_html;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    audit: &'a Audit,
    badge: String,
    passes: bool,
    took: String,
}

pub(super) fn html(audit: &Audit, bar: AuditBar) -> Result<String, AuditReportError> {
    let page = AuditPage {
        audit,
        badge: badge::svg(audit.grade.letter),
        passes: audit.passes(bar),
        took: format!("{:.1} s", audit.took_ms as f64 / 1000.0),
    };
    let html = page.render().map_err(|error| AuditReportError::unmade("the page", error))?;
    Ok(printable_html(&html).into_owned())
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
