//! Verbs that ask a running gateway in place of the profile: sign, verify, keys export, link; and doctor's look at it.

use std::fs;

use serde_json::{Value, json};

use crate::binary::{Ended, events, payon_sim, run};
use crate::support::{Setup, Sim};

async fn told(args: &[&str], input: &str) -> Ended {
    let (command, input) = (payon_sim(args), input.to_owned());
    tokio::task::spawn_blocking(move || events(command, input.as_bytes())).await.unwrap()
}

const BODY: &str = r#"{"merchantId":"C0000143","termId":"CT03000003","txId":"T1"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_of_a_space_signs_and_is_verified_through_its_gateway() {
    let sim = Sim::start().await;
    let space = sim.running_space("side").await;
    let id = space.merchant().id.as_str();
    let side = ["--merchant", id, "--url", &sim.url, "--space", "side"];
    let offline = told(&["sign", "--merchant", id], "{}").await;
    assert!(
        offline.code == Some(2) && offline.err.contains("--url URL --space NAME"),
        "{offline:?}"
    );
    let signed = told(&[&["sign"], &side[..]].concat(), r#"{"txId":"T1","amount":1.00}"#).await;
    let place = format!("the gateway at {} (space side)", sim.url);
    assert!(signed.err.contains(&place), "{signed:?}");
    assert!(signed.out.starts_with(r#"{"txId":"T1","amount":1.00,"sign":""#), "{signed:?}");
    let verify = [&["verify", "--operation", "refund"], &side[..]].concat();
    let stands = told(&verify, &signed.out).await;
    assert!(stands.code == Some(0) && stands.out.contains(&place), "{stands:?}");
    let wrong = told(&verify, &signed.out.replace("1.00", "1")).await;
    assert!(
        wrong.code == Some(1) && wrong.out.contains("signed instead:\n  amount=1.00"),
        "{wrong:?}"
    );
    let status = told(&[&["sign", "--operation", "status"], &side[..]].concat(), "{}").await;
    assert!(status.err.contains("note: status does not look at sign"), "{status:?}");

    let export = [&["keys", "export"], &side[..]].concat();
    let public = told(&export, "").await.ok();
    let private = told(&[&export[..], &["--private"]].concat(), "").await;
    assert_eq!(private.out.trim_end(), space.made["merchants"][0]["privateKey"]);
    assert!(private.err.contains("test key"), "{private:?}");
    assert_eq!(told(&["keys", "public"], &private.out).await.ok(), public);
    let unknown = told(&["keys", "export", "--merchant", "nobody", "--url", &sim.url], "").await;
    assert!(
        unknown.code == Some(1) && unknown.err.contains("no merchant \"nobody\""),
        "{unknown:?}"
    );
    let both = told(&["sign", "--merchant", id, "--url", &sim.url, "--profile", "x"], "{}").await;
    assert!(both.code == Some(2) && both.err.contains("two sides"), "{both:?}");
    let mut command = payon_sim(&["sign", "--merchant", "C0000143"]);
    command.env("PAYON_SIM_URL", &sim.url);
    let named = tokio::task::spawn_blocking(move || events(command, b"{}")).await.unwrap();
    assert!(named.err.contains("the gateway at"), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_just_replaced_is_known() {
    let sim = Sim::start().await;
    let space = sim.make_space(&json!({ "name": "replaced", "merchants": ["C0000143"] })).await;
    let (merchant, side) = (space.merchant(), ["--url", sim.url.as_str(), "--space", "replaced"]);
    let old = merchant.signed(&json!({ "txId": "T1" })).to_string();
    let new = run(&["keys", "generate", "--bits", "1024"]).out;
    let public = told(&["keys", "public"], &new).await.ok();
    let clock = space.control_post("clock", &json!({ "freeze": true })).await.expect(200);
    let change = json!({ "publicKey": public.trim_end() }).to_string();
    let changed = space.control_send("PATCH", "merchants/C0000143", &change).await.expect(200);
    let at = clock["now"].as_str().unwrap();
    assert_eq!(changed["replacedKeys"][0]["replacedAt"], at, "{changed}");
    assert_eq!(changed["hasPrivateKey"], false, "{changed}");

    let verify =
        [&["verify", "--merchant", "C0000143", "--operation", "refund"], &side[..]].concat();
    let refused = told(&verify, &old).await;
    let cause = format!("sign was made with the key that was replaced at {at}");
    assert!(refused.code == Some(1) && refused.out.contains(&cause), "{refused:?}");
    // The gateway's journal says the same.
    space.call_signed(payon_sim::base::Operation::Refund, &json!({ "txId": "T1" })).await;
    let journal = space.control_get("journal?limit=1").await.expect(200);
    let trace = journal["entries"][0]["trace"].as_str().unwrap();
    let explained = space.control_get(&format!("journal/{trace}")).await.expect(200);
    assert!(explained.to_string().contains(&cause), "{explained}");

    let export = ["keys", "export", "--merchant", "C0000143"];
    let exported = told(&[&export[..], &side].concat(), "").await;
    assert_eq!(exported.out, public);
    let private = told(&[&export[..], &side, &["--private"]].concat(), "").await;
    assert!(private.code == Some(2) && private.err.contains("with whoever made it"), "{private:?}");
    let signed = told(&[&["sign", "--merchant", "C0000143"], &side[..]].concat(), BODY).await;
    assert!(
        signed.code == Some(1) && signed.err.contains("sign with your own private key"),
        "{signed:?}"
    );
    // Only so many are kept, and a key that comes back is no longer a replaced one.
    for _ in 0..6 {
        let key =
            told(&["keys", "public"], &run(&["keys", "generate", "--bits", "1024"]).out).await.ok();
        let change = json!({ "publicKey": key.trim_end() }).to_string();
        space.control_send("PATCH", "merchants/C0000143", &change).await.expect(200);
    }
    let change = json!({ "publicKey": public.trim_end() }).to_string();
    let last = space.control_send("PATCH", "merchants/C0000143", &change).await.expect(200);
    let kept = last["replacedKeys"].as_array().unwrap();
    assert!(
        kept.len() == 4 && kept.iter().all(|key| key["publicKey"] != public.trim_end()),
        "{last}"
    );
}

const ORDER: &str =
    r#"{"txId":"L1","currency":"USD","amount":"2.00","paymentMethod":"CREDIT_DEBIT"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_has_the_time_of_its_space() {
    let sim = Sim::start().await;
    let space = sim.running_space("links").await;
    space.control_post("clock", &json!({ "advance": "10h" })).await.expect(200);
    let id = space.merchant().id.as_str();
    let args = ["link", "--merchant", id, "--url", &sim.url, "--space", "links"];
    let made = told(&args, ORDER).await;
    assert_eq!(made.err, "", "{made:?}");
    let link = made.ok();
    assert!(
        link.starts_with(&format!("{}/space/links/pg/checkout?merchantId={id}&", sim.url)),
        "{link}"
    );
    assert_eq!(sim.client.get(link.trim_end()).await.status, 303);
    // The gateway is found as other verbs find it; an address for payers counts before.
    for (variables, root) in [
        (&[("PAYON_SIM_URL", &sim.url)][..], sim.url.as_str()),
        (
            &[
                ("PAYON_SIM_URL", &"http://h.invalid".to_owned()),
                ("PAYON_SIM_PUBLIC_URL", &sim.url),
            ],
            &sim.url,
        ),
    ] {
        let mut command = payon_sim(&["link", "--merchant", id, "--space", "links"]);
        command.envs(variables.iter().copied());
        let found = tokio::task::spawn_blocking(move || events(command, ORDER.as_bytes()));
        let link = found.await.unwrap().ok();
        assert!(link.starts_with(&format!("{root}/space/links/pg/checkout?")), "{link}");
    }

    // One that was made by the machine's clock says so when it is opened.
    let stamped = ORDER.replacen('{', r#"{"issuedAt":1700000000000,"#, 1).replace("L1", "L2");
    let old = told(&[&args[..], &["--unchecked"]].concat(), &stamped).await.ok();
    let page = sim.client.get(old.trim_end()).await;
    assert_eq!(page.status, 410);
    for part in
        ["the link was made at 2023-11-15T05:13:20.000+07:00", "the clock of the space shows"]
    {
        assert!(page.text().contains(part), "{}", page.text());
    }
    let journal = space.control_get("journal?limit=1").await.expect(200);
    assert!(journal.to_string().contains("the link was made at 2023-11-15"), "{journal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_work_is_not_made() {
    let sim = Sim::start().await;
    let link = async |more: &[&str], order: &str| {
        told(&[&["link", "--url", &sim.url], more].concat(), order).await
    };
    let own = ["--merchant", "C0000143"];
    let unknown = link(&["--merchant", "C000014"], ORDER).await;
    assert!(
        unknown.code == Some(2) && unknown.err.contains("did you mean C0000143?"),
        "{unknown:?}"
    );
    for (order, part) in [
        ("{}", "lacks txId, currency, amount, paymentMethod"),
        (r#"{"txId":"x"}"#, "lacks currency, amount, paymentMethod"),
        (&ORDER.replace("USD", "EUR"), "currency is \"EUR\""),
        (&ORDER.replace('{', r#"{"noti_url":"http://a:99999","#), "noti_url must name a port"),
        (&ORDER.replace('{', r#"{"merchantId":"O0000021","#), "another merchantId"),
        (&ORDER.replace('{', r#"{"issuedAt":1,"#), "the link was made at 1970-01-01T07:00:00.001"),
        (&ORDER.replace('{', r#"{"issuedAt":-5,"#), "issuedAt is milliseconds"),
        (&ORDER.replace('{', r#"{"issuedAt":"x","#), "issuedAt is milliseconds"),
    ] {
        let refused = link(&own, order).await;
        assert!(
            refused.code == Some(2) && refused.out.is_empty() && refused.err.contains(part),
            "{refused:?}"
        );
        let made = link(&[&own[..], &["--unchecked"]].concat(), order).await;
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let misspelt = ORDER.replace('{', r#"{"notiUrl":"http://a.test/","issuedAt":null,"x":"1","#);
    let noted = link(&own, &misspelt).await;
    let note = "note: `notiUrl` is no field of PAYON's; did you mean `noti_url`?\n";
    assert_eq!((noted.code, &*noted.err), (Some(0), note), "{noted:?}");
    let old = link(&[&own[..], &["--card"]].concat(), r#"{"clientId":"02","issuedAt":1}"#).await;
    assert!(old.code == Some(2) && old.err.contains("the link was made at"), "{old:?}");
    let card = link(&[&own[..], &["--card"]].concat(), r#"{"clientId":"02"}"#).await.ok();
    assert_eq!(sim.client.get(card.trim_end()).await.status, 303, "{card}");
    let lacking = link(&[&own[..], &["--card"]].concat(), "{}").await;
    assert!(lacking.code == Some(2) && lacking.err.contains("clientId"), "{lacking:?}");
    // Without a gateway it says whose time and key it takes.
    let alone =
        told(&["link", "--url", "http://127.0.0.1:1", "--merchant", "C0000143"], ORDER).await;
    assert!(alone.code == Some(0) && alone.err.contains("this machine's time"), "{alone:?}");
    let nowhere = link(&[&own[..], &["--space", "nowhere"]].concat(), ORDER).await;
    assert!(
        nowhere.code == Some(2) && nowhere.err.contains("no space named \"nowhere\""),
        "{nowhere:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_payon_sim_at_a_wrong_address_from_something_else() {
    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    let env = dir.path().join(".env");
    let check = async |url: &str| {
        fs::write(&env, format!("GATEWAY_URL={url}\n")).unwrap();
        told(&["doctor", "--env", env.to_str().unwrap()], "").await
    };
    let url = &sim.control_url;
    let space = check(&format!("{url}/space/nope")).await;
    let parts = ["there is no space named \"nope\"", "`space create` makes one"];
    assert!(
        space.code == Some(1) && parts.iter().all(|part| space.out.contains(part)),
        "{space:?}"
    );
    for path in ["/pg/", "/pg/order/register", "/nowhere"] {
        let told = check(&format!("{url}{path}")).await;
        let right = format!("a payon-sim answers at {url}, but {}", path.trim_end_matches('/'));
        assert!(told.code == Some(1) && told.out.contains(&right), "{told:?}");
        assert!(told.out.contains(&format!("-> give {url}")), "{told:?}");
    }
    let merchants = check(&sim.url).await;
    let well = "All that was looked at is well. Not looked at: merchant, ";
    assert!(merchants.code == Some(0) && merchants.out.contains(well), "{merchants:?}");
    let slash = check(&format!("{url}/")).await;
    assert_eq!(slash.code, Some(0));
    assert!(slash.out.contains("warn  gateway       GATEWAY_URL ends with a slash"), "{slash:?}");
    assert!(!slash.out.contains("is well"), "{slash:?}");
    let missing = told(&["doctor", "--env", "/nowhere/.env"], "").await;
    assert_eq!(missing.err.matches("No such file").count(), 1, "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_merchant_is_told_before_its_order() {
    let sim = Sim::start().await;
    for verb in [&["pay"][..], &["trigger", "expire"]] {
        let args = [verb, &["--merchant", "C000014", "--tx", "1", "--url", &sim.url]].concat();
        let told = told(&args, "").await;
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(
            told.err.contains("no merchant \"C000014\"")
                && told.err.contains("did you mean C0000143?"),
            "{told:?}"
        );
    }
    let order = sim.get("v1/orders/C000014/1").await;
    assert_eq!(order.problem(), (404, "unknown-merchant".to_owned()));
}

#[tokio::test]
async fn all_missing_members_are_named_and_close_words_suggested() {
    let sim = Sim::start().await;
    let answer = sim.client.send("POST", &format!("{}/pg/order/register", sim.url), "{}").await;
    let answer: Value = answer.json();
    assert_eq!(answer["resultCode"], "1101", "{answer}");
    let told = answer["resultMsg"].as_str().unwrap();
    assert!(told.contains("termId is missing"), "{told}");
    assert!(
        told.ends_with("; also missing: merchantId, txId, trt, currency, amount, paymentMethod"),
        "{told}"
    );
    let orders = r#"{"fromDate":"01012026","ToDate":"01012026"}"#;
    let answer = sim.client.send("POST", &format!("{}/pg/orders", sim.url), orders).await.json();
    let told = answer["resultMsg"].as_str().unwrap();
    assert!(
        told.contains("merchantId is missing") && told.ends_with("; also missing: termId"),
        "{told}"
    );
    let wait = sim.get("v1/wait?for=pushback").await.json();
    let detail = wait["detail"].as_str().unwrap();
    assert!(
        detail.contains("did you mean pushback-acknowledged or pushback-exhausted?"),
        "{detail}"
    );
}
