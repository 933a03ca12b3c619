//! The payer's side: the hosted checkout, the pretend issuer's page, saving a card, and the pretend
//! app that scans a QR.
//!
//! Every page is made on the server and works without JavaScript. A form is answered with a redirect
//! (303), so refresh and back are safe; where the payer stands is kept in the space, so a second tab
//! meets the same step. Pages read ([`crate::gateway::CheckoutSession`]) and ask ([`crate::gateway::advance`]); they decide
//! nothing.
//!
//! | path | what |
//! | --- | --- |
//! | `GET /pg/checkout?merchantId=&data=` | opens an encrypted link and goes on to its order |
//! | `GET`, `POST /pg/checkout/{token}` | the order at its present step |
//! | `GET`, `POST /pg/checkout/{token}/acs` | the pretend issuer |
//! | `POST /pg/checkout/{token}/acs-return` | back from the issuer with its `cres` |
//! | `GET /pg/checkout/{token}/return` | 303 to the merchant, or to the result |
//! | `GET /pg/checkout/{token}/status` | where the order stands, as JSON |
//! | `GET /pg/checkout/card?merchantId=&data=` | opens an encrypted link to save a card |
//! | `GET`, `POST /pg/checkout/card/{token}` | a card to save |
//! | `GET /pg/checkout/assets/…` | style sheet, script, icon |
//! | `GET`, `POST /_sim/app`, `/_sim/app/{token}` | the pretend wallet and bank app |

mod add_card;
mod app;
mod assets;
mod context;
mod forms;
mod issuer;
mod money;
mod pages;
mod panel;
mod pay;
mod reply;
mod result;
mod texts;

use std::sync::Arc;

pub use reply::{PageReply, with_query};

use crate::gateway::CheckoutToken;
use crate::space::{Space, Spaces};
use context::{PageContext, Query};

/// Settings of a server's pages.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// True if the tester's panel is there.
    pub panel: bool,
    /// Sites that may show the pages in a frame: the sources of `frame-ancestors`.
    pub frame_ancestors: String,
    /// True if the pretend app lists the open orders, to pick one without scanning.
    pub lists_orders: bool,
}

impl Default for Checkout {
    fn default() -> Self {
        Self { panel: true, frame_ancestors: FRAME_ANCESTORS.to_owned(), lists_orders: true }
    }
}

/// Without a setting, a shop on the same machine may embed the pages.
pub const FRAME_ANCESTORS: &str =
    "'self' http://localhost:* https://localhost:* http://127.0.0.1:* https://127.0.0.1:*";

/// Methods of an address that is only read.
const READ: &str = "GET, HEAD";
/// Methods of all pages together.
pub const METHODS: &str = "GET, HEAD, POST";

/// A request for a page.
#[derive(Clone)]
pub struct PageRequest<'a> {
    /// POST, else GET.
    pub post: bool,
    /// HEAD: the answer is as to GET, and nothing changes.
    pub only_looks: bool,
    /// The path, without a space in front.
    pub path: &'a str,
    /// The query, without `?`.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The header `Accept-Language`.
    pub accept_language: &'a str,
    /// Address at which payers reach the server: scheme, authority, and the path of a proxy.
    pub origin: &'a str,
    /// The space that the path or a header names.
    pub space: Option<Arc<Space>>,
}

/// Returns true if a path is a page's.
pub fn is_page(path: &str) -> bool {
    let below = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below("/pg/checkout") || below("/_sim/app")
}

/// The space of a request for a page: the one that is named, else that of the page's token, or of the merchant whose link
/// is opened.
pub fn space_of(
    spaces: &Spaces,
    path: &str,
    query: &str,
    named: Option<&Arc<Space>>,
) -> Arc<Space> {
    let token = || path.trim_start_matches('/').split('/').nth(2).and_then(CheckoutToken::parse);
    let space = named.cloned().or_else(|| token()?.space(spaces));
    space.unwrap_or_else(|| {
        let query: Query = serde_html_form::from_str(query).unwrap_or_default();
        spaces.of_merchant(&query.merchant_id)
    })
}

/// Returns true if a request takes the gateway's private key, and so belongs on a thread that may block.
pub fn blocks(post: bool, path: &str) -> bool {
    !post && matches!(path, "/pg/checkout" | "/pg/checkout/" | "/pg/checkout/card")
}

impl Checkout {
    /// Answers a request for a page.
    pub fn answer(&self, spaces: &Spaces, request: &PageRequest<'_>) -> PageReply {
        let wrong = |about| PageReply::wrong_method(about, READ);
        if let Some(file) = assets::serve(request.path) {
            return if request.post { wrong("a file of the payer's pages") } else { file };
        }
        let context = PageContext::new(self, spaces, request);
        let mut parts = request.path.trim_matches('/').split('/');
        let root = (parts.next(), parts.next());
        let rest: Vec<&str> = parts.collect();
        let reply = match (root, &rest[..], request.post) {
            ((Some("_sim"), _), [], _) => app::scan(&context),
            ((Some("_sim"), _), [token], _) => app::order(&context, token),
            (_, [], false) => pay::open_link(&context),
            (_, ["card"], false) => add_card::open_link(&context),
            (_, ["card"], true) => wrong("an encrypted link to save a card, to open in a browser"),
            (_, ["card", token], false) => add_card::show(&context, token),
            (_, ["card", token], true) => add_card::act(&context, token),
            (_, [token], false) => pay::show(&context, token),
            (_, [token], true) => pay::act(&context, token),
            (_, [token, "acs"], false) => issuer::show(&context, token),
            (_, [token, "acs"], true) => issuer::act(&context, token),
            (_, [token, "acs-return"], true) => issuer::come_back(&context, token),
            (_, [token, "return"], false) => result::way_back(&context, token),
            (_, [token, "status"], false) => result::status(&context, token),
            (_, [], true) => wrong("an encrypted link to an order, to open in a browser"),
            (_, [_, "return"], true) => wrong("the payer's way back to the merchant"),
            (_, [_, "status"], true) => wrong("where an order stands, for the page's script"),
            (_, [_, "acs-return"], false) => {
                PageReply::wrong_method("the way back from the issuer with its `cres`", "POST")
            }
            _ => context.unknown(),
        };
        PageReply { courses: context.courses(), ..reply }
    }
}
