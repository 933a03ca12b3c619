//! JUnit: a suite for the verdict, one a category with a case for each finding that counts there, and a case for each scenario
//! that passed or was not judged.

use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::AuditReportError;
use crate::audit::{AuditFinding, AuditReport};
use crate::base::printable;

pub(super) fn junit(of: &AuditReport<'_>) -> Result<String, AuditReportError> {
    let audit = of.audit;
    let mut report = Report::new("payon-sim audit");
    report.set_time(Duration::from_millis(audit.took_ms));
    report.add_test_suite(of.verdict.suite());
    for graded in &audit.categories {
        let category = &graded.category;
        let mut suite = TestSuite::new(format!("{}: {}", category.title, graded.grade.letter));
        let counted = audit.findings.iter().filter(|finding| finding.counts_in(&category.id));
        for finding in counted {
            let told = match of.waiver(finding) {
                Some(waiver) => skipped(&waiver),
                None => failure(finding, &category.id),
            };
            suite.add_test_case(case(&finding.title, &finding.id, told));
        }
        if graded.grade.findings == 0 {
            let tally = graded.grade.tally;
            let judged = tally.judged;
            let told = match judged {
                0 if tally.is_not_applicable() => skipped(&graded.grade.because),
                0 => skipped("nothing of it was judged in full"),
                _ => TestCaseStatus::success(),
            };
            let of = graded.grade.of;
            let name =
                format!("nothing is found, and {judged} of {of} scenarios were judged in full");
            suite.add_test_case(case(&name, &category.id, told));
        }
        report.add_test_suite(suite);
    }
    let mut scenarios = TestSuite::new("scenarios");
    for id in &audit.passed {
        scenarios.add_test_case(case(id, "passed", TestCaseStatus::success()));
    }
    for unjudged in &audit.unjudged {
        let told = skipped(&unjudged.reasons.join("; "));
        let name = format!("{} {}", unjudged.scenario, unjudged.title);
        scenarios.add_test_case(case(&name, "not judged", told));
    }
    if !audit.run_twice.is_empty() {
        let lines: Vec<_> = audit.run_twice.iter().map(|line| printable(line)).collect();
        scenarios.set_system_out(lines.join("\n"));
    }
    report.add_test_suite(scenarios);
    report.to_string().map_err(|error| AuditReportError::unmade("JUnit", error))
}

/// A finding as a failure in a category: with all scenarios that show it in its own, else with those of that category.
fn failure(finding: &AuditFinding, category: &str) -> TestCaseStatus {
    let mut text = format!(
        "{}\nrule: {}\ncost: {}\nfix: {}\n",
        finding.title, finding.rule, finding.cost, finding.fix
    );
    let is_home = finding.category == category;
    for evidence in finding.evidence.iter().filter(|it| is_home || it.category == category) {
        let _ = write!(
            text,
            "\n{} {}\n{}\nagain: {}\n",
            evidence.scenario,
            evidence.title,
            evidence.found.join("\n"),
            evidence.repeat
        );
        text += &evidence.diagram;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let message = format!("{}: {}", finding.severity.name(), finding.title);
    status.set_message(printable(&message)).set_description(printable(&text));
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(printable(why));
    status
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(printable(name), status);
    case.set_classname(class);
    case
}
