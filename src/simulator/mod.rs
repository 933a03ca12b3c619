//! The door: a simulator in this process, with everything that belongs to it put together in one place.
//!
//! `payon-sim serve`, the runner of scenarios and the tests of this crate start what [`SimulatorBuilder::start`] starts.

mod order_request;
mod port;
mod port_holder;
mod space_handle;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use order_request::{CallError, MerchantReply, OrderRequest};
pub use port::PortError;
pub use space_handle::SpaceHandle;

use crate::api::{Control, ControlSettings, Sources, TlsPort};
use crate::base::{Diagnostic, Seed};
use crate::checkout::Checkout;
use crate::delivery::{Scheduler, Sender};
use crate::http::{Limits, TrustedProxy};
use crate::profile::Profile;
use crate::server::{self, App, Plane, TlsIdentity};
use crate::space::{Budgets, IfExists, LoadedSpaces, NewMerchant, Spaces};
use crate::state_store::{StateError, StateSettings, StateStore};

/// A free port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Reason why a simulator does not start.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::{Simulator, StartError};
/// let first = Simulator::builder().start().await?;
/// let taken = first.url().trim_start_matches("http://").parse()?;
/// let second = Simulator::builder().address(taken).start().await;
/// assert!(matches!(second, Err(StartError::Port(error)) if error.address == taken));
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port for merchants is not to be had.
    #[error("{0} Choose another port, or 0 for a free one")]
    Port(#[source] PortError),
    /// The port of the control plane is not to be had.
    #[error("the control plane: {0} Choose another port, or 0 for a free one")]
    ControlPort(#[source] PortError),
    /// The port with TLS is not to be had.
    #[error("TLS: {0} Choose another port, or 0 for a free one")]
    TlsPort(#[source] PortError),
    /// Scenarios to arm have mistakes.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Scenarios(Vec<Diagnostic>),
    /// The state cannot be kept where it is to be.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Settings of a [`Simulator`] that is to be started.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::Simulator;
/// let simulator = Simulator::builder().seed(42).strict().start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct SimulatorBuilder {
    profile: Arc<Profile>,
    seed: Seed,
    address: SocketAddr,
    listener: Option<TcpListener>,
    control_address: Option<SocketAddr>,
    tls: Option<(SocketAddr, TlsIdentity)>,
    both_loopbacks: bool,
    control_token: Option<String>,
    public_url: Option<String>,
    trusted_proxies: Vec<TrustedProxy>,
    is_strict: bool,
    sources: Arc<Sources>,
    checkout: Checkout,
    budgets: Budgets,
    limits: Limits,
    state: Option<StateSettings>,
}

/// A simulator that serves in this process, and stops when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use payon_sim::{OrderRequest, Reason, Simulator};
/// let simulator = Simulator::builder().seed(42).start().await?;
/// let space = simulator.space("shop").await?;
/// space.register(OrderRequest::purchase("A-1", "10.00")).await?;
/// assert_eq!(space.pay("A-1").await?, Reason::Success);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Simulator {
    url: String,
    control_url: String,
    tls_url: Option<String>,
    spaces: Arc<Spaces>,
    control: Arc<Control>,
    /// The servers and the scheduler of push-backs.
    tasks: Vec<JoinHandle<()>>,
    stop: DropGuard,
    /// Dropped last: it writes what the others have changed.
    state: Option<StateStore>,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self {
            profile: Profile::builtin(),
            seed: Seed(42),
            address: ANY_PORT,
            listener: None,
            control_address: None,
            tls: None,
            both_loopbacks: false,
            control_token: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            is_strict: false,
            sources: Arc::default(),
            checkout: Checkout::default(),
            budgets: Budgets::default(),
            limits: Limits::default(),
            state: None,
        }
    }
}

impl SimulatorBuilder {
    /// Serves another profile than PAYON's documented test world.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{Simulator, profile::Profile};
    /// let mut profile = Profile::clone(&Profile::builtin());
    /// profile.rules.order_lifetime_ms = 60_000;
    /// let simulator = Simulator::builder().profile(profile).start().await?;
    /// # Ok(()) }
    /// ```
    pub fn profile(self, profile: impl Into<Arc<Profile>>) -> Self {
        Self { profile: profile.into(), ..self }
    }

