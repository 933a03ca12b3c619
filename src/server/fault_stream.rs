//! The raw connection under hyper, on which a reply can be sent that no HTTP library would send.
//!
//! While nothing is armed it passes bytes through, with one worker in turns. A service that has a broken reply to give arms a
//! [`RawReply`] and returns any response: its bytes are swallowed, and the raw steps are carried out
//! in their place. After that the connection is gone.

use std::future::{Future, poll_fn};
use std::io::{Error, ErrorKind, Result};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrayvec::ArrayVec;
use bytes::{Buf, Bytes};
use futures_util::stream::{self, StreamExt as _};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::client_stream::ClientStream;
use crate::http::Pieces;
use crate::space::{PendingReply, UnansweredCall};

/// Bytes to put on the socket in place of a reply, and how the connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReply {
    /// The HTTP status that it says, and how many bytes come before its body.
    pub(crate) status: u16,
    pub(crate) head: usize,
    /// Pieces to send, each with its time after the beginning on the space's clock.
    pub(crate) steps: Vec<(Duration, Bytes)>,
    /// End of the connection.
    pub(crate) end: FaultEnd,
}

/// End of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultEnd {
    /// Closed in good order.
    Close,
    /// Reset: the peer reads an error, even for bytes that were on their way.
    Reset,
    /// Left open; nothing more is said until the peer gives up.
    Hang,
    /// Our side is closed, the peer's is listened to until it closes.
    HalfClose,
}

/// Interval at which the caller of a slow answer is looked at.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// Hook by which a service arms the fate of its next response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyHook(Arc<ArmedReply>);

#[derive(Debug, Default)]
struct ArmedReply {
    /// True if `stage` holds something; read on every write, so that the lock is not.
    is_set: AtomicBool,
    stage: Mutex<Option<ReplyFate>>,
    /// True if the next flush looks at the caller.
    looks: AtomicBool,
    /// True if the connection ends while its caller may still be sending.
    lingers: AtomicBool,
    /// True if the connection is one of those that are kept for the control plane.
    is_spare: AtomicBool,
}

/// Fate of a response.
#[derive(Debug)]
enum ReplyFate {
    /// This is sent in its place.
    Broken(RawReply, Box<PendingReply>),
    /// It is sent, and these are dropped once it was attempted.
    Whole(Vec<Arc<PendingReply>>),
}

impl ReplyHook {
    /// Sends `raw` in place of the response that the service returns next. `pending` is dropped once that was attempted,
    /// successfully or not.
    pub(crate) fn break_next(&self, raw: RawReply, pending: Box<PendingReply>) {
        self.arm(ReplyFate::Broken(raw, pending));
    }

    /// Keeps `courses` until the response that the service returns next was attempted, successfully or not.
    pub(crate) fn keep(&self, courses: Vec<Arc<PendingReply>>) {
        if courses.is_empty() {
            return;
        }
        let mut stage = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *stage {
            Some(ReplyFate::Whole(kept)) => kept.extend(courses),
            stage => *stage = Some(ReplyFate::Whole(courses)),
        }
        self.0.is_set.store(true, Ordering::Release);
    }

    /// Waits for what may take long. Now and then the caller is looked at with the next flush; the connection ends with
    /// an error when it is gone.
    pub(super) async fn watch<F: Future>(&self, answer: F) -> F::Output {
        let mut answer = pin!(answer);
        loop {
            if let Ok(answer) = tokio::time::timeout(WATCH_PAUSE, answer.as_mut()).await {
                return answer;
            }
            self.0.looks.store(true, Ordering::Relaxed);
        }
    }

    /// The same pieces, each watched while it is waited for.
    pub(super) fn watch_all(&self, pieces: Pieces) -> Pieces {
        Box::pin(stream::unfold((pieces, self.clone()), |(mut pieces, hook)| async move {
            let piece = hook.watch(pieces.next()).await?;
            Some((piece, (pieces, hook)))
        }))
    }

    /// Lets the connection end in good order although its caller may still be sending.
    pub(super) fn linger(&self) {
        self.0.lingers.store(true, Ordering::Relaxed);
    }

