//! What the pages must never do: pay twice, believe a forgery, leak a secret, run what was typed.

use std::collections::HashSet;

use payon_sim::base::{OrderState, Reason};
use payon_sim::checkout::Checkout;
use serde_json::json;

use super::visitor::{Gateway, MERCHANT, resolve};

const OTP: &str = "654321";

#[tokio::test]
async fn two_clicks_at_once_pay_once() {
    let gateway = Gateway::open().await;
    for round in 0..10 {
        let tx_id = format!("double-{round}");
        let payer = gateway.payer(&tx_id, "CREDIT_DEBIT", json!({})).await;
        let card = [("number", "4111111111111111"), ("expiry", "12/30"), ("cvv", "123")];
        let (first, second) = tokio::join!(payer.send("card", &card), payer.send("card", &card));
        let stale = |answer: &super::visitor::Answer| answer.location().contains("stale");
        assert!(stale(&first) != stale(&second), "one pays, the other is told");
        assert_eq!(gateway.approvals(&tx_id), 1);
    }
}

#[tokio::test]
async fn the_back_button_and_a_second_tab_do_not_pay_again() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("back", "CREDIT_DEBIT", json!({})).await;
    let old = payer.page().hidden("step").expect("a form").to_owned();
    payer.type_card("4111111111111111").await;
    let card = [
        ("action", "card"),
        ("step", old.as_str()),
        ("number", "4111111111111111"),
        ("expiry", "12/30"),
        ("cvv", "123"),
    ];
    let again = gateway.post(&payer.path, &card).await;
    let page = gateway.get(again.location()).await;
    assert!(page.has("notice") && page.has("result"), "{}", page.body);
    assert_eq!(gateway.approvals("back"), 1);

    // One tab is with the issuer; the other starts anew with another card and pays.
    let mut first = gateway.payer("tabs", "CREDIT_DEBIT", json!({})).await;
    first.type_card("4012001037141112").await;
    first.act("submit", &[("otp", OTP)]).await;
    let answer = first.acs_fields();
    let fields: Vec<_> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let again = gateway.get(&format!("{}?again=1", first.path)).await;
    let mut card = card;
    card[1].1 = again.hidden("step").expect("a form");
    gateway.post(&first.path, &card).await;
    let late = gateway.post(&format!("{}/acs-return", first.path), &fields).await;
    assert_eq!(late.status, 303);
    assert_eq!(gateway.approvals("tabs"), 1);
    let order = gateway.order("tabs");
    assert!(order.instrument.expect("paid").account.ends_with("1111"));
}

#[tokio::test]
async fn a_payer_who_comes_too_late_is_told_so() {
    let gateway = Gateway::open().await;
    let mut payer = gateway.payer("expires", "CREDIT_DEBIT", json!({})).await;
    payer.type_card("4012001037141112").await;
    payer.act("submit", &[("otp", OTP)]).await;
    gateway.advance_clock(900_001);
    let page = payer.bring_back().await;
    assert_eq!(page.attribute("result", "data-state").as_deref(), Some("expired"));
    assert_eq!((payer.state(), gateway.approvals("expires")), (OrderState::Expired, 0));
    let mut other = gateway.payer("expires-2", "CREDIT_DEBIT", json!({})).await;
    gateway.advance_clock(900_001);
    let page = other.type_card("4111111111111111").await;
    assert!(page.has("notice") && page.has("result"), "{}", page.body);
    assert_eq!(gateway.approvals("expires-2"), 0);
}

