//! The pages' own files: part of the binary, served under names that change with their content.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::reply::PageReply;
use crate::base::{PackedTexts, packed_texts};
use crate::crypto::Encoding;

/// Path under which they are served.
const FOLDER: &str = "/pg/checkout/assets/";

static TEXTS: PackedTexts = packed_texts!("checkout");

/// One file.
#[derive(Clone, Copy)]
struct Asset {
    name: &'static str,
    kind: &'static str,
}

impl Asset {
    fn text(self) -> &'static str {
        TEXTS.text(self.name).unwrap_or_default()
    }
}

const CSS: Asset = Asset { name: "checkout.css", kind: "text/css;charset=UTF-8" };
const JS: Asset = Asset { name: "checkout.js", kind: "text/javascript;charset=UTF-8" };
const ICON: Asset = Asset { name: "icon.svg", kind: "image/svg+xml" };

/// The addresses that the pages name.
pub(super) struct Addresses {
    pub(super) css: String,
    pub(super) js: String,
    pub(super) icon: String,
}

/// The paths of this build's files.
fn paths() -> &'static Addresses {
    static PATHS: LazyLock<Addresses> = LazyLock::new(|| {
        let path = |asset: Asset| format!("{FOLDER}{}/{}", version(asset), asset.name);
        Addresses { css: path(CSS), js: path(JS), icon: path(ICON) }
    });
    &PATHS
}

/// Their addresses on a page from which `reference` leads to a path.
pub(super) fn addresses(reference: impl Fn(&str) -> String) -> Addresses {
    let Addresses { css, js, icon } = paths();
    Addresses { css: reference(css), js: reference(js), icon: reference(icon) }
}

/// The first half of a digest of the content.
fn version(asset: Asset) -> String {
    Encoding::Hex.encode(&Sha256::digest(asset.text())[..8])
}

/// The file at `path`; `None` where none is. A build's address stays good for ever.
pub(super) fn serve(path: &str) -> Option<PageReply> {
    let known = paths();
    let asset = [(&known.css, CSS), (&known.js, JS), (&known.icon, ICON)]
        .into_iter()
        .find_map(|(address, asset)| (address == path).then_some(asset))?;
    Some(PageReply::file(asset.kind, asset.text()))
}
