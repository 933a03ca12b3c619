//! `payon-sim doctor`: what it finds in settings that are right, and in each that is wrong.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use payon_sim::crypto::PrivateKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Ended, ended, payon_sim};
use crate::support::{Reply, Setup, Sim, Sink, SpaceHandle};

/// A merchant's settings in a folder.
struct Desk {
    space: SpaceHandle,
    dir: TempDir,
}

impl Desk {
    /// A space with two merchants, whose clock shows real time, and the keys of the first.
    async fn new(sim: &Sim) -> Self {
        let space = sim.make_space(&json!({ "name": "desk", "merchants": 2 })).await;
        let context = Self { space, dir: tempfile::tempdir().unwrap() };
        context.write("key", context.made(0, "privateKey"));
        context.write("gateway", context.space.made["gatewayPublicKey"].as_str().unwrap());
        context
    }

    fn made(&self, merchant: usize, name: &str) -> &str {
        self.space.made["merchants"][merchant][name].as_str().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    async fn run(&self, args: &[&str]) -> Ended {
        let mut command = payon_sim(&["doctor", "--url", &self.space.control_url]);
        command.args(args).current_dir(self.dir.path());
        ended(command).await
    }

    /// The verdict on one thing, with what was found and advised.
    async fn verdict(&self, check: &str, args: &[&str]) -> (String, String) {
        let merchant = ["--merchant", &self.space.merchant().id, "--format", "json"];
        let told = self.run(&[&merchant[..], args].concat()).await;
        let report: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
        let checks = report["checks"].as_array().unwrap();
        let failed = checks.iter().any(|check| check["verdict"] == "fail");
        assert_eq!((told.code, &report["ok"]), (Some(i32::from(failed)), &json!(!failed)));
        // The last word on a thing counts.
        let found = checks.iter().rev().find(|found| found["check"] == check).unwrap();
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("found") + " -> " + &text("advice"))
    }
}

