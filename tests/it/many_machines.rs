//! Spaces over many processes: links that say where they lead, names that nobody else has, proxies in front.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use payon_sim::base::{Operation, Reason};
use payon_sim::profile::{Authentication, Card, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::binary::{Ended, Gateway, has_tool, payon_sim, run, until};
use crate::programs::file;
use crate::state::{kill, live, refund, start, whole};
use crate::support::{Answer, Client, Reply, Sim, Sink, SpaceHandle, soon};

/// The address of an order's page, from the answer to its registration.
fn page_of(answer: &Answer) -> String {
    let reply = answer.json();
    let url = reply["resultData"]["checkoutUrl"].as_str();
    url.unwrap_or_else(|| panic!("no link in {reply}")).to_owned()
}

fn order(space: &SpaceHandle, tx_id: &str, method: &str) -> Value {
    space.merchant().signed(&json!({
        "txId": tx_id, "trt": "10", "currency": "USD", "amount": "5", "paymentMethod": method,
    }))
}

#[tokio::test]
async fn every_link_that_leaves_a_space_carries_the_space() {
    let sim = Sim::start().await;
    let (shop, other) = (sim.space("shop").await, sim.space("other").await);
    let place = format!("{}/space/shop/", sim.url);
    // Whichever way a call finds its space.
    let by_header = sim.client.with_header("x-payon-space", "shop");
    let path = Operation::Register.paths()[0];
    let mut pages = Vec::new();
    for (tx_id, client, base) in [
        ("by-path", &sim.client, shop.base_url.as_str()),
        ("by-header", &by_header, &sim.url),
        ("by-merchant", &sim.client, &sim.url),
    ] {
        let order = order(&shop, tx_id, "CREDIT_DEBIT");
        pages.push(page_of(&client.post(&format!("{base}{path}"), &order).await));
    }
    let shown = shop.control_get("orders").await.json();
    for (page, order) in pages.iter().zip(shown["orders"].as_array().expect("orders")) {
        assert!(page.starts_with(&format!("{place}pg/checkout/")), "{page}");
        assert_eq!(order["checkoutUrl"], **page);
        assert_eq!(sim.client.get(page).await.status, 200);
        // Links from before went without the space, and are out there still.
        let bare = page.replace("/space/shop", "");
        assert_eq!(sim.client.get(&bare).await.status, 200, "{bare}");
        let foreign = page.replace("/space/shop", "/space/other");
        assert_eq!(sim.client.get(&foreign).await.status, 404, "{foreign}");
    }
    // A call of the control plane finds its space in the same ways; the path counts before the header.
    for (base, expected) in [(sim.url.as_str(), 3), (other.base_url.as_str(), 0)] {
        let listed = by_header.get(&format!("{base}/_sim/v1/orders")).await.json();
        assert_eq!(listed["orders"].as_array().map(Vec::len), Some(expected), "{base}");
    }
    let nowhere = sim.client.with_header("x-payon-space", "nowhere");
    let refused = nowhere.get(&format!("{}/_sim/v1/orders", sim.url)).await;
    assert_eq!(refused.problem(), (404, "unknown-space".to_owned()));
    // The link in a code for a bank's app, and where its scanner goes on.
    let scanned = order(&shop, "scanned", "PPCBANK_TRANSFER");
    let page = page_of(&shop.post(Operation::Register, &scanned).await);
    let code = page.replace("/pg/checkout/", "/_sim/app/");
    let shown = sim.client.get(&page).await.text();
    assert!(shown.contains(&code), "{code} is not in {shown}");
    let app = format!("{}/_sim/app", sim.url);
    let scan = sim.client.send("POST", &app, format!("code={code}")).await;
    assert_eq!(scan.status, 303, "{}", scan.text());
    let place = scan.headers["location"].to_str().expect("text");
    assert_eq!(crate::checkout::resolve("/_sim/app", place), code[sim.url.len()..]);
    // The space that answers where none is named is not named in links either.
    let members = json!({
        "merchantId": "C0000143", "termId": "CT03000003", "txId": "plain", "trt": "10",
        "currency": "USD", "amount": "5", "paymentMethod": "CREDIT_DEBIT",
    });
    let page = page_of(&sim.client.post(&format!("{}{path}", sim.url), &members).await);
    assert!(page.starts_with(&format!("{}/pg/checkout/", sim.url)), "{page}");
    drop(other);
}

#[tokio::test]
async fn no_two_processes_make_the_same_name_up_and_the_same_seed_meets_the_same_draws() {
    let (one, other) = (Sim::start().await, Sim::start().await);
    let wish = json!({ "merchants": 1 });
    let (one, other) = (one.make_space(&wish).await, other.make_space(&wish).await);
    assert_ne!(one.made["name"], other.made["name"]);
    assert_eq!(one.made["seed"], other.made["seed"]);
    assert_eq!(one.merchant().id, other.merchant().id);
    assert_eq!(one.made["merchants"][0]["privateKey"], other.made["merchants"][0]["privateKey"]);
}

#[tokio::test]
async fn a_trusted_proxy_says_where_payers_reach_the_server() {
    let trusting = Gateway::start(&["--trusted-proxy", "10.0.0.0/8,127.0.0.1,::1"]);
    let strict = Gateway::start(&["--trusted-proxy", "10.0.0.0/8"]);
    let behind = Client::new()
        .with_header("x-forwarded-proto", "https")
        .with_header("x-forwarded-host", "localhost:8443")
        .with_header("x-forwarded-prefix", "/payon");
    for (gateway, base) in
        [(&trusting, "https://localhost:8443/payon"), (&strict, strict.url.as_str())]
    {
        let url = format!("{}/_sim/v1/spaces", gateway.url);
        let wish = json!({ "name": "shop", "merchants": 1 });
        let made = behind.post(&url, &wish).await.expect(201);
        assert_eq!(made["baseUrl"], format!("{base}/space/shop"));
        assert_eq!(made["controlUrl"], format!("{base}/space/shop"));
        let mut made = made;
        made["baseUrl"] = format!("{}/space/shop", gateway.url).into();
        made["controlUrl"] = made["baseUrl"].clone();
        let shop = SpaceHandle::new(behind.clone(), made);
        let page =
            page_of(&shop.post(Operation::Register, &order(&shop, "one", "CREDIT_DEBIT")).await);
        assert!(page.starts_with(&format!("{base}/space/shop/pg/checkout/")), "{page}");
    }
    // A proxy may leave the path in front.
    let left = format!("{}/payon/space/shop/_sim/v1/orders", trusting.url);
    assert_eq!(behind.get(&left).await.expect(200)["orders"][0]["txId"], "one");
    // A page of the proxy's own site may steer, one of another may not.
    let reset = format!("{}/space/shop/_sim/v1/reset", trusting.url);
    let page = behind.with_header("origin", "https://localhost:8443");
    assert_eq!(page.send("POST", &reset, "").await.status, 204);
    let page = behind.with_header("origin", &trusting.url);
    assert_eq!(page.send("POST", &reset, "").await.status, 403);
}

/// Moves a space with the command.
fn move_space(name: &str, from: &Gateway, to: &str) -> Ended {
    run(&["space", "move", name, "--url", &from.control_url, "--to", to])
}

/// The same space at another gateway, or at the same again.
fn at(gateway: &Gateway, space: &SpaceHandle) -> SpaceHandle {
    let url = format!("{}/space/{}", gateway.url, space.made["name"].as_str().expect("a name"));
    SpaceHandle { base_url: url.clone(), control_url: url, ..space.clone() }
}

async fn make(gateway: &Gateway, name: &str) -> SpaceHandle {
    let url = format!("{}/_sim/v1/spaces", gateway.control_url);
    let made = Client::new().post(&url, &json!({ "name": name, "seed": 7, "merchants": 1 })).await;
    SpaceHandle::new(Client::new(), made.expect(201))
}

/// Names of the spaces that a gateway has.
async fn names(gateway: &Gateway) -> Vec<String> {
    let listed = Client::new().get(&format!("{}/_sim/v1/spaces", gateway.url)).await.expect(200);
    let spaces = listed["spaces"].as_array().expect("spaces").iter();
    spaces.map(|space| space["name"].as_str().expect("a name").to_owned()).collect()
}

/// A payer's browser: it follows redirects and submits forms where they say.
struct Browser {
    client: Client,
    url: String,
    page: Answer,
}

impl Browser {
    async fn open(client: &Client, url: &str) -> Self {
        let client = client.following();
        let page = client.get(url).await;
        let mut browser = Self { client, url: url.to_owned(), page };
        browser.follow().await;
        browser
    }

    /// Goes where the page sends it.
    async fn follow(&mut self) {
        while self.page.status == 303 {
            self.url = self.resolved(self.page.header("location"));
            self.page = self.client.get(&self.url).await;
        }
    }

    /// The address that a reference on the page leads to.
    fn resolved(&self, reference: &str) -> String {
        let server: Vec<_> = self.url.splitn(4, '/').collect();
        let path = crate::checkout::resolve(&format!("/{}", server[3]), reference);
        format!("{}//{}{path}", server[0], server[2])
    }

    /// Submits the form in which `hook` stands, with its hidden fields.
    async fn submit(&mut self, hook: &str, fields: &[(&str, &str)]) {
        let text = self.page.text();
        let within = text.find(hook).unwrap_or_else(|| panic!("no {hook} in {text}"));
        let form = &text[text[..within].rfind("<form").expect("a form")..];
        let form = &form[..form.find("</form>").expect("its end")];
        let value = |tag: &str, name: &str| {
            let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
            rest.split('"').next().map(str::to_owned)
        };
        let action = value(form, "action").expect("an action");
        let hidden = form.split("<input type=\"hidden\"").skip(1);
        let mut all: Vec<(String, String)> =
            hidden.filter_map(|tag| Some((value(tag, "name")?, value(tag, "value")?))).collect();
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = serde_html_form::to_string(&all).expect("a form");
        self.url = self.resolved(&action);
        self.page = self.client.send("POST", &self.url, body).await;
        self.follow().await;
    }

    /// Types the card that the issuer asks a code for, as the page that is open wants it next.
    async fn go_on(&mut self) {
        let profile = Profile::builtin();
        let is_it = |card: &&Card| {
            card.authentication == Authentication::Challenge && card.outcome == Reason::Success
        };
        let card = profile.cards.iter().find(is_it).expect("a card");
        let expiry = format!("{}/{}", &card.expiry[4..], &card.expiry[2..4]);
        let page = self.page.text();
        if page.contains("name=\"cres\"") {
            self.submit("name=\"cres\"", &[]).await;
        } else if page.contains("data-testid=\"acs-otp\"") {
            let fields = [("action", "submit"), ("otp", "654321")];
            self.submit("data-testid=\"acs-otp\"", &fields).await;
        } else {
            let cvv = card.cvv.as_deref().unwrap_or_default();
            let fields = [
                ("number", &*card.number),
                ("expiry", &expiry),
                ("cvv", cvv),
                ("holder", &card.name),
            ];
            self.submit("name=\"action\" value=\"card\"", &fields).await;
        }
    }

    /// The reason that the result says, once there is one.
    fn result(&self) -> Option<String> {
        let text = self.page.text();
        let rest = text.split(" data-reason=\"").nth(1)?;
        rest.split('"').next().map(str::to_owned)
    }
}

#[tokio::test]
async fn a_space_moves_whole_and_its_callers_are_sent_after_it() {
    let dirs = [tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another")];
    let (one, two) = (start(dirs[0].path(), &[]), start(dirs[1].path(), &[]));
    make(&two, "takes-the-number").await;
    let shop = make(&one, "shop").await;
    live(&shop).await;
    let page = shop.control_get("orders").await.json()["orders"][0]["checkoutUrl"].take();
    let page = page.as_str().expect("a link").to_owned();
    let mut payer = Browser::open(&shop.client, &page).await;
    payer.go_on().await;
    let before = whole(&shop).await;
    let said = move_space("shop", &one, &two.url).ok();
    assert!(said.contains(&format!("{}/space/shop", two.url)), "{said}");

    // All of it is there, and nothing is here.
    let there = at(&two, &shop);
    let after = whole(&there).await;
    for (part, value) in before.as_object().expect("parts") {
        assert_eq!(&after[part], value, "{part}");
    }
    assert_eq!((names(&one).await.len(), names(&two).await.len()), (1, 3));
    // Whoever comes the old way is told the new one, however it finds the space.
    let path = Operation::Refund.paths()[0];
    let told = shop.post(Operation::Refund, &json!({})).await;
    assert_eq!(told.problem(), (307, "moved".to_owned()));
    assert_eq!(told.header("location"), format!("{}/space/shop{path}", two.url));
    assert_eq!(told.header("x-payon-space-moved"), two.url);
    let plain = json!({ "merchantId": shop.merchant().id });
    let told = shop.client.post(&format!("{}{path}", one.url), &plain).await;
    assert_eq!(told.header("location"), format!("{}/space/shop{path}", two.url));
    let bare = page.replace("/space/shop", "");
    let told = shop.client.get(&format!("{bare}?lang=km")).await;
    let expected = page.replace(&one.url, &two.url);
    assert_eq!(told.header("location"), format!("{expected}?lang=km"));
    for (method, path, body) in [
        ("GET", "/space/shop/_sim/v1/orders?limit=1", ""),
        ("POST", "/space/shop/_sim/v1/reset", ""),
        ("GET", "/_sim/v1/spaces/shop", ""),
        ("DELETE", "/_sim/v1/spaces/shop", ""),
        ("POST", "/_sim/v1/spaces", r#"{"name":"shop","ifExists":"keep"}"#),
        ("POST", "/_sim/v1/spaces/shop/move", r#"{"to":"http://127.0.0.1:1"}"#),
    ] {
        let told = shop.client.send(method, &format!("{}{path}", one.url), body).await;
        assert_eq!(told.problem(), (307, "moved".to_owned()), "{method} {path}");
        assert_eq!(told.header("location"), format!("{}{path}", two.url));
    }

    // The page that was open before leads on, and so do money, numbers and retries.
    payer.go_on().await;
    payer.go_on().await;
    assert_eq!(payer.result().as_deref(), Some("success"), "{}", payer.page.text());
    let client = shop.client.with_header("Authentication", "open-sesame").following();
    let there = SpaceHandle { client: client.clone(), ..there };
    assert_eq!(refund(&there, "back", "0.60").await, "3204", "0.50 of 1.00 is left");
    let here = SpaceHandle { client, ..shop.clone() };
    assert_eq!(refund(&here, "back", "0.50").await, "0000", "by the old address");
    there.run_until_idle().await;
    let page = there.control_get("pushbacks?txId=paid").await.expect(200);
    assert_eq!(page["pushbacks"][0]["attempts"].as_array().map(Vec::len), Some(8), "{page}");

    // Both sides remember it after a crash.
    let port = one.url.rsplit(':').next().expect("a port").to_owned();
    kill(one);
    let one = restart(dirs[0].path(), &port);
    let shop = SpaceHandle { client: Client::new(), ..shop };
    let told = shop.control_get("orders").await;
    assert_eq!(told.header("location"), format!("{}/space/shop/_sim/v1/orders", two.url));
    // It comes back, and then the other side sends here.
    move_space("shop", &two, &one.url).ok();
    assert_eq!(shop.order("back").await["refunded"], "1.00");
    assert_eq!(there.control_get("clock").await.status, 200, "followed");
    assert_eq!((names(&one).await.len(), names(&two).await.len()), (2, 2));
    shop.control_post("snapshots/one/restore", &json!({})).await.expect(200);
    assert_eq!(shop.order("back").await["refunded"], "0.40");
    kill(one);
    let one = restart(dirs[0].path(), &port);
    assert_eq!(names(&one).await, ["default", "shop"]);
}

#[tokio::test]
async fn a_space_that_is_made_again_takes_the_place_of_the_note_on_where_it_went() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, two) = (start(dir.path(), &["--durability", "always"]), Gateway::start(&[]));
    let shop = make(&one, "shop").await;
    shop.register("1", json!({})).await;
    let moved: Value = serde_json::from_str(
        &run(&["space", "move", "shop", "--json", "--url", &one.url, "--to", &two.url]).ok(),
    )
    .expect("JSON");
    let left = &moved["leftBehind"];
    assert_eq!(left["requests"], 1, "{moved}");
    assert!(left["events"].as_u64().is_some_and(|events| events >= 2), "{moved}");
    let spaces = format!("{}/_sim/v1/spaces", one.url);
    let make_at = async |if_exists: &str| {
        let wish = json!({ "name": "shop", "seed": 8, "merchants": 1, "ifExists": if_exists });
        shop.client.post(&spaces, &wish).await
    };
    for if_exists in ["refuse", "keep"] {
        assert_eq!(make_at(if_exists).await.problem(), (307, "moved".to_owned()), "{if_exists}");
    }
    assert_eq!(shop.control_get("orders").await.status, 307);
    let again = SpaceHandle::new(Client::new(), make_at("replace").await.expect(201));
    assert_eq!(again.base_url, shop.base_url);
    assert_eq!(again.control_get("orders").await.expect(200)["orders"], json!([]));
    again.register("2", json!({})).await;
    assert_eq!(at(&two, &shop).order("1").await["state"], "registered", "that one is another");
    let port = one.url.rsplit(':').next().expect("a port").to_owned();
    kill(one);
    let one = restart(dir.path(), &port);
    assert_eq!(names(&one).await, ["default", "shop"]);
    assert_eq!(again.order("2").await["state"], "registered");
}

#[tokio::test]
async fn a_space_moves_to_a_server_with_https_that_is_trusted() {
    let one = Gateway::start(&[]);
    let two = Gateway::start(&["--tls-port", "0"]);
    let shop = make(&one, "shop").await;
    shop.register("1", json!({})).await;
    let tls: Value = serde_json::from_str(&two.get("/_sim/v1/tls").1).expect("JSON");
    let (to, ca) = (tls["url"].as_str().expect("a URL"), tls["ca"].as_str().expect("a CA"));
    let dir = tempfile::tempdir().expect("a directory");
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, ca).expect("written");
    let ca = ca_file.to_str().expect("UTF-8");
    for (to, more, said) in [
        (to, &[][..], "its certificate is not trusted"),
        (&two.url.replace("http:", "https:"), &["--ca-file", ca], "begin with http://"),
        (&to.replace("https:", "http:"), &[], "use https://"),
    ] {
        let args = ["space", "move", "shop", "--url", &one.url, "--to", to];
        let ended = run(&[&args, more].concat());
        assert!(ended.code == Some(1) && ended.err.contains(said), "{ended:?}");
        assert!(ended.err.contains("oes on here"), "{ended:?}");
    }
    let wish = json!({ "to": to, "ca": "no certificate" });
    let refused = shop.client.post_to(&one.url, "/_sim/v1/spaces/shop/move", &wish).await;
    assert_eq!(refused.expect(422)["member"], "ca");
    assert_eq!(shop.order("1").await["state"], "registered");
    let args = ["space", "move", "shop", "--url", &one.url, "--to", to, "--ca-file", ca];
    let said = run(&args).ok();
    assert!(said.contains(&format!("{to}/space/shop")), "{said}");
    assert!(said.contains("left behind") && said.contains("1 requests of the journal"), "{said}");
    let told = shop.control_get("orders").await;
    assert_eq!(told.header("location"), format!("{to}/space/shop/_sim/v1/orders"));
    assert_eq!(at(&two, &shop).order("1").await["state"], "registered");
    // And back, from an address with https.
    let args = ["space", "move", "shop", "--url", to, "--to", &one.url, "--ca-file", ca];
    run(&args).ok();
    assert_eq!(shop.order("1").await["state"], "registered");
}

/// A server that answers 201 with this body to whatever comes.
fn yes_to_all(body: String) -> String {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let length = body.len();
        // The end of the document.
        let mut came = Vec::new();
        let mut piece = [0; 1 << 12];
        while !came.ends_with(b"]}") {
            match stream.read(&mut piece) {
                Ok(length @ 1..) => came.extend_from_slice(&piece[..length]),
                _ => break,
            }
        }
        let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\r\n");
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    });
    url
}