    /// Keeps the connection for calls of the control plane.
    pub(super) fn spare(&self) {
        self.0.is_spare.store(true, Ordering::Relaxed);
    }

    /// Returns true if the connection is kept for calls of the control plane.
    pub(super) fn is_spare(&self) -> bool {
        self.0.is_spare.load(Ordering::Relaxed)
    }

    fn arm(&self, stage: ReplyFate) {
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
        self.0.is_set.store(true, Ordering::Release);
    }

    fn take(&self) -> Option<ReplyFate> {
        if !self.0.is_set.load(Ordering::Acquire) {
            return None;
        }
        self.0.is_set.store(false, Ordering::Release);
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection that can be taken over.
///
/// With one worker, what is written waits until every other connection that has something to do had its turn: requests
/// are read and answered one after the other, and then their answers leave one after the other. Either kind of work finds
/// its code in the processor's cache so, which is quicker by a tenth when many ask at once. With several workers waiting
/// would rouse an idle one for each answer, so that nothing waits.
pub(crate) struct FaultStream {
    stream: TokioIo<ClientStream>,
    takes_turns: bool,
    /// True if the others had theirs.
    is_due: bool,
    trigger: ReplyHook,
    script: Option<Script>,
    /// Dropped once the response is on its way.
    kept: Vec<Arc<PendingReply>>,
    /// The first bytes of the connection, by which another protocol is known.
    first: ArrayVec<u8, FIRST_BYTES>,
    /// The status of an answer of hyper's own, which was held back.
    held_back: Option<u16>,
    /// Number of bytes are still read and forgotten once our side is closed.
    discards: usize,
}

/// Number of bytes that tell the protocol of a connection.
const FIRST_BYTES: usize = 12;

/// Number of bytes that are read at once where the first ones are kept: nearly every request is shorter.
const FIRST_READ: usize = 2048;

/// Number of bytes that are read and forgotten of a caller that sends on after its last answer: with anything unread, closing would
/// reset the connection and the answer could be lost.
const DISCARDED_MAX: usize = 16 << 20;

/// The answers that hyper gives by itself, by their status lines.
const OWN_ANSWERS: [(&[u8], u16); 3] =
    [(b"HTTP/1.1 400 ", 400), (b"HTTP/1.1 414 ", 414), (b"HTTP/1.1 431 ", 431)];

/// Finds an answer of hyper's own at the end of what it writes: its place and status. Such answers have no body; ours
/// of the same status have one.
fn own_answer(bytes: &[u8]) -> Option<(usize, u16)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.windows(9).rposition(|window| window == b"HTTP/1.1 ")?;
    let head = &bytes[start..];
    let (_, status) = OWN_ANSWERS.iter().find(|(line, _)| head.starts_with(line))?;
    let is_empty = head.windows(19).any(|window| window == b"\r\ncontent-length: 0");
    is_empty.then_some((start, *status))
}

/// A raw reply being carried out.
struct Script {
    reply: RawReply,
    /// Dropped once all of it is on its way.
    pending: Option<Box<PendingReply>>,
    step: usize,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    unanswered: Option<UnansweredCall>,
}

impl FaultStream {
    /// A tap on `stream`, and the trigger for it.
    pub(crate) fn new(stream: ClientStream) -> (Self, ReplyHook) {
        let trigger = ReplyHook::default();
        let flavor = Handle::current().runtime_flavor();
        (
            Self {
                stream: TokioIo::new(stream),
                takes_turns: flavor == RuntimeFlavor::CurrentThread,
                is_due: false,
                trigger: trigger.clone(),
                script: None,
                kept: Vec::new(),
                first: ArrayVec::new(),
                held_back: None,
                discards: DISCARDED_MAX,
            },
            trigger,
        )
    }

    /// The first bytes that came on the connection, at most [`FIRST_BYTES`].
    pub(super) fn first(&self) -> ArrayVec<u8, FIRST_BYTES> {
        self.first.clone()
    }

