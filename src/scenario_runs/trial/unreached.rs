//! Requests to the shop that did not come to its code: probes and push-backs to an address where nobody handles them.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::ShopTrial;
use crate::base::WebUrlParts;
use crate::scenario::ProbeTarget;
use crate::scenario_runs::ProbeSent;
use crate::scenario_runs::reach::{is_taken, shown};

/// Requests of a probe, with the kind of address to which they went.
pub(super) type Probed = (ProbeTarget, ProbeSent);

/// Copies of a request that must come to the shop's code where several are sent at once: of a crowd some may be turned away.
const COPIES_LEAST: usize = 2;

impl ShopTrial {
    /// Notes requests of a probe.
    pub(super) fn note_probed(&self, to: ProbeTarget, sent: Vec<ProbeSent>) {
        let sent = sent.into_iter().map(|sent| (to, sent));
        self.probed.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
    }

    /// Counts as left out the probes and the push-backs that did not come to the shop's code. An answer such as HTTP 404 is
    /// taken for the shop's own only where another request to the same address shows that there is a handler.
    pub(in crate::scenario_runs) fn tell_unreached(&self) {
        let probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let notices: Vec<(String, Option<u16>)> = self.space().read(|view| {
            let attempts = |url: &str, statuses: Vec<Option<u16>>| {
                let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
                statuses.into_iter().map(move |status| (url.clone(), status))
            };
            let all = view.outbox.iter().flat_map(|delivery| {
                attempts(&delivery.url, delivery.attempts.iter().map(|it| it.status).collect())
            });
            all.collect()
        });
        let acknowledged = notices.iter().filter(|(_, status)| status.is_some_and(is_taken));
        let taken = probed.iter().filter(|(_, sent)| sent.taken > 0).map(|(_, sent)| &sent.url);
        let handled: HashSet<String> = (acknowledged.map(|(url, _)| url).chain(taken))
            .filter(|url| self.is_own(url))
            .map(|url| self.place(url))
            .collect();
        let mut told = Vec::new();
        for (to, sent) in &probed {
            let open = if handled.contains(&self.place(&sent.url)) { sent.open } else { 0 };
            let is_reached = sent.taken + open >= sent.copies.min(COPIES_LEAST);
            if !is_reached || !self.is_own(&sent.url) {
                told.push(format!(
                    "step `probe` of `drive`: {}",
                    self.why(&sent.url, &sent.told, address_key(*to))
                ));
            }
        }
        let is_handled = |(url, _): &(String, Option<u16>)| handled.contains(&self.place(url));
        if let Some((url, status)) = notices.last().filter(|_| !notices.iter().any(is_handled)) {
            let why = self.why(url, &shown(*status), "noti");
            told.push(format!("no push-back of this run came to the shop: {why}"));
        }
        told.dedup();
        for why in told {
            self.leave_out(why);
        }
    }

    fn why(&self, url: &str, told: &str, key: &str) -> String {
        if self.is_own(url) {
            return format!(
                "{url} was answered with {told}, which does not show that anything of the shop's handles it; look at \
                 the address that the shop registers, and at `addresses.{key}` in the merchant file"
            );
        }
        let shop = self.shop.authority();
        format!(
            "{url} is not at {shop}, where the shop is, so that nobody knows who answers there; if the shop does, say \
             so in the merchant file: `addresses: {{ {key}: \"{url}\" }}`"
        )
    }

    /// Returns true if the address is at the shop, or at a server that its file names under `addresses`.
    fn is_own(&self, url: &str) -> bool {
        let names = ["notiUrl", "successUrl", "failUrl", "cancelUrl"];
        let named = names.into_iter().filter_map(|name| self.shop.value(name)).map(server_of);
        let own = server_of(&format!("http://{}", self.shop.authority()));
        named.chain([own]).any(|known| known.is_some() && known == server_of(url))
    }

    /// An address without the parts that name an order: one handler takes those of all orders.
    fn place(&self, url: &str) -> String {
        let orders = self.locked_orders();
        let names_order = |part: &str| {
            let names = orders.all().iter().flat_map(|it| [&it.shop_order, &it.tx_id]);
            names.flatten().any(|name| name == part)
        };
        let parts = url.split('/').map(|part| if names_order(part) { "*" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// The key of `addresses` in a merchant file.
const fn address_key(to: ProbeTarget) -> &'static str {
    match to {
        ProbeTarget::Success => "success",
        ProbeTarget::Fail => "fail",
        ProbeTarget::Cancel => "cancel",
        ProbeTarget::Pushback | ProbeTarget::Gateway => "noti",
    }
}

/// Host and port of an address; all names of this machine are one.
fn server_of(url: &str) -> Option<(String, u16)> {
    let parts = WebUrlParts::parse(url).ok()?;
    let is_local = matches!(parts.host, "localhost" | "127.0.0.1" | "::1");
    let host = if is_local { "localhost".to_owned() } else { parts.host.to_ascii_lowercase() };
    Some((host, parts.port))
}
