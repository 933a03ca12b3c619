//! Both OpenAPI documents, as the server gives them out, in the eyes of a linter that is not ours: Spectral.

use std::time::Duration;

use tokio::process::Command;

use crate::programs::{file, installed_by, run};
use crate::support::Sim;

/// How long the linter may take over both.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_linter_finds_nothing_in_the_openapi_documents() {
    let Some(spectral) = installed_by("openapi", "node_modules/.bin/spectral") else { return };
    let sim = Sim::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut lint = Command::new(spectral);
    lint.args(["lint", "--fail-severity", "hint", "--format", "text", "--ruleset"]);
    lint.arg(file("tests/openapi/ruleset.yaml"));
    for document in ["openapi.json", "payon-openapi.json"] {
        let text = sim.get(document).await.expect(200).to_string();
        let path = folder.path().join(document);
        std::fs::write(&path, text).expect("written");
        lint.arg(path);
    }
    run(&mut lint, PATIENCE).await;
}
