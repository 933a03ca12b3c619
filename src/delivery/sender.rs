//! Carries one attempt of a push-back over HTTP or HTTPS.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::connection::{Connection, PushbackAddress, ReceivedBytes, Step};
use super::inbox::InboxRoute;
use super::paced::{Paced, PacedSpeed};
use super::places::Places;
use super::tls;
use crate::base::Millis;
use crate::space::{Attempt, DeliveryJob, Dispatch, Space, inbox_at};

/// The time for which an idle connection is kept, where the profile keeps any.
const IDLE_KEPT: Duration = Duration::from_secs(30);
/// Idle connections that are kept in all.
const IDLE_MAX: usize = 64;

/// Sends push-backs with bounded concurrency: so many at once to one host, so many in all.
pub struct Sender {
    places: Places,
    tls: LazyLock<TlsConnector>,
    /// Idle connections by the origin they lead to, for profiles that keep them.
    idle: Mutex<HashMap<String, Vec<(Instant, Connection)>>>,
}

impl Sender {
    /// A carrier that has up to `in_flight_total` attempts under way. Opens nothing yet.
    pub fn new(in_flight_total: u32) -> Self {
        Self {
            places: Places::new(in_flight_total),
            tls: LazyLock::new(|| TlsConnector::from(Arc::new(tls::accept_any()))),
            idle: Mutex::default(),
        }
    }

    /// Makes one attempt. Waits for a place first: behind other attempts to the same host, never
    /// behind a host that is slow. On a driven clock there is no such wait: it would go on only once the clock does,
    /// which waits for it. A slow sender is paced by the space's clock until `stop`. An attempt ends without an answer
    /// when its time is over by the machine's clock or by the space's, whichever is sooner.
    pub async fn attempt(
        self: &Arc<Self>,
        space: &Space,
        dispatch: &Dispatch,
        stop: &CancellationToken,
    ) -> Attempt {
        let target = match PushbackAddress::parse(&dispatch.delivery_job.url) {
            Ok(target) => target,
            Err(error) => return Attempt::failed(dispatch.delivery_job.at, error),
        };
        if space.is_driven() {
            return self.make(space, dispatch, dispatch.delivery_job.at, &target, stop).await;
        }
        let at_host = dispatch.delivery_job.policy.in_flight_per_merchant;
        let mut at = dispatch.delivery_job.at;
        let mut has_waited = false;
        let on_wait = || {
            has_waited = true;
            space.attempt_queues(dispatch);
        };
        // A box is its space's own: whoever waits at one holds up nobody elsewhere.
        let host = match inbox_at(&dispatch.delivery_job.url) {
            Some(name) => format!("{}/{name}", space.number()),
            None => target.authority.clone(),
        };
        let place = self.places.take(&host, at_host, on_wait).await;
        if has_waited {
            at = space.attempt_begins(dispatch);
        }
        place.clock_timer(self.make(space, dispatch, at, &target, stop)).await
    }

    async fn make(
        self: &Arc<Self>,
        space: &Space,
        dispatch: &Dispatch,
        at: Millis,
        target: &PushbackAddress,
        stop: &CancellationToken,
    ) -> Attempt {
        let delivery_job = &dispatch.delivery_job;
        let begun = Instant::now();
        let pace = delivery_job.bytes_per_second.and_then(|rate| {
            let clock_timer = space.pace(dispatch)?;
            Some(PacedSpeed::new(clock_timer, rate, stop.clone()))
        });
        let (pace, waits) = pace.unzip();
        let patience = Duration::from_millis(delivery_job.policy.timeout_ms.unsigned_abs());
        let (mut answer, mut seen) = (Answer::default(), Arc::new(ReceivedBytes::default()));
        let inbox = InboxRoute::of(space, dispatch, stop);
        let overdue = inbox.as_ref().map(|inbox| inbox.overdue.clone());
        let sending = self.send(delivery_job, target, inbox, pace, &mut answer, &mut seen);
        // Large: it holds a connection as it is opened, and a box where it goes to one.
        let sending = Box::pin(sending);
        let done = if let Some(overdue) = overdue {
            // A box keeps to the space's clock.
            tokio::select! { done = sending => Some(done), () = overdue.cancelled() => None }
        } else if space.is_driven() {
            tokio::select! { done = sending => Some(done), () = space.overdue(dispatch) => None }
        } else {
            let in_time = in_time(sending, patience, waits);
            tokio::select! { done = in_time => done, () = space.overdue(dispatch) => None }
        };
        let mut took = begun.elapsed();
        let error = match done {
            Some(Ok(())) => answer.refusal(&delivery_job.policy),
            Some(Err(error)) => Some(error),
            None => {
                // The space's clock has seen all of it pass, whatever the machine's says.
                took = took.max(patience);
                Some(answer.overdue(delivery_job.policy.timeout_ms, &seen))
            }
        };
        Attempt {
            at,
            took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            status: answer.status,
            response: answer.recorded(&delivery_job.policy),
            headers: answer.headers,
            error: error.map(Into::into),
        }
    }