    /// The status of the answer that was held back, if one was.
    pub(super) fn held_back(&self) -> Option<u16> {
        self.held_back
    }

    /// Sends `bytes` in the place of what was held back, and ends the connection.
    pub(super) async fn end_with(mut self, bytes: Bytes) -> Result<()> {
        self.held_back = None;
        let stream = self.stream.inner_mut();
        stream.write_all(&bytes).await?;
        self.trigger.linger();
        poll_fn(|cx| Pin::new(&mut self).poll_shutdown(cx)).await
    }

    /// Carries out a broken reply in the place of what was held back, and ends the connection.
    pub(super) async fn break_with(
        mut self,
        reply: RawReply,
        pending: Box<PendingReply>,
    ) -> Result<()> {
        self.held_back = None;
        let pending = Some(pending);
        self.script = Some(Script { reply, pending, step: 0, pause: None, unanswered: None });
        poll_fn(|cx| self.poll_script(cx)).await
    }

    /// Reads and forgets what the peer still sends, up to a bound.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut space = [0; 4096];
        while self.discards > 0 {
            let mut buffer = hyper::rt::ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled()))?;
            if buffer.filled().is_empty() {
                break;
            }
            self.discards = self.discards.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(Ok(()))
    }

    fn is_taken_over(&mut self) -> bool {
        if self.script.is_none()
            && let Some(stage) = self.trigger.take()
        {
            match stage {
                ReplyFate::Whole(courses) => self.kept = courses,
                ReplyFate::Broken(reply, pending) => {
                    let pending = Some(pending);
                    let script = Script { reply, pending, step: 0, pause: None, unanswered: None };
                    self.script = Some(script);
                }
            }
        }
        self.script.is_some()
    }

    /// Carries the script on. Never succeeds: it ends with the error that makes hyper let go.
    fn poll_script(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Self { stream, script: Some(script), .. } = self else {
            return Poll::Ready(Ok(()));
        };
        while let Some((after, bytes)) = script.reply.steps.get_mut(script.step) {
            if !after.is_zero()
                && let Some(pending) = &mut script.pending
            {
                let pause =
                    script.pause.get_or_insert_with(|| Box::pin(pending.timer().until(*after)));
                ready!(pause.as_mut().poll(cx));
                script.pause = None;
                *after = Duration::ZERO;
            }
            while bytes.has_remaining() {
                let sent = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
                bytes.advance(sent);
                if let Some(pending) = &script.pending {
                    pending.by.wrote(sent, script.reply.status);
                }
            }
            ready!(Pin::new(&mut *stream).poll_flush(cx))?;
            script.step += 1;
        }
        if let Some(pending) = script.pending.take() {
            pending.by.left();
            script.unanswered = pending.unanswered().filter(|_| script.reply.end == FaultEnd::Hang);
        }
        match script.reply.end {
            FaultEnd::Close => ready!(Pin::new(&mut *stream).poll_shutdown(cx))?,
            FaultEnd::Reset => stream.inner().socket().set_zero_linger()?,
            FaultEnd::Hang => ready!(poll_until_closed(stream, cx))?,
            FaultEnd::HalfClose => {
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                ready!(poll_until_closed(stream, cx))?;
            }
        }
        Poll::Ready(Err(Error::new(
            ErrorKind::ConnectionAborted,
            "the reply was broken on purpose",
        )))
    }
}

/// Reads and forgets until the peer closes.
fn poll_until_closed(stream: &mut TokioIo<ClientStream>, cx: &mut Context<'_>) -> Poll<Result<()>> {
    loop {
        let mut space = [0; 512];
        let mut buffer = hyper::rt::ReadBuf::new(&mut space);
        ready!(Pin::new(&mut *stream).poll_read(cx, buffer.unfilled()))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
    }
}

