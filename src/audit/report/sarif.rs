//! SARIF 2.1.0, for tools that show findings beside code.

use serde_json::{Value, json};
use std::fmt::Write as _;

use super::AuditReportError;
use crate::audit::{Audit, AuditFinding, AuditReport, Severity};

pub(super) fn sarif(report: &AuditReport<'_>) -> Result<String, AuditReportError> {
    let AuditReport { verdict, audit, .. } = report;
    let note = |level: &str, text: &str| json!({ "level": level, "message": { "text": text } });
    let reasons = verdict.reasons.iter().map(|it| note("error", it));
    let waivers = verdict.waivers.iter().map(|it| note("note", &format!("Waived, {it}")));
    let rules: Vec<Value> = audit.findings.iter().map(rule).collect();
    let results: Vec<Value> =
        audit.findings.iter().enumerate().map(|(at, finding)| result(audit, at, finding)).collect();
    let open = audit.open().map(|unjudged| {
        let reasons = unjudged.reasons.join("; ");
        let text =
            format!("{} {} was not judged in full: {reasons}", unjudged.scenario, unjudged.title);
        note("warning", &text)
    });
    let twice = audit.run_twice.iter().map(|line| note("note", &format!("Run twice. {line}")));
    let told = reasons.chain(waivers).chain(open).chain(twice);
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "payon-sim",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": verdict.passes(),
                "toolExecutionNotifications": told.collect::<Vec<_>>(),
            }],
            "results": results,
            "properties": { "grade": audit.grade.letter, "verdict": verdict.name() },
        }],
    });
    let text = serde_json::to_string_pretty(&document);
    text.map(|text| text + "\n").map_err(|error| AuditReportError::unmade("SARIF", error))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

fn rule(finding: &AuditFinding) -> Value {
    json!({
        "id": finding.id,
        "shortDescription": { "text": finding.title },
        "fullDescription": { "text": format!("{} {}", finding.rule, finding.cost) },
        "help": { "text": finding.fix },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": { "tags": finding.categories(), "severity": finding.severity.name() },
    })
}

fn result(audit: &Audit, at: usize, finding: &AuditFinding) -> Value {
    let mut text = format!("{} {}", finding.title, finding.cost);
    for evidence in &finding.evidence {
        let _ = write!(
            text,
            "\n{}: {} (again: {})",
            evidence.scenario,
            evidence.found.join("; "),
            evidence.repeat
        );
    }
    let location = match &audit.file {
        Some(file) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": file.replace('\\', "/").replace(' ', "%20") },
            "region": { "startLine": 1 },
        } }),
        None => json!({ "logicalLocations": [{ "name": audit.shop, "kind": "module" }] }),
    };
    json!({
        "ruleId": finding.id,
        "ruleIndex": at,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": { "payonSimFinding/v1": finding.id },
        "baselineState": if finding.is_new { "new" } else { "unchanged" },
    })
}
