//! Every address of the server with every method: what it does not take is answered with what it does, in words.

use payon_sim::base::Operation;
use serde_json::json;

use crate::support::{Answer, Setup, Sim};

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"];

/// Calls an address with every method that is not among `allowed`.
async fn refuses_the_others(sim: &Sim, url: &str, allowed: &[&str]) {
    for method in METHODS.into_iter().filter(|method| !allowed.contains(method)) {
        let answer = sim.client.send(method, url, "").await;
        assert_eq!(answer.status, 405, "{method} {url}: {}", answer.text());
        let said: Vec<_> = answer.header("allow").split(", ").collect();
        assert_eq!(said, allowed, "{method} {url}");
        assert!(method == "HEAD" || is_sentence(&answer), "{method} {url}: {}", answer.text());
    }
}

/// Whether the body says something to people.
fn is_sentence(answer: &Answer) -> bool {
    let text = match serde_json::from_slice::<serde_json::Value>(&answer.body) {
        Ok(json) => {
            // The reconciliation answers in rows.
            let json = json.get(0).unwrap_or(&json);
            let told = ["detail", "resultMsg", "resultMessage"].map(|name| json[name].as_str());
            told.into_iter().flatten().next().unwrap_or_default().to_owned()
        }
        Err(_) => answer.text(),
    };
    text.split(' ').count() >= 5
}

#[tokio::test]
async fn every_call_of_the_control_plane_names_its_methods_to_the_others() {
    let sim = Sim::start().await;
    let document = sim.get("openapi.json").await.expect(200);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 40, "{}", paths.len());
    for (path, calls) in paths {
        let filled = path.replace(['{', '}'], "");
        let mut allowed = Vec::new();
        // In the order of the document, where each path has its calls in the order of the table.
        for verb in calls.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method = METHODS.into_iter().find(|it| it.eq_ignore_ascii_case(verb));
            allowed.push(method.unwrap_or_else(|| panic!("{path} has {verb}")));
            allowed.extend((verb == "get").then_some("HEAD"));
        }
        refuses_the_others(&sim, &format!("{}{filled}", sim.url), &allowed).await;
        // What each is for stands beside it.
        let method = METHODS.into_iter().find(|method| !allowed.contains(method)).unwrap();
        let told = sim.client.send(method, &format!("{}{filled}", sim.url), "").await;
        for call in calls.as_object().unwrap().values().filter_map(|call| call["summary"].as_str())
        {
            assert!(method == "HEAD" || told.text().contains(call), "{path}: {}", told.text());
        }
    }
}

#[tokio::test]
async fn every_other_address_names_its_methods_to_the_others() {
    let sim = Sim::start().await;
    let style = {
        let page = sim.get("app").await.text();
        let name = page.split('"').find(|part| part.contains("/checkout.css")).expect("a style");
        name.trim_start_matches("../").to_owned()
    };
    let read = ["GET", "HEAD"];
    for path in [
        "/_sim",
        "/_sim/",
        "/_sim/assets/none",
        "/_sim/docs",
        "/_sim/docs/",
        "/_sim/docs/start",
        "/_sim/docs/search",
        "/pg/checkout",
        "/pg/checkout/",
        "/pg/checkout/card",
        "/pg/checkout/x/return",
        "/pg/checkout/x/status",
        style.as_str(),
    ] {
        let url = format!("{}/{}", sim.url, path.trim_start_matches('/'));
        // Of pages the server knows which methods there are, before each says which of them it has.
        for method in METHODS.into_iter().filter(|method| !read.contains(method)) {
            let answer = sim.client.send(method, &url, "").await;
            assert_eq!(answer.status, 405, "{method} {url}: {}", answer.text());
            assert!(is_sentence(&answer), "{method} {url}: {}", answer.text());
            assert!(answer.header("allow").starts_with("GET, HEAD"), "{method} {url}");
        }
        let posted = sim.client.send("POST", &url, "").await;
        assert_eq!(posted.header("allow"), "GET, HEAD", "{url}");
    }
    for path in ["/_sim/app", "/_sim/app/x", "/pg/checkout/x", "/pg/checkout/x/acs"] {
        let url = format!("{}{path}", sim.url);
        refuses_the_others(&sim, &url, &["GET", "HEAD", "POST"]).await;
    }
    let operations = Operation::ALL.iter().flat_map(|operation| operation.paths().iter().copied());
    for path in operations.chain(["/_sim/login", "/_sim/inbox/shop"]) {
        for place in ["", "/space/default"] {
            refuses_the_others(&sim, &format!("{}{place}{path}", sim.url), &["POST"]).await;
        }
    }
    let back = sim.client.get(&format!("{}/pg/checkout/x/acs-return", sim.url)).await;
    assert_eq!((back.status, back.header("allow")), (405, "POST"));
    assert!(is_sentence(&back), "{}", back.text());
}

#[tokio::test]
async fn an_address_that_is_no_call_says_what_it_is_for() {
    let sim = Sim::start().await;
    let get = async |path: &str| sim.client.get(&format!("{}{path}", sim.url)).await;
    let detail = |answer: &Answer| answer.json()["detail"].as_str().unwrap().to_owned();
    let shown = get("/space/default/_sim/inbox/shop").await;
    assert_eq!(shown.problem().0, 405);
    assert!(detail(&shown).contains("GET /_sim/v1/inbox/shop lists what came"), "{}", shown.text());
    let posted = sim.client.post(&format!("{}/_sim/inbox/shop", sim.url), &json!({})).await;
    assert_eq!(posted.problem(), (404, "unknown-call".to_owned()));
    assert!(detail(&posted).contains("push-backs of this server only"), "{}", posted.text());
    for path in ["/_sim/inbox", "/_sim/inbox/", "/_sim/inbox/a/b"] {
        let shown = get(path).await;
        assert_eq!(shown.problem().0, 404);
        assert!(detail(&shown).contains("noti_url …/_sim/inbox/shop"), "{}", shown.text());
    }
    // A path that only begins like theirs is none.
    assert!(detail(&get("/_sim/inboxes").await).contains("there is no call"));
    let named = get("/_sim/problems/not-written").await;
    assert!(detail(&named).contains("503: The state cannot be written"), "{}", named.text());
    assert!(detail(&get("/_sim/problems/none").await).contains("there is no call"));
    for (path, base) in [("/", ""), ("/pg", ""), ("/pg/", ""), ("/space/default", "/space/default")]
    {
        let told = get(path).await.expect(404)["resultMsg"].as_str().unwrap().to_owned();
        assert!(told.ends_with(&format!("such as {base}/pg/order/register")), "{path}: {told}");
    }
    let file = get("/_sim/assets/none/main.js").await;
    assert_eq!(file.status, 404);
    assert!(is_sentence(&file), "{}", file.text());

    // The merchants' port of a server with two.
    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    for path in ["/_sim/", "/_sim/inbox/shop", "/_sim/login", "/_sim/docs/"] {
        let shown = sim.client.get(&format!("{}{path}", sim.url)).await;
        assert!(detail(&shown).contains(&format!("{}{path}", sim.control_url)), "{}", shown.text());
    }
}
