//! What the tests share: the simulator in this process, a client, the merchant on the other side, and the place where
//! its push-backs arrive.
//!
//! ```ignore
//! let sim = Sim::start().await;
//! let space = sim.space("refunds").await;
//! let sink = Sink::start().await;
//! space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
//! space.pay("1", json!({})).await.expect(200);
//! assert_eq!(sink.next().await.json()["resultCode"], "0000");
//! ```
//!
//! Nothing sleeps: whoever waits, waits for an event. A test that would wait forever fails after [`PATIENCE`].

mod events;
mod http;
mod raw;
mod sim;
mod sink;
mod space;

use std::time::Duration;

pub(crate) use events::{Event, Events};
pub(crate) use http::{Answer, Client};
pub(crate) use raw::{Ended as RawEnded, Raw};
pub(crate) use sim::{Setup, Sim};
pub(crate) use sink::{Manner, Received, Reply, RudeSink, Sink};
pub(crate) use space::SpaceHandle;

/// How long a test waits for what must happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What comes of `future`, which must come soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}
