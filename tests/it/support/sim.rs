//! The simulator, served in this process on a free port.

use std::sync::Arc;

use payon_sim::base::Seed;
use payon_sim::http::Limits;
use payon_sim::profile::Profile;
use payon_sim::simulator::Simulator;
use payon_sim::space::Budgets;
use serde_json::{Value, json};

use super::{Client, SpaceHandle};

/// How a [`Sim`] is set up; the default is the server's own.
pub(crate) struct Setup {
    pub(crate) profile: Arc<Profile>,
    pub(crate) seed: Seed,
    pub(crate) budgets: Budgets,
    pub(crate) limits: Limits,
    /// The control plane's token.
    pub(crate) token: Option<&'static str>,
    /// A port of its own for the control plane.
    pub(crate) control_port: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            profile: Profile::builtin(),
            seed: Seed(42),
            budgets: Budgets::default(),
            limits: Limits::default(),
            token: None,
            control_port: false,
        }
    }
}

/// A simulator that stops when it is dropped.
pub(crate) struct Sim {
    /// Where the gateway is.
    pub(crate) url: String,
    /// Where the control plane is.
    pub(crate) control_url: String,
    pub(crate) client: Client,
    _simulator: Simulator,
}

impl Sim {
    /// A simulator as it is out of the box.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// A simulator whose profile is the built-in one with changes.
    pub(crate) async fn with_profile(change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = (*Profile::builtin()).clone();
        change(&mut profile);
        Self::with(Setup { profile: Arc::new(profile), ..Setup::default() }).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let Setup { profile, seed, budgets, limits, token, control_port } = setup;
        let builder = Simulator::builder().profile(profile).seed(seed.0);
        let mut builder = builder.budgets(budgets).limits(limits);
        if control_port {
            builder = builder.control_address(([127, 0, 0, 1], 0).into());
        }
        if let Some(token) = token {
            builder = builder.control_token(token);
        }
        let simulator = builder.start().await.unwrap();
        let client = match token {
            Some(token) => Client::new().with_header("authorization", &format!("Bearer {token}")),
            None => Client::new(),
        };
        Self {
            url: simulator.url().to_owned(),
            control_url: simulator.control_url().to_owned(),
            client,
            _simulator: simulator,
        }
    }

    /// A fresh space with one merchant, whose clock is frozen at 2026-03-02, ten in the morning in Cambodia.
    pub(crate) async fn space(&self, name: &str) -> SpaceHandle {
        let space = self.running_space(name).await;
        let clock = json!({ "freeze": true, "set": "2026-03-02T10:00:00+07:00" });
        space.control_post("clock", &clock).await.expect(200);
        space
    }

    /// A fresh space with one merchant, whose clock shows real time.
    pub(crate) async fn running_space(&self, name: &str) -> SpaceHandle {
        self.make_space(&json!({ "name": name })).await
    }

    /// A fresh space after these wishes.
    pub(crate) async fn make_space(&self, wishes: &Value) -> SpaceHandle {
        let url = format!("{}/_sim/v1/spaces", self.control_url);
        let made = self.client.post(&url, wishes).await.expect(201);
        SpaceHandle::new(self.client.clone(), made)
    }

    /// A call of the control plane for the space `default`: `GET /_sim/` and `path`.
    pub(crate) async fn get(&self, path: &str) -> super::Answer {
        self.client.get(&format!("{}/_sim/{path}", self.control_url)).await
    }
}
