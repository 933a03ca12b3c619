//! The report as one page of HTML that needs nothing else.

use askama::Template;

use super::report::{AssumptionView, ShadowReport, Verdict};
use crate::base::OverallVerdict;
use crate::profile::{Mark, ReplyKind};

#[derive(Template)]
#[template(path = "shadow.html")]
struct ShadowPage<'a> {
    report: &'a ShadowReport,
    verdict: OverallVerdict,
    verdicts: [(&'static str, &'static str, Vec<&'a AssumptionView>); 3],
}

impl ShadowReport {
    /// The report as a page.
    pub fn html(&self, allows_uncompared: bool) -> Result<String, askama::Error> {
        let own = |verdict| self.assumptions.iter().filter(|it| it.verdict == verdict).collect();
        let page = ShadowPage {
            report: self,
            verdict: self.verdict(allows_uncompared),
            verdicts: [
                ("Contradicted", "bad", own(Verdict::Contradicted)),
                ("Confirmed", "good", own(Verdict::Confirmed)),
                ("Not seen", "soft", own(Verdict::Unseen)),
            ],
        };
        page.render()
    }
}

/// Words for the replies at which a difference shows.
fn replies(of: ReplyKind) -> &'static str {
    match of {
        ReplyKind::Any => "",
        of => of.name(),
    }
}

/// Words for the place in a reply.
fn path(path: &str) -> &str {
    if path.is_empty() { "the reply" } else { path }
}

/// The mark of a behaviour, as `fidelity` has it.
fn mark(mark: Mark) -> &'static str {
    mark.name()
}
