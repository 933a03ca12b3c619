//! The front door: accepts connections, reads requests within limits, and carries decisions out.
//!
//! `run(listener, ..)` serves until told to stop: the listener is bound before anything is spawned,
//! and every connection is waited for.

mod fault;
mod fault_stream;
mod idle_timer;
mod listen;
mod malformed;
mod paths;
mod router;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::TryFutureExt as _;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use listen::listen;
pub use router::{App, Plane};

use crate::base::Millis;
use crate::http::{LeavesRest, ReplyBody};
use crate::scenario::{CallFacts, Point, Transport};
use crate::space::UnansweredCall;
use fault_stream::{FaultStream, ReplyHook};
use idle_timer::WATCH_PAUSE;
use malformed::Malformed;

/// The longest pause after a failed accept (the process is out of file handles, say).
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Serves `plane` of `app` on `listener` until `stop`; then lets requests under way end.
pub async fn run(listener: TcpListener, app: Arc<App>, plane: Plane, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let stopping = Arc::new(Stopping::default());
    let malformed = Arc::new(Malformed::default());
    if let Err(error) = probe_silent_peers(&listener) {
        tracing::debug!(%error, "connections whose peer is gone are noticed late");
    }
    let mut pause = Duration::from_millis(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                pause = Duration::from_millis(1);
                if plane != Plane::Control
                    && let Some(fault) = fault_at_once(&app)
                {
                    connections.spawn(turn_away(stream, fault, stop.clone()));
                    continue;
                }
                let (stopping, malformed) = (Arc::clone(&stopping), Arc::clone(&malformed));
                connections.spawn(serve(stream, Arc::clone(&app), plane, stopping, malformed));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
    drop(listener);
    stopping.stop();
    connections.close();
    connections.wait().await;
}

/// Lets the kernel ask silent peers of accepted connections whether they are still there, so that one that closed its
/// connection while it waited for an answer is told from one that only has nothing more to say.
fn probe_silent_peers(listener: &TcpListener) -> rustix::io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_socket_keepalive(listener, true)?;
    sockopt::set_tcp_keepidle(listener, Duration::from_secs(10))?;
    sockopt::set_tcp_keepintvl(listener, Duration::from_secs(5))?;
    sockopt::set_tcp_keepcnt(listener, 3)
}

/// End of a connection that was accepted and of which nothing is read.
enum AcceptFault {
    Reset,
    Close,
    /// The caller waits in vain.
    Hang(Option<UnansweredCall>),
}

/// Fault of a rule of the default space for a connection as soon as it is accepted; nothing is known of it yet. Where
/// the control plane shares the port it meets its callers too.
fn fault_at_once(app: &App) -> Option<AcceptFault> {
    let space = app.spaces.default_space();
    let call = CallFacts::new(space.name(), Point::Connect, Millis(0));
    match space.consult(&call)?.plan.transport? {
        Transport::Reset => Some(AcceptFault::Reset),
        Transport::Empty => Some(AcceptFault::Close),
        Transport::Hang => Some(AcceptFault::Hang(space.unanswered())),
        _ => None,
    }
}

async fn turn_away(mut stream: TcpStream, fault: AcceptFault, stop: CancellationToken) {
    match fault {
        AcceptFault::Reset => {
            // A socket that refuses is closed in good order.
            let _ = stream.set_zero_linger();
        }
        AcceptFault::Close => {
            // What has come unread would make a reset of it.
            let _ = stream.shutdown().await;
            drain(&mut stream, &stop).await;
        }
        AcceptFault::Hang(_silence) => drain(&mut stream, &stop).await,
    }
}

/// Reads and forgets until the peer closes or the server stops.
async fn drain(stream: &mut TcpStream, stop: &CancellationToken) {
    let mut sink = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(stream, &mut sink) => {}
        () = stop.cancelled() => {}
    }
}

/// Tells connections that the server stops. They look at every turn, so that is one load instead of a token's locks.
#[derive(Debug, Default)]
struct Stopping {
    has_begun: AtomicBool,
    call: CancellationToken,
}

impl Stopping {
    fn stop(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.call.cancel();
    }
}

/// End of a connection.
enum ConnectionEnd {
    /// By itself.
    Own(hyper::Result<()>),
    /// The server stops.
    Stopped,
    /// Its peer kept us waiting for too long.
    Silence,
}

/// An answer that goes on, until it is dropped.
struct GoesOn(ReplyHook);

impl Drop for GoesOn {
    fn drop(&mut self) {
        self.0.idle_timer().answered();
    }
}

