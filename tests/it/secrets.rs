//! Nothing that the gateway says, anywhere, holds a secret: the real binary, as talkative as it can be, through every
//! operation and every page.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payon_sim::base::Operation;
use payon_sim::crypto::{Encoding, Padding, PrivateKey, PublicKey, encrypt};
use serde_json::{Value, json};

use crate::binary::{Ended, Gateway, ended, has_tool, payon_sim, run, tool};
use crate::checkout::resolve;
use crate::support::{Answer, Client, Events, Sink, SpaceHandle};

const TOKEN: &str = "ctl-7f3e9a-open-sesame";
const MERCHANT_TOKEN: &str = "tok-55c1d0-merchant";
/// The place of the rules of a space.
const RULES: &str = "the rules";
/// The place of what is recorded, to be done again.
const RECORDED: &str = "the recorded scenario";
/// The place of the payer's pages.
const PAGES: &str = "the payer's pages";
/// Card numbers: two of cards that are bound, one that pays, one that no profile has, and one that a rule asks for.
const PANS: [&str; 5] = [
    "5204730000001003",
    "1010499900000048",
    "4111111111111111",
    "4539578763621486",
    "4012001037141112",
];
/// Security codes, PINs, passcodes and one-time passwords, all wrong: the right ones stand on the payer's pages, as the
/// profile gives them to whoever tries it out. None is found by chance but within a longer word or number.
const CODES: [&str; 5] = ["86420", "97531864", "864209", "975318", "7531"];

/// What must be found nowhere, by name.
fn secrets(private_keys: &[PrivateKey]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut add = |name: String, text: String| all.push((name, text));
    for pan in PANS {
        let groups: Vec<_> = pan.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        add(pan.to_owned(), pan.to_owned());
        add(format!("{pan} with blanks"), groups.join(" "));
        add(format!("{pan} with dashes"), groups.join("-"));
        add(format!("{pan} in Base64"), STANDARD.encode(pan));
    }
    for key in private_keys {
        let line = key.pkcs8_der_base64();
        add("a private key on one line".to_owned(), line[60..120].to_owned());
        let pem = key.pkcs8_pem();
        add("a private key as PEM".to_owned(), pem.lines().nth(3).unwrap().to_owned());
    }
    add("the control token".to_owned(), TOKEN.to_owned());
    add("the merchant's token".to_owned(), MERCHANT_TOKEN.to_owned());
    all
}

/// Everything that was said, by where.
#[derive(Default)]
struct Heard(Vec<(String, String)>);

impl Heard {
    fn add(&mut self, place: impl Into<String>, said: impl Into<String>) {
        self.0.push((place.into(), said.into()));
    }

    /// Whether a place may hold a card number. Who arms a rule for a card reads it there again; a recorded scenario
    /// repeats that rule and names test cards of the profile, but none that was typed; and the payer's pages offer the
    /// test cards and show payers what they typed.
    fn may_hold(place: &str, secret: &str) -> bool {
        let [.., unknown, of_rule] = PANS;
        match place {
            RULES => secret == of_rule,
            RECORDED => PANS.contains(&secret) && secret != unknown,
            PAGES => PANS.contains(&&*secret.replace(' ', "")),
            _ => false,
        }
    }

    /// Where a secret was found, with what stands around it.
    fn leaks(&self, private_keys: &[PrivateKey]) -> Vec<String> {
        let mut found = Vec::new();
        let around = |text: &str, at: usize| {
            let (from, to) = (at.saturating_sub(80), (at + 60).min(text.len()));
            String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()
        };
        for (place, said) in &self.0 {
            for (name, secret) in secrets(private_keys) {
                let at = said.find(&secret).filter(|_| !Self::may_hold(place, &secret));
                if let Some(at) = at {
                    found.push(format!("{name} in {place}: …{}…", around(said, at)));
                }
            }
            for code in CODES {
                let alone = said.match_indices(code).find(|(at, _)| {
                    let bytes = said.as_bytes();
                    let is_part = |byte: Option<&u8>| {
                        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
                    };
                    !is_part(at.checked_sub(1).and_then(|at| bytes.get(at)))
                        && !is_part(bytes.get(at + code.len()))
                });
                if let Some((at, _)) = alone {
                    found.push(format!("the code {code} in {place}: …{}…", around(said, at)));
                }
            }
        }
        found
    }
}

