//! Checks of the keys.

use super::given::{Given, KeyText};
use super::report::DoctorReport;
use super::sim::Sim;
use crate::base::encoded;
use crate::crypto::{KeyError, PrivateKey, PublicKey};

const PRIVATE: &str = "private key";
const GATEWAYS: &str = "gateway key";
const EXPORT: &str = "payon-sim keys export";

/// Looks at the merchant's private key; gives it back where it can sign.
pub(super) fn check_private(
    given: &Given,
    sim: Option<&Sim<'_>>,
    report: &mut DoctorReport,
) -> Option<PrivateKey> {
    let Some(text) = &given.key else {
        report.skip(PRIVATE, "not given; --key FILE");
        return None;
    };
    let key = read(text, PrivateKey::parse).map_err(|why| {
        let name = given.merchant.as_deref().unwrap_or("ID");
        let advice = format!("the test key: {EXPORT} --merchant {name} --private --pem > key.pem");
        report.fail(PRIVATE, why, &advice);
    });
    let key = key.ok()?;
    let about = describe(key.public_key());
    let Some(sim) = sim else {
        report.skip(PRIVATE, format!("{about}; whose it is only the gateway knows"));
        return Some(key);
    };
    let owners = sim.owners(key.public_key());
    let merchant = given.merchant.as_deref().unwrap_or_default();
    if owners.iter().any(|owner| owner == merchant) {
        if key.public_key().is_weak() {
            let advice = "use 2048 bits or more for real payments";
            report.warn(PRIVATE, format!("{about}; it is the one of {merchant}, and weak"), advice);
        } else {
            report.ok(PRIVATE, format!("{about}; it is the one of {merchant}"));
        }
        return Some(key);
    }
    let wanted = sim.key_of(merchant);
    match (owners.first(), wanted) {
        (Some(owner), None) => report.warn(
            PRIVATE,
            format!("{about}; it is the one of {owner}"),
            "say which merchant it is meant for: --merchant",
        ),
        (Some(owner), Some(_)) => {
            let advice = format!("the right one: {EXPORT} --merchant {merchant} --private --pem");
            report.fail(
                PRIVATE,
                format!("{about}; it is the one of {owner}, not of {merchant}"),
                &advice,
            );
        }
        (None, Some(wanted)) => {
            let found = format!(
                "{about}; its public half is not the one that the gateway has for {merchant} ({})",
                wanted.fingerprint()
            );
            let advice = format!(
                "use the test key ({EXPORT} --merchant {merchant} --private --pem), or give the gateway yours: \
                 PATCH /_sim/v1/merchants/{merchant} {{\"publicKey\":…}}, or `public` in keys.toml of a profile"
            );
            report.fail(PRIVATE, found, &advice);
        }
        (None, None) => report.warn(
            PRIVATE,
            format!("{about}; no merchant of this gateway has its public half"),
            "say which merchant it is meant for: --merchant",
        ),
    }
    Some(key)
}

/// Looks at the gateway's public key that was pasted.
pub(super) fn check_gateways(given: &Given, sim: Option<&Sim<'_>>, report: &mut DoctorReport) {
    let Some(text) = &given.gateway_key else {
        report.skip(
            GATEWAYS,
            "not given; --gateway-key FILE (needed for createPIN and checkout links)",
        );
        return;
    };
    let advice = format!("the right one: {EXPORT} --gateway");
    let key = match read(text, PublicKey::parse) {
        Ok(key) => key,
        Err(why) => return report.fail(GATEWAYS, why, &advice),
    };
    let about = describe(&key);
    let Some(sim) = sim else {
        return report.skip(
            GATEWAYS,
            format!("{about}; whether it is the right one only the gateway knows"),
        );
    };
    match sim.owners(&key).first() {
        Some(owner) if owner == sim.name() => {
            report.ok(GATEWAYS, format!("{about}; it is the gateway's"));
        }
        Some(owner) => {
            report.fail(
                GATEWAYS,
                format!("{about}; it is the one of {owner}, not the gateway's"),
                &advice,
            );
        }
        None => report.fail(GATEWAYS, format!("{about}; it is not the gateway's"), &advice),
    }
}

fn describe(key: &PublicKey) -> String {
    format!("{} bits, fingerprint {}", key.bits(), key.fingerprint())
}

/// Reads a key, or says why it is none.
fn read<K>(text: &KeyText, parse: impl Fn(&str) -> Result<K, KeyError>) -> Result<K, String> {
    let place = &text.place;
    if let Some(came) = encoded(&text.bytes) {
        return Err(format!("{place}: the key is {came}"));
    }
    let Ok(readable) = std::str::from_utf8(&text.bytes) else {
        return Err(format!(
            "{place}: the key is binary, such as bare DER; PEM or Base64 is needed (openssl base64 -A -in FILE)"
        ));
    };
    parse(readable).map_err(|error| format!("{place}: {error}"))
}