#[tokio::test]
async fn a_forged_replayed_or_foreign_return_is_refused_and_books_nothing() {
    let gateway = Gateway::open().await;
    let mut theirs = gateway.payer("theirs", "CREDIT_DEBIT", json!({})).await;
    theirs.type_card("4000000000002701").await;
    let foreign = theirs.acs_fields()[0].1.clone();

    let mut payer = gateway.payer("forged", "CREDIT_DEBIT", json!({})).await;
    payer.type_card("4000000000002701").await;
    let early = payer.acs_fields()[0].1.clone();
    // Another visit to the issuer makes the first answer an old one.
    let again = gateway.get(&format!("{}?again=1", payer.path)).await;
    let step = again.hidden("step").expect("a form");
    let card = [
        ("action", "card"),
        ("step", step),
        ("number", "4012001037141112"),
        ("expiry", "12/27"),
        ("cvv", "207"),
    ];
    gateway.post(&payer.path, &card).await;
    payer.open().await;
    let session = payer.page().hidden("step").expect("a form").to_owned();
    let back = format!("{}/acs-return", payer.path);
    let random = "eyJ0cmFuc1N0YXR1cyI6IlkifQ";
    for cres in [early.as_str(), foreign.as_str(), random, "", "%00<script>"] {
        let fields = [("cres", cres), ("threeDSSessionData", session.as_str())];
        let answer = gateway.post(&back, &fields).await;
        assert_eq!((answer.status, answer.has("error")), (403, true), "{cres}");
        let stale = gateway.post(&back, &[("cres", cres), ("threeDSSessionData", "x")]).await;
        assert!(stale.location().ends_with("notice=stale"), "{cres}");
    }
    assert_eq!(payer.state(), OrderState::Registered);
    let noted = gateway.space().read_journal(|journal| {
        journal.iter().filter(|entry| entry.reason == Reason::AcsMismatch).count()
    });
    assert_eq!(noted, 5, "each forgery is in the journal");
    // The true payer goes on undisturbed.
    payer.act("submit", &[("otp", OTP)]).await;
    payer.bring_back().await;
    assert_eq!(payer.state(), OrderState::Captured);
}

#[tokio::test]
async fn a_form_without_the_steps_token_does_nothing() {
    let gateway = Gateway::open().await;
    let payer = gateway.payer("csrf", "CREDIT_DEBIT", json!({})).await;
    for step in [&[("step", "guess")][..], &[]] {
        let mut fields = vec![("action", "cancel")];
        fields.extend(step);
        let answer = gateway.post(&payer.path, &fields).await;
        assert!(answer.location().contains("stale"));
    }
    assert_eq!(payer.state(), OrderState::Registered);
}

#[tokio::test]
async fn markup_in_any_field_stays_text() {
    const NASTY: &str = "\"><script>alert(1)</script><img src=x onerror='a()'>{{7*7}}&lt;";
    let gateway = Gateway::open().await;
    gateway.space().change_merchant(MERCHANT, |merchant| {
        merchant.name = NASTY.to_owned();
        merchant.name_km = Some(NASTY.to_owned());
    });
    let more = json!({
        "clientId": NASTY, "buyerId": NASTY, "sellerId": NASTY,
        "success_url": "http://shop.test/%22%3E%3Cscript%3Ealert(1)%3C/script%3E?'&{{7*7}}",
    });
    let mut payer = gateway.payer(NASTY, "CREDIT_DEBIT", more).await;
    let mut seen = vec![payer.page().clone()];
    let fields = ["number", "expiry", "cvv", "holder", "pin", "lang"].map(|name| (name, NASTY));
    seen.push(payer.act("card", &fields).await);
    assert_eq!(payer.page().status, 422);
    let query = "?lang=%22%3E%3Cscript%3E&notice=%22%3E%3Cscript%3E&x=%22%3E%3Cscript%3E";
    seen.push(gateway.get(&format!("{}{query}", payer.path)).await);
    seen.push(gateway.get("/pg/checkout/%22%3E%3Cscript%3E").await);
    seen.push(gateway.get("/pg/checkout?merchantId=%3Cscript%3E&data=%3Cscript%3E").await);
    seen.push(gateway.post("/_sim/app", &[("action", "scan"), ("code", NASTY)]).await);
    payer.open().await;
    payer.type_card("4012001037141112").await;
    seen.push(payer.page().clone());
    seen.push(payer.act("submit", &[("otp", NASTY)]).await);
    payer.act("submit", &[("otp", OTP)]).await;
    let end = payer.bring_back().await;
    assert!(end.location().starts_with("http://shop.test/"));
    seen.push(payer.open().await);
    for page in &seen {
        let body = page.body.to_lowercase();
        let scripts = body.matches("<script").count();
        assert_eq!(scripts, 1, "only the page's own script: {}", page.body);
        assert!(!body.contains("<img src=x") && !body.contains("onerror='"), "{}", page.body);
    }
    assert!(seen[0].body.contains("&#60;script&#62;alert(1)"), "{}", seen[0].body);
}

