//! A gateway in the process, and a payer without a browser: forms, redirects, nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use payon_sim::base::{OrderState, Reason};
use payon_sim::checkout::Checkout;
use payon_sim::ledger::{Change, Order, Target};
use payon_sim::simulator::Simulator;
use payon_sim::space::{Space, Spaces};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The merchant and terminal that register.
pub(super) const MERCHANT: &str = "C0000143";
pub(super) const TERMINAL: &str = "CT03000003";

/// A gateway on a free port.
pub(crate) struct Gateway {
    address: SocketAddr,
    pub(super) spaces: Arc<Spaces>,
    /// Every path that was asked for and every place that was redirected to.
    pub(super) trace_headers: Mutex<Vec<String>>,
    _simulator: Simulator,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
    /// The place that it redirects to: a path of the gateway, or the address of another.
    place: Option<String>,
}

impl Gateway {
    pub(crate) async fn open() -> Self {
        Self::with(Checkout::default()).await
    }

    pub(super) async fn with(checkout: Checkout) -> Self {
        let simulator = Simulator::builder().seed(1).checkout(checkout).start().await;
        let simulator = simulator.expect("a free port");
        let address = simulator.url().trim_start_matches("http://").parse().expect("an address");
        let spaces = Arc::clone(simulator.spaces());
        Self { address, spaces, trace_headers: Mutex::default(), _simulator: simulator }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        self.spaces.default_space()
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        self.trace_headers.lock().expect("not poisoned").push(path.to_owned());
        let mut stream = TcpStream::connect(self.address).await.expect("the gateway listens");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answered");
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.expect("a status"),
            head: head.into(),
            body: body.into(),
            place: None,
        };
        answer.place = answer.header("location").map(|location| resolve(path, location));
        self.trace_headers.lock().expect("not poisoned").extend(answer.place.clone());
        answer
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_html_form::to_string(fields).expect("a form");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", path, kind, &body).await
    }

    /// Calls one of PAYON's operations.
    pub(super) async fn call(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, "", &body.to_string()).await;
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// Registers an order, with `more` over the usual members; answers with its `resultData`.
    pub(super) async fn register(&self, tx_id: &str, method: &str, more: Value) -> Value {
        let mut body = json!({
            "merchantId": MERCHANT, "termId": TERMINAL, "txId": tx_id, "trt": "10",
            "currency": "USD", "amount": "12.50", "paymentMethod": method,
        });
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        let reply = self.call("/pg/order/register", &body).await;
        assert_eq!(reply["resultCode"], "0000", "{reply}");
        reply["resultData"].clone()
    }

    /// Registers an order and opens its page.
    pub(super) async fn payer(&self, tx_id: &str, method: &str, more: Value) -> Payer<'_> {
        let data = self.register(tx_id, method, more).await;
        let url = data["checkoutUrl"].as_str().expect("a link");
        let path = url.split_once(&self.address.to_string()).expect("this gateway's").1;
        let mut payer =
            Payer { gateway: self, path: path.to_owned(), tx_id: tx_id.to_owned(), page: None };
        payer.open().await;
        payer
    }

    pub(super) fn order(&self, tx_id: &str) -> Order {
        let target = Target::Named { merchant: MERCHANT, tx_id };
        self.space().read(|view| view.ledger.find(target).cloned()).expect("registered")
    }

    /// How often an order was approved.
    pub(super) fn approvals(&self, tx_id: &str) -> usize {
        let approved = |change: &Change| matches!(change, Change::Approved { .. });
        self.order(tx_id).history.iter().filter(|entry| approved(&entry.change)).count()
    }

    /// Moves the space's clock on and keeps it there.
    pub(super) fn advance_clock(&self, ms: i64) {
        let real = payon_sim::base::wall_clock();
        self.space().write(|moment| {
            let now = moment.now.plus(ms);
            moment.clock().freeze(real, true);
            moment.clock().set(real, now);
        });
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.place.as_deref().expect("a place")
    }

    /// An attribute of the element with this `data-testid`.
    pub(super) fn attribute(&self, test_id: &str, name: &str) -> Option<String> {
        let hook = format!("data-testid=\"{test_id}\"");
        let at = self.body.find(&hook)?;
        let begin = self.body[..at].rfind('<')?;
        let tag = &self.body[begin..begin + self.body[begin..].find('>')?];
        let value = tag.split(&format!(" {name}=\"")).nth(1)?;
        Some(value.split('"').next()?.to_owned())
    }

    pub(super) fn has(&self, test_id: &str) -> bool {
        self.body.contains(&format!("data-testid=\"{test_id}\""))
    }

    /// The value of the first hidden field of this name.
    pub(super) fn hidden(&self, name: &str) -> Option<&str> {
        let from = self.body.split(&format!("type=\"hidden\" name=\"{name}\" value=\"")).nth(1)?;
        from.split('"').next()
    }
}