impl Read for FaultStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        if self.script.is_some() {
            // hyper may look for the next request meanwhile; there is none any more.
            return Poll::Pending;
        }
        if self.first.is_full() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let mut bytes = [0; FIRST_READ];
        let room = buffer.remaining().min(FIRST_READ);
        let mut read = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(self.stream.inner_mut()).poll_read(cx, &mut read))?;
        let wanted = self.first.remaining_capacity();
        self.first.extend(read.filled().iter().copied().take(wanted));
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for FaultStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if self.is_taken_over() {
            return self.poll_script(cx).map_ok(|()| bytes.len());
        }
        if self.takes_turns && !self.is_due {
            self.is_due = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let bytes = match own_answer(bytes) {
            Some((0, status)) => {
                self.held_back = Some(status);
                return Poll::Ready(Ok(bytes.len()));
            }
            // What stands before it is an answer of ours to an earlier request.
            Some((start, _)) => &bytes[..start],
            None => bytes,
        };
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.is_due = false;
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.script.is_some() {
            return self.poll_script(cx);
        }
        if self.trigger.0.looks.load(Ordering::Relaxed)
            && self.trigger.0.looks.swap(false, Ordering::Relaxed)
            && let Some(error) = self.stream.inner().socket().take_error()?
        {
            return Poll::Ready(Err(error));
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        for pending in self.kept.drain(..) {
            pending.by.left();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.script.is_some() {
            return self.poll_script(cx);
        }
        if self.held_back.is_some() {
            // The answer in its place is still to come.
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.trigger.0.lingers.load(Ordering::Relaxed) {
            return self.poll_discard(cx);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::base::{Millis, Operation, Seed};
    use crate::profile::Profile;
    use crate::scenario::{CallFacts, Point, read_rules};
    use crate::space::{Budgets, Deferred, RequestId, Spaces};

    /// The course of a call in which a rule steps in.
    fn pending(spaces: &Spaces) -> PendingReply {
        let space = spaces.default_space();
        let text = b"- { id: late, when: { operation: status }, then: [{ commit: after }] }";
        space.arm_rules(read_rules("rules", text).expect("a rule"));
        let point = Point::Call(Operation::Status);
        let call = CallFacts::new("default", point, Millis(0));
        let decision = space.consult(&call).expect("it steps in");
        let pending = space.pending(decision, None, RequestId(1), None, Deferred::default());
        pending.expect("its course")
    }

    /// A tap, and its peer.
    async fn connected() -> (FaultStream, ReplyHook, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, trigger) =
            FaultStream::new(ClientStream::Plain(accepted.expect("accepted").0));
        (stream, trigger, client.expect("connected"))
    }

    #[tokio::test]
    async fn answers_leave_once_every_other_connection_had_its_turn() {
        let (mut stream, _trigger, client) = connected().await;
        let mut client = client.into_std().expect("a socket that does not block");
        for bytes in [b"one", b"two"] {
            let others = async { client.peek(&mut [0]).map_err(|error| error.kind()) };
            let answer = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, bytes));
            let (sent, seen) = tokio::join!(biased; answer, others);
            assert_eq!(sent.expect("sent"), 3);
            assert_eq!(seen, Err(ErrorKind::WouldBlock));
            let mut received = [0; 3];
            client.read_exact(&mut received).expect("it has left");
            assert_eq!(&received, bytes);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn with_several_workers_an_answer_leaves_at_once() {
        let (mut stream, _trigger, _client) = connected().await;
        stream.stream.inner().socket().writable().await.expect("it is open");
        let sent = poll_fn(|cx| Poll::Ready(Pin::new(&mut stream).poll_write(cx, b"one"))).await;
        assert!(matches!(sent, Poll::Ready(Ok(3))), "{sent:?}");
    }

    #[tokio::test]
    async fn what_is_kept_for_a_reply_goes_only_once_that_was_attempted() {
        let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
        let pending = Arc::new(pending(&spaces));
        let is_there = Arc::downgrade(&pending);

        let (mut stream, trigger, client) = connected().await;
        trigger.keep(vec![pending]);
        let sent = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"reply")).await;
        assert_eq!(sent.expect("sent"), 5);
        assert!(is_there.upgrade().is_some());
        client.readable().await.expect("it has left");
        poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await.expect("flushed");
        assert!(is_there.upgrade().is_none());
    }
}