#[tokio::test]
async fn no_secret_gets_into_an_address_or_the_journal() {
    let gateway = Gateway::open().await;
    let card = json!({
        "merchantId": MERCHANT, "termId": "CT03000003", "clientId": "02", "wdlAcNo": "4012001037141112",
        "paymentMethod": "CREDIT_DEBIT", "pin": "975310",
    });
    let saved = gateway.call("/pg/binding/register", &card).await;
    let id = saved["bindingId"].as_str().expect("saved").to_owned();
    let urls = json!({ "clientId": "02", "success_url": "http://shop.test/ok" });

    let mut payer = gateway.payer("secret-1", "CREDIT_DEBIT", urls.clone()).await;
    payer.type_card("4012001037141112").await;
    payer.act("submit", &[("otp", "482913")]).await;
    payer.act("submit", &[("otp", OTP)]).await;
    payer.bring_back().await;

    let mut payer = gateway.payer("secret-2", "CREDIT_DEBIT", urls).await;
    payer.act("binding", &[("binding", &id)]).await;
    payer.act("passcode", &[("passcode", "864202")]).await;
    payer.act("passcode", &[("passcode", "975310")]).await;

    let mut payer = gateway.payer("secret-3", "PAYON", json!({})).await;
    payer.act("card", &[("number", "1010499900000048"), ("pin", "7913")]).await;
    payer.type_card("1010499900000048").await;
    payer.act("channel", &[("channel", "sms")]).await;
    payer.act("otp", &[("otp", "482913")]).await;
    let fill = gateway.get(&format!("{}?again=1&fill=2", payer.path)).await;
    assert_eq!(fill.status, 200);

    let noted: Vec<String> = gateway.space().read_journal(|journal| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        journal
            .iter()
            .map(|entry| {
                let bodies = [entry.bodies.request(), entry.bodies.response()].map(text);
                format!("{} {}", bodies.concat(), entry.more().detail)
            })
            .collect()
    });
    assert!(noted.iter().any(|entry| entry.contains("\"page\":\"card\"")), "{noted:?}");
    let trace_headers = gateway.trace_headers.lock().expect("not poisoned").clone();
    for secret in
        ["4012001037141112", "1010499900000048", "482913", "975310", "864202", "7913", OTP, "207"]
    {
        // Three digits of a security code are found in other numbers: only whole words count.
        let holds = |text: &String| {
            text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == secret)
        };
        let found = trace_headers.iter().find(|text| holds(text));
        assert_eq!(found, None, "{secret} in an address");
        let found = noted.iter().find(|text| holds(text));
        assert_eq!(found, None, "{secret} in the journal");
    }
}

