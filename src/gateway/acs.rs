//! The pretend issuer's answer as the payer's browser brings it back: the `cres` of 3-D Secure 2,
//! with a proof that it is the issuer's. Shape and names are EMVCo's; the proof is ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::crypto::Encoding;
use crate::ledger::OrderId;
use crate::space::Space;

/// An authentication: the order, and the how many-th visit to the issuer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cres3ds {
    /// Order.
    pub order: OrderId,
    /// Session: [`crate::ledger::Progress::round`].
    pub round: u32,
}

/// Reason why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CresError {
    /// It is not the issuer's.
    #[error("the cres was not made by the issuer's access control server")]
    Forged,
    /// It is the issuer's, of another authentication.
    #[error("the cres belongs to another authentication")]
    Foreign,
}

/// The message, as EMVCo names its members.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cres {
    #[serde(rename = "threeDSServerTransID")]
    server_id: String,
    #[serde(rename = "acsTransID")]
    acs_id: String,
    message_type: String,
    message_version: String,
    trans_status: String,
    proof: String,
}

impl Cres3ds {
    /// Message that the issuer sends back: `status` is `Y`, `A`, `N`, `U` or `R`.
    pub fn write(self, space: &Space, status: &str) -> String {
        let (server_id, acs_id) = (self.id(space, b"server"), self.id(space, b"acs"));
        let proof = proof(space, &server_id, &acs_id, status);
        let cres = Cres {
            server_id,
            acs_id,
            message_type: "CRes".to_owned(),
            message_version: "2.2.0".to_owned(),
            trans_status: status.to_owned(),
            proof,
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cres).unwrap_or_default())
    }

    /// Reads what a browser brought back for this authentication; answers with `transStatus`.
    ///
    /// # Errors
    /// When it is not the issuer's, or not of this authentication.
    pub fn read(self, space: &Space, cres: &str) -> Result<String, CresError> {
        let bytes = URL_SAFE_NO_PAD.decode(cres).map_err(|_| CresError::Forged)?;
        let cres: Cres = serde_json::from_slice(&bytes).map_err(|_| CresError::Forged)?;
        if cres.proof != proof(space, &cres.server_id, &cres.acs_id, &cres.trans_status) {
            return Err(CresError::Forged);
        }
        if cres.server_id != self.id(space, b"server") {
            return Err(CresError::Foreign);
        }
        Ok(cres.trans_status)
    }

    /// A UUID that depends on the seed and the authentication alone.
    fn id(self, space: &Space, whose: &[u8]) -> String {
        let (order, round) = (self.order.0.to_be_bytes(), self.round.to_be_bytes());
        let parts: [&[u8]; 4] = [b"3ds", whose, &order, &round];
        let bytes = space.seed().derive(&parts);
        let hex = Encoding::Hex.encode(&bytes);
        let [time, mid, high, low, node] =
            [&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]];
        format!("{time}-{mid}-4{high}-a{low}-{node}")
    }
}

fn proof(space: &Space, server_id: &str, acs_id: &str, status: &str) -> String {
    let parts: [&[u8]; 4] = [b"cres", server_id.as_bytes(), acs_id.as_bytes(), status.as_bytes()];
    URL_SAFE_NO_PAD.encode(space.seed().derive(&parts))
}
