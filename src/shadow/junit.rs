//! JUnit: a case for each difference, and one for what was not compared.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::report::{SamplePair, ShadowFinding, ShadowReport};
use crate::base::printable;
use crate::profile::ReplyKind;

impl ShadowReport {
    /// The report as JUnit. `allows_uncompared` says that what was not compared is skipped rather than failed.
    pub fn junit(&self, allows_uncompared: bool) -> String {
        let mut report = Report::new("payon-sim shadow");
        let mut suite = TestSuite::new(format!("{} against {}", self.upstream, self.profile));
        for finding in &self.findings {
            suite.add_test_case(case(&name(finding), failure(finding)));
        }
        if self.findings.is_empty() {
            let status = if self.compared + self.pushbacks > 0 {
                TestCaseStatus::success()
            } else {
                told(NonSuccessKind::Failure, "nothing was compared")
            };
            suite.add_test_case(case("the simulator answers as the gateway did", status));
        }
        for uncompared in &self.uncompared {
            let message = format!("{} not compared: {}", uncompared.count, uncompared.why);
            let status = if allows_uncompared {
                let mut status = TestCaseStatus::skipped();
                status.set_message(message);
                status
            } else {
                told(NonSuccessKind::Failure, &message)
            };
            suite.add_test_case(case("everything is compared", status));
        }
        report.add_test_suite(suite);
        report.add_test_suite(self.verdict(allows_uncompared).suite());
        // Texts into memory cannot fail.
        report.to_string().unwrap_or_default()
    }
}

fn name(finding: &ShadowFinding) -> String {
    let place = &finding.place;
    let of = if place.of == ReplyKind::Any { "" } else { place.of.name() };
    let parts = [place.operation.as_str(), of, place.class.name(), &place.path];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn failure(finding: &ShadowFinding) -> TestCaseStatus {
    let mut lines =
        vec![format!("{} calls, the first is number {}", finding.count, finding.first_call)];
    for SamplePair { upstream, simulator } in &finding.samples {
        lines.push(format!("gateway: {upstream}"));
        lines.push(format!("simulator: {simulator}"));
    }
    if let (Some(key), Some(held_by)) = (&finding.place.key, &finding.held_by) {
        lines.push(format!("{key}, {held_by}"));
    }
    let mut status = told(NonSuccessKind::Failure, &lines[1..].join("; "));
    status.set_description(printable(&lines.join("\n")));
    status
}

fn told(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(printable(message));
    status
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(printable(name), status);
    case.set_classname("shadow");
    case
}
