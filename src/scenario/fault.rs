//! Quick faults: rules that have a name, made of a few settings. The command line and the control plane arm them.

use serde_json::{Value, json};

use crate::base::Reason;

/// Beginning of the ids of rules that are quick faults.
const PREFIX: &str = "fault-";

/// One quick fault.
#[derive(Debug)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// Its effect, in words.
    pub about: &'static str,
    /// The settings that it takes, by their names.
    pub takes: &'static [&'static str],
    /// The points at which it steps in where none are given; none: wherever its effects can act.
    at: &'static [&'static str],
    /// Its effects, as in a scenario file.
    effects: fn(&FaultWish) -> Value,
}

/// Settings of a fault, and the calls that it is for. Values are as in a scenario file, and are judged with the rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultWish {
    /// Length of time: of a delay, between duplicates, of `Retry-After`.
    pub by: Option<String>,
    /// Number of push-backs in place of one.
    pub copies: Option<u32>,
    /// HTTP status in place of broken connections.
    pub status: Option<u16>,
    /// Reason of a refusal or a decline.
    pub reason: Option<Reason>,
    /// Length of the fault, from when it is armed; none: until it is taken away.
    pub lasting: Option<String>,
    /// Largest number of times that it steps in.
    pub times: Option<u32>,
    /// The points at which it steps in; none: its own.
    pub operations: Vec<String>,
    /// The `txId` of the only order that meets it.
    pub tx_id: Option<String>,
    /// The only merchant that meets it.
    pub merchant_id: Option<String>,
}

/// A setting of which a fault knows nothing.
#[derive(Clone, Copy, Debug)]
pub struct UnfitSetting {
    /// The setting.
    pub setting: &'static str,
    /// The fault.
    pub fault: &'static Fault,
}

/// Calls that take a signature.
const SIGNED: &[&str] = &["reversal", "refund", "preAuthCompletion"];

/// Every quick fault.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    Fault { name: "down", takes: &["status"], at: &[],
        about: "nothing answers: every connection is reset, those for the payer's pages too",
        effects: |given| given.status.map_or(json!([{ "transport": "reset" }]),
            |status| json!([{ "transport": { "server-error": status } }])) },
    Fault { name: "slow", takes: &["by"], at: &[],
        about: "every answer comes late",
        effects: |given| json!([{ "latency": given.by("3s") }]) },
    Fault { name: "hang", takes: &[], at: &[],
        about: "connections are accepted, and nothing ever comes",
        effects: |_| json!([{ "transport": "hang" }]) },
    Fault { name: "lose-answer", takes: &[], at: &[],
        about: "what a call asks for is booked, and its answer is lost",
        effects: |_| json!([{ "commit": "before" }, { "transport": "reset" }]) },
    Fault { name: "garble-answer", takes: &[], at: &[],
        about: "answers are almost JSON",
        effects: |_| json!([{ "transport": "malformed-json" }]) },
    Fault { name: "busy", takes: &["by"], at: &[],
        about: "HTTP 429 with Retry-After",
        effects: |given| json!([{ "transport": { "busy": { "retryAfter": given.by("30s") } } }]) },
    Fault { name: "maintenance", takes: &[], at: &[],
        about: "calls are refused for maintenance",
        effects: |_| json!([{ "reason": "system.maintenance" }]) },
    Fault { name: "refuse", takes: &["reason"], at: &[],
        about: "calls are refused for a reason",
        effects: |given| json!([{ "reason": given.reason(Reason::SystemError) }]) },
    Fault { name: "wrong-signature", takes: &[], at: SIGNED,
        about: "signed calls are refused as if their signature were wrong",
        effects: |_| json!([{ "reason": "sign.invalid" }]) },
    Fault { name: "decline", takes: &["reason"], at: &["pay"],
        about: "payments are declined",
        effects: |given| json!([{ "reason": given.reason(Reason::CardDoNotHonour) }]) },
    Fault { name: "duplicate", takes: &["copies", "by"], at: &[],
        about: "each push-back is sent several times",
        effects: |given| {
            let mut pushback = json!({ "copies": given.copies.unwrap_or(2) });
            if let Some(apart) = &given.by {
                pushback["apart"] = apart.as_str().into();
            }
            json!([{ "pushback": pushback }])
        } },
    Fault { name: "lose-pushback", takes: &[], at: &[],
        about: "push-backs are never sent",
        effects: |_| json!([{ "pushback": { "drop": true } }]) },
    Fault { name: "late-pushback", takes: &["by"], at: &[],
        about: "push-backs are sent late",
        effects: |given| json!([{ "pushback": { "delay": given.by("10m") } }]) },
    Fault { name: "early-pushback", takes: &[], at: &[],
        about: "push-backs come before the answer to the call that causes them",
        effects: |_| json!([{ "pushback": { "beforeReply": true } }]) },
    Fault { name: "wrong-pushback", takes: &[], at: &[],
        about: "push-backs tell failure for success, and success for failure",
        effects: |_| json!([{ "pushback": { "instead": "wrong-status" } }]) },
    Fault { name: "forge-pushback", takes: &[], at: &["register"],
        about: "a push-back tells of success as soon as an order is registered, though nothing was paid",
        effects: |_| json!([{ "pushback": { "forged": true } }]) },
];

impl FaultWish {
    fn by(&self, default: &str) -> String {
        self.by.as_deref().unwrap_or(default).to_owned()
    }

    fn reason(&self, default: Reason) -> &'static str {
        self.reason.unwrap_or(default).name()
    }

    /// Settings that were given, by their names.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let settings = [
            ("by", self.by.is_some()),
            ("copies", self.copies.is_some()),
            ("status", self.status.is_some()),
            ("reason", self.reason.is_some()),
        ];
        settings.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

impl Fault {
    /// The id of its rule.
    pub fn rule_id(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The name of the fault whose rule has this id, whether there is such a fault or not; `None` for other rules.
    pub fn name_of_rule(id: &str) -> Option<&str> {
        id.strip_prefix(PREFIX)
    }

    /// Its rule, as in a scenario file.
    pub fn rule(&'static self, wish: &FaultWish) -> Result<Value, UnfitSetting> {
        if let Some(setting) = wish.given().find(|setting| !self.takes.contains(setting)) {
            return Err(UnfitSetting { setting, fault: self });
        }
        let FaultWish { lasting, times, operations, tx_id, merchant_id, .. } = wish;
        let mut when = json!({});
        let own = || self.at.iter().map(|point| (*point).to_owned()).collect();
        let points: Vec<String> = if operations.is_empty() { own() } else { operations.clone() };
        if !points.is_empty() {
            when["operation"] = points.into();
        }
        if let Some(id) = tx_id {
            when["txId"] = id.as_str().into();
        }
        if let Some(id) = merchant_id {
            when["merchantId"] = id.as_str().into();
        }
        if let Some(lasting) = lasting {
            when["window"] = json!({ "from": "now", "for": lasting });
        }
        if let Some(times) = times {
            when["first"] = (*times).into();
            when["scope"] = "rule".into();
        }
        let then = (self.effects)(wish);
        let mut rule = json!({ "id": self.rule_id(), "about": self.about });
        if when != json!({}) {
            rule["when"] = when;
        }
        rule["then"] = then;
        Ok(rule)
    }
}
