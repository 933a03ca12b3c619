//! `payon-sim healthcheck`: asks a running gateway if it takes requests.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::base_url::BaseUrl;
use super::client::{GatewayArgs, TrustArgs, address_variable};
use super::exit;

/// Gateway and patience.
#[derive(Args, Debug)]
#[command(after_help = "\
Needs no token. It asks at the control plane, also where that has a port of its own, if the gateway takes requests; a space \
in the address is not looked for. In a container it is the health check \
with no more than: HEALTHCHECK CMD [\"payon-sim\", \"healthcheck\"]")]
pub(super) struct HealthcheckArgs {
    /// Address of the gateway. PAYON_SIM_CONTROL_URL counts before PAYON_SIM_URL; without either, this machine and --port
    #[arg(long, alias = "base-url", env = address_variable())]
    url: Option<BaseUrl>,
    /// Port on this machine, where no address is given
    #[arg(long, env = "PAYON_SIM_PORT", default_value_t = 36605)]
    port: u16,
    /// Longest time for the answer
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Asks; anything but a good answer in time is exit code 1.
pub(super) fn run(args: HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let url = match args.url {
        Some(url) => url,
        None => format!("http://127.0.0.1:{}", args.port).parse()?,
    };
    let gateway = GatewayArgs::new(url, None, None, args.trust).without_space();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async {
        let patience = Duration::from_millis(args.timeout_ms);
        let call = gateway.fetch(Method::GET, "/_sim/readyz", String::new());
        tokio::time::timeout(patience, call).await
    });
    let problem = match asked {
        Err(_) => format!("{} does not answer within {} ms", gateway.url(), args.timeout_ms),
        Ok(Err(error)) => format!("{error:#}"),
        Ok(Ok(answer)) => {
            let status = answer.status();
            let told = serde_json::from_slice::<Value>(answer.body()).unwrap_or_default();
            if status == StatusCode::OK && told["status"] == "ok" {
                return Ok(ExitCode::SUCCESS);
            }
            format!("{} answers {status}, and not as a gateway that is ready", gateway.url())
        }
    };
    exit::say(&format_args!("not ready: {problem}"));
    Ok(exit::failed())
}
