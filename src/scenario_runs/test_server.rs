//! A gateway of its own for one scenario, in this process.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::Control;
use crate::base::Seed;
use crate::checkout::Checkout;
use crate::delivery::{Scheduler, Sender};
use crate::profile::Profile;
use crate::scenario::Rule;
use crate::server::{self, App, Limits, Plane};
use crate::space::{Budgets, Space, Spaces};

/// A free port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A gateway that stops when this is dropped. The scenario has its default space, so that rules at the point `connect`
/// reach it too, and the control plane a port of its own, so that they do not reach that.
pub(super) struct TestServer {
    /// Host and port for merchants.
    pub(super) authority: String,
    /// Host and port of the control plane.
    pub(super) control: String,
    pub(super) space: Arc<Space>,
    _stop: DropGuard,
}

impl TestServer {
    pub(super) fn set(
        profile: Arc<Profile>,
        seed: Seed,
        rules: Vec<Rule>,
    ) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let merchant = server::listen(ANY_PORT)?;
        let control = server::listen(ANY_PORT)?;
        let authority = merchant.local_addr()?.to_string();
        let control_authority = control.local_addr()?.to_string();
        let (spaces, wakeups) = Spaces::new(profile, seed, Budgets::default());
        let space = Arc::clone(spaces.default_space());
        space.arm_rules(rules);
        let sender = Arc::new(Sender::new(spaces.profile().pushback.in_flight_total));
        tokio::spawn(Scheduler::new(Arc::clone(&spaces), sender).run(wakeups, stop.clone()));
        let (url, control_url) =
            (format!("http://{authority}"), format!("http://{control_authority}"));
        let app = Arc::new(App {
            spaces,
            control: Control::new(url, control_url, None),
            checkout: Checkout::default(),
            public_url: None,
            limits: Limits::default(),
            stop: stop.clone(),
        });
        tokio::spawn(server::run(merchant, Arc::clone(&app), Plane::Merchant, stop.clone()));
        tokio::spawn(server::run(control, app, Plane::Control, stop.clone()));
        Ok(Self { authority, control: control_authority, space, _stop: stop.drop_guard() })
    }
}
