//! A shop that runs: started for a gateway, called, asked, restarted.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Method;

use super::LoadedMerchant;
use super::beliefs::ShopBelief;
use super::call::{ShopAnswer, StepCall};
use super::hidden_key::HiddenKey;
use super::process::{ShopError, ShopProcess};
use crate::http::{connect_to, send};
use crate::scenario::{RestartWay, ShopCall, ShopStart, TemplateValues};

/// Longest time until a shop is ready, where its file does not say.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks at a shop that is getting ready.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Longest time for one answer while it is getting ready.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Longest time between the last that is heard of a shop and the end of its process.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Ports for shops: below those that the system gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// The gateway that a shop is started for, as its templates name it.
#[derive(Clone, Debug, Default)]
pub struct GatewayPlace {
    /// Base URL: calls go to `{url}/pg/…`.
    pub url: String,
    /// Base URL of the control plane.
    pub control_url: String,
    /// `merchantId`.
    pub merchant: String,
    /// `termId`.
    pub terminal: String,
    /// The merchant's private key, one-line Base64 DER, where it is known.
    pub private_key: Option<String>,
    /// The merchant's public key, likewise.
    pub public_key: String,
    /// The gateway's public key, likewise.
    pub gateway_public_key: String,
    /// Variables of the environment that a shop does not see.
    pub hidden: Vec<String>,
}

/// Knowledge of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// Its process was seen to end.
    Ended,
    /// A command did it, with a process that was not started here.
    Unknown,
}

/// Said of a command that was to restart the shop and has not.
const NEVER_ENDED: &str = "it ended well, but the process that `start` began has not ended, so nothing was restarted; leave \
    `restart` out of the merchant file, and the shop is killed and started again here";

/// A shop that runs. It ends when this is dropped, unless it was running before.
#[derive(Debug)]
pub struct RunningShop {
    merchant: Arc<LoadedMerchant>,
    values: TemplateValues,
    hidden: Vec<String>,
    key: HiddenKey,
    /// Host and port.
    authority: String,
    process: Mutex<Option<Arc<ShopProcess>>>,
    /// Directory for what the shop keeps across restarts. It goes away with the shop.
    data: Option<PathBuf>,
    _port: ReservedPort,
}

impl Drop for RunningShop {
    fn drop(&mut self) {
        self.kill();
        if let Some(data) = &self.data {
            // Nobody looks for it any more.
            let _ = std::fs::remove_dir_all(data);
        }
    }
}

impl RunningShop {
    /// Starts the shop and waits until it is ready; looks for it where it is running already.
    pub async fn start(
        merchant: Arc<LoadedMerchant>,
        place: &GatewayPlace,
    ) -> Result<Self, ShopError> {
        let reserved = ReservedPort::next();
        let port = reserved.port;
        let authority = match &merchant.file.url {
            Some(url) => url.authority().to_owned(),
            None => format!("127.0.0.1:{port}"),
        };
        let data = merchant.file.start.is_some().then(|| new_directory(port)).transpose()?;
        let mut values = fixed_values(&merchant, place, &authority);
        values.set_some("data", data.as_ref().map(|data| data.display().to_string()));
        let hidden = place.hidden.clone();
        let key = HiddenKey::new(place.private_key.as_deref());
        let process = Mutex::default();
        let shop =
            Self { merchant, values, hidden, key, authority, process, data, _port: reserved };
        shop.launch().await?;
        Ok(shop)
    }

    async fn launch(&self) -> Result<(), ShopError> {
        let merchant = Arc::clone(&self.merchant);
        let Some(start) = &merchant.file.start else { return self.ready(None).await };
        let line = start.command.fill(&self.values);
        let line = line.map_err(|error| ShopError::Template { call: "start".to_owned(), error })?;
        let environment = start.env.fill(&self.values);
        let directory = merchant.directory();
        let process = ShopProcess::start(&line, &directory, &environment, &self.hidden)?;
        self.watch(Some(Arc::new(process)));
        self.ready(Some(start)).await
    }

    async fn ready(&self, start: Option<&ShopStart>) -> Result<(), ShopError> {
        let within = start.and_then(|start| start.ready.within);
        let within = within.map_or(READY_WITHIN, |within| Duration::from_millis(within.ms()));
        self.answers_within(within).await
    }

