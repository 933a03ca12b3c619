//! The side that a verb speaks of: the profile, or a running gateway, whose merchants and keys may be others.

use std::fmt;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::client::GatewayArgs;
use super::input::{self, ProfileArg};
use crate::profile::{Merchant, Profile};

/// Without --url and --space the profile's keys count, else those of that gateway.
#[derive(Args, Debug)]
pub(super) struct SideArgs {
    #[command(flatten)]
    profile: ProfileArg,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// The side that was chosen. `Display` gives words for it.
pub(super) enum Side<'a> {
    /// The profile.
    Profile(Arc<Profile>),
    /// A running gateway.
    Gateway(&'a GatewayArgs),
}

impl SideArgs {
    /// The side; `own` are the matches that `self` was read from.
    pub(super) fn choose(&self, own: &ArgMatches) -> anyhow::Result<Side<'_>> {
        let is_option = |name| own.value_source(name) == Some(ValueSource::CommandLine);
        let asks = is_option("url") || is_option("space");
        if asks && is_option("profile") {
            bail!("--profile and --url are two sides: a running gateway has a profile of its own");
        }
        let named = own.value_source("url") == Some(ValueSource::EnvVariable);
        if asks || (named && !is_option("profile")) {
            return Ok(Side::Gateway(&self.gateway));
        }
        Ok(Side::Profile(self.profile.load()?))
    }
}

/// The merchant of that id in the profile.
pub(super) fn merchant<'p>(profile: &'p Profile, id: &str) -> anyhow::Result<&'p Merchant> {
    input::merchant(profile, id).map_err(|error| {
        anyhow!(
            "{error}; the merchants of a space are known to its gateway: --url URL --space NAME"
        )
    })
}

impl fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(profile) => write!(f, "the profile {}", profile.name),
            Self::Gateway(gateway) => write!(f, "the gateway at {}", gateway.place()),
        }
    }
}
