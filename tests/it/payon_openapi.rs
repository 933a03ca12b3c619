//! The OpenAPI document of PAYON's surface against the documented examples, and against itself.

use std::fs;
use std::path::Path;

use payon_sim::api::payon_openapi::document;
use payon_sim::base::Operation;
use payon_sim::profile::Profile;
use serde_json::{Value, json};

use crate::support::Sim;

fn built() -> Value {
    document(&Profile::builtin(), "http://127.0.0.1:36605")
}

/// Holds `instance` against the schema at `pointer`, whose references are to the document.
fn problems(document: &Value, pointer: &str, instance: &Value) -> Vec<String> {
    let schema = document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"));
    let schema = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator.iter_errors(instance).map(|error| error.to_string()).collect()
}

fn golden(folder: &str, part: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden");
    let text = fs::read_to_string(root.join(folder).join(part)).expect("a golden message");
    serde_json::from_str(&text).expect("JSON")
}

fn at(operation: Operation, rest: &str) -> String {
    format!("/paths/{}/post/{rest}", operation.paths()[0].replace('/', "~1"))
}

fn request(operation: Operation) -> String {
    at(operation, "requestBody/content/application~1json/schema")
}

fn response(operation: Operation, status: u16) -> String {
    at(operation, &format!("responses/{status}/content/application~1json/schema"))
}

const GOLDEN: &[(&str, Operation, u16)] = &[
    ("reversal", Operation::Reversal, 200),
    ("orders", Operation::Orders, 200),
    ("status", Operation::Status, 200),
    ("status-302", Operation::Status, 302),
    ("token-refused", Operation::Status, 401),
    ("binding-register", Operation::BindingRegister, 200),
    ("binding-list", Operation::BindingList, 200),
    ("create-pin", Operation::CreatePin, 200),
    ("reconciliation", Operation::Reconciliation, 200),
];

#[test]
fn the_documented_examples_fit() {
    let document = built();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden");
    for (folder, operation, status) in GOLDEN {
        if root.join(folder).join("request.json").exists() {
            let sent = golden(folder, "request.json");
            assert_eq!(problems(&document, &request(*operation), &sent), [""; 0], "{folder}");
        }
        let answered = golden(folder, "response.json");
        let pointer = response(*operation, *status);
        assert_eq!(problems(&document, &pointer, &answered), [""; 0], "{folder}");
    }
    let notice = golden("push-back", "request.json");
    let pointer = "/webhooks/pushback/post/requestBody/content/application~1json/schema";
    assert_eq!(problems(&document, pointer, &notice), [""; 0]);
    let folders = fs::read_dir(root).expect("the golden messages").count();
    assert_eq!(folders, GOLDEN.len() + 2, "every folder is looked at; the README is the other one");
}

#[tokio::test]
async fn every_example_of_a_request_can_be_read() {
    let sim = Sim::start().await;
    let document = built();
    for &operation in Operation::ALL {
        let pointer = at(operation, "requestBody/content/application~1json/example");
        let example = document.pointer(&pointer).expect("an example");
        let url = format!("{}{}", sim.url, operation.paths()[0]);
        let answer = sim.client.post(&url, example).await;
        assert!(answer.status != 400, "{operation}: {example} {}", answer.text());
    }
}

#[test]
fn a_reply_that_lacks_a_member_or_has_one_too_many_does_not_fit() {
    let document = built();
    for (folder, operation, status) in GOLDEN.iter().filter(|row| row.0 != "token-refused") {
        let good = golden(folder, "response.json");
        let pointer = response(*operation, *status);
        let edit = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut reply = good.clone();
            let row = match &mut reply {
                Value::Array(rows) => &mut rows[0],
                other => other,
            };
            change(row.as_object_mut().expect("an object"));
            reply
        };
        let more = edit(&|row| drop(row.insert("surprise".to_owned(), json!(1))));
        assert!(!problems(&document, &pointer, &more).is_empty(), "{folder}");
        let message = if *operation == Operation::Reversal { "resultMessage" } else { "resultMsg" };
        let less = edit(&|row| drop(row.remove(message)));
        assert!(!problems(&document, &pointer, &less).is_empty(), "{folder}");
    }
}

#[test]
fn every_path_and_every_member_is_there_with_its_mark() {
    let document = built();
    let paths = document["paths"].as_object().expect("paths");
    let expected: usize = Operation::ALL.iter().map(|operation| operation.paths().len()).sum();
    assert_eq!(paths.len(), expected);
    let profile = Profile::builtin();
    let text = document.to_string();
    let marks = text.matches("\"x-payon-mark\"").count();
    let described = Operation::ALL.iter().map(|operation| profile.operations.get(*operation));
    let members: usize = described
        .chain([profile.operations.pushback()])
        .map(|described| described.request.len() + described.response.len())
        .sum();
    // Beside the members: each path, its 401, and the push-back.
    assert_eq!(marks, members + 2 * expected + 1);
}

#[test]
fn the_document_has_the_form_of_openapi() {
    // A few words of the specification that the readers of documents rely on.
    let document = built();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        assert!(path.starts_with("/pg/"));
        let post = &item["post"];
        ids.push(post["operationId"].as_str().expect("an id").to_owned());
        for (status, response) in post["responses"].as_object().expect("responses") {
            assert!(response["description"].is_string(), "{path} {status}");
            let schema = &response["content"]["application/json"]["schema"];
            assert!(jsonschema::meta::is_valid(schema), "{path} {status}");
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "operation ids are unique");
}