    /// Waits until the shop answers; fails if it does not within that time, or has ended.
    pub async fn answers_within(&self, within: Duration) -> Result<(), ShopError> {
        let ready = self.merchant.file.start.as_ref().map(|start| &start.ready);
        let path = ready.and_then(|ready| ready.path.as_ref());
        let path = path.map(|path| path.fill(&self.values)).transpose();
        let path = path.map_err(|error| ShopError::Template { call: "ready".to_owned(), error })?;
        let until = Instant::now() + within;
        loop {
            self.has_not_ended("", Duration::ZERO).await?;
            let seen = match self.look(path.as_deref()).await {
                Ok(()) => return Ok(()),
                Err(seen) => seen,
            };
            if Instant::now() >= until {
                return Err(ShopError::NotReady { within, seen, output: self.output() });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, path: Option<&str>) -> Result<(), String> {
        let authority = &self.authority;
        let Some(path) = path else {
            let connected = connect_to(authority).await;
            return connected.map(drop).map_err(|error| format!("{authority}: {error}"));
        };
        let sent = send(Method::GET, authority, path, &[], bytes::Bytes::new());
        match tokio::time::timeout(LOOK_MAX, sent).await {
            Ok(Ok(answer)) if (200..300).contains(&answer.status) => Ok(()),
            Ok(Ok(answer)) => Err(format!("GET {path}: HTTP {}", answer.status)),
            Ok(Err(broken)) => Err(format!("GET {path}: {broken}")),
            Err(_) => Err(format!("GET {path}: no answer within {LOOK_MAX:?}")),
        }
    }

    /// Fills the templates of a call: the fixed names, and those of `values`.
    pub fn prepare(&self, call: &ShopCall, values: &TemplateValues) -> Result<StepCall, ShopError> {
        let call = StepCall::new(call, &self.merchant.file.headers, &self.values.with(values))?;
        Ok(self.without_key(call))
    }

    /// Makes a call and waits for its answer, not longer than `limit`.
    pub async fn call(&self, call: &StepCall, limit: Duration) -> Result<ShopAnswer, ShopError> {
        match self.make(call, limit).await {
            Ok(answer) => Ok(answer.hiding(&self.key)),
            Err(error) => {
                let call = call.what.clone();
                self.has_not_ended(&format!("{call}: "), END_WITHIN).await?;
                Err(ShopError::NoAnswer { call, error, output: self.output() })
            }
        }
    }

    async fn make(&self, call: &StepCall, limit: Duration) -> Result<ShopAnswer, String> {
        let start = self.merchant.file.start.as_ref();
        let environment = start.map(|start| start.env.fill(&self.values)).unwrap_or_default();
        let directory = self.merchant.directory();
        call.make(&self.authority, &directory, &environment, &self.hidden, limit).await
    }

    /// Asks what the shop believes of an order; `None` where its file has no `ask`.
    pub async fn ask(
        &self,
        values: &TemplateValues,
        limit: Duration,
    ) -> Result<Option<ShopBelief>, ShopError> {
        let Some(ask) = &self.merchant.file.ask else { return Ok(None) };
        let call = self.prepare(&ask.order, values)?;
        let answer = self.call(&call, limit).await?;
        let belief = ShopBelief::read(ask, &answer);
        belief.map(Some).map_err(|problem| ShopError::Unreadable {
            call: format!("ask, {}", call.what),
            problem,
            answer: answer.shown(),
            is_unknown: matches!(answer.status, 404 | 410),
        })
    }

    /// Kills the shop at once and starts it again, as its file says.
    pub async fn restart(&self) -> Result<Restarted, ShopError> {
        match (&self.merchant.file.restart, self.process()) {
            (Some(RestartWay::Command(line)), process) => {
                let call = self.without_key(StepCall::command(line, &self.values)?);
                let refused = |told| ShopError::Restart(format!("{}: {told}", call.what));
                let answer = self.make(&call, READY_WITHIN).await.map_err(refused)?;
                let answer = answer.hiding(&self.key);
                if !answer.is_success() {
                    return Err(refused(answer.shown()));
                }
                let restarted = match process {
                    None => Restarted::Unknown,
                    Some(process) if poll(END_WITHIN, || process.ended()).await.is_some() => {
                        // The shop is now a process of the command's, which cannot be watched.
                        self.watch(None);
                        Restarted::Ended
                    }
                    Some(_) => return Err(refused(NEVER_ENDED.to_owned())),
                };
                self.ready(self.merchant.file.start.as_ref()).await?;
                Ok(restarted)
            }
            (Some(RestartWay::Kill) | None, Some(process)) => {
                process.kill();
                self.launch().await?;
                Ok(Restarted::Ended)
            }
            (Some(RestartWay::Kill) | None, None) => Err(ShopError::Restart(
                "its file has no `restart: { command: … }`, and it was not started here".to_owned(),
            )),
        }
    }

    /// Kills the process of the shop, where it was started here.
    pub fn kill(&self) {
        if let Some(process) = self.process() {
            process.kill();
        }
    }

    /// Fails if the shop was started here and has ended.
    pub async fn still_runs(&self) -> Result<(), ShopError> {
        self.has_not_ended("", Duration::ZERO).await
    }

    /// Fails if the shop was started here and ends within `limit`. A process that dies closes its connections before
    /// it can be seen that it has ended, and its last words may come later still.
    async fn has_not_ended(&self, during: &str, limit: Duration) -> Result<(), ShopError> {
        let Some(process) = self.process() else { return Ok(()) };
        let status = poll(limit, || process.ended()).await;
        let Some(status) = status else { return Ok(()) };
        // What the shop has started may live on and hold the streams open.
        poll(END_WITHIN, || process.has_said_all().then_some(())).await;
        Err(ShopError::Ended {
            during: during.to_owned(),
            status: status.to_string(),
            output: self.key.hide_in(process.output()),
        })
    }

    /// Host and port of the shop.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The value of a fixed name, such as `notiUrl`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name)
    }

    /// A call whose words do not show the key.
    fn without_key(&self, mut call: StepCall) -> StepCall {
        call.what = self.key.hide_in(call.what);
        call
    }

    fn watch(&self, process: Option<Arc<ShopProcess>>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    fn process(&self) -> Option<Arc<ShopProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn output(&self) -> String {
        let output = self.process().map(|process| process.output());
        self.key.hide_in(output.unwrap_or_default())
    }
}

/// The value of `look`, once it has one; `None` if it has none within `limit`.
async fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + limit;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() >= until {
            return seen;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn fixed_values(
    merchant: &LoadedMerchant,
    place: &GatewayPlace,
    authority: &str,
) -> TemplateValues {
    let file = &merchant.file;
    let mut values = TemplateValues::default();
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    for (name, value) in [
        ("gateway", place.url.as_str()),
        ("control", &place.control_url),
        ("merchant", &place.merchant),
        ("terminal", &place.terminal),
        ("publicKey", &place.public_key),
        ("gatewayPublicKey", &place.gateway_public_key),
        ("port", port),
        ("shop", &format!("http://{authority}")),
        ("timeScale", &file.time.scale.to_string()),
    ] {
        values.set(name, value);
    }
    values.set_some("privateKey", place.private_key.as_deref());
    let addresses = &file.addresses;
    for (name, address) in [
        ("notiUrl", &addresses.noti),
        ("successUrl", &addresses.success),
        ("failUrl", &addresses.fail),
        ("cancelUrl", &addresses.cancel),
    ] {
        let url = address.as_deref().map(|address| {
            if address.contains("://") {
                address.to_owned()
            } else {
                format!("http://{authority}/{}", address.trim_start_matches('/'))
            }
        });
        values.set_some(name, url);
    }
    values
}

/// A new directory for the data of the shop at this port.
fn new_directory(port: u16) -> Result<PathBuf, ShopError> {
    let name = format!("payon-sim-shop-{}-{port}", std::process::id());
    let path = std::env::temp_dir().join(name);
    // One that a killed process with our number has left.
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).map_err(|error| ShopError::Data {
        path: path.display().to_string(),
        error: error.to_string(),
    })?;
    Ok(path)
}

/// A port for a shop. Until it listens there itself, another simulator on this machine would find the port free too, and
/// each would then call the other's shop. The UDP port of the same number tells them apart: whoever has it has the port.
#[derive(Debug)]
struct ReservedPort {
    port: u16,
    /// `None` if no port was to be had; the shop then says why it cannot listen.
    _mark: Option<UdpSocket>,
}

impl ReservedPort {
    /// A port that nobody listens at and nobody else has reserved. Those that were given before come again last.
    fn next() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let span = PORTS.end - PORTS.start;
        let offset = (std::process::id() % u32::from(span)) as u16;
        let mut candidates = (0..span).map(|_| {
            let next = NEXT.fetch_add(1, Ordering::Relaxed) % span;
            PORTS.start + (offset + next) % span
        });
        let none = Self { port: PORTS.start, _mark: None };
        candidates.find_map(Self::of).unwrap_or(none)
    }

    /// That port, if it is to be had.
    fn of(port: u16) -> Option<Self> {
        let mark = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(Self { port, _mark: Some(mark) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_to_one_simulator_at_a_time_although_nobody_listens_there_yet() {
        let reserved = ReservedPort::next();
        let port = reserved.port;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the shop can listen there");
        assert!(ReservedPort::of(port).is_none(), "{port} is given away twice");
        drop(reserved);
        assert!(ReservedPort::of(port).is_some(), "{port} comes again");
    }
}