#[tokio::test]
async fn pages_are_small_private_and_strict() {
    let gateway = Gateway::open().await;
    let urls = json!({ "success_url": "http://shop.test/ok" });
    let payer = gateway.payer("strict", "CREDIT_DEBIT", urls).await;
    let page = payer.page();
    assert!(page.body.len() < 100 << 10, "{} bytes", page.body.len());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!policy.contains("form-action"), "{policy}");
    assert!(policy.contains("frame-ancestors 'self' http://localhost:*"), "{policy}");
    assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
    let qr = gateway.payer("strict-qr", "PAYON", json!({})).await;
    assert!(qr.page().body.len() < 100 << 10, "{} bytes", qr.page().body.len());
    // All that a page names is served, and kept.
    let names = |attribute: &str| {
        let hook = format!("{attribute}=\"assets/");
        let parts = page.body.split(&hook);
        parts
            .skip(1)
            .map(|rest| rest.split('"').next().expect("quoted").to_owned())
            .collect::<HashSet<_>>()
    };
    let assets: HashSet<String> = names("href").into_iter().chain(names("src")).collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for name in assets {
        let file = gateway.get(&format!("/pg/checkout/assets/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
        assert!(file.header("cache-control").is_some_and(|kept| kept.contains("immutable")));
        assert!(!file.body.contains("http://") || name.contains(".svg"), "{name} stays at home");
    }
}

#[tokio::test]
async fn settings_of_panel_and_frames_are_kept() {
    let checkout = Checkout {
        panel: false,
        frame_ancestors: "https://shop.test".to_owned(),
        lists_orders: false,
    };
    let gateway = Gateway::with(checkout).await;
    let payer = gateway.payer("bare", "CREDIT_DEBIT", json!({})).await;
    assert!(!payer.page().has("panel"));
    let filled = gateway.get(&format!("{}?fill=0", payer.path)).await;
    assert_eq!(filled.attribute("card-number", "value").as_deref(), Some(""));
    let policy = payer.page().header("content-security-policy").expect("a policy");
    assert!(policy.ends_with("frame-ancestors https://shop.test"), "{policy}");
    gateway.payer("bare-qr", "BAKONG_KHQR", json!({})).await;
    assert!(!gateway.get("/_sim/app").await.body.contains("bare-qr"));

    let gateway = Gateway::open().await;
    let payer = gateway.payer("panel", "CREDIT_DEBIT", json!({})).await;
    let fill = payer.page().attribute("fill-4111111111111111", "href").expect("in the panel");
    let fill = resolve(&payer.path, &fill.replace("&#38;", "&"));
    let filled = gateway.get(&fill).await;
    let typed = filled.attribute("card-number", "value");
    assert_eq!(typed.as_deref(), Some("4111 1111 1111 1111"));
}

#[tokio::test]
async fn the_language_is_the_payers() {
    let gateway = Gateway::open().await;
    let payer = gateway.payer("khmer", "CREDIT_DEBIT", json!({})).await;
    assert!(payer.page().body.contains("<html lang=\"en\">"));
    let browser = "Accept-Language: km-KH,km;q=0.9,en;q=0.5\r\n";
    let page = gateway.send("GET", &payer.path, browser, "").await;
    assert!(page.body.contains("<html lang=\"km\">") && page.body.contains("ហាងគំរូ ភ្នំពេញ"));
    let chosen = gateway.get(&format!("{}?lang=km", payer.path)).await;
    assert_eq!(chosen.hidden("lang"), Some("km"));
    let step = chosen.hidden("step").expect("a form");
    let card = [
        ("action", "card"),
        ("step", step),
        ("lang", "km"),
        ("number", "4111111111111111"),
        ("expiry", "12/30"),
        ("cvv", "123"),
    ];
    let end = gateway.post(&payer.path, &card).await;
    assert!(end.location().ends_with("?lang=km"));
    assert!(gateway.get(end.location()).await.body.contains("ការទូទាត់ជោគជ័យ"));
}

#[tokio::test]
async fn what_is_no_page_is_said_politely() {
    let gateway = Gateway::open().await;
    let payer = gateway.payer("known", "CREDIT_DEBIT", json!({})).await;
    let mut other = payer.path.clone();
    other.pop();
    other.push(if payer.path.ends_with('A') { 'B' } else { 'A' });
    for path in [other.as_str(), "/pg/checkout/x", "/pg/checkout/a/b/c", "/_sim/app/x"] {
        let page = gateway.get(path).await;
        assert_eq!((page.status, page.has("error")), (404, true), "{path}");
    }
    assert_eq!(gateway.get(&format!("{}/acs-return", payer.path)).await.status, 405);
    assert_eq!(gateway.post("/pg/checkout", &[]).await.status, 405);
    assert_eq!(gateway.send("PUT", &payer.path, "", "").await.status, 405);
}

#[test]
fn every_hook_of_the_pages_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/checkout.md")).expect("the guide");
    let templates = std::fs::read_dir(root.join("src/checkout/templates")).expect("templates");
    let mut hooks = HashSet::new();
    for file in templates {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("a template");
        let found = text.split("data-testid=\"").skip(1).filter_map(|rest| rest.split('"').next());
        // A hook that ends in a value is documented by what stands before it.
        hooks.extend(found.map(|hook| hook.split("{{").next().unwrap_or_default().to_owned()));
    }
    assert!(hooks.len() > 30, "{hooks:?}");
    let missing: Vec<_> =
        hooks.iter().filter(|hook| !guide.contains(&format!("`{hook}"))).collect();
    assert!(missing.is_empty(), "not in docs/checkout.md: {missing:?}");
}