/// A merchant and its payers, who make every mistake with secrets in it.
struct Shop {
    space: SpaceHandle,
    /// Without the token of the control plane.
    web: Client,
    gateway_key: PublicKey,
}

impl Shop {
    async fn open(gateway: &Gateway) -> Self {
        let client = Client::new().with_header("authorization", &format!("Bearer {TOKEN}"));
        let url = format!("{}/_sim/v1/spaces", gateway.control_url);
        let made =
            client.post(&url, &json!({ "name": "talkative", "merchants": 2 })).await.expect(201);
        let gateway_key = PublicKey::parse(made["gatewayPublicKey"].as_str().unwrap()).unwrap();
        Self { space: SpaceHandle::new(client, made), web: Client::new(), gateway_key }
    }

    fn private_keys(&self) -> Vec<PrivateKey> {
        let merchants = self.space.made["merchants"].as_array().unwrap();
        let keys = merchants.iter().map(|merchant| merchant["privateKey"].as_str().unwrap());
        keys.map(|key| PrivateKey::parse(key).unwrap()).collect()
    }

    fn pin(&self, pin: &str) -> String {
        encrypt(&self.gateway_key, Padding::Pkcs1, Encoding::Base64, pin.as_bytes()).unwrap()
    }

    /// What comes of a body as it stands.
    async fn raw(&self, operation: Operation, body: String) -> Answer {
        let url = format!("{}{}", self.space.base_url, operation.paths()[0]);
        self.space.client.send("POST", &url, body).await
    }