#[tokio::test]
async fn a_space_is_not_given_to_a_server_that_does_not_show_it() {
    let one = Gateway::start(&[]);
    let shop = make(&one, "shop").await;
    shop.register("1", json!({})).await;
    let base = "http://127.0.0.1:9/space/shop";
    for body in [
        String::new(),
        "{}".to_owned(),
        "created".to_owned(),
        json!({ "name": "shop" }).to_string(),
        json!({ "name": "shop", "seed": 7 }).to_string(),
        json!({ "name": "other", "seed": 7, "baseUrl": base }).to_string(),
        json!({ "name": "shop", "seed": 8, "baseUrl": base }).to_string(),
        json!({ "name": "shop", "seed": 7, "baseUrl": "http://127.0.0.1:9/" }).to_string(),
        json!({ "name": "shop", "seed": 7, "baseUrl": "/space/shop" }).to_string(),
    ] {
        let refused = move_space("shop", &one, &yes_to_all(body.clone()));
        assert_eq!(refused.code, Some(1), "{body}: {}", refused.out);
        assert!(refused.err.contains("The space goes on here"), "{body}: {}", refused.err);
        assert_eq!(shop.order("1").await["state"], "registered", "{body}");
    }
}

/// A gateway with the state in `dir`, at the port that it had.
fn restart(dir: &Path, port: &str) -> Gateway {
    let dir = dir.to_str().expect("UTF-8");
    let command = payon_sim(&["serve", "--port", port, "--state", dir, "--seed", "42"]);
    Gateway::start_as(command, &["--log", "warn"])
}