    /// Sends the push-back and reads the answer into `answer`, which holds what came also when this is given up.
    async fn send(
        self: &Arc<Self>,
        delivery_job: &DeliveryJob,
        target: &PushbackAddress,
        mut inbox: Option<InboxRoute>,
        pace: Option<PacedSpeed>,
        answer: &mut Answer,
        seen: &mut Arc<ReceivedBytes>,
    ) -> Result<(), String> {
        // The header that says so and what is done with the connection both follow from this.
        let keeps = delivery_job.policy.keep_alive && inbox.is_none();
        let mut idle = if keeps { self.take_idle(target) } else { None };
        let mut request = request(delivery_job, target, keeps, pace)?;
        let (response, connection) = loop {
            let is_reused = idle.is_some();
            let mut connection = match (idle.take(), inbox.take()) {
                (Some(connection), _) => connection,
                (None, Some(inbox)) => Connection::start(inbox.open(), Arc::default()).await?,
                (None, None) => Connection::open(target, &self.tls, &mut answer.step).await?,
            };
            connection.seen.restart();
            *seen = Arc::clone(&connection.seen);
            answer.step = Step::Waiting;
            match connection.requests.try_send_request(request).await {
                Ok(response) => break (response, connection),
                Err(mut failed) => match failed.take_message() {
                    // It was closed while it was idle, before any of this was sent.
                    Some(unsent) if is_reused => request = unsent,
                    _ => return Err(answer.no_head(&failed.into_error(), seen, target.is_tls)),
                },
            }
        };
        seen.head_is_over();
        let (head, body) = response.into_parts();
        answer.take_head(head.status.as_u16(), &head.headers, &body);
        if answer.read(body, &delivery_job.policy).await? && keeps {
            self.keep(target, connection);
        }
        Ok(())
    }

    /// An idle connection to there, the latest first.
    fn take_idle(&self, target: &PushbackAddress) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(&target.origin())?;
        while let Some((_, connection)) = kept.pop() {
            if !connection.requests.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next push-back to there, and lets go of those that were idle for too long.
    fn keep(self: &Arc<Self>, target: &PushbackAddress, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() < IDLE_MAX {
            idle.entry(target.origin()).or_default().push((Instant::now(), connection));
            let sender = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(IDLE_KEPT).await;
                if let Some(sender) = sender.upgrade() {
                    sender.let_go();
                }
            });
        }
    }

    fn let_go(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, kept| {
            kept.retain(|(since, _)| since.elapsed() < IDLE_KEPT);
            !kept.is_empty()
        });
    }
}

fn request(
    delivery_job: &DeliveryJob,
    target: &PushbackAddress,
    keeps: bool,
    pace: Option<PacedSpeed>,
) -> Result<Request<Paced>, String> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(target.path.clone())
        .header(HOST, &target.authority)
        .header(
            CONTENT_TYPE,
            delivery_job.content_type.unwrap_or(&delivery_job.policy.content_type),
        )
        .header(ACCEPT, "*/*")
        .header(USER_AGENT, concat!("payon-sim/", env!("CARGO_PKG_VERSION")));
    if !keeps {
        // A server that serves one connection at a time answers the next caller only once this one has ended.
        request = request.header(CONNECTION, "close");
    }
    if let Some(context) = &delivery_job.context {
        request = request.header("traceparent", context.to_string());
        if let Some(state) = context.state() {
            request = request.header("tracestate", state);
        }
    }
    request
        .body(Paced::new(delivery_job.body.clone(), delivery_job.filler, pace))
        .map_err(|error| format!("not a usable address: {error}"))
}

/// Result of `sending`, unless the other side is silent for longer than `patience`. Time for which a slow sender waits for its
/// clock is not the other side's silence.
async fn in_time<R>(
    sending: impl Future<Output = R>,
    patience: Duration,
    waits: Option<watch::Receiver<bool>>,
) -> Option<R> {
    let Some(mut waits) = waits else {
        return tokio::time::timeout(patience, sending).await.ok();
    };
    let mut sending = pin!(sending);
    loop {
        let is_waiting = *waits.borrow_and_update();
        tokio::select! {
            done = sending.as_mut() => return Some(done),
            Ok(()) = waits.changed() => {}
            () = tokio::time::sleep(patience), if !is_waiting => return None,
        }
    }
}
