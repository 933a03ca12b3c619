//! `probe`: a request to the shop that does not come from the gateway, or that the gateway has seen before.

use crate::base::{Message, Operation, named_enum};
use crate::scenario::codec::record;

/// The most requests of one step.
const REQUESTS_MAX: usize = 200;

record! {
    /// A request that a stranger sends. In `query` and `body` these stand for what belongs to the order: `${txId}`,
    /// `${otherCase}` (the txId with every letter in the other case), `${merchantId}`, `${termId}`, `${amount}` and `${currency}`;
    /// `${value}` for one of `values`; `${letters:N}`, `${open:N}` and `${close:N}` for N letters, N opening and N closing brackets.
    pub struct Probe {
        /// Order to which the address belongs.
        order: Option<String> = "order",
        /// Order from which the templates take their values; the one of the address when absent.
        data_of: Option<String> = "dataOf",
        /// Address.
        to: ProbeTarget = "to",
        /// HTTP method. The default is POST for push-backs and GET for return addresses.
        method: Option<ProbeMethod> = "method",
        /// Header Content-Type of the body; `application/json` when absent.
        content_type: Option<String> = "contentType",
        /// Query in place of the address's own.
        query: Option<String> = "query",
        /// Body.
        body: Option<String> = "body",
        /// Values for `${value}`: one request for each, one after the other.
        values: Vec<String> = "values",
        /// Number of times that the request is sent at the same moment; 1 when absent.
        copies: Option<u32> = "copies",
        /// True if the body stops half-way and the connection then stays open for two seconds.
        stalls: bool = "stalls",
        /// Texts that an answer must not give back as they are: at the beginning of no header, and in no page of HTML.
        forbids: Vec<String> = "forbids",
        /// For the gateway: the shop's last call to this operation for the order, sent once more with its signature.
        replays: Option<Operation> = "replays",
    }
    check |probe, node| {
        if (probe.to == ProbeTarget::Gateway) != probe.replays.is_some() {
            node.refuse(
                Message::new("`to: gateway` and `replays` go together")
                    .help("for example { to: gateway, replays: refund }"),
            );
            return None;
        }
        if probe.requests() == 0 || probe.requests() > REQUESTS_MAX {
            node.refuse(format!("`values` and `copies` must make 1 to {REQUESTS_MAX} requests"));
            return None;
        }
        Some(())
    };
}

named_enum! {
    /// Addresses for a probe.
    pub enum ProbeTarget ("an address") {
        /// The shop's address for push-backs.
        Pushback = "pushback",
        /// The payer's return address after success.
        Success = "success",
        /// The payer's return address after a failure.
        Fail = "fail",
        /// The payer's return address after giving up.
        Cancel = "cancel",
        /// The gateway.
        Gateway = "gateway",
    }
}

named_enum! {
    /// HTTP methods of probes.
    pub enum ProbeMethod ("a method") {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// DELETE.
        Delete = "DELETE",
    }
}

impl Probe {
    /// Number of requests that the step makes.
    pub fn requests(&self) -> usize {
        self.values.len().max(1).saturating_mul(self.copies.unwrap_or(1) as usize)
    }

    /// Returns true if it goes to one of the payer's return addresses.
    pub const fn is_for_payer(&self) -> bool {
        matches!(self.to, ProbeTarget::Success | ProbeTarget::Fail | ProbeTarget::Cancel)
    }
}

/// Data of an order for the templates of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeOrder {
    /// `txId`.
    pub tx_id: String,
    /// `merchantId`.
    pub merchant_id: String,
    /// `termId`.
    pub term_id: String,
    /// Amount ordered, with the decimals of its currency.
    pub amount: String,
    /// Currency.
    pub currency: &'static str,
}

/// Longest run of letters or brackets that a template makes.
const RUN_MAX: usize = 8 << 20;

impl ProbeOrder {
    /// Fills in a template. `quote` puts a value into the form that the place needs. A template that is not known stays.
    pub fn fill(&self, text: &str, value: &str, quote: fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                filled.push_str("${");
                rest = after;
                continue;
            };
            if let Some(found) = self.value(name, value, quote) {
                filled.push_str(&found);
            } else {
                filled.extend(["${", name, "}"]);
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, name: &str, value: &str, quote: fn(&str) -> String) -> Option<String> {
        let run = |letter: &str, count: &str| {
            count.parse().ok().map(|count: usize| letter.repeat(count.min(RUN_MAX)))
        };
        match name.split_once(':') {
            Some(("letters", count)) => return run("x", count),
            Some(("open", count)) => return run("[", count),
            Some(("close", count)) => return run("]", count),
            _ => {}
        }
        Some(quote(match name {
            "txId" => &self.tx_id,
            "otherCase" => return Some(quote(&other_case(&self.tx_id))),
            "merchantId" => &self.merchant_id,
            "termId" => &self.term_id,
            "amount" => &self.amount,
            "currency" => self.currency,
            "value" => value,
            _ => return None,
        }))
    }
}

fn other_case(text: &str) -> String {
    let turned = text.chars().map(|letter| match letter {
        'a'..='z' => letter.to_ascii_uppercase(),
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => letter,
    });
    turned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in_and_what_is_none_stays() {
        let order = ProbeOrder { tx_id: "T1a".to_owned(), ..ProbeOrder::default() };
        let quote = |text: &str| text.replace('"', "\\\"");
        let fill = |text: &str| order.fill(text, "a\"b", quote);
        assert_eq!(fill(r#"{"txId":"${txId}"}"#), r#"{"txId":"T1a"}"#);
        assert_eq!(fill("${otherCase} ${value}"), "t1A a\\\"b");
        assert_eq!(fill("${open:3}1${close:3}${letters:2}"), "[[[1]]]xx");
        assert_eq!(fill("${jndi:ldap://x} ${ $ }"), "${jndi:ldap://x} ${ $ }");
        assert_eq!(fill("${txId"), "${txId");
    }
}