#[tokio::test]
async fn a_space_that_is_not_taken_goes_on_as_if_nothing_had_been() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, two) = (start(dir.path(), &[]), Gateway::start(&["--control-token", "secret"]));
    let other_profile = crate::binary::profile_with("profile.toml", &[("# ", "#  ")]);
    let other = Gateway::start(&["--profile", other_profile.path().to_str().expect("UTF-8")]);
    let (apart, taken) = (Gateway::start(&["--control-port", "0"]), Gateway::start(&[]));
    make(&taken, "shop").await;
    let shop = make(&one, "shop").await;
    live(&shop).await;
    let before = whole(&shop).await;
    for (name, to, token, why) in [
        ("shop", two.url.as_str(), "", "Authorization"),
        ("shop", &other.url, "", "profile"),
        ("shop", &one.url, "", "at this very server"),
        ("shop", &apart.url, "", apart.control_url.as_str()),
        ("shop", &taken.url, "", "there already"),
        ("shop", "http://127.0.0.1:1", "", "goes on here"),
        ("shop", "https://127.0.0.1:1", "", "goes on here"),
        ("shop", &format!("{}/space/x", two.url), "", "without a space"),
        ("default", &two.url, "secret", "cannot be moved"),
        ("none", &two.url, "secret", "no space named"),
    ] {
        let mut args = vec!["space", "move", name, "--url", &one.url, "--to", to];
        args.extend(["--to-token", token].into_iter().filter(|_| !token.is_empty()));
        let refused = run(&args);
        assert_eq!(refused.code, Some(1), "{to}: {}", refused.out);
        assert!(refused.err.contains(why), "{to}: {}", refused.err);
        assert_eq!(whole(&shop).await, before, "{to}");
    }
    // It is as open as before, and time goes on there.
    let client = shop.client.with_header("Authentication", "open-sesame");
    let with_token = SpaceHandle { client, ..shop.clone() };
    assert_eq!(refund(&with_token, "back", "0.10").await, "0000");
    shop.run_until_idle().await;
    let page = shop.control_get("pushbacks?txId=paid").await.expect(200);
    assert_eq!(page["pushbacks"][0]["attempts"].as_array().map(Vec::len), Some(8), "{page}");
    // The address of the control plane may have the path with which browsers show it.
    let to = format!("{}/_sim/", two.url);
    let args = ["space", "move", "shop", "--url", &one.url, "--to", &to, "--to-token", "secret"];
    let moved = run(&args).ok();
    assert!(moved.contains(&format!("control URL  {}/space/shop\n", two.url)), "{moved}");
}

