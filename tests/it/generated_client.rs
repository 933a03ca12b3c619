//! A client that a generator of others makes of the OpenAPI document: it must come out whole, and work.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::programs::{Shop, file, installed_by, run};
use crate::support::Client;

/// How long the generator may take, and the client.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_generated_client_in_python_works() {
    let Some(python) = installed_by("generators", "venv/bin/python") else { return };
    let shop = Shop::open("generated-client").await;
    let folder = tempfile::tempdir().expect("a folder");
    let document = folder.path().join("openapi.json");
    let url = format!("{}/_sim/openapi.json", shop.space.control_url);
    let text = Client::new().get(&url).await.expect(200);
    std::fs::write(&document, text.to_string()).expect("written");

    let generator = python.with_file_name("openapi-python-client");
    let mut generate = Command::new(generator);
    generate.args(["generate", "--meta", "none", "--fail-on-warning", "--path"]).arg(&document);
    generate.arg("--output-path").arg(folder.path().join("made"));
    generate.arg("--config").arg(file("tests/generators/config.yaml"));
    run(&mut generate, PATIENCE).await;

    let mut check = Command::new(python);
    check.arg(file("tests/generators/check.py")).envs(shop.environment());
    check.env("PYTHONPATH", folder.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    let said: Value = serde_json::from_str(&run(&mut check, PATIENCE).await).expect("JSON");
    let paths = text["paths"].as_object().expect("paths").values();
    let calls: usize =
        paths.map(|methods| methods.as_object().map_or(0, serde_json::Map::len)).sum();
    assert_eq!(said["functions"], calls, "a function for each call");
}
