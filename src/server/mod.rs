//! The front door: accepts connections, reads requests within limits, and carries decisions out.
//!
//! `run(listener, ..)` serves until told to stop: the listener is bound before anything is spawned,
//! and every connection is waited for.

mod client_stream;
mod fault;
mod fault_stream;
mod home;
mod listen;
mod malformed;
mod paths;
mod router;
mod tls;

use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryFutureExt as _;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use listen::listen;
pub use router::{App, Plane};
pub use tls::{NO_TLS, TlsError, TlsIdentity};

use crate::base::Millis;
use crate::http::{Front, LeavesRest, ReplyBody};
use crate::scenario::{CallFacts, Point, Transport};
use crate::space::UnansweredCall;
use client_stream::ClientStream;
use fault_stream::{FaultStream, ReplyHook};
use malformed::{LastWords, Malformed};
use tls::TlsDoor;

/// The longest pause after a failed accept (the process is out of file handles, say).
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The most headers of a request: what hyper reads without memory of its own for them.
const HEADERS_MAX: usize = 100;

/// Descriptors of the process that are kept for calls of the control plane: whatever merchants' connections wait for, the
/// rule that they wait for can be taken away.
const SPARE_DESCRIPTORS: u64 = 64;

/// The number from which on a descriptor is a spare one. The system gives the lowest that is free, so all below it are in
/// use then.
fn first_spare() -> u64 {
    let limit = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
    limit - SPARE_DESCRIPTORS.min(limit / 4)
}

/// Serves `plane` of `app` on `listener` until `stop`, with TLS where there is an identity; then lets requests under way
/// end.
pub async fn run(
    listener: TcpListener,
    tls: Option<TlsIdentity>,
    app: Arc<App>,
    plane: Plane,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let malformed = Arc::new(Malformed::default());
    let door = tls.map(|identity| Arc::new(TlsDoor::new(identity, app.limits.request_time)));
    if let Err(error) = probe_silent_peers(&listener) {
        tracing::debug!(%error, "connections whose peer is gone are noticed late");
    }
    let first_spare = first_spare();
    let mut pause = Duration::from_millis(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let is_trusted = app.trusted_proxies.iter().any(|it| it.includes(peer.ip()));
                pause = Duration::from_millis(1);
                let is_spare = plane != Plane::Control
                    && u64::try_from(stream.as_raw_fd()).is_ok_and(|it| it >= first_spare);
                if plane != Plane::Control
                    && !is_spare
                    && let Some(fault) = fault_at_once(&app)
                {
                    connections.spawn(turn_away(stream, fault, stop.clone()));
                    continue;
                }
                // Without it small answers wait for the client's delayed acknowledgement; a socket that
                // refuses the option still works.
                let _ = stream.set_nodelay(true);
                let (app, malformed) = (Arc::clone(&app), Arc::clone(&malformed));
                let stop = stop.clone();
                let caller = Caller { is_trusted, is_spare };
                match door.clone() {
                    None => {
                        let stream = ClientStream::Plain(stream);
                        connections.spawn(serve(stream, caller, app, plane, stop, malformed));
                    }
                    Some(door) => {
                        connections.spawn(async move {
                            let entered = tokio::select! {
                                entered = door.enter(stream) => entered,
                                () = stop.cancelled() => None,
                            };
                            if let Some(stream) = entered {
                                serve(stream, caller, app, plane, stop, malformed).await;
                            }
                        });
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
    drop(listener);
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
    // Of probes for thousands of connections that were opened at once, a loopback interface loses all but a thousand at a
    // time: with three, 3,300 of 11,000 idle clients who were still there were given up.
    sockopt::set_tcp_keepcnt(listener, 10)
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

/// Completes an answer for its connection: what goes on is watched, and what leaves a body unread lets the connection
/// linger.
fn complete(response: Response<ReplyBody>, hook: &ReplyHook) -> Response<ReplyBody> {
    if response.extensions().get::<LeavesRest>().is_some() {
        hook.linger();
    }
    response.map(|body| body.map_pieces(|pieces| hook.watch_all(pieces)))
}

/// Facts of a connection that the server knows before anything is read of it.
#[derive(Clone, Copy)]
struct Caller {
    /// It is a trusted proxy.
    is_trusted: bool,
    /// Its descriptor is one of the spare ones, on which merchants are refused.
    is_spare: bool,
}

async fn serve(
    stream: ClientStream,
    caller: Caller,
    app: Arc<App>,
    plane: Plane,
    stop: CancellationToken,
    malformed: Arc<Malformed>,
) {
    let limits = app.limits;
    let is_secure = matches!(stream, ClientStream::Tls(_));
    let (stream, hook) = FaultStream::new(stream);
    if caller.is_spare {
        hook.spare();
    }
    let (app, hook) = (&app, &hook);
    let service = service_fn(move |mut request| {
        if is_secure || caller.is_trusted {
            Front::note(&mut request, is_secure, caller.is_trusted);
        }
        router::answer(app, plane, hook, request).map_ok(move |response| complete(response, hook))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_time)
        .max_buf_size(HEAD_BYTES_MAX)
        // One buffer and one write an answer. Pipelined flushes would do so too, but hold whatever a stream has to say.
        .writev(false)
        // Who has nothing more to say may still listen; and no second buffer is made to see whether a caller is gone.
        .half_close(true)
        .serve_connection(stream, service);
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        ended = &mut connection => Some(ended),
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        tokio::time::timeout(limits.drain_time, &mut connection).await.unwrap_or(Ok(()))
    };
    let Err(error) = ended else { return };
    tracing::debug!(%error, "a connection ended early");
    if error.is_parse() {
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        let first = io.first();
        let answer = malformed.answer(app, plane, io.held_back(), (&first, &read_buf), &error);
        match answer.await {
            None => {}
            Some(LastWords::Good(answer)) => {
                // Whoever does not take it has had its chance.
                let _ = tokio::time::timeout(limits.drain_time, io.end_with(answer)).await;
            }
            Some(LastWords::ByRule(reply, pending)) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = io.break_with(reply, pending) => {}
                }
            }
        }
    }
}
