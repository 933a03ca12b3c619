//! The port with TLS and both loopback addresses, with curl and openssl as the clients.

use std::fs;
use std::net::{Ipv6Addr, TcpListener};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Ended, Gateway, events, has_tool, payon_sim, run, tool};

/// A gateway with a port for TLS, and a directory for its test CA.
struct Secure {
    gateway: Gateway,
    port: u16,
    dir: TempDir,
}

impl Secure {
    fn start(args: &[&str]) -> Self {
        let gateway = Gateway::start(&[&["--tls-port", "0"], args].concat());
        let members: Value = serde_json::from_str(&gateway.ready_line).expect("JSON");
        let url = members["tlsUrl"].as_str().expect("it is announced");
        let port = url.strip_prefix("https://127.0.0.1:").and_then(|port| port.parse().ok());
        Self { port: port.expect("a port"), gateway, dir: tempfile::tempdir().expect("made") }
    }

    /// Writes the certificate of the test CA where clients find it.
    fn with_ca(self) -> Self {
        let ca = run(&["tls", "ca", "--url", &self.gateway.url]).ok();
        fs::write(self.ca(), ca).expect("written");
        self
    }

    fn ca(&self) -> String {
        self.dir.path().join("ca.pem").display().to_string()
    }

    /// Calls a path at a host, trusting only the test CA.
    fn curl(&self, host: &str, path: &str, args: &[&str]) -> Ended {
        let url = format!("https://{host}:{}{path}", self.port);
        tool("curl", &[&["-sS", "--cacert", &self.ca(), &url], args].concat(), b"")
    }
}

