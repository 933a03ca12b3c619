//! `payon-sim tls`: the test CA of a running gateway that serves TLS.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::exit;
use super::talk::TalkArgs;

/// The call that says what is served with TLS.
const PATH: &str = "/_sim/v1/tls";

/// Question about the TLS of a running gateway.
#[derive(Subcommand, Debug)]
pub(super) enum TlsVerb {
    /// Print the certificate of the test CA in PEM, for clients
    #[command(after_help = "\
The gateway makes the CA at its start where --tls-port is given and no --tls-cert, and keeps its key to itself: the file is of \
no use to anybody after the gateway has ended.

Examples:
  payon-sim tls ca > ca.pem
  curl --cacert ca.pem https://localhost:36606/_sim/healthz
  NODE_EXTRA_CA_CERTS=ca.pem npm test
  SSL_CERT_FILE=ca.pem python -m pytest")]
    Ca(TalkArgs),
}

/// Carries out the verb.
pub(super) fn run(verb: &TlsVerb) -> anyhow::Result<ExitCode> {
    let TlsVerb::Ca(talk) = verb;
    let answer: Value = match talk.gateway.get(PATH)? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    if answer["url"].is_null() {
        exit::say(&"this gateway serves no TLS; start it with --tls-port");
        return Ok(ExitCode::FAILURE);
    }
    if answer["ca"].is_null() {
        exit::say(
            &"this gateway was given a certificate with --tls-cert; clients need the CA that signed that one",
        );
        return Ok(ExitCode::FAILURE);
    }
    talk.finish(Ok(answer), |answer| answer["ca"].as_str().unwrap_or_default().to_owned())
}
