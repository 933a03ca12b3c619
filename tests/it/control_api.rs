//! The OpenAPI document and the server, held together.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{Events, Sim, Sink, SpaceHandle};

/// A document whose objects have no members but the documented ones.
fn strict(mut document: Value) -> Value {
    for (_, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = false.into();
        }
    }
    document
}

/// What `schema` of `document` does not allow in `value`.
fn misfits(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let root = json!({ "components": document["components"], "allOf": [schema] });
    let validator = jsonschema::validator_for(&root).unwrap();
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// Each operation of the document: its name, method, path and the operation itself.
fn operations(document: &Value) -> Vec<(String, String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            all.push((id, method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// A space of that name as a gateway sends it to whoever does not take it; it is gone there then.
async fn sent_space(from: &Sim, name: &str) -> Value {
    let (sink, spaces) = (Sink::start().await, format!("{}/_sim/v1/spaces", from.url));
    from.client.post(&spaces, &json!({ "name": name })).await.expect(201);
    let to = json!({ "to": sink.url("") });
    let refused = from.client.post(&format!("{spaces}/{name}/move"), &to).await;
    assert_eq!(refused.problem(), (502, "not-taken".to_owned()));
    assert_eq!(from.client.send("DELETE", &format!("{spaces}/{name}"), "").await.status, 204);
    sink.next().await.json()
}

/// One good call of each operation: its name, what follows `/_sim/`, and the body.
async fn good_calls(
    space: &SpaceHandle,
    other: &Sim,
) -> Vec<(&'static str, String, Option<Value>)> {
    let merchant = &space.merchant().id;
    let sink = Sink::start().await;
    let refused = format!("{}/never", sink.url(""));
    drop(sink);
    for tx_id in ["open", "other"] {
        space.register(tx_id, json!({ "noti_url": refused })).await;
    }
    space.register("paid", json!({ "noti_url": refused })).await;
    let paid = space.pay("paid", json!({})).await.expect(200);
    let inbox = format!("{}/_sim/inbox/shop", space.base_url);
    space.register("kept", json!({ "noti_url": inbox })).await;
    space.pay("kept", json!({})).await.expect(200);
    space.wait("idle").await;
    let body = space.merchant().body(&json!({ "txId": "paid" }));
    let mut wrong = body.clone();
    wrong["sign"] = "AAAA".into();
    let answer = space.post(payon_sim::base::Operation::Refund, &wrong).await;
    let unsigned = answer.header("x-payon-trace");
    space.control_post("snapshots", &json!({ "name": "file" })).await.expect(201);
    let exported = space.control_get("snapshots/file").await.expect(200);
    let order = |tx_id: &str| format!("v1/orders/{merchant}/{tx_id}");
    let get = |name, path: &str| (name, path.to_owned(), None);
    let send = |name, path: &str, body: Value| (name, path.to_owned(), Some(body));
    vec![
        get("health", "healthz"),
        get("ready", "readyz"),
        get("version", "version"),
        get("metrics", "metrics"),
        send("verify", "v1/verify", json!({ "expect": [{ "order": { "state": "captured" } }] })),
        get("openapi", "openapi.json"),
        get("payonOpenapi", "payon-openapi.json"),
        get("calls", "v1"),
        get("tls", "v1/tls"),
        get("listSpaces", "v1/spaces"),
        send("createSpace", "v1/spaces", json!({ "name": "short-lived" })),
        get("space", "v1/spaces/short-lived"),
        get("deleteSpace", "v1/spaces/short-lived"),
        send("takeSpace", "v1/spaces/taken", sent_space(other, "taken").await),
        send("moveSpace", "v1/spaces/taken/move", json!({ "to": other.url })),
        send("saveSnapshot", "v1/snapshots", json!({ "name": "now" })),
        get("listSnapshots", "v1/snapshots"),
        send("restoreSnapshot", "v1/snapshots/now/restore", json!({})),
        send("forkSnapshot", "v1/snapshots/now/fork", json!({ "space": "forked" })),
        get("exportSnapshot", "v1/snapshots/now"),
        ("importSnapshot", "v1/snapshots/again".to_owned(), Some(exported)),
        get("deleteSnapshot", "v1/snapshots/now"),
        get("listMerchants", "v1/merchants"),
        send("addMerchant", "v1/merchants", json!({ "termId": "T9" })),
        get("merchantKey", &format!("v1/merchants/{merchant}/key")),
        send("changeMerchant", &format!("v1/merchants/{merchant}"), json!({ "pinEnabled": true })),
        get("listOrders", "v1/orders"),
        get("order", &order("paid")),
        send("pay", &format!("{}/pay", order("open")), json!({ "outcome": "card.lost" })),
        send("trigger", &format!("{}/trigger", order("other")), json!({ "event": "expire" })),
        get("summary", "v1/summary"),
        get("listJournal", "v1/journal"),
        get("explain", &format!("v1/journal/{}", paid["trace"].as_str().unwrap())),
        get("explain", &format!("v1/journal/{unsigned}")),
        get("wait", "v1/wait?for=order-final&txId=paid"),
        get("wait", "v1/wait?for=request&operation=register"),
        get("wait", "v1/wait?for=idle"),
        get("listPushbacks", "v1/pushbacks"),
        send("resendPushback", "v1/pushbacks/1/resend", json!({})),
        get("inbox", "v1/inbox/shop"),
        send("answerInbox", "v1/inbox/shop", json!({ "status": 500 })),
        get("listInbox", "v1/inbox"),
        get("clearInbox", "v1/inbox/shop"),
        get("report", "v1/report"),
        get("clock", "v1/clock"),
        send("changeClock", "v1/clock", json!({ "advance": 1, "scale": 1 })),
        send("sign", "v1/sign", json!({ "merchantId": merchant, "body": body })),
        send(
            "explainSign",
            "v1/sign/explain",
            json!({ "merchantId": merchant, "operation": "refund", "body": wrong }),
        ),
        send(
            "replaceRules",
            "v1/rules",
            json!([{ "id": "a", "when": { "operation": "status" }, "then": [{ "latency": "1s" }] }]),
        ),
        send("addRules", "v1/rules", json!([])),
        get("listRules", "v1/rules"),
        get("explain", &format!("v1/journal/{unsigned}")),
        get("removeRule", "v1/rules/a"),
        get("clearRules", "v1/rules"),
        send("armRules", "v1/scenarios", json!([{ "then": [{ "latency": "1s" }] }])),
        get("listFaults", "v1/faults"),
        send("armFault", "v1/faults", json!({ "fault": "slow", "by": "1s" })),
        send("reload", "v1/reload", json!({})),
        get("listScenarios", "v1/scenarios"),
        send("armScenario", "v1/scenarios/S014/arm", json!({})),
        get("disarmScenario", "v1/scenarios/S014/arm"),
        get("fidelity", "v1/fidelity"),
        get("lint", "v1/lint"),
        get("coverage", "v1/coverage?all=true"),
        get("recordScenario", "v1/scenario"),
        get("decodeKhqr", "v1/khqr/decode?qr=000201"),
        get("events", "v1/events?after=0"),
        send("reset", "v1/reset", json!({})),
    ]
}

/// Reads until each kind of event was seen, and holds each to the document.
async fn check_events(document: &Value, operation: &Value, mut events: Events) {
    let media = events.headers["content-type"].to_str().unwrap().to_owned();
    let content = &operation["responses"]["200"]["content"][&media]["x-content"];
    let name = content["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    let kinds = &document["components"]["schemas"][name]["properties"];
    let mut seen = BTreeSet::new();
    while seen.len() < 5 {
        let event = events.next().await.unwrap();
        let wrong = misfits(document, &kinds[&event.name], &event.data);
        assert!(wrong.is_empty(), "{event:?}: {wrong:#?}");
        seen.insert(event.name);
    }
}

#[tokio::test]
async fn every_documented_call_answers_as_documented() {
    let (sim, other) = (Sim::start().await, Sim::start().await);
    let space = sim.space("documented").await;
    let document = strict(sim.get("openapi.json").await.expect(200));
    let documented = operations(&document);
    let mut called = BTreeSet::new();
    for (name, path, body) in good_calls(&space, &other).await {
        let Some((_, method, _, operation)) = documented.iter().find(|(id, ..)| id == name) else {
            panic!("{name} is not documented");
        };
        let url = format!("{}/_sim/{path}", space.control_url);
        if name == "events" {
            check_events(&document, operation, Events::open(&space.client, &url).await).await;
            called.insert(name);
            continue;
        }
        let body = body.map_or(String::new(), |body| body.to_string());
        let answer = space.client.send(method, &url, body).await;
        let (status, response) = operation["responses"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(answer.status.to_string(), *status, "{name}: {}", answer.text());
        match response.get("content") {
            None => assert!(answer.body.is_empty(), "{name}"),
            Some(content) => {
                let media = answer.header("content-type");
                let schema = &content[media]["schema"];
                assert!(content.get(media).is_some(), "{name}: {media} is not documented");
                let wrong = match media {
                    "application/json" => misfits(&document, schema, &answer.json()),
                    _ => misfits(&document, schema, &answer.text().into()),
                };
                assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{}", answer.text());
            }
        }
        called.insert(name);
    }
    let all: BTreeSet<_> = documented.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(called, all, "each documented call is tried, and each call is documented");
    let listed = sim.get("v1").await.expect(200)["calls"].as_array().unwrap().len();
    assert_eq!(listed, all.len());
}

#[tokio::test]
async fn every_documented_call_answers_a_bad_call_with_a_documented_problem() {
    let sim = Sim::start().await;
    let document = strict(sim.get("openapi.json").await.expect(200));
    for (id, method, path, operation) in operations(&document) {
        let content = &operation["responses"]["default"]["content"];
        let schema = &content["application/problem+json"]["schema"];
        let path = path.replace('{', "x").replace('}', "");
        let (query, body) = match operation.get("requestBody") {
            Some(_) => ("", r#"{"noSuchMember":1}"#),
            None => ("?noSuchMember=1", ""),
        };
        let url = format!("{}{path}{query}", sim.url);
        let answer = sim.client.send(&method, &url, body).await;
        answer.problem();
        assert!((400..500).contains(&answer.status), "{id}: {}", answer.text());
        let wrong = misfits(&document, schema, &answer.json());
        assert!(wrong.is_empty(), "{id}: {wrong:#?}\n{}", answer.text());
    }
}

#[tokio::test]
async fn a_space_keeps_its_name_on_the_way_to_another_server() {
    let (one, two) = (Sim::start().await, Sim::start().await);
    let mut document = sent_space(&one, "shop").await;
    document["space"] = "stall".into();
    let put = |name: &str| {
        let url = format!("{}/_sim/v1/spaces/{name}", two.url);
        let (client, document) = (two.client.clone(), document.to_string());
        async move { client.send("PUT", &url, document).await }
    };
    for (name, why) in [("shop", "another name"), ("stall", "a space named \"shop\"")] {
        let problem = put(name).await.expect(422);
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    let listed = two.get("v1/spaces").await.expect(200);
    assert_eq!(listed["spaces"].as_array().map(Vec::len), Some(1), "{listed}");
}

/// A member of the query is called required where a call without it is refused for that, and nowhere else.
#[tokio::test]
async fn a_query_needs_what_the_document_says_and_no_more() {
    let sim = Sim::start().await;
    let document = sim.get("openapi.json").await.expect(200);
    let mut needed = Vec::new();
    for (id, method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let (of_query, of_path): (Vec<_>, Vec<_>) =
            parameters.iter().partition(|parameter| parameter["in"] == "query");
        if method != "GET" || of_query.is_empty() || !of_path.is_empty() {
            continue;
        }
        let required: Vec<_> =
            of_query.iter().filter(|it| it["required"] == true).map(|it| &it["name"]).collect();
        // The stream of events never ends.
        let mut answer = sim.client.open(&format!("{}{path}", sim.url)).await;
        assert_eq!(answer.status() == 200, required.is_empty(), "{id} without a query: {answer:?}");
        if let [name] = required[..] {
            let body = answer.body_mut().collect().await.unwrap().to_bytes();
            let problem: Value = serde_json::from_slice(&body).unwrap();
            let name = name.as_str().unwrap();
            assert!(problem["detail"].as_str().unwrap().contains(name), "{id}: {problem}");
            needed.push(format!("{id} {name}"));
        }
    }
    assert_eq!(needed, ["wait for", "decodeKhqr qr"]);
}

#[tokio::test]
async fn the_document_is_whole() {
    let sim = Sim::start().await;
    let document = sim.get("openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is missing");
    }
    for (id, _, path, operation) in operations(&document) {
        let named = operation["parameters"].as_array().cloned().unwrap_or_default();
        for part in path.split('/').filter(|part| part.starts_with('{')) {
            let name = part.trim_matches(['{', '}']);
            assert!(named.iter().any(|p| p["name"] == name && p["in"] == "path"), "{id}: {name}");
        }
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
    }
}