    /// Every operation, with secrets where they belong and where they do not.
    async fn operations(&self, heard: &mut Heard, noti_url: &str) {
        let [master, payon, visa, unknown, _] = PANS;
        let space = &self.space;
        let card =
            json!({ "clientId": "c1", "wdlAcNo": master, "wdlCvv": "100", "wdlExpiry": "202512" });
        let bound = space.call(Operation::BindingRegister, &card).await.expect(200);
        let wallet =
            json!({ "clientId": "c1", "wdlAcNo": payon, "payonPin": "1234", "pin": "864209" });
        space.call(Operation::BindingRegister, &wallet).await;
        for wrong in [
            json!({ "clientId": "c1", "wdlAcNo": unknown, "wdlCvv": "86420", "otp": "975318" }),
            json!({ "clientId": "c1", "wdlAcNo": payon, "payonPin": "97531864" }),
            json!({ "clientId": "c1", "wdlAcNo": [visa], "wdlCvv": { "cvv": "86420" } }),
        ] {
            space.call(Operation::BindingRegister, &wrong).await;
        }
        let pin = json!({ "clientId": "c1", "pin": self.pin("864209") });
        let in_clear = json!({ "clientId": "c1", "pin": "864209", "passcode": "975318" });
        let merchant = &space.merchant().id;
        let path = format!("merchants/{merchant}");
        space.control_send("PATCH", &path, r#"{"pinEnabled":true}"#).await.expect(200);
        for operation in [Operation::CreatePin, Operation::EnablePin, Operation::DisablePin] {
            space.call(operation, &pin).await;
            space.call(operation, &in_clear).await;
        }
        space.call(Operation::BindingList, &json!({ "clientId": "c1", "card": visa })).await;
        let id = &bound["bindingId"];
        space
            .register("bound", json!({ "clientId": "c1", "bindingId": id, "noti_url": noti_url }))
            .await;
        space
            .register("1", json!({ "noti_url": noti_url, "itemNm": format!("card {visa} cvv") }))
            .await;
        space.register("pa", json!({ "trt": "12", "noti_url": noti_url })).await;
        space
            .call(
                Operation::Register,
                &json!({ "txId": "2", "trt": "10", "card": visa, "cvv": "86420", "itemNm": unknown }),
            )
            .await;

        // Every operation: malformed, refused by its signature, of the wrong type.
        for operation in Operation::ALL {
            let grouped = "5204 7300 0000 1003";
            for body in [
                format!(r#"{{"wdlAcNo":"{visa}","wdlCvv":"86420","pin":"975318""#),
                format!("wdlAcNo={visa}&cvv=86420&pin=97531864&otp=975318"),
                format!(r#"{{"txId":"1","otp":"975318","card":"{grouped}","{visa}":"{visa}"}}{{"#),
                format!(r#"["{visa}",{{"pin":864209}}]"#),
                space.merchant().body(&json!({ "txId": "1", "sign": "bad", "card": visa, "pin": "975318", "amount": visa })).to_string(),
                space.merchant().body(&json!({ "txId": "1", "sign": "bad", visa: "x" })).to_string(),
                space.merchant().body(&json!({ "txId": "1", "token": MERCHANT_TOKEN, "note": grouped, "currency": visa })).to_string(),
            ] {
                let answer = self.raw(*operation, body).await;
                heard.add(format!("an answer of {operation}"), answer.text());
            }
        }
        let token = format!(r#"{{"token":"{MERCHANT_TOKEN}"}}"#);
        let other = &space.merchants[1];
        let path = format!("merchants/{}", other.id);
        heard
            .add("a change of a merchant", space.control_send("PATCH", &path, &token).await.text());
        let with_token = self.web.with_header("authentication", MERCHANT_TOKEN);
        for client in [&with_token, &self.web.with_header("authentication", "975318")] {
            let url = format!("{}{}", space.base_url, Operation::Status.paths()[0]);
            client.post(&url, &other.body(&json!({ "txId": "1" }))).await;
        }
    }

    /// Payers by the control plane, right and wrong.
    async fn payers(&self, heard: &mut Heard) {
        let [master, _, visa, unknown, _] = PANS;
        for request in [
            json!({ "card": unknown, "cvv": "86420" }),
            json!({ "card": visa, "cvv": "86420", "otp": "975318" }),
            json!({ "passcode": "975318", "pin": "97531864" }),
            json!({ "card": master, "cvv": "100", "expiry": "202512", "otp": 654_321 }),
            json!({ "wallet": visa, "passcode": "864209" }),
            json!({ "bank": master, "nonsense": visa, "pin": "7531" }),
        ] {
            for tx_id in ["1", "bound"] {
                let answer = self.space.pay(tx_id, request.clone()).await;
                heard.add("an answer of pay", answer.text());
            }
        }
        self.space.pay("pa", json!({ "card": visa, "cvv": "123" })).await;
        let refund =
            self.space.call_signed(Operation::Refund, &json!({ "txId": "1", "card": visa })).await;
        heard.add("a refund", refund.text());
    }

    /// Sends a form and follows redirects, as a browser does; gives where that ends, without its query, and the page.
    async fn browse(&self, method: &str, url: &str, form: &[(&str, String)]) -> (String, String) {
        let web = self.web.with_header("content-type", "application/x-www-form-urlencoded");
        let mut url = url.to_owned();
        let body = serde_html_form::to_string(form).unwrap();
        let mut answer = web.send(method, &url, body).await;
        while answer.status == 303 {
            let origin: String = url.split_inclusive('/').take(3).collect();
            let origin = origin.trim_end_matches('/');
            url = match resolve(&url[origin.len()..], answer.header("location")) {
                path if path.starts_with('/') => format!("{origin}{path}"),
                absolute => absolute,
            };
            answer = web.get(&url).await;
        }
        assert!(answer.status < 500, "{}", answer.text());
        (url.split('?').next().unwrap().to_owned(), answer.text())
    }

    /// The payer's pages: a card, its codes, a PAYON card, a wallet, a card to save.
    async fn pages(&self, heard: &mut Heard) {
        let [master, payon, visa, unknown, _] = PANS;
        let card = |number: &str, cvv: &str, pin: &str| {
            vec![
                ("action", "card".to_owned()),
                ("number", number.to_owned()),
                ("expiry", if number == master { "12/25" } else { "12/27" }.to_owned()),
                ("cvv", cvv.to_owned()),
                ("pin", pin.to_owned()),
                ("holder", "A".to_owned()),
            ]
        };
        let code = |action: &str, name: &'static str, code: &str| {
            vec![("action", action.to_owned()), (name, code.to_owned())]
        };
        for (tx_id, method, forms, state) in [
            (
                "p0",
                "CREDIT_DEBIT",
                vec![
                    card("5204 7300 0000", "86420", ""),
                    card(unknown, "86420", ""),
                    card(visa, "864", ""),
                ],
                "failed",
            ),
            (
                "p1",
                "CREDIT_DEBIT",
                vec![
                    card(master, "100", ""),
                    code("submit", "otp", "975318"),
                    code("submit", "otp", "654321"),
                ],
                "captured",
            ),
            (
                "p2",
                "PAYON",
                vec![
                    vec![
                        ("action", "wallet".to_owned()),
                        ("phone", "855964444781".to_owned()),
                        ("passcode", "864209".to_owned()),
                    ],
                    card(payon, "", "97531864"),
                    card(payon, "", "7531"),
                    card(payon, "", "1234"),
                    vec![("action", "channel".to_owned()), ("channel", "sms".to_owned())],
                    code("otp", "otp", "975318"),
                    code("otp", "otp", "654321"),
                ],
                "captured",
            ),
        ] {
            let data = self.space.register(tx_id, json!({ "paymentMethod": method })).await;
            let url = data["checkoutUrl"].as_str().unwrap().to_owned();
            let (mut place, mut page) = self.browse("GET", &url, &[]).await;
            for mut fields in forms {
                fields.extend(hidden(&page, "step").map(|step| ("step", step)));
                (place, page) = self.browse("POST", &place, &fields).await;
                heard.add(PAGES, page.clone());
                // The issuer's page goes back by itself.
                let back = ["cres", "threeDSSessionData"]
                    .map(|name| hidden(&page, name).map(|value| (name, value)));
                if let [Some(answer), Some(session)] = back {
                    let to = format!("{url}/acs-return");
                    (place, page) = self.browse("POST", &to, &[answer, session]).await;
                    heard.add(PAGES, page.clone());
                }
            }
            assert_eq!(self.space.order(tx_id).await["state"], state, "{tx_id}");
            heard.add(
                format!("the status of {tx_id}"),
                self.web.get(&format!("{url}/status")).await.text(),
            );
        }
        // The page of an order and the app are asked with a card number in the address, too.
        heard.add(
            "a page that is not there",
            self.web.get(&format!("{}/pg/checkout/{visa}", self.space.base_url)).await.text(),
        );
    }

    /// Calls of the control plane with secrets where none belong.
    async fn control(&self, heard: &mut Heard) {
        let [_, _, visa, unknown, rule_card] = PANS;
        let space = &self.space;
        let merchant = &space.merchant().id;
        let rules = json!([{ "id": "by-card", "when": { "card": rule_card }, "then": [{ "reason": "card.lost" }] },
            { "id": "by-code", "when": { "card": rule_card, "field": { "cvv": "1" } }, "then": [] }]);
        heard.add(RULES, space.control_send("PUT", "rules", &rules.to_string()).await.text());
        for (tx_id, card) in [("ruled", rule_card), ("nearly", visa)] {
            space.register(tx_id, json!({})).await;
            let answer = space.pay(tx_id, json!({ "card": card, "cvv": "86420" })).await;
            heard.add("an answer of pay under rules", answer.text());
        }
        let body = space
            .merchant()
            .body(&json!({ "txId": "1", "pin": "975318", "card": visa, "sign": "AAAA" }));
        for (path, body) in [
            (
                "sign/explain",
                json!({ "merchantId": merchant, "operation": "refund", "body": body }),
            ),
            (
                "sign/explain",
                json!({ "merchantId": merchant, "operation": "refund", "body": "{\"pin\":\"975318\"" }),
            ),
            (
                "verify",
                json!({ "expect": [{ "order": { "txId": "1", "state": "refunded" } }, { "request": { "operation": "refund", "atLeast": 9 } }, { "pushback": { "acknowledged": true } }] }),
            ),
            ("snapshots", json!({ "name": "talk" })),
            ("snapshots", json!({ "name": "talk", "pin": "975318" })),
            ("spaces", json!({ "name": "another", "card": unknown, "token": TOKEN })),
        ] {
            heard.add(format!("an answer of {path}"), space.control_post(path, &body).await.text());
        }
        for (method, path) in [("GET", "orders"), ("GET", "nowhere")] {
            let wrong = self.web.with_header("authorization", &format!("Bearer {TOKEN}x"));
            let url = format!("{}/_sim/v1/{path}", space.control_url);
            heard.add("a refused token", wrong.send(method, &url, "").await.text());
        }
        let login = format!("{}/_sim/login", space.control_url.replace("/space/talkative", ""));
        heard.add(
            "a login",
            format!("{:?}", self.web.send("POST", &login, format!("token={TOKEN}")).await),
        );
    }

    /// Everything that can be looked at.
    async fn read(&self, heard: &mut Heard) {
        let space = &self.space;
        let journal = space.control_get("journal?limit=1000").await.expect(200);
        let entries = journal["entries"].as_array().unwrap();
        assert!(entries.len() > 100, "{}", entries.len());
        for entry in entries {
            let path = format!("journal/{}", entry["trace"].as_str().unwrap());
            heard.add(path.clone(), space.control_get(&path).await.text());
        }
        heard.add("the journal", journal.to_string());
        for path in [
            "orders?limit=1000",
            "summary",
            "pushbacks",
            "clock",
            "merchants",
            "lint",
            "coverage",
            "coverage?all=true",
            "snapshots",
            "spaces",
            "fidelity",
            "journal?search=5204730000001003x",
        ] {
            heard.add(path, space.control_get(path).await.text());
        }
        heard.add(RULES, space.control_get("rules").await.text());
        heard.add(RECORDED, space.control_get("scenario").await.text());
        let root = space.control_url.replace("/space/talkative", "");
        for path in ["", "metrics", "version", "openapi.json"] {
            heard.add(
                format!("/_sim/{path}"),
                space.client.get(&format!("{root}/_sim/{path}")).await.text(),
            );
        }
        let mut events = Events::of(space, "?after=0").await;
        space.arm(json!([])).await;
        let mut happened = Vec::new();
        // The rules were armed once before.
        while happened.iter().filter(|name| *name == "rules").count() < 2 {
            let event = events.next().await.unwrap();
            heard.add("the stream of events", event.data.to_string());
            happened.push(event.name);
        }
        assert!(happened.len() > 100, "{happened:?}");
    }

    /// What the command line shows of it.
    async fn command_line(&self, heard: &mut Heard) {
        let url = &self.space.control_url;
        for args in [
            &["explain", "last"][..],
            &["explain", "last", "--format", "json"],
            &["tail", "--from-start", "--max", "100"],
            &["tail", "--from-start", "--max", "100", "--format", "full"],
            &["tail", "--from-start", "--max", "100", "--format", "json"],
        ] {
            let mut command = payon_sim(args);
            command.args(["--url", url, "--token", TOKEN]);
            let told = ended(command).await;
            assert_eq!(told.code, Some(0), "{}", told.err);
            heard.add(args.join(" "), told.out + &told.err);
        }
    }
}

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

/// Drives everything against a gateway that logs all it can; gives what was heard.
async fn drive(gateway: Gateway, stop: impl FnOnce(Gateway) -> Ended) -> (Heard, Vec<PrivateKey>) {
    let mut heard = Heard::default();
    let sink = Sink::start().await;
    let shop = Shop::open(&gateway).await;
    shop.operations(&mut heard, &sink.url("/noti")).await;
    shop.payers(&mut heard).await;
    shop.pages(&mut heard).await;
    shop.control(&mut heard).await;
    shop.read(&mut heard).await;
    shop.command_line(&mut heard).await;
    let restored = shop.space.control_post("snapshots/talk/restore", &json!({})).await;
    heard.add("a restored snapshot", restored.text());
    let keys = shop.private_keys();
    drop(shop);
    let Ended { out, err, .. } = stop(gateway);
    heard.add("stdout", out);
    heard.add("stderr", err);
    (heard, keys)
}

fn nothing_leaked(heard: &Heard, keys: &[PrivateKey]) {
    let leaks = heard.leaks(keys);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

const LOUD: [&str; 4] = ["--log", "trace", "--control-token", TOKEN];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_loud_gateway_says_holds_a_secret() {
    let (heard, keys) = drive(Gateway::start(&LOUD), Gateway::stop).await;
    let (_, log) = heard.0.last().unwrap();
    assert!(log.contains("\"level\":\"DEBUG\""), "it was not loud: {log}");
    nothing_leaked(&heard, &keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_on_a_terminal() {
    if !has_tool("script") {
        return;
    }
    // `script` gives a program a terminal of its own.
    let binary = payon_sim(&[]).get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", "exec script -qefc \"$BINARY serve --port 0 $*\" /dev/null", "sh"]);
    command.env("BINARY", binary).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let gateway = Gateway::start_as(command, &LOUD);
    let (heard, keys) = drive(gateway, |gateway| {
        let ready: Value = serde_json::from_str(&gateway.ready_line).unwrap();
        tool("sh", &["-c", &format!("kill -TERM {}", ready["pid"])], b"").ok();
        gateway.wait()
    })
    .await;
    let log = heard.0.iter().find(|(place, _)| place == "stdout").unwrap();
    assert!(log.1.contains("DEBUG"), "it was not loud: {}", log.1);
    nothing_leaked(&heard, &keys);
}

#[test]
fn reports_of_stories_hold_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (report, scenario) = (folder.path().join("report"), folder.path().join("card.yaml"));
    let [master, _, visa, ..] = PANS;
    let text = format!(
        r#"
version: 1
id: CARD
title: Cards
drive:
  - bind: {{ clientId: "01", card: "{master}" }}
  - register
  - pay: {{ card: "{visa}", otp: "975318" }}
  - register: {{ order: two }}
  - pay: {{ order: two, card: "{master}", otp: "975318" }}
  - idle
expect:
  - order: {{ state: refunded }}
  - request: {{ operation: bindingRegister, exactly: 0 }}
"#
    );
    fs::write(&scenario, text).unwrap();
    let shown = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (report, scenario) = (shown(&report), shown(&scenario));
    let args = ["run", "S074", &scenario, "--mistake", "leaks-card", "--report", &report];
    let told = run(&args);
    assert_eq!(told.code, Some(1), "{}\n{}", told.out, told.err);
    let mut heard = Heard::default();
    heard.add("what run prints", told.out + &told.err);
    heard.add("what run prints as JSON", run(&[&args[..], &["--format", "json"]].concat()).out);
    // A mistake in a scenario quotes the line that it is in.
    fs::write(&scenario, format!("version: 1\ndrive:\n  - bind: {{ card: \"{master}\" }}\n"))
        .unwrap();
    let told = run(&["check", &scenario]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    heard.add("what check prints", told.out + &told.err);
    for file in ["report.json", "junit.xml", "report.html"] {
        let path = std::path::Path::new(&report).join(file);
        heard.add(file, fs::read_to_string(path).unwrap());
    }
    nothing_leaked(&heard, &[]);
}