/// Waits for the next request once this answer is given, which for a stream is when it ends.
fn after(response: Response<ReplyBody>, trigger: &ReplyHook) -> Response<ReplyBody> {
    if response.extensions().get::<LeavesRest>().is_some() {
        trigger.linger();
    }
    if !response.body().is_stream() {
        trigger.idle_timer().answered();
        return response;
    }
    let goes_on = GoesOn(trigger.clone());
    response.map(|body| body.keeping(goes_on))
}

async fn serve(
    stream: TcpStream,
    app: Arc<App>,
    plane: Plane,
    stopping: Arc<Stopping>,
    malformed: Arc<Malformed>,
) {
    // Without it small answers wait for the client's delayed acknowledgement; a socket that
    // refuses the option still works.
    let _ = stream.set_nodelay(true);
    let limits = app.limits;
    let (stream, trigger) = FaultStream::new(stream);
    let (app, trigger) = (&app, &trigger);
    let idle_timer = trigger.idle_timer();
    let service = service_fn(move |request| {
        idle_timer.asked();
        router::answer(app, plane, trigger, request)
            .map_ok(move |response| after(response, trigger))
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        // One buffer and one write an answer. Pipelined flushes would do so too, but hold whatever a stream has to say.
        .writev(false)
        // Who has nothing more to say may still listen; and no second buffer is made to see whether a caller is gone.
        .half_close(true)
        .serve_connection(stream, service);
    let mut called = pin!(stopping.call.cancelled());
    let mut alarm = pin!(tokio::time::sleep(limits.request_time));
    let mut is_first_turn = true;
    let ended = poll_fn(|cx| {
        // Call and alarm are asked once, to be woken; a task's waker stays the same. Then a look at each is enough.
        let (stops, mut rings) = if std::mem::take(&mut is_first_turn) {
            (called.as_mut().poll(cx).is_ready(), alarm.as_mut().poll(cx).is_ready())
        } else {
            (stopping.has_begun.load(Ordering::Acquire), alarm.is_elapsed())
        };
        if stops {
            return Poll::Ready(ConnectionEnd::Stopped);
        }
        while rings {
            let now = Instant::now();
            let next = idle_timer.runs_out(limits.request_time);
            if next.is_some_and(|next| next <= now) {
                return Poll::Ready(ConnectionEnd::Silence);
            }
            let pause = if idle_timer.watches() {
                trigger.look();
                WATCH_PAUSE
            } else {
                limits.request_time
            };
            alarm.as_mut().reset(next.unwrap_or(now + pause));
            rings = alarm.as_mut().poll(cx).is_ready();
        }
        let ended = Pin::new(&mut connection).poll(cx).map(ConnectionEnd::Own);
        if ended.is_pending()
            && idle_timer.watches()
            && alarm.deadline() > Instant::now() + WATCH_PAUSE
        {
            alarm.as_mut().reset(Instant::now() + WATCH_PAUSE);
            // It is not due yet; this leaves the waker.
            let _ = alarm.as_mut().poll(cx);
        }
        ended
    });
    let ended = match ended.await {
        ConnectionEnd::Own(ended) => ended,
        ConnectionEnd::Silence => {
            tracing::debug!("a connection ended: no request came, or not all of its head");
            return;
        }
        ConnectionEnd::Stopped => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::time::timeout(limits.drain_time, &mut connection).await.unwrap_or(Ok(()))
        }
    };
    let Err(error) = ended else { return };
    tracing::debug!(%error, "a connection ended early");
    if error.is_parse() {
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        if let Some(answer) = malformed.answer(app, plane, io.held_back(), &read_buf, &error) {
            // Whoever does not take it has had its chance.
            let _ = tokio::time::timeout(limits.drain_time, io.end_with(answer)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_next_request_is_waited_for_once_an_answer_has_ended() {
        let trigger = ReplyHook::default();
        let is_waiting = || trigger.idle_timer().runs_out(Duration::ZERO).is_some();
        trigger.idle_timer().asked();
        let answer = after(Response::new(Bytes::from_static(b"all of it").into()), &trigger);
        assert!(is_waiting(), "a whole answer has ended when it is given");
        drop(answer);
        trigger.idle_timer().asked();
        let pieces = |left: u8| async move { left.checked_sub(1).map(|rest| (Bytes::new(), rest)) };
        let answer = after(Response::new(ReplyBody::stream(1, pieces)), &trigger);
        assert!(!is_waiting(), "a stream goes on");
        drop(answer);
        assert!(is_waiting());
    }
}