#[track_caller]
fn says((verdict, told): &(String, String), expected: &str, parts: &[&str]) {
    assert_eq!(verdict, expected, "{told}");
    for part in parts {
        assert!(told.contains(part), "{part:?} is not in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_where_all_is_well() {
    let sim = Sim::start().await;
    let (context, sink) = (Desk::new(&sim).await, Sink::start().await);
    sink.reply(Reply::Status(405, ""));
    let id = &context.space.merchant().id;
    let terminal = &context.space.merchant().terminal;
    let env = format!(
        "export SHOP_MERCHANT_ID={id}\nSHOP_TERM_ID = \"{terminal}\"\nSHOP_PRIVATE_KEY=key\nGATEWAY_PUBLIC_KEY={}\nNOTI_URL={}\n",
        context.space.made["gatewayPublicKey"].as_str().unwrap(),
        sink.url("/noti")
    );
    context.write(".env", env);
    let noti = sink.url("/noti");
    let given = [
        "--merchant",
        id,
        "--terminal",
        terminal,
        "--key",
        "key",
        "--gateway-key",
        "gateway",
        "--noti-url",
        &noti,
    ];
    for args in [&given[..], &["--env", ".env"]] {
        let told = context.run(args).await;
        assert_eq!(told.code, Some(0), "{told:?}");
        let rows: Vec<_> = told
            .out
            .lines()
            .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            rows[..8],
            [
                "ok gateway",
                "ok merchant",
                "ok terminal",
                "ok private",
                "ok signature",
                "ok gateway",
                "ok noti_url",
                "ok clock"
            ],
            "{}",
            told.out
        );
        assert!(told.out.ends_with("\nAll is well.\n"), "{}", told.out);
        assert!(!told.out.contains(&context.made(0, "privateKey")[..40]), "{}", told.out);
        let sent = sink.next().await;
        assert_eq!(
            (sent.method.as_str(), sent.path.as_str(), sent.body.len()),
            ("HEAD", "/noti", 0)
        );
    }
    assert_eq!(sink.pending().await, 0, "nothing else is sent");
    let journal = context.space.control_get("journal").await.expect(200);
    assert_eq!(journal["entries"], json!([]), "nothing is booked");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_with_a_key_has_its_name() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    let other = &context.space.merchants[1].id;
    let key = PrivateKey::parse(context.made(0, "privateKey")).unwrap();
    let pem = key.pkcs8_pem();
    for (text, expected, parts) in [
        (pem.as_bytes(), "ok", &["it is the one of"][..]),
        (
            context.made(0, "publicKey").as_bytes(),
            "fail",
            &["this is a public key and a private one is needed"],
        ),
        (
            context.made(1, "privateKey").as_bytes(),
            "fail",
            &[&format!("it is the one of {other}, not of")],
        ),
        (
            PrivateKey::generate(1024).unwrap().pkcs8_pem().as_bytes(),
            "fail",
            &["1024 bits", "its public half is not the one", "PATCH /_sim/v1/merchants/"],
        ),
        (&pem.as_bytes()[..200], "fail", &["no END line"]),
        (&[0x30, 0x82, 0xff, 0xfe], "fail", &["binary, such as bare DER", "openssl base64"]),
        (b"", "fail", &["the key is empty"]),
        (b"hello world", "fail", &["wrong: ", "payon-sim keys export --merchant"]),
    ] {
        context.write("wrong", text);
        says(&context.verdict("private key", &["--key", "wrong"]).await, expected, parts);
    }
    context.write("wrong", context.made(1, "privateKey"));
    let signature = context.verdict("signature", &["--key", "wrong"]).await;
    says(&signature, "fail", &["key"]);

    let mine = &context.space.merchant().id;
    for (text, expected, part) in [
        (
            context.made(0, "publicKey"),
            "fail",
            format!("it is the one of {mine}, not the gateway's"),
        ),
        (context.made(0, "privateKey"), "fail", "this is a private key".to_owned()),
        (
            PrivateKey::generate(1024).unwrap().public_key().spki_pem().as_str(),
            "fail",
            "it is not the gateway's".to_owned(),
        ),
    ] {
        context.write("wrong", text);
        says(
            &context.verdict("gateway key", &["--gateway-key", "wrong"]).await,
            expected,
            &[&part],
        );
    }
    let lacking = context.run(&["--key", "nowhere.pem"]).await;
    assert_eq!((lacking.code, lacking.out.as_str()), (Some(2), ""));
    assert!(lacking.err.contains("cannot read the key nowhere.pem"), "{}", lacking.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_space_that_is_asked_is_the_one_that_is_named() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    let (first, second) = (sim.space("first").await, sim.space("second").await);
    let told = ended(payon_sim(&["doctor", "--url", &first.base_url, "--space", "second"])).await;
    assert!(told.out.contains(&format!("{} answers", second.base_url)), "{}", told.out);
    context.write("broken.env", "GATEWAY_URL=ftp://x\n");
    let path = context.path("broken.env");
    let told = ended(payon_sim(&["doctor", "--env", path.to_str().unwrap()])).await;
    assert_eq!(told.err.matches("http://127.0.0.1:36605").count(), 1, "{}", told.err);
    assert_eq!(told.err.matches("write it like").count(), 1, "{}", told.err);
    let cause = told.err.split("a URL here ").nth(1).and_then(|it| it.split(';').next()).unwrap();
    assert_eq!(told.err.matches(cause).count(), 1, "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_well_where_nothing_was_looked_at() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    context.write("empty.env", "");
    context.write("misspelt.env", "SHOP_MERCHNT_ID=C0000143\nDB_URL=postgres://x\n");
    let doctor = async |more: &[&str]| {
        let args = [&["doctor", "--url", &sim.url][..], more].concat();
        let text = ended(payon_sim(&args)).await;
        assert_eq!(text.code, Some(1), "{text:?}");
        assert!(!text.out.contains("is well"), "{}", text.out);
        assert!(text.out.contains("names end with MERCHANT_ID, "), "{}", text.out);
        let json = ended(payon_sim(&[&args[..], &["--json"]].concat())).await;
        let report: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!((json.code, &report["ok"]), (Some(1), &json!(false)), "{report}");
        text.out
    };
    doctor(&[]).await;
    doctor(&["--terminal", "CT03000003"]).await;
    doctor(&["--env", context.path("empty.env").to_str().unwrap()]).await;
    let told = doctor(&["--env", context.path("misspelt.env").to_str().unwrap()]).await;
    assert!(told.contains("SHOP_MERCHNT_ID (did you mean MERCHANT_ID?), DB_URL\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_gateway_does_not_know() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    let mine = &context.space.merchant().id;
    let stranger = context.verdict("merchant", &["--terminal", "T9"]).await;
    says(&stranger, "ok", &[mine]);
    says(
        &context.verdict("terminal", &["--terminal", "T9"]).await,
        "fail",
        &["\"T9\"", &context.space.merchant().terminal],
    );
    let told = context.run(&["--merchant", "M9"]).await;
    assert_eq!(told.code, Some(1));
    assert!(told.out.contains("FAIL  merchant      \"M9\" is not known here\n"), "{}", told.out);
    assert!(told.out.contains("-> this space has C0000143, "), "{}", told.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_push_backs_cannot_arrive() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    let (sink, tls) = (Sink::start().await, Sink::start_tls().await);
    let at = async |url: &str| context.verdict("noti_url", &["--noti-url", url]).await;
    says(&at("localhost:8080/noti").await, "fail", &["no URL that can be called"]);
    says(
        &at("http://no-such-host.invalid/noti").await,
        "fail",
        &["is not known here", "host.docker.internal"],
    );
    says(&at(&format!("{}/noti", sim.url)).await, "fail", &["the gateway's own address"]);
    let port = sim.url.rsplit(':').next().unwrap();
    says(&at(&format!("http://localhost:{port}/x")).await, "fail", &["the gateway's own address"]);
    // A box of the gateway takes what comes, whatever space it is in.
    for space in [&sim.url, &context.space.base_url] {
        let box_url = format!("{space}/_sim/inbox/shop");
        says(&at(&box_url).await, "ok", &["is the box shop of the gateway itself"]);
    }
    // Names below localhost are this machine, as they are for push-backs.
    let here = sink.url("/noti").replace("127.0.0.1", "shop.localhost");
    says(&at(&here).await, "ok", &["answers HEAD with 200"]);
    says(&at("http://0.0.0.0:8080/").await, "fail", &["where a server listens"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    says(
        &at(&format!("http://{free}/noti")).await,
        "fail",
        &["cannot be reached from here", "Connection refused"],
    );

    says(&at(&sink.url("/noti")).await, "ok", &["answers HEAD with 200", "nothing else was sent"]);
    sink.reply(Reply::Redirect("https://shop.test/noti".to_owned()));
    says(
        &at(&sink.url("/noti")).await,
        "warn",
        &["307", "to https://shop.test/noti", "follow no redirect"],
    );
    for (status, part) in
        [(404, "only POST"), (401, "no credentials"), (500, "log of the merchant")]
    {
        sink.reply(Reply::Status(status, ""));
        says(&at(&sink.url("/noti")).await, "warn", &[part]);
    }

    let told = context.run(&["--noti-url", &tls.url("/noti")]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("warn  noti_url      the certificate of 127.0.0.1 is not good: "),
        "{}",
        told.out
    );
    assert!(told.out.contains("ok    noti_url      https://127.0.0.1:"), "{}", told.out);
    // What the gateway has for the merchant is looked at where nothing is given.
    let change = json!({ "notiUrl": sink.url("/set") }).to_string();
    let path = format!("merchants/{}", context.space.merchant().id);
    context.space.control_send("PATCH", &path, &change).await.expect(200);
    says(&context.verdict("noti_url", &[]).await, "warn", &["/set answers HEAD with 500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_does_not_show_real_time_is_told() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    says(&context.verdict("clock", &[]).await, "ok", &["shows real time"]);
    for (change, part) in [
        (json!({ "set": "2030-01-01T00:00:00+07:00" }), "ahead of real time"),
        (json!({ "set": "2020-01-01T00:00:00+07:00" }), "behind real time"),
        (json!({ "scale": 60 }), "60 times as fast"),
        (json!({ "freeze": true }), "stands still at"),
    ] {
        context.space.control_post("clock", &change).await.expect(200);
        says(&context.verdict("clock", &[]).await, "warn", &[part, "POST /_sim/v1/clock"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_still_armed_are_told() {
    let sim = Sim::start().await;
    let context = Desk::new(&sim).await;
    says(&context.verdict("rules", &[]).await, "ok", &["none is armed"]);
    let rule = |id: &str| json!({ "id": id, "when": { "operation": "status" }, "then": [{ "status": 500 }] });
    context.space.control_post("rules", &json!([rule("a"), rule("b")])).await.expect(200);
    let told = context.verdict("rules", &[]).await;
    says(&told, "warn", &[": 2 (a, b)", "payon-sim rules clear", "payon-sim fault clear"]);
    let text = context.run(&["--merchant", &context.space.merchant().id]).await;
    assert!(text.code == Some(0) && text.out.contains("\nIt can work. Warnings: 1."), "{text:?}");
    let many: Vec<Value> = (0..9).map(|at| rule(&format!("r{at}"))).collect();
    context.space.control_send("PUT", "rules", &json!(many).to_string()).await.expect(200);
    says(&context.verdict("rules", &[]).await, "warn", &[": 9 (r0, r1, r2, r3, r4 and 4 more)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_gateway_is_told_apart() {
    let check = async |args: &[&str]| {
        let told = ended(payon_sim(&[&["doctor"][..], args].concat())).await;
        assert_eq!(told.code, Some(1), "{told:?}");
        told.out.lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = check(&["--base-url", &format!("http://{free}")]).await;
    assert!(
        nobody
            .starts_with(&format!("FAIL  gateway       nothing listens at http://{free} -> start")),
        "{nobody}"
    );

    let web = Sink::start().await;
    web.reply(Reply::Status(404, "not here"));
    let other = check(&["--url", &web.url("")]).await;
    assert!(
        other.contains("something else than a payon-sim listens at") && other.contains("404"),
        "{other}"
    );

    let ssh = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", ssh.local_addr().unwrap());
    let greeting = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut peer, _) = ssh.accept().unwrap();
        peer.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap();
        // It stays until the other side has gone.
        std::io::copy(&mut peer, &mut std::io::sink()).ok();
    });
    let gibberish = check(&["--url", &url]).await;
    greeting.join().unwrap();
    assert!(gibberish.contains("does not speak HTTP"), "{gibberish}");

    let sim = Sim::with(Setup { token: Some("hush"), ..Setup::default() }).await;
    let bare = check(&["--url", &sim.url]).await;
    assert!(bare.contains("wants a token, and none was given"), "{bare}");
    // What cannot be looked at without the token is no mistake of its own.
    let all = ended(payon_sim(&["doctor", "--url", &sim.url])).await.out;
    assert!(all.contains("none of the merchant's settings was looked at"), "{all}");
    assert!(all.contains("\nErrors: 1."), "{all}");
    let wrong = check(&["--url", &sim.url, "--token", "sh"]).await;
    assert!(wrong.contains("wants a token, and not this one"), "{wrong}");
    let nowhere = check(&["--url", &sim.url, "--token", "hush", "--space", "nowhere"]).await;
    assert!(nowhere.contains("there is no space named \"nowhere\""), "{nowhere}");
}
