//! Events of an order as a sequence diagram: as text, and as SVG for a page.

use std::fmt::Write as _;

use super::finding::Happened;
use crate::base::printable;
use crate::scenario_runs::{OrderEventLine, OrderStory};

/// The most events of an order that are drawn: the first and the last half of them.
const EVENTS_MAX: usize = 40;
/// Width between the two life lines of the text, in characters.
const SPAN: usize = 44;

/// One line of a diagram.
enum Line {
    /// A message from the shop to the gateway.
    Right(String),
    /// A message from the gateway to the shop.
    Left(String),
    /// Something that happened at the gateway.
    AtGateway(String),
    /// Events that are left out.
    Gap(usize),
}

fn lines(order: &OrderStory) -> Vec<(String, Line)> {
    let count = order.events.len();
    let left_out = count.saturating_sub(EVENTS_MAX);
    let skipped = if left_out > 0 { EVENTS_MAX / 2..EVENTS_MAX / 2 + left_out } else { 0..0 };
    let mut drawn = Vec::new();
    for (at, event) in order.events.iter().enumerate() {
        if at == skipped.start && left_out > 0 {
            drawn.push((String::new(), Line::Gap(left_out)));
        }
        if !skipped.contains(&at) {
            drawn.push((clock(event.at_ms), line(event)));
        }
    }
    drawn
}

fn line(event: &OrderEventLine) -> Line {
    let rule = event.rule.as_deref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
    match event.kind {
        "call" => Line::Right(format!("{}: {}{rule}", event.name, event.detail)),
        "pushback" => Line::Left(format!("push-back, {}: {}", event.name, event.detail)),
        _ => Line::AtGateway(format!("{}{rule}", event.name)),
    }
}

/// The end of an order, on each side.
fn ends(order: &OrderStory) -> (String, String) {
    let shop = match (order.believes, order.shipped) {
        (Some(believes), Some(shipped)) => format!("believes {believes}, shipped {shipped}×"),
        (Some(believes), None) => format!("believes {believes}"),
        _ => "not known".to_owned(),
    };
    let gateway = format!(
        "{}, captured {}, given back {} {}",
        order.state.name(),
        order.captured,
        order.returned,
        order.currency
    );
    (shop, gateway)
}

/// The diagram as text, a line an event.
pub(super) fn text(happened: &Happened) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    if !happened.steps.is_empty() {
        let _ = writeln!(text, "steps: {}", happened.steps.join(", "));
    }
    for order in &happened.orders {
        let _ = writeln!(
            text,
            "order {}, {} {}",
            printable(&order.tx_id),
            order.amount,
            order.currency
        );
        let _ = writeln!(text, "{:>12}  shop{:>width$}", "", "gateway", width = SPAN - 2);
        for (at, line) in lines(order) {
            let _ = match line {
                Line::Right(said) => writeln!(text, "{at:>12}  |{}>|", bar(&said)),
                Line::Left(said) => writeln!(text, "{at:>12}  |<{}|", bar(&said)),
                Line::AtGateway(said) => {
                    writeln!(text, "{at:>12}  |{:SPAN$}* {}", "", printable(&said))
                }
                Line::Gap(count) => writeln!(text, "{:>12}  : {count} more", ""),
            };
        }
        let (shop, gateway) = ends(order);
        let _ = writeln!(text, "{:>12}  shop: {shop}", "end");
        let _ = writeln!(text, "{:>12}  gateway: {gateway}", "");
    }
    text
}

/// A message in its arrow; a long one stands beyond the arrow's width.
fn bar(said: &str) -> String {
    let said = format!(" {} ", printable(said));
    let rest = (SPAN - 1).saturating_sub(unicode_width::UnicodeWidthStr::width(said.as_str()));
    let before = rest.min(2);
    format!("{}{said}{}", "-".repeat(before), "-".repeat(rest - before))
}

/// Time since the beginning.
fn clock(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "+" }, ms.unsigned_abs());
    let (s, rest) = (ms / 1000, ms % 1000);
    match s {
        0..60 => format!("{sign}{s}.{rest:03} s"),
        60..3600 => format!("{sign}{}:{:02}.{rest:03}", s / 60, s % 60),
        _ => format!("{sign}{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// Width of the picture, and where the life lines stand.
const WIDTH: usize = 760;
const SHOP_X: usize = 130;
const GATEWAY_X: usize = 560;
const ROW: usize = 26;

/// The diagram as SVG, one picture an order, to stand within a page.
pub(super) fn svg(happened: &Happened) -> String {
    happened.orders.iter().map(picture).collect()
}

fn picture(order: &OrderStory) -> String {
    let rows = lines(order);
    let height = ROW * (rows.len() + 4);
    let mut svg = String::new();
    let escaped = |text: &str| escape(&printable(text));
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" class=\"sequence\">\
         <title>Order {}</title>",
        escaped(&order.tx_id)
    );
    let middle = |x: usize, y: usize, class: &str, said: &str| {
        format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" class=\"{class}\">{}</text>",
            escaped(said)
        )
    };
    svg += &middle(SHOP_X, ROW - 8, "head", "shop");
    svg += &middle(GATEWAY_X, ROW - 8, "head", &format!("gateway: {}", order.tx_id));
    for x in [SHOP_X, GATEWAY_X] {
        let end = height - 2 * ROW;
        let _ = write!(svg, "<path d=\"M{x} {ROW}V{end}\" class=\"life\"/>");
    }
    for (at, (time, line)) in rows.iter().enumerate() {
        let y = ROW * (at + 2);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" class=\"time\">{time}</text>",
            SHOP_X - 12,
            y + 4
        );
        let arrow = |from: usize, to: usize, class: &str, said: &str| {
            let (tip, back) = if to > from { (to - 8, to) } else { (to + 8, to) };
            format!(
                "<path d=\"M{from} {y}H{to}M{tip} {}L{back} {y}L{tip} {}\" class=\"{class}\"/>{}",
                y - 4,
                y + 4,
                middle(SHOP_X.midpoint(GATEWAY_X), y - 5, "said", said)
            )
        };
        let drawn = match line {
            Line::Right(said) => arrow(SHOP_X, GATEWAY_X, "call", said),
            Line::Left(said) => arrow(GATEWAY_X, SHOP_X, "notice", said),
            Line::AtGateway(said) => format!(
                "<circle cx=\"{GATEWAY_X}\" cy=\"{y}\" r=\"4\" class=\"change\"/><text x=\"{}\" y=\"{}\" class=\"said\">{}</text>",
                GATEWAY_X + 12,
                y + 4,
                escaped(said)
            ),
            Line::Gap(count) => {
                middle(SHOP_X.midpoint(GATEWAY_X), y, "time", &format!("{count} more"))
            }
        };
        svg.push_str(&drawn);
    }
    let (shop, gateway) = ends(order);
    svg += &middle(SHOP_X, height - ROW, "end", &shop);
    svg += &middle(GATEWAY_X, height - ROW, "end", &gateway);
    svg + "</svg>"
}

/// A text between tags.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