#[tokio::test]
async fn who_waits_for_something_in_a_space_is_sent_after_it() {
    let (one, two) = (Gateway::start(&[]), Gateway::start(&[]));
    let shop = make(&one, "shop").await;
    let waits = tokio::spawn({
        let url = format!("{}/_sim/v1/wait?for=request&operation=register", shop.control_url);
        let client = Client::new().following();
        async move { client.get(&url).await }
    });
    for _ in 0..20 {
        shop.control_get("clock").await.expect(200);
    }
    move_space("shop", &one, &two.url).ok();
    at(&two, &shop).register("1", json!({})).await;
    let answer = soon("the end of the wait", waits).await.expect("an answer");
    assert_eq!(answer.expect(200)["request"]["txId"], "1");
}

#[tokio::test]
async fn a_space_moves_once_its_clock_has_been_moved() {
    let (one, two) = (Gateway::start(&[]), Gateway::start(&[]));
    let (shop, silent) = (make(&one, "shop").await, Sink::start().await);
    silent.reply(Reply::Silence);
    shop.register("1", json!({ "noti_url": silent.url("/") })).await;
    shop.pay("1", json!({})).await.expect(200);
    silent.next().await;
    // It waits a while for the answer that does not come, and only then goes on to the attempts that follow.
    let advanced = tokio::spawn({
        let shop = shop.clone();
        async move { shop.control_post("clock", &json!({ "advance": "10h" })).await }
    });
    for _ in 0..20 {
        shop.control_get("clock").await.expect(200);
    }
    move_space("shop", &one, &two.url).ok();
    advanced.await.expect("an answer").expect(200);
    let page = at(&two, &shop).control_get("pushbacks").await.expect(200);
    let attempts = page["pushbacks"][0]["attempts"].as_array().map(Vec::len);
    assert!(attempts.is_some_and(|count| count > 2), "{page}");
}

