//! Addresses that come from outside: one rule for all of them, told by the name of the member or the option.

use payon_sim::base::Operation;
use serde_json::json;

use crate::binary::{ended, payon_sim};
use crate::support::{Setup, Sim};

/// Addresses that no client can call, or that clients read in different ways, with a part of the message.
const WRONG: &[(&str, &str)] = &[
    ("http://127.0.0.1:99999/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:65536/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:360605/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:0/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:abc/n", "must name a port from 1 to 65535"),
    ("http://127.0.0.1:-1/n", "must name a port from 1 to 65535"),
    ("http://[::1/ok", "must name a host such as"),
    ("http://a..b/ok", "must name a host such as"),
    ("http://999.0.0.1/ok", "must name a host such as"),
    ("http:///ok", "must name a host"),
    ("http://shop:pw@127.0.0.1/n", "no user"),
    ("http://127.0.0.1/ក", "must be plain ASCII"),
    ("http://127.0.0.1/a b", "must be plain ASCII"),
    ("http://127.0.0.1\\@shop.test/", "must have \\ percent-encoded"),
    ("127.0.0.1:8080/n", "http:// or https://"),
    ("ftp://127.0.0.1/n", "http"),
];

#[tokio::test]
async fn register_refuses_an_address_by_the_name_of_its_member() {
    let sim = Sim::start().await;
    let space = sim.running_space("addresses").await;
    let register = async |member: &str, url: &str| {
        let order = json!({
            "txId": "T1", "trt": "10", "currency": "USD", "amount": "1.00",
            "paymentMethod": "CREDIT_DEBIT", member: url,
        });
        space.call(Operation::Register, &order).await.json()
    };
    for member in ["noti_url", "success_url", "fail_url", "cancel_url"] {
        for (url, part) in WRONG {
            let answer = register(member, url).await;
            let (code, told) = (answer["resultCode"].as_str(), answer["resultMsg"].as_str());
            let told = told.unwrap_or_default();
            assert_eq!(code, Some("1102"), "{member} {url}: {answer}");
            assert!(
                told.contains(&format!("{member} must")) && told.contains(part),
                "{url}: {told}"
            );
        }
    }
    let long = format!("http://127.0.0.1/{}", "n".repeat(2048));
    let answer = register("noti_url", &long).await;
    assert!(answer["resultMsg"].as_str().unwrap_or_default().contains("at most 2048"), "{answer}");
}

#[tokio::test]
async fn the_control_plane_refuses_the_same_addresses() {
    let sim = Sim::start().await;
    let space = sim.running_space("addresses-control").await;
    let path = format!("merchants/{}", space.merchant().id);
    for (url, part) in WRONG {
        let change = json!({ "notiUrl": url }).to_string();
        let problem = space.control_send("PATCH", &path, &change).await.json();
        assert_eq!(problem["member"], "notiUrl", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{url}: {problem}");
        let wanted = json!({ "merchants": [{ "notiUrl": url }] });
        let made = sim.client.post(&format!("{}/_sim/v1/spaces", sim.url), &wanted).await.json();
        assert_eq!(made["member"], "merchants[0].notiUrl", "{made}");
        assert!(made["detail"].as_str().unwrap().contains(part), "{url}: {made}");
    }
}

/// What is left unreadable by an old snapshot or a changed profile is told, not called at the default port.
#[tokio::test]
async fn an_unreadable_port_is_never_taken_for_the_default_one() {
    let mut profile = (*payon_sim::profile::Profile::builtin()).clone();
    for merchant in &mut profile.merchants {
        merchant.noti_url = Some("http://127.0.0.1:99999/n".to_owned());
    }
    let sim = Sim::with(Setup { profile: profile.into(), ..Setup::default() }).await;
    let wanted = json!({ "name": "unreadable", "merchants": ["C0000143"] });
    let space = sim.make_space(&wanted).await;
    space.register("T1", json!({})).await;
    space.pay("T1", json!({})).await.expect(200);
    let attempts = crate::support::soon("an attempt", async {
        loop {
            let told = space.control_get("pushbacks?txId=T1").await.expect(200);
            let attempt = told["pushbacks"][0]["attempts"][0].clone();
            if attempt.is_object() {
                return attempt;
            }
            tokio::task::yield_now().await;
        }
    });
    let error = attempts.await["error"].to_string();
    assert!(error.contains("must name a port from 1 to 65535"), "{error}");
}

#[tokio::test]
async fn options_refuse_the_same_addresses_by_name() {
    for (url, part) in WRONG {
        for args in
            [&["coverage", "--url", url][..], &["serve", "--port", "0", "--public-url", url]]
        {
            let told = ended(payon_sim(args)).await;
            assert_eq!(told.code, Some(2), "{args:?} {told:?}");
            assert!(told.err.contains(part) && told.err.contains(args[args.len() - 2]), "{told:?}");
        }
        let mut command = payon_sim(&["coverage"]);
        command.env("PAYON_SIM_URL", url);
        assert_eq!(ended(command).await.code, Some(2), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_refuses_what_register_refuses() {
    let sim = Sim::start().await;
    let long = format!("http://127.0.0.1/{}", "n".repeat(2048));
    let long = [(long.as_str(), "at most 2048")];
    for (url, part) in WRONG.iter().chain(&long) {
        let told = ended(payon_sim(&["doctor", "--url", &sim.url, "--noti-url", url])).await;
        let line = told.out.lines().find(|line| line.starts_with("FAIL  noti_url")).unwrap_or("");
        assert!(told.code == Some(1) && line.contains(part), "{url}: {told:?}");
    }
}