fn order() -> String {
    json!({
        "merchantId": "C0000143", "termId": "CT03000003", "txId": "1", "trt": "10", "currency": "USD", "amount": "5.00",
        "paymentMethod": "CREDIT_DEBIT",
    })
    .to_string()
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[test]
fn clients_that_trust_the_test_ca_are_served_and_get_links_with_https() {
    if !has_tool("curl") {
        return;
    }
    let secure =
        Secure::start(&["--tls-name", "gateway.test", "--tls-name", "192.0.2.7"]).with_ca();
    let (port, http_port) = (secure.port, secure.gateway.url.rsplit(':').next().expect("a port"));
    let mut hosts = vec!["localhost", "127.0.0.1"];
    hosts.extend(has_ipv6().then_some("[::1]"));
    for host in hosts {
        assert_eq!(secure.curl(host, "/_sim/healthz", &[]).ok(), r#"{"status":"ok"}"#, "{host}");
    }
    for name in ["gateway.test", "192.0.2.7"] {
        let there = format!("{name}:{port}:127.0.0.1:{port}");
        let health = secure.curl(name, "/_sim/healthz", &["--connect-to", &there]);
        assert_eq!(health.ok(), r#"{"status":"ok"}"#, "{name}");
    }
    let other = format!("other.test:{port}:127.0.0.1:{port}");
    let refused = secure.curl("other.test", "/_sim/healthz", &["--connect-to", &other]);
    assert_eq!(refused.code, Some(60), "{refused:?}");

    let registered = secure.curl("localhost", "/pg/order/register", &["-d", &order()]).ok();
    let registered: Value = serde_json::from_str(&registered).expect("JSON");
    let link = registered["resultData"]["checkoutUrl"].as_str().expect("a link");
    let path =
        link.strip_prefix(&format!("https://localhost:{port}")).expect("it keeps the scheme");
    let page = secure.curl("localhost", path, &[]).ok();
    assert!(page.contains("<form") && !page.contains("http://localhost"), "{page}");
    let orders = secure.curl("localhost", "/_sim/v1/orders", &[]).ok();
    assert!(orders.contains(&format!("https://localhost:{port}/pg/checkout/")), "{orders}");
    let plainly =
        tool("curl", &["-s", &format!("http://localhost:{http_port}/_sim/v1/orders")], b"");
    assert!(plainly.ok().contains(&format!("http://localhost:{http_port}/pg/checkout/")));
    assert_eq!(secure.gateway.stop().code, Some(0));
}

#[test]
fn faults_break_connections_with_tls_as_well() {
    if !has_tool("curl") {
        return;
    }
    let secure = Secure::start(&[]).with_ca();
    let status = |faults: Value| {
        let rules = json!([{ "when": { "operation": "register" }, "then": faults }]).to_string();
        assert_eq!(secure.gateway.send("PUT", "/_sim/v1/rules", &rules).0, 200);
        secure.curl("localhost", "/pg/order/register", &["-d", &order()])
    };
    // curl's codes: 56 is a failure to read, 52 an empty answer, 18 an answer that is cut off.
    assert_eq!(status(json!([{ "transport": "reset" }])).code, Some(56));
    assert_eq!(status(json!([{ "transport": "empty" }])).code, Some(52));
    let cut = status(json!([{ "transport": { "truncate": { "after": 20, "length": "wrong" } } }]));
    assert!(cut.code == Some(18) && cut.out.len() == 20, "{cut:?}");
    let down = json!([{ "then": [{ "transport": "reset" }] }]).to_string();
    assert_eq!(secure.gateway.send("PUT", "/_sim/v1/rules", &down).0, 200);
    assert_eq!(secure.curl("localhost", "/pg/order/register", &["-d", "{}"]).code, Some(56));
}

#[test]
fn who_speaks_plain_http_to_the_port_with_tls_is_told_so_and_the_log_says_it_once() {
    if !has_tool("curl") {
        return;
    }
    let secure = Secure::start(&[]);
    let plain = format!("http://127.0.0.1:{}/pg/refund", secure.port);
    for _ in 0..2 {
        let told = tool("curl", &["-s", "-w", "%{http_code}", &plain, "-d", "{}"], b"").ok();
        assert!(told.contains("use https://") && told.ends_with("400"), "{told}");
    }
    let url = format!("http://127.0.0.1:{}", secure.port);
    let told = run(&["rules", "list", "--url", &url]);
    assert!(told.code == Some(1) && told.err.contains("that is the port with TLS"), "{told:?}");
    let told = run(&["rules", "list", "--url", &url.replace("http", "https")]);
    assert!(told.code == Some(2) && told.err.contains("--ca-file"), "{told:?}");
    secure.gateway.until_logged("use https://");
    let ended = secure.gateway.stop();
    assert_eq!(ended.err.matches("no TLS handshake came").count(), 1, "{}", ended.err);
}

#[test]
fn a_certificate_of_ones_own_is_served_and_has_no_test_ca() {
    if !has_tool("curl") || !has_tool("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("made");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (cert, key, other) = (file("ca.pem"), file("key.pem"), file("other.pem"));
    let make = |cert: &str, key: &str| {
        let args = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=pay.test",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            cert,
            "-keyout",
            key,
        ];
        tool("openssl", &args, b"").ok();
    };
    make(&cert, &key);
    make(&file("unused.pem"), &other);

    let secure = Secure::start(&["--tls-cert", &cert, "--tls-key", &key]);
    let url = format!("https://localhost:{}/_sim/healthz", secure.port);
    let health = tool("curl", &["-sS", "--cacert", &cert, &url], b"").ok();
    assert_eq!(health, r#"{"status":"ok"}"#);
    let none = run(&["tls", "ca", "--url", &secure.gateway.url]);
    assert!(none.code == Some(1) && none.err.contains("--tls-cert"), "{none:?}");

    let (missing, wide) = (file("missing.pem"), file("p521.pem"));
    let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", &wide];
    tool("openssl", &[&["genpkey"], &curve[..]].concat(), b"").ok();
    for (args, told) in [
        (vec!["--tls-cert", &cert], "without --tls-port"),
        (vec!["--tls-name", "shop"], "without --tls-port"),
        (vec!["--tls-port", "0", "--tls-cert", &cert], "needs --tls-key"),
        (vec!["--tls-port", "0", "--tls-key", &key], "needs --tls-cert"),
        (vec!["--tls-port", "0", "--tls-name", "a b"], "\"a b\" is neither a host name"),
        (vec!["--tls-port", "0", "--tls-cert", &cert, "--tls-key", &other], "cannot be used"),
        (vec!["--tls-port", "0", "--tls-cert", &cert, "--tls-key", &wide], "P-256 or P-384"),
        (vec!["--tls-port", "0", "--tls-cert", &cert, "--tls-key", &cert], "no private key"),
        (vec!["--tls-port", "0", "--tls-cert", &missing, "--tls-key", &key], "cannot be read"),
        (vec!["--tls-port", "0", "--tls-cert", "/dev/zero", "--tls-key", &key], "larger than"),
        (vec!["--tls-port", "0", "--tls-cert", &cert, "--tls-key", "/dev/zero"], "larger than"),
        (
            vec!["--tls-port", "0", "--tls-cert", &cert, "--tls-key", &key, "--tls-name", "shop"],
            "has its names already",
        ),
        (vec!["--tls-port", "42", "--control-port", "42"], "TLS needs a port of its own"),
        (vec!["--durability", "always"], "without --state"),
    ] {
        let refused = run(&[&["serve", "--port", "0"], &args[..]].concat());
        assert!(refused.code == Some(2) && refused.err.contains(told), "{args:?}: {refused:?}");
        assert!(!refused.err.contains("PRIVATE KEY"), "{refused:?}");
    }
}

#[test]
fn a_gateway_without_tls_has_no_test_ca() {
    let gateway = Gateway::start(&[]);
    let none = run(&["tls", "ca", "--url", &gateway.url]);
    assert!(none.code == Some(1) && none.err.contains("--tls-port"), "{none:?}");
}

#[test]
fn both_versions_of_tls_are_spoken_and_no_other() {
    if !has_tool("openssl") {
        return;
    }
    let secure = Secure::start(&[]).with_ca();
    let at = format!("localhost:{}", secure.port);
    let hello = |version: &str| {
        let args =
            ["s_client", "-connect", &at, "-CAfile", &secure.ca(), "-verify_return_error", version];
        tool("openssl", &args, b"Q\n").code
    };
    assert_eq!(["-tls1_3", "-tls1_2", "-tls1_1"].map(hello), [Some(0), Some(0), Some(1)]);
}

#[test]
fn localhost_is_served_at_both_loopback_addresses() {
    if !has_tool("curl") {
        return;
    }
    let gateway = Gateway::start(&["--control-port", "0"]);
    let hosts = if has_ipv6() { vec!["127.0.0.1", "[::1]"] } else { vec!["127.0.0.1"] };
    for (url, path, told) in [
        (&gateway.url, "/pg/nowhere", "Unknown path"),
        (&gateway.control_url, "/_sim/healthz", r#"{"status":"ok"}"#),
    ] {
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        for host in &hosts {
            let there = format!("{}{path}", url.replace("127.0.0.1", host));
            let answer = tool("curl", &["-sS", &there], b"").ok();
            assert!(answer.contains(told), "{there}: {answer}");
        }
    }
    if !has_ipv6() {
        println!("skipped in part: this machine has no IPv6");
        return;
    }
    let four = Gateway::start(&["--host", "127.0.0.1"]);
    let six = four.url.replace("127.0.0.1", "[::1]");
    assert_eq!(tool("curl", &["-sS", &six], b"").code, Some(7), "only what was asked for");
    let six = Gateway::start(&["--host", "[::1]"]);
    assert!(six.url.starts_with("http://[::1]:"), "{}", six.url);
    assert_eq!(run(&["healthcheck", "--url", &six.url]).ok(), "");
    let port = gateway.url.rsplit(':').next().expect("a port");
    let held = run(&["serve", "--host", "localhost", "--port", port]);
    assert_eq!(held.code, Some(3), "{held:?}");
    assert!(held.err.contains(port), "{held:?}");
}

#[test]
fn commands_talk_to_an_address_with_https() {
    let secure = Secure::start(&[]).with_ca();
    let url = format!("https://127.0.0.1:{}", secure.port);
    let (ca, plain) = (secure.ca(), secure.gateway.url.clone());
    let list = |url: &str, more: &[&str]| run(&[&["space", "list", "--url", url], more].concat());
    assert!(list(&url, &["--ca-file", &ca]).ok().contains("default"));
    run(&["healthcheck", "--url", &url, "--ca-file", &ca]).ok();
    assert!(run(&["doctor", "--url", &url, "--ca-file", &ca]).out.contains("payon-sim"));
    let mut command = payon_sim(&["space", "list"]);
    command.env("PAYON_SIM_URL", format!("{url}/space/default")).env("PAYON_SIM_CA_FILE", &ca);
    assert!(events(command, b"").ok().contains("default"));
    // What is read as it comes goes the same way.
    run(&["reset", "--url", &url, "--ca-file", &ca]).ok();
    let followed = ["tail", "--from-start", "--max", "1", "--timeout", "60s", "--url", &url];
    assert!(run(&[&followed[..], &["--ca-file", &ca]].concat()).ok().contains("reset"));
    let none = format!("{}/none.pem", secure.dir.path().display());
    let key = format!("{}/no.pem", secure.dir.path().display());
    fs::write(&key, "no certificate").expect("written");
    for (url, more, said) in [
        (url.as_str(), &[][..], "not trusted"),
        (&url, &["--ca-file", &none], "--ca-file: cannot read"),
        (&url, &["--ca-file", &key], "holds no certificate"),
        (&plain.replace("http:", "https:"), &["--ca-file", &ca], "must begin with http://"),
        (&url.replace("https:", "http:"), &[], "write https:// in --url"),
        ("https://127.0.0.1:1", &["--ca-file", &ca], "cannot talk to https://127.0.0.1:1"),
    ] {
        let ended = list(url, more);
        assert!(matches!(ended.code, Some(1 | 2)) && ended.err.contains(said), "{said}: {ended:?}");
        assert!(!ended.err.contains("panicked"), "{ended:?}");
    }
}