#[tokio::test]
async fn what_is_booked_after_its_answer_is_waited_for() {
    let (one, two) = (Gateway::start(&[]), Gateway::start(&[]));
    let shop = make(&one, "shop").await;
    shop.register("slow", json!({})).await;
    shop.pay("slow", json!({})).await.expect(200);
    let answer = refund_late(&shop, "700ms").await;
    move_space("shop", &one, &two.url).ok();
    assert_eq!(answer.await.expect("an answer").json()["resultCode"], "0000");
    let there = at(&two, &shop);
    assert_eq!(there.order("slow").await["refunded"], "0.25");
    // What the clock never lets happen is not waited for without end.
    there.control_post("clock", &json!({ "freeze": true })).await.expect(200);
    let answer = refund_late(&there, "1h").await;
    let refused = tokio::task::spawn_blocking({
        let (from, to) = (two.control_url.clone(), one.url.clone());
        move || run(&["space", "move", "shop", "--url", &from, "--to", &to])
    });
    let refused = refused.await.expect("ended");
    assert!(refused.code == Some(1) && refused.err.contains("did not end"), "{}", refused.err);
    assert_eq!(there.order("slow").await["refunded"], "0.25");
    there.advance(3_600_000).await;
    assert_eq!(answer.await.expect("an answer").json()["resultCode"], "0000");
    assert_eq!(there.order("slow").await["refunded"], "0.50");
}

