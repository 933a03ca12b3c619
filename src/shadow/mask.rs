//! Masks secrets before anything of a call is kept: it happens in the process that saw them, and nowhere later.

use std::borrow::Cow;

use crate::base::{JsonTree, SecretNames};
use crate::capture::{RecordedAnswer, RecordedBody, RecordedMessage};
use crate::crypto::SIGN;
use crate::wire;

/// Text in the place of a secret.
pub(super) const HIDDEN: &str = "***";

/// A body without payer's secrets, tokens of checkout links and, unless they are to be kept, signatures.
pub(super) fn body(secrets: &SecretNames, bytes: &[u8], keeps_signatures: bool) -> RecordedBody {
    let redacted = wire::redact(secrets, bytes);
    match JsonTree::parse(&redacted) {
        Some(mut tree) => {
            // What needs no change keeps its blanks.
            let bytes =
                if hide(&mut tree, keeps_signatures) { Cow::Owned(tree.write()) } else { redacted };
            RecordedBody::new(&bytes, false)
        }
        None if has_name(&redacted, SIGN) && !keeps_signatures => RecordedBody::new(b"", true),
        None => RecordedBody::new(&redacted, false),
    }
}

/// Hides signatures and tokens of links; true where there was one.
fn hide(tree: &mut JsonTree, keeps_signatures: bool) -> bool {
    match tree {
        JsonTree::Object(members) => {
            let mut hides = false;
            for (name, value) in members {
                hides |= match (name.as_str(), &mut *value) {
                    (SIGN, JsonTree::Text(text)) if !keeps_signatures && !text.is_empty() => {
                        text.replace_range(.., HIDDEN);
                        true
                    }
                    ("checkoutUrl" | "acsUrl", JsonTree::Text(text)) => hide_token(text),
                    _ => hide(value, keeps_signatures),
                };
            }
            hides
        }
        JsonTree::List(items) => {
            let mut hides = false;
            for item in items {
                hides |= hide(item, keeps_signatures);
            }
            hides
        }
        _ => false,
    }
}

/// Hides what comes behind the last slash of a link's path, and its query.
fn hide_token(link: &mut String) -> bool {
    let path = link.find("://").map_or(0, |at| at + 3);
    let end = link.find(['?', '#']).unwrap_or(link.len());
    let Some(slash) = link[..end].rfind('/').filter(|slash| *slash > path) else { return false };
    link.replace_range(slash + 1.., HIDDEN);
    true
}

fn has_name(body: &[u8], name: &str) -> bool {
    body.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name.as_bytes()))
}

/// Headers without secrets.
pub(super) fn headers<'h>(
    secrets: &SecretNames,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    keeps_signatures: bool,
) -> Vec<(String, String)> {
    let masked = headers.into_iter().map(|(name, value)| {
        let plain = name.to_ascii_lowercase();
        let value = String::from_utf8_lossy(value);
        let value = if plain.contains(SIGN) && !keeps_signatures {
            HIDDEN.to_owned()
        } else if plain == "location" {
            let mut link = value.into_owned();
            hide_token(&mut link);
            wire::redact_text(secrets, &link).into_owned()
        } else {
            wire::redact_header(secrets, name, &value).into_owned()
        };
        (name.to_owned(), value)
    });
    masked.collect()
}

/// A path with the values of its query hidden.
pub(super) fn path(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    });
    format!("{path}?{}", parts.collect::<Vec<_>>().join("&"))
}

/// A body as it came. One that was cut, or is in a content coding such as gzip, is not kept at all, since secrets cannot be
/// told from it.
pub(super) fn message(
    secrets: &SecretNames,
    headers: Vec<(String, String)>,
    bytes: &[u8],
    is_cut: bool,
    keeps_signatures: bool,
) -> RecordedMessage {
    let body = if is_cut || is_coded(&headers) {
        RecordedBody::new(b"", true)
    } else {
        body(secrets, bytes, keeps_signatures)
    };
    RecordedMessage { headers, body }
}

/// Returns true if headers name a content coding.
fn is_coded(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, value)| {
        let coding = value.trim();
        name.eq_ignore_ascii_case("content-encoding")
            && !coding.is_empty()
            && !coding.eq_ignore_ascii_case("identity")
    })
}

/// The same for an answer.
pub(super) fn answer(
    secrets: &SecretNames,
    status: u16,
    headers: Vec<(String, String)>,
    bytes: &[u8],
    is_cut: bool,
    keeps_signatures: bool,
) -> RecordedAnswer {
    RecordedAnswer { status, message: message(secrets, headers, bytes, is_cut, keeps_signatures) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> &'static SecretNames {
        static PROFILE: std::sync::LazyLock<std::sync::Arc<crate::profile::Profile>> =
            std::sync::LazyLock::new(crate::profile::Profile::builtin);
        PROFILE.operations.secrets()
    }

    fn masked(text: &str) -> String {
        body(secrets(), text.as_bytes(), false).body
    }

    #[test]
    fn secrets_signatures_and_tokens_go_and_the_rest_stays() {
        let text = r#"{ "wdlAcNo":"5204730000001003","wdlCvv":"100","payonPin":"1234","amount":1.00,"sign":"c2lnbg==" }"#;
        let hidden = masked(text);
        for secret in ["5204730000001003", "100\"", "1234\"", "c2lnbg"] {
            assert!(!hidden.contains(secret), "{hidden}");
        }
        assert!(hidden.contains("\"amount\":1.00"), "{hidden}");
        assert!(body(secrets(), text.as_bytes(), true).body.contains("c2lnbg=="));
        let link = masked(r#"{"resultData":{"checkoutUrl":"http://g.test/pg/checkout/abc?x=1"}}"#);
        assert_eq!(link, r#"{"resultData":{"checkoutUrl":"http://g.test/pg/checkout/***"}}"#);
        assert_eq!(masked("{ \"txId\" : \"1\" }"), "{ \"txId\" : \"1\" }");
        assert_eq!(masked("txId=1&sign=c2lnbg"), "");
    }

    #[test]
    fn a_body_whose_secrets_cannot_be_seen_is_not_kept() {
        let coded = |coding: &str| {
            let headers = vec![("Content-Encoding".to_owned(), coding.to_owned())];
            message(secrets(), headers, b"{\"a\":1}", false, false).body
        };
        assert_eq!(coded("gzip"), RecordedBody::new(b"", true));
        assert_eq!(coded("identity"), RecordedBody::new(b"{\"a\":1}", false));
        assert!(message(secrets(), Vec::new(), b"{\"wdlCvv\":\"1", true, false).body.cut);
    }

    #[test]
    fn headers_and_queries_are_masked_by_their_names() {
        let given = [
            ("Authentication", &b"abc"[..]),
            ("X-Sign", b"abc"),
            ("Content-Type", b"application/json"),
        ];
        let told = headers(secrets(), given, false);
        let values: Vec<&str> = told.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, [HIDDEN, HIDDEN, "application/json"]);
        assert_eq!(path("/pg/checkout?data=abc&x"), "/pg/checkout?data=***&***");
    }
}
