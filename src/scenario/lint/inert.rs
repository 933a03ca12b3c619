//! Effects that change nothing, wherever they act.

use crate::base::Message;
use crate::scenario::model::{Commit, Effect, Latency, Lines, Pushback, Transport};

/// A message for each part of these effects that changes nothing.
pub(super) fn parts(lines: &Lines) -> Vec<Message> {
    let mut found = Vec::new();
    let hiding = lines.0.iter().rev().find_map(|effect| match effect {
        Effect::Transport(transport) => Some(transport).filter(|it| !it.shows_reply()),
        _ => None,
    });
    for (at, effect) in lines.0.iter().enumerate() {
        let name = effect.name();
        let is_overruled = lines.0[at + 1..].iter().any(|later| later.name() == name);
        match effect {
            Effect::Latency(latency) if latency.is_none() => {
                found.push("`latency` is no time at all: it changes nothing".into());
            }
            Effect::Latency(_) => {}
            _ if is_overruled => {
                let message =
                    Message::new(format!("`{name}` stands there again: the last one counts"));
                found.push(message.help("one in each list; `sequence` has a list for each call"));
            }
            Effect::Status(_) | Effect::Patch(_) => found.extend(hiding.map(|it| hidden(name, it))),
            Effect::Commit(point @ (Commit::Before | Commit::Approved)) if lines.0.len() == 1 => {
                let message =
                    Message::new(format!("`commit: {}` alone changes nothing", point.name()));
                found
                    .push(message.help("what is asked for is booked before the reply in any case"));
            }
            Effect::Pushback(pushback) => found.extend(parts_of(pushback)),
            Effect::Commit(_) | Effect::Reason(_) | Effect::Transport(_) => {}
        }
    }
    found
}

fn hidden(name: &str, transport: &Transport) -> Message {
    let message = format!("`{name}` is never seen: {}", transport.about());
    Message::new(message).help(format!("leave out `{name}` or `transport: {}`", transport.name()))
}

/// A message for each key of a push-back effect that changes nothing.
fn parts_of(pushback: &Pushback) -> Vec<Message> {
    let Pushback { delay, before_reply, drop, copies, apart, order, within, .. } = pushback;
    let Pushback { first, instead, last, forged, unknown_order, bytes_per_second, .. } = pushback;
    let is_unasked = *forged || *unknown_order;
    let (sent, is_slow) = (pushback.notices(), bytes_per_second.is_some());
    let is_late = delay.as_ref().is_some_and(|delay| !delay.is_none());
    let is_disordered = order.is_some() && within.is_none_or(|within| within.ms() > 0);
    let (is_several, is_other) = (sent > 1, *drop || instead.is_some());
    let changes =
        [is_late, *before_reply, is_several, is_other, is_disordered, is_slow, is_unasked];
    if !changes.contains(&true) {
        return vec![
            Message::new("`pushback` changes nothing: the true notice is sent once, at once")
                .help("such as delay: 5s, drop: true or copies: 2"),
        ];
    }
    let (has_copies, has_companions) = (copies.is_some(), first.is_some() || last.is_some());
    let of_dropped = [("copies", has_copies), ("instead", instead.is_some())];
    let of_sent = [
        ("beforeReply", *before_reply && !is_unasked),
        ("order", order.is_some()),
        ("bytesPerSecond", is_slow && !is_unasked),
        ("delay", delay.is_some() && !is_unasked),
    ];
    let is_silent = *drop && !has_companions;
    let dropped = of_dropped.into_iter().filter(|(_, is_given)| *drop && *is_given);
    let silent = of_sent.into_iter().filter(|(_, is_given)| is_silent && *is_given);
    let mut found: Vec<Message> = dropped
        .chain(silent)
        .map(|(key, _)| {
            format!("`{key}` changes nothing beside `drop`: no such notice is sent").into()
        })
        .collect();
    if apart.is_some() && !is_several {
        found.push("`apart` changes nothing: there are no two notices that it could part".into());
    }
    if within.is_some() && order.is_none() {
        found.push(
            Message::new("`within` changes nothing without `order`")
                .help("order: shuffled or order: reversed"),
        );
    }
    if order.is_some() && !is_disordered {
        found.push("`order` changes nothing within no time at all".into());
    }
    if delay.as_ref().is_some_and(Latency::is_none) {
        found.push("`delay` is no time at all: it changes nothing".into());
    }
    found
}