    /// Makes all that looks random follow from this number; without it, from 42.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().seed(7).start().await?;
    /// # Ok(()) }
    /// ```
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Seed(seed), ..self }
    }

    /// Listens here for merchants; without it, on a free port of this machine.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().address("[::1]:0".parse()?);
    /// # Ok(()) }
    /// ```
    pub fn address(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Listens for merchants where somebody listens already, in place of an address.
    pub(crate) fn listener(self, listener: TcpListener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Gives the control plane an address of its own, so that no rule can break it; without it, it shares the merchants'.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let free = "127.0.0.1:0".parse()?;
    /// let simulator = Simulator::builder().control_address(free).start().await?;
    /// assert_ne!(simulator.url(), simulator.control_url());
    /// # Ok(()) }
    /// ```
    pub fn control_address(self, address: SocketAddr) -> Self {
        Self { control_address: Some(address), ..self }
    }

    /// Serves merchants with TLS as well, at an address of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{Simulator, TlsIdentity};
    /// let (free, identity) = ("127.0.0.1:0".parse()?, TlsIdentity::of_test_ca(&[])?);
    /// let simulator = Simulator::builder().tls(free, identity).start().await?;
    /// assert!(simulator.tls_url().is_some_and(|url| url.starts_with("https://127.0.0.1:")));
    /// # Ok(()) }
    /// ```
    pub fn tls(self, address: SocketAddr, identity: TlsIdentity) -> Self {
        Self { tls: Some((address, identity)), ..self }
    }

    /// Listens on `[::1]` as well, wherever it listens on 127.0.0.1, at the same port, since `localhost` may mean either. A
    /// machine without IPv6 has the one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().both_loopbacks().start().await?;
    /// # Ok(()) }
    /// ```
    pub fn both_loopbacks(self) -> Self {
        Self { both_loopbacks: true, ..self }
    }

    /// Makes the control plane ask for a token, as it must where others can reach it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().control_token("open sesame").start().await?;
    /// # Ok(()) }
    /// ```
    pub fn control_token(self, token: impl Into<String>) -> Self {
        Self { control_token: Some(token.into()), ..self }
    }

    /// Gives the address under which payers reach the gateway, where merchants reach it under another one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::{OrderRequest, Simulator};
    /// let simulator = Simulator::builder().public_url("https://pay.example").start().await?;
    /// let order = OrderRequest::purchase("A-1", "10.00");
    /// let reply = simulator.default_space().register(order).await?;
    /// let checkout = reply.body()["resultData"]["checkoutUrl"].as_str();
    /// assert!(checkout.is_some_and(|url| url.starts_with("https://pay.example/")));
    /// # Ok(()) }
    /// ```
    pub fn public_url(self, url: impl Into<String>) -> Self {
        Self { public_url: Some(url.into()), ..self }
    }

    /// Takes the word of these proxies for the scheme, host and path by which they were called: `X-Forwarded-Proto`,
    /// `X-Forwarded-Host` and `X-Forwarded-Prefix`. Without them nobody's is taken.
    pub fn trusted_proxies(self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        Self { trusted_proxies: proxies.into_iter().collect(), ..self }
    }

    /// Refuses every request in which the lint finds a violation.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().strict().start().await?;
    /// # Ok(()) }
    /// ```
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// Arms these scenarios in the space `default`.
    pub(crate) fn sources(self, sources: Arc<Sources>) -> Self {
        Self { sources, ..self }
    }

    /// Sets up the payer's pages.
    #[doc(hidden)]
    pub fn checkout(self, checkout: Checkout) -> Self {
        Self { checkout, ..self }
    }

    /// Bounds what a space keeps.
    #[doc(hidden)]
    pub fn budgets(self, budgets: Budgets) -> Self {
        Self { budgets, ..self }
    }

    /// Bounds what a request may take.
    #[doc(hidden)]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Keeps all spaces in a directory, from which the next simulator goes on.
    #[doc(hidden)]
    pub fn state(self, state: StateSettings) -> Self {
        Self { state: Some(state), ..self }
    }

    /// Starts it on the runtime of the caller. When this returns, it answers.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use payon_sim::Simulator;
    /// let simulator = Simulator::builder().start().await?;
    /// println!("give the merchant {}", simulator.url());
    /// # Ok(()) }
    /// ```
    pub async fn start(self) -> Result<Simulator, StartError> {
        let both = self.both_loopbacks;
        let merchant = match self.listener {
            Some(listener) => vec![listener],
            None => port::bind(self.address, both).await.map_err(StartError::Port)?,
        };
        let control = match self.control_address {
            None => Vec::new(),
            Some(address) => port::bind(address, both).await.map_err(StartError::ControlPort)?,
        };
        let (tls, identity) = match self.tls {
            None => (Vec::new(), None),
            Some((address, identity)) => {
                (port::bind(address, both).await.map_err(StartError::TlsPort)?, Some(identity))
            }
        };
        let url = origin("http", &merchant).unwrap_or_default();
        let control_url = origin("http", &control).unwrap_or_else(|| url.clone());
        let tls_url = origin("https", &tls);
        let (spaces, wakeups, state) = match &self.state {
            None => {
                let (spaces, wakeups) = Spaces::new(self.profile, self.seed, self.budgets);
                (spaces, wakeups, None)
            }
            Some(settings) => {
                let opened = StateStore::open(settings, self.profile, self.seed, self.budgets)?;
                let (state, LoadedSpaces { spaces, wakeups, .. }) = opened;
                (spaces, wakeups, Some(state))
            }
        };
        if self.is_strict {
            spaces.be_strict();
        }
        self.sources.reload(spaces.default_space()).map_err(StartError::Scenarios)?;
        let stop = CancellationToken::new();
        let settings = ControlSettings {
            spaces: Arc::clone(&spaces),
            url: url.clone(),
            control_url: control_url.clone(),
            public_url: self.public_url.clone(),
            tls: tls_url
                .clone()
                .zip(identity.as_ref())
                .map(|(url, identity)| TlsPort { url, ca: identity.ca().cloned() }),
            token: self.control_token,
            sources: self.sources,
            limits: self.limits,
            stop: stop.clone(),
        };
        let control_plane = Arc::new(Control::new(settings));
        let app = Arc::new(App {
            spaces: Arc::clone(&spaces),
            control: Arc::clone(&control_plane),
            checkout: self.checkout,
            public_url: self.public_url,
            trusted_proxies: self.trusted_proxies,
            limits: self.limits,
        });
        let sender = Arc::new(Sender::new(spaces.profile().pushback.in_flight_total));
        let scheduler = Scheduler::new(Arc::clone(&spaces), sender).run(wakeups, stop.clone());
        let plane = if control.is_empty() { Plane::Both } else { Plane::Merchant };
        let doors = (merchant.into_iter().map(|listener| (listener, None, plane)))
            .chain(tls.into_iter().map(|listener| (listener, identity.clone(), plane)))
            .chain(control.into_iter().map(|listener| (listener, None, Plane::Control)));
        let mut tasks = vec![tokio::spawn(scheduler)];
        tasks.extend(doors.map(|(listener, identity, plane)| {
            tokio::spawn(server::run(listener, identity, Arc::clone(&app), plane, stop.clone()))
        }));
        Ok(Simulator {
            url,
            control_url,
            tls_url,
            spaces,
            control: control_plane,
            tasks,
            stop: stop.drop_guard(),
            state,
        })
    }
}

/// Address at which the first of these listeners is reached from this machine.
fn origin(scheme: &str, listeners: &[TcpListener]) -> Option<String> {
    let mut address = listeners.first()?.local_addr().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Some(format!("{scheme}://{address}"))
}

impl Simulator {
    /// A simulator to be set up and started.
    ///
    /// ```
    /// let builder = payon_sim::Simulator::builder();
    /// ```
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    /// Address that replaces PAYON's in a merchant's settings.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// assert!(simulator.url().starts_with("http://127.0.0.1:"));
    /// # Ok(()) }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Base address of the control plane.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// println!("the dashboard is at {}/_sim/", simulator.control_url());
    /// # Ok(()) }
    /// ```
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Address for merchants that call with TLS, where that is served.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// assert_eq!(simulator.tls_url(), None);
    /// # Ok(()) }
    /// ```
    pub fn tls_url(&self) -> Option<&str> {
        self.tls_url.as_deref()
    }

    /// All spaces.
    #[doc(hidden)]
    pub fn spaces(&self) -> &Arc<Spaces> {
        &self.spaces
    }

    /// Makes a space with a merchant of its own.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// let (first, second) = (simulator.space("first").await?, simulator.space("second").await?);
    /// assert_ne!(first.merchant_id(), second.merchant_id());
    /// # Ok(()) }
    /// ```
    pub async fn space(&self, name: &str) -> Result<SpaceHandle, CallError> {
        let (spaces, name) = (Arc::clone(&self.spaces), name.to_owned());
        // Keys are parsed when they are first used.
        let make = move || {
            let wanted = [NewMerchant::default()];
            spaces.create(Some(&name), None, &wanted, IfExists::Refuse)
        };
        let made = tokio::task::spawn_blocking(make).await;
        let (space, merchants) =
            made.map_err(|error| CallError::refused("failed", error.to_string()))??;
        let merchant = merchants.into_iter().next().unwrap_or_default();
        Ok(SpaceHandle::new(space, Arc::clone(&self.control), merchant))
    }

    /// The space that answers where none is named, with the profile's first merchant.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// let space = simulator.default_space();
    /// assert_eq!(space.merchant_id(), "C0000143");
    /// # Ok(()) }
    /// ```
    pub fn default_space(&self) -> SpaceHandle {
        let space = Arc::clone(self.spaces.default_space());
        let first = space.merchants().first().map(|merchant| merchant.id.as_str().into());
        SpaceHandle::new(space, Arc::clone(&self.control), first.unwrap_or_default())
    }

    /// Takes the keeper of its spaces out, where it has one, to be closed after it was stopped.
    pub(crate) fn take_state(&mut self) -> Option<StateStore> {
        self.state.take()
    }

    /// Stops it, and returns when the requests and push-backs under way have ended. Dropping it stops it as well, without
    /// waiting for these.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = payon_sim::Simulator::builder().start().await?;
    /// simulator.stop().await;
    /// # Ok(()) }
    /// ```
    pub async fn stop(self) {
        self.stop.disarm().cancel();
        for task in self.tasks {
            // One that panicked has said so already.
            let _ = task.await;
        }
        drop(self.state);
    }
}