/// A refund that is booked once its answer has left, which takes so long. Returns once a rule has stepped in.
async fn refund_late(shop: &SpaceHandle, latency: &str) -> tokio::task::JoinHandle<Answer> {
    let then = json!([{ "latency": latency }, { "commit": "after" }]);
    // A rule of another name, since a count goes on where the space does.
    let rule = json!([{ "id": latency, "when": { "operation": "refund" }, "then": then }]);
    shop.arm(rule).await;
    let (refunding, members) = (shop.clone(), json!({ "txId": "slow", "amount": "0.25" }));
    let answer =
        tokio::spawn(async move { refunding.call_signed(Operation::Refund, &members).await });
    while shop.control_get("rules").await.json()["rules"][0]["fired"] != 1 {
        tokio::task::yield_now().await;
    }
    answer
}

/// Orders that are refunded cent by cent; one of them takes only so many refunds.
const BIG_ORDERS: u32 = 40;

async fn buy_big(space: &SpaceHandle) {
    for number in 0..BIG_ORDERS {
        let tx_id = format!("big-{number}");
        space.register(&tx_id, json!({ "amount": "90000.00" })).await;
        space.pay(&tx_id, json!({})).await.expect(200);
    }
}

/// Refunds a cent of one of them, and counts it once that is answered.
async fn refund_cent(space: &SpaceHandle, refunded: &AtomicU32) {
    let tx_id = format!("big-{}", refunded.load(Ordering::Relaxed) % BIG_ORDERS);
    assert_eq!(refund(space, &tx_id, "0.01").await, "0000");
    refunded.fetch_add(1, Ordering::Relaxed);
}

