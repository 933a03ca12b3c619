//! The verbs that steer a running gateway: space, clock, fault, rules, scenario, merchants, snapshot, reset, wait, pushbacks
//! and resend, each against a server that runs.

use std::fs;

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::binary::{Ended, events, payon_sim, run};
use crate::support::{Answer, Raw, Reply, Setup, Sim, Sink, SpaceHandle};

/// Runs a verb, with the words of `line`, at a space.
async fn told(space: &SpaceHandle, line: &str) -> Ended {
    with_input(space, line, "").await
}

async fn with_input(space: &SpaceHandle, line: &str, input: &str) -> Ended {
    let mut command = payon_sim(&line.split_whitespace().collect::<Vec<_>>());
    command.env("PAYON_SIM_CONTROL_URL", &space.control_url);
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || events(command, input.as_bytes())).await.unwrap()
}

/// What a verb printed that went well.
async fn ok(space: &SpaceHandle, line: &str) -> String {
    told(space, line).await.ok()
}

/// The same as JSON, asked for in both ways.
async fn as_json(space: &SpaceHandle, line: &str) -> Value {
    let text = ok(space, &format!("{line} --format json")).await;
    serde_json::from_str(&text).unwrap()
}

fn members<'v>(list: &'v Value, name: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}

async fn armed(space: &SpaceHandle) -> Value {
    space.control_get("rules").await.expect(200)["rules"].clone()
}