/// The path that a relative reference on the page at `path` leads to, as browsers find it; an absolute one as it is.
pub(crate) fn resolve(path: &str, reference: &str) -> String {
    if reference.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
        return reference.to_owned();
    }
    let path = path.split('?').next().unwrap_or_default();
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    for part in reference.split_inclusive('/') {
        match part {
            "../" => drop(folders.pop()),
            "./" => {}
            part => folders.push(part.trim_end_matches('/')),
        }
    }
    folders.join("/")
}

/// A payer in front of the page of an order.
pub(super) struct Payer<'g> {
    pub(super) gateway: &'g Gateway,
    pub(super) path: String,
    pub(super) tx_id: String,
    page: Option<Answer>,
}

impl Payer<'_> {
    /// Opens the order's page anew, wherever it leads.
    pub(super) async fn open(&mut self) -> Answer {
        let answer = self.gateway.get(&self.path).await;
        self.follow(answer).await
    }

    /// The page that the payer sees.
    pub(super) fn page(&self) -> &Answer {
        self.page.as_ref().expect("opened")
    }

    /// Sends the form of the page that the payer sees, without following where it leads.
    pub(super) async fn send(&self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("action", action)];
        all.extend(self.page().hidden("step").map(|step| ("step", step)));
        all.extend(fields);
        let acs = self.page().has("acs-otp");
        let path = if acs { format!("{}/acs", self.path) } else { self.path.clone() };
        self.gateway.post(&path, &all).await
    }

    /// Sends the form and follows to the next page of the gateway, or out of it.
    pub(super) async fn act(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.send(action, fields).await;
        self.follow(answer).await
    }

    /// Types a card of the table.
    pub(super) async fn type_card(&mut self, number: &str) -> Answer {
        let profile = Arc::clone(self.gateway.space().profile());
        let card = profile.card(number).expect("in the table");
        let expiry = format!("{}/{}", &card.expiry[4..], &card.expiry[2..4]);
        let (cvv, pin) = (card.cvv.as_deref(), card.pin.as_deref());
        let fields = [
            ("number", number),
            ("expiry", &expiry),
            ("cvv", cvv.unwrap_or_default()),
            ("pin", pin.unwrap_or_default()),
            ("holder", &card.name),
        ];
        self.act("card", &fields).await
    }

    /// Brings the issuer's answer back, as the browser does.
    pub(super) async fn bring_back(&mut self) -> Answer {
        let fields = self.acs_fields();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.gateway.post(&format!("{}/acs-return", self.path), &fields).await;
        self.follow(answer).await
    }

    /// What the issuer's page sends back.
    pub(super) fn acs_fields(&self) -> Vec<(&'static str, String)> {
        ["cres", "threeDSSessionData"]
            .map(|name| (name, self.page().hidden(name).expect("the issuer answers").to_owned()))
            .to_vec()
    }

    /// Follows redirects within the gateway.
    async fn follow(&mut self, mut answer: Answer) -> Answer {
        while answer.status == 303 && answer.location().starts_with('/') {
            let next = answer.location().to_owned();
            answer = self.gateway.get(&next).await;
        }
        self.page = Some(answer.clone());
        answer
    }

    pub(super) fn state(&self) -> OrderState {
        self.gateway.order(&self.tx_id).state
    }

    pub(super) fn failure(&self) -> Option<Reason> {
        self.gateway.order(&self.tx_id).failure
    }
}
