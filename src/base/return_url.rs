//! Addresses to which a payer's browser returns: a merchant's page, or an app on the payer's device.

use super::web_url::{WebUrl, WebUrlError, WebUrlParts};

/// Schemes that a browser treats as its own, as content or as code. None of them leads to a merchant's app.
const NO_APPS: [&str; 33] = [
    "about",
    "blob",
    "brave",
    "chrome",
    "chrome-extension",
    "chrome-untrusted",
    "cid",
    "content",
    "data",
    "devtools",
    "edge",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "googlechrome",
    "jar",
    "javascript",
    "jscript",
    "livescript",
    "mhtml",
    "mid",
    "mocha",
    "moz-extension",
    "ms-its",
    "opera",
    "resource",
    "vbscript",
    "view-source",
    "ws",
    "wss",
    "wyciwyg",
];

/// An address that a browser can be sent to at the end of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnUrl {
    /// A web page, by the rules of [`WebUrl`].
    Web,
    /// An app, by a scheme of its own: `myapp://done`, `intent://…`.
    App,
}

/// A text that is no such address. The message completes a sentence that begins with the name of a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnUrlError {
    /// It breaks a rule of web addresses.
    #[error(transparent)]
    Web(#[from] WebUrlError),
    /// It has no scheme, or its scheme is a mistyped one.
    #[error(
        "must be an absolute URL that begins with http:// or https://, or with the scheme of an app, such as myapp://"
    )]
    Scheme,
    /// Its scheme is none of an app.
    #[error(
        "must not begin with {0} since that leads to no page and no app; use http://, https:// or the scheme of an app"
    )]
    NoApp(String),
}

impl ReturnUrl {
    /// Tells the kind of an address.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn of(text: &str) -> Result<Self, ReturnUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(ReturnUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if matches!(&*scheme, "http" | "https") {
            WebUrlParts::parse(text)?;
            return Ok(Self::Web);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WebUrlError::Character.into());
        }
        if text.len() > WebUrl::CHARS_MAX {
            return Err(WebUrlError::Long.into());
        }
        if let Some(found) = text.chars().find(|c| matches!(c, '"' | '<' | '>' | '\\' | '`')) {
            return Err(WebUrlError::Encoding(found).into());
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let is_scheme =
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(fits);
        // `localhost:3000/ok` has a port where an address has what its scheme leads to.
        let port = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let is_mistyped =
            ["http", "https"].iter().any(|web| strsim::osa_distance(&scheme, web) == 1);
        if !is_scheme || is_port || is_mistyped {
            return Err(ReturnUrlError::Scheme);
        }
        if NO_APPS.contains(&&*scheme) {
            return Err(ReturnUrlError::NoApp(format!("{scheme}:")));
        }
        Ok(Self::App)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_apps_are_places_to_return_to() {
        for page in ["http://shop.test/ok", "HTTPS://shop.test?x=1#y"] {
            assert_eq!(ReturnUrl::of(page), Ok(ReturnUrl::Web), "{page}");
        }
        for app in [
            "myapp://payment/done?order=1",
            "myapp:done",
            "MyApp://",
            "intent://done#Intent;scheme=myapp;package=com.example;end",
            "exp://127.0.0.1:19000/--/done",
            "com.example.shop:/done",
            "abapay+test://x",
        ] {
            assert_eq!(ReturnUrl::of(app), Ok(ReturnUrl::App), "{app}");
        }
    }

    #[test]
    fn what_runs_or_shows_content_is_no_place_to_return_to() {
        for scheme in NO_APPS {
            for scheme in [scheme.to_owned(), scheme.to_uppercase()] {
                let text = format!("{scheme}:alert(1)");
                assert!(matches!(ReturnUrl::of(&text), Err(ReturnUrlError::NoApp(_))), "{text}");
            }
        }
        for text in [
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            " javascript:alert(1)",
            "\u{1}javascript:alert(1)",
            "javascript\u{a0}:alert(1)",
            "java%73cript:alert(1)",
            "ｊavascript:alert(1)",
            "myapp://a b",
            "myapp://ក",
            "myapp://\"><script>",
            "1app://x",
            "://x",
            "/ok",
            "//shop.test/ok",
            "",
            "localhost:3000/ok",
            "shop.test:8080",
            "127.0.0.1:9000/ok",
            "htp://shop.test/ok",
            "httsp://shop.test/ok",
            "http:/shop.test/ok",
            "http://shop.test:99999/ok",
            "https:javascript",
        ] {
            assert!(ReturnUrl::of(text).is_err(), "{text:?}");
        }
    }
}