async fn status(space: &SpaceHandle) -> Answer {
    space.call(Operation::Status, &json!({ "txId": "1", "amount": "1" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_moved_and_brought_back() {
    let sim = Sim::start().await;
    let space = sim.space("clock").await;
    assert_eq!(
        ok(&space, "clock").await,
        "2026-03-02T10:00:00.000+07:00, frozen, nothing is due\n"
    );
    let advanced = ok(&space, "clock advance 10h").await;
    assert!(advanced.starts_with("2026-03-02T20:00:00.000+07:00, frozen"), "{advanced}");
    let set = ok(&space, "clock set 2026-12-31T23:59:00+07:00").await;
    assert!(set.starts_with("2026-12-31T23:59:00.000+07:00, frozen"), "{set}");
    assert!(ok(&space, "clock speed 60").await.contains("running 60.0 times as fast"));
    assert!(ok(&space, "clock resume").await.contains("running at real speed"));
    assert!(ok(&space, "clock freeze").await.contains("frozen"));
    let until_idle = as_json(&space, "clock until-idle").await;
    assert_eq!(until_idle["frozen"], true, "{until_idle}");
    for wrong in ["clock advance 0s", "clock advance 999999999d"] {
        let ended = told(&space, wrong).await;
        assert!(ended.code == Some(2) && ended.err.contains("20,000 years"), "{wrong}: {ended:?}");
    }
    for wrong in ["clock advance soon", "clock set tomorrow", "clock speed -1"] {
        let ended = told(&space, wrong).await;
        assert!(matches!(ended.code, Some(1 | 2)) && !ended.err.is_empty(), "{wrong}: {ended:?}");
    }
    // Back to the machine's time, however far the clock was.
    let machine = || payon_sim::base::wall_clock().rfc3339();
    let (before, back, after) = (machine(), as_json(&space, "clock back").await, machine());
    let now = back["now"].as_str().unwrap();
    assert!((before.as_str()..=after.as_str()).contains(&now), "{before} {now} {after}");
    assert_eq!((&back["frozen"], &back["scale"]), (&json!(false), &json!(1.0)));
    let both = space.control_post("clock", &json!({ "real": true, "advance": "1h" })).await;
    assert_eq!(both.problem(), (422, "refused".to_owned()));
    assert_eq!(both.json()["member"], "advance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_made_shown_copied_and_deleted() {
    let sim = Sim::start().await;
    let home = sim.running_space("home").await;
    let made = ok(&home, "space create shop --seed 7 --merchant SHOP1").await;
    for part in ["space        shop\n", "seed         7\n", "SHOP1 (termId SIMT0001)"] {
        assert!(made.contains(part), "{made}");
    }
    let again = told(&home, "space create shop").await;
    assert!(
        again.code == Some(1) && again.err.contains("a space named \"shop\" exists"),
        "{again:?}"
    );
    let kept = as_json(&home, "space create shop --if-exists keep").await;
    assert_eq!((&kept["seed"], &kept["merchants"][0]["merchantId"]), (&json!(7), &json!("SHOP1")));

    // The variables steer the verbs that follow.
    let env = ok(&home, "space create other --noti-url http://127.0.0.1:9/noti --env").await;
    let value = |name: &str| {
        let line = env.lines().find_map(|line| line.strip_prefix(&format!("PAYON_SIM_{name}=")));
        line.unwrap_or_else(|| panic!("{name} is not in {env}")).to_owned()
    };
    assert_eq!(value("URL"), format!("{}/space/other", sim.url));
    assert_eq!(value("SPACE"), "other");
    let other = SpaceHandle { control_url: value("CONTROL_URL"), ..home.clone() };
    let merchants = as_json(&other, "merchants list").await["merchants"].clone();
    let id = value("MERCHANT_ID");
    let merchant = merchants.as_array().unwrap().iter().find(|it| it["merchantId"] == id).unwrap();
    assert_eq!(merchant["notiUrl"], "http://127.0.0.1:9/noti");
    assert_eq!(merchant["publicKey"], value("PUBLIC_KEY"));
    assert!(payon_sim::crypto::PrivateKey::parse(&value("PRIVATE_KEY")).is_ok());

    home.register("T1", json!({})).await;
    let copied = ok(&home, "space create copy --copy home").await;
    assert!(copied.contains("/space/copy"), "{copied}");
    let copy = as_json(&home, "space show copy").await;
    assert_eq!((&copy["orders"], &copy["seed"]), (&json!(1), &home.made["seed"]));
    assert_eq!(
        as_json(&home, "snapshot list").await["snapshots"],
        json!([]),
        "none is left behind"
    );
    ok(&home, "snapshot save empty").await;
    home.register("T2", json!({})).await;
    ok(&home, "space create earlier --copy home --snapshot empty").await;
    assert_eq!(as_json(&home, "space show earlier").await["orders"], 1);

    // Without a name it is the one that is talked to.
    assert_eq!(as_json(&home, "space show").await["name"], "home");
    let listed = ok(&home, "space list").await;
    for name in ["default", "home", "shop", "other", "copy"] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
    assert_eq!(ok(&home, "space delete shop").await, "deleted: shop\n");
    let gone = told(&home, "space show shop").await;
    assert!(gone.code == Some(1) && gone.err.contains("no space named \"shop\""), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_down_for_half_a_minute_from_now() {
    let sim = Sim::start().await;
    let space = sim.space("down").await;
    space.advance(3_600_000).await;
    space.arm(json!([{ "id": "own", "then": [{ "status": 500 }] }])).await;
    let told = ok(&space, "fault down --status 503 --for 30s").await;
    assert!(told.starts_with("down, for 30s from now: "), "{told}");
    assert!(told.contains("payon-sim fault clear down"), "{told}");
    assert_eq!(status(&space).await.status, 503, "it comes before other rules");
    let listed = ok(&space, "fault --list").await;
    let line = listed.lines().find(|line| line.starts_with("down ")).unwrap();
    assert!(
        line.contains("for 30s from 2026-03-02T11:00") && line.contains("calls met: 1"),
        "{line}"
    );
    space.advance(29_999).await;
    assert_eq!(status(&space).await.status, 503);
    space.advance(1).await;
    assert_eq!(status(&space).await.status, 500, "the half minute is over");

    // It counts anew when it is armed again, and is there once.
    ok(&space, "fault down --for 30s").await;
    assert_eq!(members(&armed(&space).await, "id"), ["fault-down", "own"]);
    let mut raw =
        Raw::send(&space, Operation::Status, &json!({ "txId": "1", "amount": "1" })).await;
    assert!(raw.end().await.is_reset);
    ok(&space, "fault slow --by 1m").await;
    assert_eq!(ok(&space, "fault clear down").await, "removed: fault-down\n");
    assert_eq!(ok(&space, "fault clear").await, "removed: fault-slow\n");
    assert_eq!(ok(&space, "fault clear").await, "no fault is armed\n");
    let none = with_input(&space, "fault clear down", "").await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""));
    assert_eq!(none.err, "nothing was taken away: down is not armed\n");
    assert_eq!(members(&armed(&space).await, "id"), ["own"], "rules of one's own stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn push_backs_go_wrong_as_the_fault_says() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("pushed").await, Sink::start().await);
    let pushbacks = async |tx_id: &str| -> Vec<Value> {
        space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
        space.pay(tx_id, json!({})).await.expect(200);
        space.order(tx_id).await["pushbacks"].as_array().unwrap().clone()
    };
    ok(&space, "fault duplicate --copies 3 --tx T1").await;
    assert_eq!((pushbacks("T1").await.len(), pushbacks("T2").await.len()), (3, 1));
    ok(&space, "fault clear").await;
    ok(&space, "fault lose-pushback --times 1").await;
    assert_eq!((pushbacks("T3").await.len(), pushbacks("T4").await.len()), (0, 1));
    ok(&space, "fault late-pushback --by 10m").await;
    let late = pushbacks("T5").await;
    assert_eq!(late[0]["nextAttemptAt"], "2026-03-02T10:10:00.000+07:00", "{late:?}");
    ok(&space, "fault clear").await;
    ok(&space, "fault wrong-pushback").await;
    assert_eq!(pushbacks("T6").await[0]["content"], "wrong-status");
    ok(&space, "fault clear").await;
    ok(&space, "fault forge-pushback --tx T7").await;
    space.register("T7", json!({ "noti_url": sink.url("/") })).await;
    let forged = space.order("T7").await;
    assert_eq!(
        (&forged["state"], forged["pushbacks"].as_array().unwrap().len()),
        (&json!("registered"), 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_payments_go_wrong_as_the_fault_says() {
    let sim = Sim::start().await;
    let space = sim.space("calls").await;
    space.register("T1", json!({})).await;
    ok(&space, "fault decline --code 5051 --tx T1").await;
    assert_eq!(space.pay("T1", json!({})).await.expect(200)["reason"], "card.insufficient-funds");
    space.register("T2", json!({})).await;
    space.pay("T2", json!({})).await.expect(200);
    let two = json!({ "txId": "T2" });
    ok(&space, "fault wrong-signature --times 1").await;
    let refused = space.call_signed(Operation::Refund, &two).await;
    assert_eq!(refused.json()["resultCode"], "2102", "{}", refused.text());
    ok(&space, "fault lose-answer --operation /pg/refund --times 1").await;
    let mut lost = Raw::send(&space, Operation::Refund, &two).await;
    assert!(lost.end().await.is_reset);
    assert_eq!(space.order("T2").await["state"], "refunded", "it was booked");
    let again = space.call_signed(Operation::Refund, &two).await.expect(200);
    assert_eq!(again["resultCode"], "3103", "{again}");

    for (line, part) in [
        ("fault dwon", "tip: a similar value exists: 'down'"),
        ("wait pushback", "tip: did you mean pushback-acknowledged or pushback-exhausted?\n"),
        ("fault down --copies 3", "--copies does not go with down, which takes --status"),
        ("fault hang --operation connect", "start the gateway with --control-port"),
        ("space delete", "<NAME>"),
        ("fault decline --code 77", "no reason has the code \"77\""),
        ("fault decline --reason card.lots", "did you mean `card.lost`?"),
        ("fault refuse --operation refnd", "did you mean `refund`?"),
        ("fault", "<FAULT>"),
    ] {
        let ended = told(&space, line).await;
        assert!(ended.code == Some(2) && ended.err.contains(part), "{line}: {ended:?}");
    }
    for line in ["fault down --for soon", "fault down --for 0s"] {
        let ended = told(&space, line).await;
        assert!(ended.code == Some(2) && ended.err.contains("a length of time"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_put_added_and_removed() {
    let sim = Sim::start().await;
    let space = sim.space("rules").await;
    assert_eq!(ok(&space, "rules list").await, "no rule is armed\n");
    let rule = "{ when: { operation: refund }, then: [{ latency: 5s }] }";
    let put = with_input(&space, "rules put -", rule).await;
    assert!(put.err.is_empty() && put.out.contains("rule-1  0       0      0        "), "{put:?}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("more.yaml");
    fs::write(
        &file,
        "- { id: copies, when: { operation: register }, then: [{ pushback: { copies: 2 } }] }",
    )
    .unwrap();
    let added = told(&space, &format!("rules add {}", file.display())).await;
    assert_eq!(added.code, Some(0));
    assert!(
        added.err.starts_with("warning: rule \"copies\": `pushback` cannot act at register"),
        "{added:?}"
    );
    // What was printed is taken again.
    let listed = ok(&space, "rules list --json").await;
    let again = with_input(&space, "rules put - --json", &listed).await.ok();
    let (again, listed): (Value, Value) =
        (serde_json::from_str(&again).unwrap(), serde_json::from_str(&listed).unwrap());
    assert_eq!(again["rules"], listed["rules"]);
    assert_eq!(ok(&space, "rules remove rule-1").await, "removed: rule-1\n");
    with_input(&space, "rules add -", rule).await;
    let half = told(&space, "rules remove nope rule-1").await;
    assert_eq!((half.code, half.out.as_str()), (Some(1), "removed: rule-1\n"), "{half:?}");
    assert!(half.err.contains("no rule \"nope\""), "{half:?}");
    let unknown = told(&space, "rules remove copis").await;
    assert!(unknown.code == Some(1) && unknown.err.contains("did you mean copies?"), "{unknown:?}");
    let wrong = with_input(&space, "rules put -", "- { then: [{ latnecy: 1s }] }").await;
    assert!(wrong.code == Some(1) && wrong.err.contains("did you mean `latency`?"), "{wrong:?}");
    assert_eq!(members(&armed(&space).await, "id"), ["copies"], "mistakes change nothing");
    ok(&space, "rules clear").await;
    assert_eq!(armed(&space).await, json!([]));
    let missing = told(&space, "rules put nowhere.yaml").await;
    assert!(
        missing.code == Some(2) && missing.err.contains("cannot read rules from nowhere.yaml"),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_armed_and_disarmed() {
    let sim = Sim::start().await;
    let space = sim.space("armed").await;
    space.arm(json!([{ "id": "own", "when": { "operation": "status" }, "then": [{ "latency": "1s" }] }])).await;
    let told_armed = told(&space, "scenario arm S014").await;
    assert!(told_armed.err.contains("payon-sim scenario disarm S014"), "{told_armed:?}");
    let scenarios: Vec<Value> = armed(&space)
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["scenario"].clone())
        .collect();
    assert_eq!(
        scenarios,
        [json!("S014"), json!(null)],
        "it comes first, and its rule says whose it is"
    );
    assert_eq!(ok(&space, "scenario disarm S014").await, "removed: lose-the-answer\n");
    let none = told(&space, "scenario disarm S014").await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""));
    assert_eq!(none.err, "nothing was taken away: S014 is not armed\n");

    // A file of one's own, whose rules have no names; armed twice it is there once.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.yaml");
    let text = "version: 1\nid: X\ntitle: t\nseed: 1\nrules:\n  - then: [{ latency: 1s }]\n    when: { operation: refund }\n";
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    for _ in 0..2 {
        let ended = told(&space, &format!("scenario arm {file}")).await;
        assert!(ended.err.contains("`seed` of the scenario was not applied"), "{ended:?}");
    }
    assert_eq!(members(&armed(&space).await, "id"), ["rule-1", "own"]);
    assert_eq!(ok(&space, &format!("scenario disarm {file}")).await, "removed: rule-1\n");
    let none = told(&space, &format!("scenario disarm {file} --json")).await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), "{\n  \"removed\": []\n}\n"));
    assert_eq!(none.err, format!("nothing was taken away: {file} is not armed\n"));
    ok(&space, "scenario disarm").await;
    assert_eq!(armed(&space).await, json!([]));

    for (line, code, part) in [
        ("scenario arm S14", 1, "did you mean S014?"),
        ("scenario disarm s014", 1, "did you mean S014?"),
        ("scenario show s014", 2, "did you mean S014?"),
        ("scenario arm nowhere.yaml", 2, "cannot read the scenario from nowhere.yaml"),
        ("scenario disrm S014", 2, "a similar subcommand exists: 'disarm'"),
    ] {
        let ended = told(&space, line).await;
        assert!(ended.code == Some(code) && ended.err.contains(part), "{line}: {ended:?}");
    }
    let shown = ok(&space, "scenario show S014").await;
    assert_eq!(
        shown,
        fs::read_to_string("scenarios/S014-charged-but-the-answer-was-lost.yaml").unwrap()
    );
    assert_eq!(run(&["scenario", "list"]).ok(), run(&["scenarios"]).ok());
    space.register("T1", json!({})).await;
    space.pay("T1", json!({})).await.expect(200);
    let recorded = ok(&space, "scenario record").await;
    assert!(recorded.contains("drive:\n  - register"), "{recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_gets_a_key_and_an_address_of_its_own() {
    let sim = Sim::start().await;
    let space = sim.make_space(&json!({ "name": "own", "merchants": ["C0000143"] })).await;
    let key = run(&["keys", "generate", "--bits", "1024", "--pem"]).ok();
    let public = with_input(&space, "keys public", &key).await.ok();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    fs::write(&file, &key).unwrap();
    let line =
        format!("merchants set C0000143 --key {} --noti-url http://127.0.0.1:9/n", file.display());
    let set = ok(&space, &line).await;
    assert!(set.contains("private half known  false") && set.contains("1024 bits"), "{set}");
    let shown = as_json(&space, "merchants show C0000143").await;
    assert_eq!(
        (&shown["publicKey"], &shown["notiUrl"]),
        (&json!(public.trim_end()), &json!("http://127.0.0.1:9/n"))
    );
    let set =
        as_json(&space, "merchants set C0000143 --sign-mode off --auth-token hush --pin true")
            .await;
    assert_eq!(
        (&set["signMode"], &set["tokenRequired"], &set["pinEnabled"]),
        (&json!("off"), &json!(true), &json!(true))
    );
    let line =
        "merchants set C0000143 --sign-mode profile --auth-token none --noti-url none --pin false";
    let set = as_json(&space, line).await;
    assert_eq!(
        (&set["signMode"], &set["notiUrl"], &set["tokenRequired"]),
        (&json!(null), &json!(null), &json!(false))
    );
    for (line, code, part) in [
        ("merchants set C000014 --pin true", 1, "did you mean C0000143?"),
        ("merchants show C000014", 1, "did you mean C0000143?"),
        ("merchants set C0000143 --sign-mode requird", 2, "did you mean required?"),
        ("merchants set C0000143 --noti-url shop", 1, "not a URL that can be called"),
        ("merchants set C0000143 --key nowhere.pem", 2, "cannot read a key from nowhere.pem"),
    ] {
        let ended = told(&space, line).await;
        assert!(ended.code == Some(code) && ended.err.contains(part), "{line}: {ended:?}");
    }
    let listed = ok(&space, "merchants list").await;
    assert!(listed.lines().any(|line| line.starts_with("C0000143")), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_is_added_to_a_space_that_is_there() {
    let sim = Sim::start().await;
    let (space, other) = (sim.space("grown").await, sim.space("neighbour").await);
    let added =
        ok(&space, "merchants add SHOP9 --terminal T9 --noti-url http://127.0.0.1:9/n").await;
    assert_eq!(added, "added: SHOP9 (termId T9)\n");
    // It is found by its id alone, and signs with the key that was handed over.
    let order = json!({
        "merchantId": "SHOP9", "termId": "T9", "txId": "1", "trt": "10", "currency": "USD",
        "amount": "1", "paymentMethod": "CREDIT_DEBIT",
    });
    sim.client.post(&format!("{}/pg/order/register", sim.url), &order).await.expect(200);
    let order = space.control_get("orders/SHOP9/1").await.expect(200);
    assert_eq!(order["noPushback"], json!(null), "{order}");
    let made_up = as_json(&space, "merchants add").await;
    assert!(made_up["merchantId"].as_str().unwrap().starts_with("SIM"), "{made_up}");
    assert_ne!(made_up["merchantId"], space.merchant().id);
    let private = made_up["privateKey"].as_str().unwrap();
    assert!(payon_sim::crypto::PrivateKey::parse(private).is_ok());
    for (at, line, part) in [
        (&space, "merchants add SHOP9", "merchant \"SHOP9\" is in the space already"),
        (&other, "merchants add SHOP9", "belongs to another space"),
        (&space, "merchants add a/b", "cannot be a merchantId"),
        (&space, "merchants add S --noti-url shop", "not a URL that can be called"),
    ] {
        let ended = told(at, line).await;
        assert!(ended.code == Some(1) && ended.err.contains(part), "{line}: {ended:?}");
    }
    ok(&space, "reset").await;
    assert_eq!(told(&space, "merchants show SHOP9").await.code, Some(1), "a reset takes it away");
    ok(&space, "merchants add SHOP9").await;
}

#[test]
fn what_is_listed_is_to_be_had_as_json() {
    let json = |args: &[&str]| -> Value {
        let text = run(&[args, &["--format", "json"]].concat()).ok();
        assert_eq!(run(&[args, &["--json"]].concat()).ok(), text, "{args:?}");
        serde_json::from_str(&text).unwrap()
    };
    let scenarios = json(&["scenarios"]);
    let s014 = scenarios.as_array().unwrap().iter().find(|it| it["id"] == "S014").unwrap();
    assert_eq!(s014["title"], "Charged, but the answer was lost");
    assert_eq!(json(&["check", "S014"])["checked"], 1);
    let cards = json(&["profile", "cards"]);
    assert!(cards[0]["number"].as_str().is_some_and(|number| number.len() >= 12), "{cards}");
    let reasons = json(&["profile", "reasons"]);
    let success = json!({
        "reason": "success", "code": "0000", "message": "Success", "http": "200", "mark": "D",
        "onlyOn": "", "means": "It worked.",
    });
    assert_eq!(reasons[0], success);
    let settings = json(&["config", "show", "--port", "7", "--control-token", "hush"]);
    assert_eq!(settings["port"], json!({ "value": 7, "from": "flag --port" }));
    assert_eq!(settings["control-token"]["value"], "(hidden)");
    let key = run(&["keys", "generate", "--bits", "1024"]).ok();
    let facts = crate::binary::run_with(&["keys", "inspect", "--json"], &key).ok();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(
        (&facts["bits"], &facts["isWeak"], &facts["hasPrivateKey"]),
        (&json!(1024), &json!(true), &json!(true))
    );
    assert!(!facts.to_string().contains(key.trim_end()), "the private half is not shown");
    let both = run(&["scenarios", "--json", "--format", "text"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_saved_brought_back_and_reset() {
    let sim = Sim::start().await;
    let space = sim.space("saved").await;
    space.register("T1", json!({})).await;
    let saved = ok(&space, "snapshot save before").await;
    assert_eq!(saved, "saved: before, orders: 1, clock 2026-03-02T10:00:00.000+07:00\n");
    assert_eq!(told(&space, "snapshot save before").await.code, Some(1));
    ok(&space, "snapshot save before --if-exists keep").await;
    let reset = ok(&space, "reset").await;
    assert!(reset.starts_with("the space saved is reset"), "{reset}");
    let orders =
        async || space.control_get("orders").await.expect(200)["orders"].as_array().unwrap().len();
    assert_eq!(orders().await, 0);
    ok(&space, "snapshot restore before").await;
    assert_eq!(orders().await, 1);
    let file = ok(&space, "snapshot export before").await;
    let imported = with_input(&space, "snapshot import again", &file).await.ok();
    assert!(imported.starts_with("imported: again, orders: 1"), "{imported}");
    let listed = ok(&space, "snapshot list").await;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert_eq!(ok(&space, "snapshot delete again").await, "deleted: again\n");
    let unknown = told(&space, "snapshot restore befor").await;
    assert!(unknown.code == Some(1) && unknown.err.contains("did you mean before?"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_is_waited_for_and_said_what_came() {
    let sim = Sim::start().await;
    let space = sim.running_space("waited").await;
    let id = space.merchant().id.clone();
    let url = format!("{}/_sim/inbox/shop", space.base_url);
    let in_vain = told(&space, "wait order-final --tx T1 --timeout 10ms").await;
    assert_eq!((in_vain.code, in_vain.out.as_str()), (Some(1), ""));
    assert!(
        in_vain.err.contains("not within 10 ms; there is no order of this txId"),
        "{in_vain:?}"
    );
    space.register("T1", json!({ "noti_url": url })).await;
    let request = ok(&space, "wait request --operation register").await;
    assert!(
        request
            .starts_with(&format!("request: register of {id}, order T1: HTTP 200 success; trace ")),
        "{request}"
    );
    // It is waited for before it happens.
    let (paid, order) = tokio::join!(
        space.pay("T1", json!({})),
        ok(&space, "wait order-final --tx T1 --timeout 20s"),
    );
    paid.expect(200);
    assert_eq!(order, format!("order-final: order T1 of {id} is captured, 1.00 USD\n"));
    let inbox = ok(&space, "wait inbox --box shop --tx T1").await;
    assert!(
        inbox.starts_with("inbox: box shop: order T1, attempt 1, answered 200: {\"txId\":\"T1\""),
        "{inbox}"
    );
    let taken = ok(&space, "wait pushback-acknowledged --tx T1").await;
    assert_eq!(
        taken,
        "pushback-acknowledged: push-back 1 (approved) of order T1 is acknowledged, attempts: 1\n"
    );
    assert!(ok(&space, "wait idle").await.starts_with("idle: 20"));
    let json = as_json(&space, "wait idle").await;
    assert_eq!(json["event"], "idle");
    let late = told(&space, "wait pushback-acknowledged --tx T1 --after 1 --timeout 10ms").await;
    assert_eq!(late.code, Some(1), "{late:?}");

    let merchant = told(&space, "wait order-final --merchant C000014 --tx T1 --timeout 10ms").await;
    assert!(
        merchant.code == Some(1) && merchant.err.contains("there is no merchant \"C000014\""),
        "{merchant:?}"
    );
    for (line, code, part) in [
        ("wait order-finl", 2, "a similar value exists: 'order-final'"),
        ("wait order-final", 1, "needs the txId"),
        ("wait request --operation refnd", 2, "did you mean `refund`?"),
        ("wait idle --timeout soon", 2, "a length of time such as 30s"),
    ] {
        let ended = told(&space, line).await;
        assert!(ended.code == Some(code) && ended.err.contains(part), "{line}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn push_backs_are_listed_and_sent_again() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("again").await, Sink::start().await);
    sink.reply(Reply::Status(500, ""));
    for tx_id in ["T1", "T2"] {
        space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
        space.pay(tx_id, json!({})).await.expect(200);
    }
    ok(&space, "clock until-idle").await;
    let listed = ok(&space, "pushbacks --tx T1").await;
    let rows: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2, "{listed}");
    assert_eq!(
        (rows[1][0], rows[1][3], rows[1][4], rows[1][5]),
        ("1", "T1", "approved", "exhausted")
    );
    assert!(listed.contains("500"), "{listed}");
    sink.reply(Reply::Status(200, ""));
    let one = ok(&space, "resend 1").await;
    assert!(one.starts_with("sent again: push-back 1 (approved) of order T1"), "{one}");
    ok(&space, "clock until-idle").await;
    let states = async || {
        let page = space.control_get("pushbacks").await.expect(200);
        members(&page["pushbacks"], "state").join(" ")
    };
    assert_eq!(states().await, "acknowledged exhausted");
    let failed = ok(&space, "resend --failed").await;
    assert!(
        failed.starts_with("sent again: push-back 2") && failed.lines().count() == 1,
        "{failed}"
    );
    ok(&space, "clock until-idle").await;
    assert_eq!(states().await, "acknowledged acknowledged");
    let none = told(&space, "resend --failed").await;
    assert!(none.code == Some(1) && none.err.contains("there is no such push-back"), "{none:?}");
    let half = told(&space, "resend 9 1").await;
    assert!(half.code == Some(1) && half.out.starts_with("sent again: push-back 1 "), "{half:?}");
    let unknown = told(&space, "resend 9").await;
    assert!(unknown.code == Some(1) && unknown.err.contains("no push-back \"9\""), "{unknown:?}");
    assert_eq!(told(&space, "resend").await.code, Some(2));
    assert_eq!(as_json(&space, "pushbacks").await.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_and_steered_in_one_line() {
    let sim = Sim::start().await;
    let space = sim.space("line").await;
    space.register("T1", json!({})).await;
    let id = &space.merchant().id;
    let paid = ok(&space, &format!("pay --merchant {id} --tx T1")).await;
    assert!(
        paid.starts_with(&format!("success: order T1 of {id} is captured, 1.00 USD; trace ")),
        "{paid}"
    );
    assert_eq!(paid.lines().count(), 1);
    let line = format!("trigger --merchant {id} --tx T1 settle --format json");
    let settled: Value = serde_json::from_str(&ok(&space, &line).await).unwrap();
    assert_eq!(settled["order"]["settled"], true);
    space.register("T2", json!({ "paymentMethod": "BAKONG_KHQR" })).await;
    let late = ok(&space, &format!("pay --merchant {id} --tx T2 --late")).await;
    assert!(
        late.starts_with(&format!("success: order T2 of {id} is captured, 1.00 USD")),
        "{late}"
    );
    let order = space.order("T2").await;
    let changes = members(&order["events"], "change").join(" ");
    assert_eq!(changes, "registered expired approved");
    let unknown = told(&space, &format!("pay --merchant {id} --tx T9")).await;
    assert!(
        unknown.code == Some(1)
            && unknown.err.contains(&format!("merchant {id} has no order \"T9\"")),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verbs_find_the_control_plane_with_its_token() {
    let sim =
        Sim::with(Setup { control_port: true, token: Some("sesame"), ..Setup::default() }).await;
    let told = async |more: &[&str]| {
        let args = [&["space", "list", "--url", &sim.url], more].concat();
        let command = payon_sim(&args);
        tokio::task::spawn_blocking(move || events(command, b"")).await.unwrap()
    };
    let listed = told(&["--token", "sesame"]).await.ok();
    assert!(listed.contains("default"), "{listed}");
    assert_eq!(told(&[]).await.code, Some(2));
}

#[test]
fn the_help_shows_the_verbs_in_groups() {
    let help = run(&["--help"]).ok();
    let mut at = 0;
    for heading in [
        "Run the gateway:\n  serve ",
        "Steer a running gateway:\n  space ",
        "See what a running gateway does:\n  tail ",
        "Test a merchant:\n  run ",
        "Signatures and keys:\n  sign ",
        "Learn:\n  scenarios ",
    ] {
        let found = help[at..].find(heading);
        at += found.unwrap_or_else(|| panic!("{heading:?} is not in {help}"));
    }
    assert!(!help.contains("\nOthers:"), "{help}");
    assert_eq!(run(&["help"]).ok(), help);
    // Verbs, mistakes and operations that were nearly right.
    for (args, part) in [
        (&["scenaro"][..], "scenario"),
        (&["run", "S014", "--mistake", "repeat-refund"], "did you mean repeats-refund?"),
        (&["run", "s014"], "did you mean S014?"),
        (&["sign", "--merchant", "C0000143", "--operation", "refnd"], "did you mean `refund`?"),
    ] {
        let ended = run(args);
        assert!(ended.code == Some(2) && ended.err.contains(part), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_speaks_of_commands_and_options() {
    let sim = Sim::start().await;
    let space = sim.space("refusals").await;
    let cases = [
        ("space create default", "say --if-exists keep; `reset` begins it anew\n"),
        ("space show nope", "refused: there is no space named \"nope\"; `space list` lists them\n"),
        ("merchants set NOPE --noti-url http://127.0.0.1:1/", "`merchants list` lists them\n"),
        ("rules remove nope", "`rules list` lists those that are armed\n"),
        ("snapshot restore nope", "`snapshot list` lists them\n"),
        ("wait idle --box b", "refused: box: only goes with wait inbox\n"),
    ];
    for (line, end) in cases {
        let ended = told(&space, line).await;
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.err);
        assert!(ended.err.ends_with(end), "{line}: {}", ended.err);
    }
    let twice = told(&space, "space create one --space two").await;
    assert_eq!(twice.code, Some(2));
    assert!(twice.err.contains("two names, one and --space two"), "{}", twice.err);
}

#[test]
fn an_operation_is_known_by_its_path() {
    let body = r#"{"merchantId":"C0000143","txId":"T1"}"#;
    for name in ["status", "/pg/transaction/status", "transaction/status"] {
        let args = ["sign", "--merchant", "C0000143", "--operation", name];
        let ended = crate::binary::run_with(&args, body);
        assert!(
            ended.code == Some(0) && ended.err.contains("status does not look at sign"),
            "{ended:?}"
        );
    }
}