/// Cents that the gateway has refunded of all of them.
async fn refunded_cents(space: &SpaceHandle) -> u32 {
    let mut cents = 0;
    for number in 0..BIG_ORDERS {
        let order = space.order(&format!("big-{number}")).await;
        let refunded = order["refunded"].as_str().expect("an amount").replace('.', "");
        cents += refunded.parse::<u32>().expect("cents");
    }
    cents
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_while_a_space_moves_to_and_fro() {
    let gateways = [Gateway::start(&["--seed", "1"]), Gateway::start(&["--seed", "1"])];
    let shop = make(&gateways[0], "shop").await;
    let shop = SpaceHandle { client: shop.client.following(), ..shop };
    // Each of them knows the way to the other.
    move_space("shop", &gateways[0], &gateways[1].url).ok();
    move_space("shop", &gateways[1], &gateways[0].url).ok();
    buy_big(&shop).await;
    let (stop, refunded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let callers: Vec<_> = (0..6)
        .map(|caller| {
            let (stop, refunded) = (Arc::clone(&stop), Arc::clone(&refunded));
            let shop = at(&gateways[caller % 2], &shop);
            tokio::spawn(async move {
                let mut registered = 0;
                while !stop.load(Ordering::Relaxed) {
                    if caller < 4 {
                        refund_cent(&shop, &refunded).await;
                    } else {
                        shop.register(&format!("{caller}-{registered}"), json!({})).await;
                        registered += 1;
                    }
                }
                registered
            })
        })
        .collect();
    for round in 0..8 {
        let (from, to) = (&gateways[round % 2], &gateways[1 - round % 2]);
        let (name, from, to) = ("shop", from.control_url.clone(), to.url.clone());
        let args = move || run(&["space", "move", name, "--url", &from, "--to", &to]).ok();
        tokio::task::spawn_blocking(args).await.expect("moved");
    }
    stop.store(true, Ordering::Relaxed);
    let mut registered = 0;
    for caller in callers {
        registered += soon("the end of a caller", caller).await.expect("no wrong answer");
    }
    let cents = refunded.load(Ordering::Relaxed);
    assert!(cents > 20 && registered > 20, "{cents} refunds, {registered} orders");
    assert_eq!(refunded_cents(&shop).await, cents);
    let url = format!("{}/_sim/v1/spaces/shop", gateways[0].url);
    assert_eq!(shop.client.get(&url).await.expect(200)["orders"], registered + BIG_ORDERS);
}

/// Spaces in the great test.
const SPACES: usize = 300;
/// Payers at a time.
const PAYERS: usize = 12;

/// HAProxy as docs/many-machines.md configures it, in front of processes.
struct Proxy {
    url: String,
    process: Child,
    _dir: TempDir,
}

impl Proxy {
    fn start(processes: &[String]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let page = file("docs/many-machines.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let block = page.split("```haproxy\n").nth(1).and_then(|rest| rest.split("```").next());
        let mut text = block.expect("a configuration").to_owned();
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let folder = format!("{}/", dir.path().display());
        let mut changes =
            vec![(":8080".to_owned(), port.to_string()), ("/etc/haproxy/".to_owned(), folder)];
        for (at, process) in processes.iter().enumerate() {
            changes.push((format!("127.0.0.1:{}", 36611 + at), process.replace("http://", "")));
        }
        for (from, to) in changes {
            assert!(text.contains(&from), "{from} is not in the configuration");
            text = text.replace(&from, &to);
        }
        std::fs::write(dir.path().join("moved.map"), "").expect("written");
        let config = dir.path().join("haproxy.cfg");
        std::fs::write(&config, text).expect("written");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(config).stdout(Stdio::null());
        let process = command.spawn().expect("HAProxy starts");
        let mut proxy = Self { url: format!("http://{port}"), process, _dir: dir };
        until("HAProxy", || {
            let ended = proxy.process.try_wait().expect("a child");
            assert_eq!(ended, None, "HAProxy has ended; what it said is above");
            TcpStream::connect(port).ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// True where the proxy had no answer from the process: whether anything was done, nobody knows.
fn is_unanswered(answer: &Answer) -> bool {
    matches!(answer.status, 502..=504)
}

/// The answer, asked for again until there is one: only for what may be done twice.
async fn sure<F: Future<Output = Answer>>(mut ask: impl FnMut() -> F) -> Answer {
    loop {
        let answer = ask().await;
        if !is_unanswered(&answer) {
            return answer;
        }
    }
}

/// A merchant's and payer's whole way in a space of its own: made, ordered, paid through 3-D Secure, refunded in part.
async fn buy(proxy: &str, number: usize) {
    let client = Client::new().following();
    let mut wish = json!({ "merchants": 1, "ifExists": "keep" });
    if !number.is_multiple_of(10) {
        wish["name"] = format!("cart-{number}").into();
    }
    let made = sure(|| client.post_to(proxy, "/_sim/v1/spaces", &wish)).await.expect(201);
    let space = SpaceHandle::new(client.clone(), made);
    assert!(space.base_url.starts_with(&format!("{proxy}/space/")), "{}", space.base_url);
    let bought = order(&space, "one", "CREDIT_DEBIT");
    let page = page_of(&sure(|| space.post(Operation::Register, &bought)).await);
    assert!(page.starts_with(&format!("{}/pg/checkout/", space.base_url)), "{page}");
    let mut payer = Browser::open(&client, &page).await;
    let mut steps = 0;
    while payer.result().is_none() {
        steps += 1;
        assert!(steps < 30, "{} {}", payer.page.status, payer.page.text());
        if is_unanswered(&payer.page) {
            payer = Browser::open(&client, &page).await;
        } else {
            assert!(payer.page.status < 400, "{}", payer.page.text());
            payer.go_on().await;
        }
    }
    assert_eq!(payer.result().as_deref(), Some("success"));
    let back = json!({ "txId": "one", "amount": "0.25" });
    let path = format!("orders/{}/one", space.merchant().id);
    let mut seen = sure(|| space.control_get(&path)).await.expect(200);
    while seen["refunded"] == "0.00" {
        let answer = space.call_signed(Operation::Refund, &back).await;
        assert!(
            is_unanswered(&answer) || answer.json()["resultCode"] == "0000",
            "{}",
            answer.text()
        );
        seen = sure(|| space.control_get(&path)).await.expect(200);
    }
    assert_eq!((&seen["captured"], &seen["refunded"]), (&json!("5.00"), &json!("0.25")), "{seen}");
    let approvals = seen["events"].as_array().expect("events").iter();
    assert_eq!(approvals.filter(|it| it["change"] == "approved").count(), 1, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_spaces_on_three_processes_behind_haproxy_lose_nothing() {
    if !has_tool("haproxy") {
        return;
    }
    let dirs = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let settings = ["--durability", "always", "--trusted-proxy", "127.0.0.1"];
    let mut gateways: Vec<_> = dirs.iter().map(|dir| start(dir.path(), &settings)).collect();
    let urls: Vec<String> = gateways.iter().map(|gateway| gateway.url.clone()).collect();
    let proxy = Proxy::start(&urls);
    let client = Client::new().following();

    // One space is under load all the time.
    let wish = json!({ "name": "busy", "merchants": 1 });
    let made = client.post_to(&proxy.url, "/_sim/v1/spaces", &wish).await.expect(201);
    let busy = SpaceHandle::new(client.clone(), made);
    buy_big(&busy).await;
    let (stop, refunded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (stop, refunded, busy) = (Arc::clone(&stop), Arc::clone(&refunded), busy.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    refund_cent(&busy, &refunded).await;
                }
            })
        })
        .collect();
    let (begun, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let payers: Vec<_> = (0..PAYERS)
        .map(|_| {
            let (begun, done, url) = (Arc::clone(&begun), Arc::clone(&done), proxy.url.clone());
            tokio::spawn(async move {
                loop {
                    let number = begun.fetch_add(1, Ordering::Relaxed) as usize;
                    if number >= SPACES {
                        return;
                    }
                    buy(&url, number).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let are_done = |count: usize| {
        let failed = payers.iter().any(JoinHandle::is_finished);
        (failed || done.load(Ordering::Relaxed) as usize >= count).then_some(())
    };

    let mut homes = Vec::new();
    for url in &urls {
        homes.push(Client::new().get(&format!("{url}/_sim/v1/spaces/busy")).await.status == 200);
    }
    let home = homes.iter().position(|is_home| *is_home).expect("a home");
    let (dying, other) = ((home + 1) % 3, (home + 2) % 3);
    // One process is killed, and is back with its state.
    tokio::task::block_in_place(|| until("a fifth of the orders", || are_done(SPACES / 5)));
    let port = urls[dying].rsplit(':').next().expect("a port").to_owned();
    gateways[dying] = tokio::task::block_in_place(|| {
        gateways[dying].signal("KILL");
        let dir = dirs[dying].path().to_str().expect("UTF-8");
        let command = payon_sim(&["serve", "--port", &port, "--state", dir, "--log", "warn"]);
        // Long enough that callers met the process that is gone.
        let before = usize::try_from(done.load(Ordering::Relaxed)).expect("a count");
        until("orders while one process is away", || are_done(before + 10));
        Gateway::start_as(command, &settings)
    });
    // The busy space moves.
    tokio::task::block_in_place(|| {
        until("half of the orders", || are_done(SPACES / 2));
        let (from, to) = (&gateways[home], &urls[other]);
        move_space("busy", from, to).ok();
    });
    for payer in payers {
        payer.await.expect("no wrong answer, and none lost");
    }
    stop.store(true, Ordering::Relaxed);
    for load in load {
        load.await.expect("no wrong answer, and none lost");
    }

    let cents = refunded.load(Ordering::Relaxed);
    assert_eq!(refunded_cents(&busy).await, cents);
    // HAProxy has learned where it is: nobody is sent on any more.
    let plain = SpaceHandle { client: Client::new(), ..busy.clone() };
    assert_eq!(plain.control_get("orders").await.status, 200);
    assert!(names(&gateways[other]).await.contains(&"busy".to_owned()));
    let mut all: Vec<String> = Vec::new();
    for gateway in &gateways {
        let own = names(gateway).await;
        assert!(own.len() > SPACES / 10, "{} spaces at one of three", own.len());
        all.extend(own.into_iter().filter(|name| name.starts_with("cart-")));
    }
    all.sort();
    let named = (0..SPACES).filter(|number| !number.is_multiple_of(10));
    let mut expected: Vec<_> = named.map(|number| format!("cart-{number}")).collect();
    expected.sort();
    assert_eq!(all, expected, "each space is at one process");
    println!("{SPACES} spaces on three processes, {cents} refunds of the space that moved");
}
