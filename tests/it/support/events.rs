//! A reader of server-sent events.

use bytes::{Buf as _, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::{Client, SpaceHandle, soon};

/// A stream of events that is read.
pub(crate) struct Events {
    pub(crate) headers: HeaderMap,
    body: Incoming,
    read: BytesMut,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) data: Value,
}

impl Events {
    /// Follows a space from where it is; `query` begins with `?` where there is one.
    pub(crate) async fn of(space: &SpaceHandle, query: &str) -> Self {
        let url = format!("{}/_sim/v1/events{query}", space.control_url);
        Self::open(&space.client, &url).await
    }

    /// Opens a stream and reads where it begins.
    pub(crate) async fn open(client: &Client, url: &str) -> Self {
        let (head, body) = client.open(url).await.into_parts();
        assert_eq!(head.status, 200, "{url}");
        let mut events = Self { headers: head.headers, body, read: BytesMut::new() };
        let greeting = events.block().await.expect("a greeting");
        assert!(greeting.starts_with("retry: "), "{greeting}");
        if let Some((_, event)) = greeting.split_once('\n').filter(|(_, it)| it.contains("event:"))
        {
            // What it begins with is an event already; it is read next.
            let event = format!("{event}\n\n");
            let rest = std::mem::take(&mut events.read);
            events.read.extend_from_slice(event.as_bytes());
            events.read.extend_from_slice(&rest);
        }
        events
    }

    /// The text up to the next blank line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        let mut searched = 0;
        loop {
            let rest = &self.read[searched..];
            if let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
                let block = self.read.split_to(searched + end).to_vec();
                let block = String::from_utf8(block).expect("UTF-8");
                self.read.advance(2);
                return Some(block);
            }
            searched = self.read.len().saturating_sub(1);
            let frame = self.body.frame().await?;
            let frame = frame.expect("an unbroken stream").into_data().expect("data");
            self.read.extend_from_slice(&frame);
        }
    }

    /// The next event or comment as it was sent, however long it takes.
    pub(crate) async fn text(&mut self) -> Option<String> {
        self.block().await
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = soon("an event", self.block()).await?;
            let value = |name: &str| {
                let lines = block.lines().filter_map(|line| line.split_once(": "));
                lines.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
            };
            if let Some(data) = value("data") {
                return Some(Event {
                    name: value("event").expect("a name").to_owned(),
                    id: value("id").expect("a number").parse().expect("a number"),
                    data: serde_json::from_str(data).expect("JSON"),
                });
            }
        }
    }

    /// The next `count` events.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.expect("one more event"));
        }
        events
    }

    /// All events up to the next of that name.
    pub(crate) async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Event| event.name != name) {
            events.push(self.next().await.expect("one more event"));
        }
        events
    }
}
