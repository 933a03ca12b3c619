//! Presentation of events: to people on a terminal, and to programs.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use super::event::{
    AttemptLine, EventBody, MissedLine, OrderLine, PushbackLine, RequestLine, TailEvent,
};
use crate::base::{printable, printable_json, visible};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();

/// Detail in which an event is shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TailFormat {
    /// One line an event
    Compact,
    /// All that is known, with bodies; secrets are masked
    Full,
    /// One line of JSON an event: its name, its number, and its data as sent
    Json,
}

impl TailFormat {
    /// The event of this number, with a line feed at the end.
    pub(super) fn show(self, event: &TailEvent<'_>, number: u64) -> String {
        let TailEvent { name, data, told } = event;
        if let Self::Json = self {
            let line = format!("{{\"event\":\"{name}\",\"id\":{number},\"data\":{data}}}\n");
            return printable_json(&line).into_owned();
        }
        let mut text = EventLine::of(name, told).to_string() + "\n";
        if let Self::Full = self {
            for (label, value) in details(told) {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "    {FAINT}{label:<10}{FAINT:#}{}", visible(&value));
            }
        }
        text
    }
}

/// The parts of an event's single line.
struct EventLine<'a> {
    at: String,
    kind: &'a str,
    what: &'a str,
    order: String,
    outcome: (Style, &'a str),
    more: String,
}

impl fmt::Display for EventLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, kind, what, order, outcome: (style, outcome), more } = self;
        let (at, kind, what) = (printable(at), printable(kind), printable(what));
        write!(f, "{FAINT}{at:<23}{FAINT:#}  {kind:<8}  {what:<16}  {order:<28}  ")?;
        write!(f, "{style}{}{style:#}", printable(outcome))?;
        if !more.is_empty() {
            let gap = 22_usize.saturating_sub(outcome.chars().count());
            write!(f, "{:gap$}  {}", "", visible(more))?;
        }
        Ok(())
    }
}

/// An order by its names; what cannot be seen in them is named.
fn order_name(merchant: Option<&str>, tx_id: Option<&str>) -> String {
    let names: Vec<_> = [merchant, tx_id].into_iter().flatten().map(visible).collect();
    names.join("/")
}

impl<'a> EventLine<'a> {
    fn of(name: &'a str, told: &'a EventBody<'_>) -> Self {
        match told {
            EventBody::Request(request) => Self::request(name, request),
            EventBody::Order(order) => Self::order(name, order),
            EventBody::Pushback(pushback) => Self::pushback(name, pushback),
            EventBody::Missed(MissedLine { count, from, to }) => {
                let more = format!("{count} events are gone, {from} to {to}");
                Self { more, outcome: (BAD, "too late"), ..Self::changed(name, None) }
            }
            EventBody::Changed(at) => Self::changed(name, at.as_deref()),
        }
    }

    fn request(kind: &'a str, request: &'a RequestLine<'_>) -> Self {
        let style = if request.reason == "success" { GOOD } else { BAD };
        let mut more = format!("{} in {}, {}", request.status, took(request), request.trace);
        if let Some(rule) = &request.rule {
            let _ = write!(more, ", rule {rule}");
        }
        // Of what is neither, the pages of a payer name an order.
        let unnamed = if request.tx_id.is_some() { "page" } else { "unknown path" };
        Self {
            at: moment(&request.at),
            kind,
            what: request.operation.as_deref().or(request.control.as_deref()).unwrap_or(unnamed),
            order: order_name(request.merchant_id.as_deref(), request.tx_id.as_deref()),
            outcome: (style, &request.reason),
            more,
        }
    }

    fn order(kind: &'a str, order: &'a OrderLine) -> Self {
        let style = match order.state.as_str() {
            "failed" | "expired" | "cancelled" => BAD,
            "registered" => OPEN,
            _ => GOOD,
        };
        let rule = order.rule.as_ref().map(|rule| format!("rule {rule}"));
        let more = [&order.amount, &order.reason, &rule];
        Self {
            at: moment(&order.at),
            kind,
            what: &order.change,
            order: order_name(Some(&order.merchant_id), Some(&order.tx_id)),
            outcome: (style, &order.state),
            more: more.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "),
        }
    }

    fn pushback(kind: &'a str, pushback: &'a PushbackLine<'_>) -> Self {
        let style = match pushback.state.as_str() {
            "acknowledged" => GOOD,
            "waiting" | "inFlight" if !pushback.is_failure() => OPEN,
            _ => BAD,
        };
        let resent = pushback.next_attempt_at.as_ref().filter(|_| pushback.change == "resent");
        let more = match pushback.attempts.last() {
            _ if resent.is_some() => "is to be sent again".to_owned(),
            Some(last) => format!("attempt {}: {}", pushback.attempts.len(), last.summary()),
            None => pushback.url.clone(),
        };
        let latest = pushback.attempts.last().map_or(&pushback.created_at, |last| &last.at);
        let at = resent.unwrap_or(latest);
        Self {
            at: moment(at),
            kind,
            what: &pushback.cause,
            order: order_name(Some(&pushback.merchant_id), Some(&pushback.tx_id)),
            outcome: (style, &pushback.state),
            more,
        }
    }

    fn changed(kind: &'a str, at: Option<&str>) -> Self {
        let outcome = if kind == "reset" { "all is new" } else { "changed" };
        let at = at.map(moment).unwrap_or_default();
        let (order, more) = (String::new(), String::new());
        Self { at, kind, what: "", order, outcome: (OPEN, outcome), more }
    }
}

impl AttemptLine {
    fn summary(&self) -> String {
        let status = self.status.map(|status| format!("{status} ")).unwrap_or_default();
        let error = self.error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
        format!("{status}in {} ms{error}", self.took_ms)
    }
}

/// All that is known beyond the line, each with what it is.
fn details(told: &EventBody<'_>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row = |label, value: Option<String>| {
        rows.extend(value.filter(|value| !value.is_empty()).map(|value| (label, value)));
    };
    match told {
        EventBody::Request(request) => {
            row("detail", Some(request.detail.clone()));
            row("plan", request.plan.clone());
            row("profile", request.profile_line.clone());
            row("request", Some(request.asked.get().to_owned()));
            row("response", Some(request.answered.get().to_owned()));
        }
        EventBody::Order(order) => row("trace", order.trace.clone()),
        EventBody::Pushback(pushback) => {
            let PushbackLine { id, content, trace, url, body, next_attempt_at, attempts, .. } =
                &**pushback;
            row("push-back", Some(format!("{id}, says {content}")));
            row("trace", trace.clone());
            row("to", Some(url.clone()));
            row("body", Some(body.get().to_owned()));
            for (number, attempt) in (1..).zip(attempts) {
                let (at, summary) = (moment(&attempt.at), attempt.summary());
                row("attempt", Some(format!("{number} at {at}: {summary}")));
                row("answered", Some(attempt.response.clone()));
            }
            row("next", next_attempt_at.as_deref().map(moment));
        }
        EventBody::Missed(_) | EventBody::Changed(_) => {}
    }
    rows
}

/// A moment without its offset, which is the same for all.
fn moment(rfc3339: &str) -> String {
    rfc3339.chars().take("2026-01-31T09:30:00.000".len()).collect::<String>().replace('T', " ")
}

fn took(request: &RequestLine<'_>) -> String {
    format!("{:.1} ms", f64::from(request.took_us) / 1000.0)
}
