//! A gateway of its own for one scenario, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::base::Seed;
use crate::profile::Profile;
use crate::scenario::Rule;
use crate::simulator::{Simulator, SimulatorBuilder, StartError};
use crate::space::Space;

/// A gateway that stops when this is dropped. The scenario has its default space, so that rules at the point `connect`
/// reach it too, and the control plane a port of its own, so that they do not reach that.
#[derive(Debug)]
pub(super) struct TestServer {
    /// Host and port for merchants.
    pub(super) authority: String,
    /// Host and port of the control plane.
    pub(super) control: String,
    pub(super) space: Arc<Space>,
    _simulator: Simulator,
}

impl TestServer {
    pub(super) async fn set(
        profile: Arc<Profile>,
        seed: Seed,
        rules: Vec<Rule>,
    ) -> Result<Self, StartError> {
        Self::at(None, profile, seed, rules).await
    }

    /// The same with merchants at a listener that was there before, where one is given.
    pub(super) async fn at(
        listener: Option<TcpListener>,
        profile: Arc<Profile>,
        seed: Seed,
        rules: Vec<Rule>,
    ) -> Result<Self, StartError> {
        let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let builder = Simulator::builder().profile(profile).seed(seed.0);
        let builder = listener.into_iter().fold(builder, SimulatorBuilder::listener);
        let simulator = builder.control_address(free_port).start().await?;
        let space = Arc::clone(simulator.spaces().default_space());
        space.arm_rules(rules);
        let authority = |url: &str| url.trim_start_matches("http://").to_owned();
        let (merchant, control) = (authority(simulator.url()), authority(simulator.control_url()));
        Ok(Self { authority: merchant, control, space, _simulator: simulator })
    }
}
