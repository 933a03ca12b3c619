//! The path that was probably meant by one at which nothing lives.

use std::borrow::Cow;

use crate::base::{Operation, nearest};

/// A path without doubled and trailing slashes.
pub(super) fn tidy(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.ends_with('/') {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/').filter(|part| !part.is_empty());
    Cow::Owned(parts.fold(String::new(), |path, part| path + "/" + part))
}

/// The path of an operation, or of the payer's pages, that a tidied path is close to.
pub(super) fn meant(path: &str) -> Option<Cow<'static, str>> {
    let lower = path.to_ascii_lowercase();
    let paths = || Operation::ALL.iter().flat_map(|operation| operation.paths().iter().copied());
    // A prefix of a proxy's, or of none, stands where `/pg` should.
    let ends = |known: &&str| lower.ends_with(&without_pg(known));
    if let Some(known) = paths().filter(ends).max_by_key(|known| known.len()) {
        return Some(Cow::Borrowed(known));
    }
    if let Some(at) = lower.find("/checkout") {
        return Some(Cow::Owned(format!("/pg{}", &path[at..])));
    }
    let given = lower.strip_prefix("/pg").unwrap_or(&lower);
    let known: Vec<&str> =
        paths().map(|known| known.strip_prefix("/pg").unwrap_or(known)).collect();
    let near = nearest(given, &known)?;
    paths().find(|known| known.ends_with(near)).map(Cow::Borrowed)
}

/// An operation's path without the part that all share, in lower case.
fn without_pg(known: &str) -> String {
    known.strip_prefix("/pg").unwrap_or(known).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_case_prefix_and_typing_errors_are_seen_through() {
        for (path, known) in [
            ("//pg/order/register", "/pg/order/register"),
            ("/pg/order/register/", "/pg/order/register"),
            ("/pg//order/register", "/pg/order/register"),
            ("/order/register", "/pg/order/register"),
            ("/PG/Order/Register", "/pg/order/register"),
            ("/api/v1/refund", "/pg/refund"),
            ("/pg/pg/transaction/status", "/pg/transaction/status"),
            ("/pg/preauthcompletion", "/pg/preAuthCompletion"),
            ("/pg/transaction/statsu", "/pg/transaction/status"),
            ("/pg/order/regsiter", "/pg/order/register"),
            ("/checkout/abc", "/pg/checkout/abc"),
            ("/binding/createPin", "/pg/binding/createPIN"),
        ] {
            assert_eq!(meant(&tidy(path)).as_deref(), Some(known), "{path}");
        }
        for path in ["/", "", "/favicon.ico", "/pg", "/pg/nothing", "/robots.txt"] {
            assert_eq!(meant(&tidy(path)), None, "{path}");
        }
    }
}
