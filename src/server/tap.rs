//! The raw connection under hyper, on which a reply can be sent that no HTTP library would send.
//!
//! While nothing is armed it passes bytes through. A service that has a broken reply to give arms a
//! [`RawReply`] and returns any response: its bytes are swallowed, and the raw steps are carried out
//! in their place. After that the connection is gone.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::space::{Course, Silence};

/// Bytes to put on the socket in place of a reply, and how the connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReply {
    /// The HTTP status that it says, and how many bytes come before its body.
    pub(crate) status: u16,
    pub(crate) head: usize,
    /// What to send, and how much of the space's time after the beginning.
    pub(crate) steps: Vec<(Duration, Bytes)>,
    /// What then becomes of the connection.
    pub(crate) end: End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closed in good order.
    Close,
    /// Reset: the peer reads an error, even for bytes that were on their way.
    Reset,
    /// Left open; nothing more is said until the peer gives up.
    Hang,
    /// Our side is closed, the peer's is listened to until it closes.
    HalfClose,
}

/// Where a service arms what is to become of its next response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trigger(Arc<Armed>);

#[derive(Debug, Default)]
struct Armed {
    /// Whether `stage` holds something; read on every write, so that the lock is not.
    is_set: AtomicBool,
    stage: Mutex<Option<Stage>>,
}

/// What is to become of a response.
#[derive(Debug)]
struct Stage {
    /// What is sent in its place.
    raw: Option<RawReply>,
    /// Dropped once it was attempted.
    course: Box<Course>,
}

impl Trigger {
    /// Sends `raw`, if any, in place of the response that the service returns next. `course` is dropped once the
    /// response was attempted, successfully or not.
    pub(crate) fn arm(&self, raw: Option<RawReply>, course: Box<Course>) {
        let stage = Stage { raw, course };
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
        self.0.is_set.store(true, Ordering::Release);
    }

    fn take(&self) -> Option<Stage> {
        if !self.0.is_set.load(Ordering::Acquire) {
            return None;
        }
        self.0.is_set.store(false, Ordering::Release);
        self.0.stage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection that can be taken over.
pub(crate) struct Tap {
    stream: TokioIo<TcpStream>,
    trigger: Trigger,
    script: Option<Script>,
    /// Dropped once the response is on its way.
    course: Option<Box<Course>>,
}

/// A raw reply being carried out.
struct Script {
    reply: RawReply,
    step: usize,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    silence: Option<Silence>,
}

impl Tap {
    /// A tap on `stream`, and the trigger for it.
    pub(crate) fn new(stream: TcpStream) -> (Self, Trigger) {
        let trigger = Trigger::default();
        (
            Self {
                stream: TokioIo::new(stream),
                trigger: trigger.clone(),
                script: None,
                course: None,
            },
            trigger,
        )
    }

    fn is_taken_over(&mut self) -> bool {
        if self.script.is_none()
            && let Some(Stage { raw, course }) = self.trigger.take()
        {
            self.course = Some(course);
            self.script = raw.map(|reply| Script { reply, step: 0, pause: None, silence: None });
        }
        self.script.is_some()
    }

    /// Carries the script on. Never succeeds: it ends with the error that makes hyper let go.
    fn poll_script(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Self { stream, script: Some(script), course, .. } = self else {
            return Poll::Ready(Ok(()));
        };
        while let Some((after, bytes)) = script.reply.steps.get_mut(script.step) {
            if !after.is_zero()
                && let Some(course) = course
            {
                let pause =
                    script.pause.get_or_insert_with(|| Box::pin(course.hold().until(*after)));
                ready!(pause.as_mut().poll(cx));
                script.pause = None;
                *after = Duration::ZERO;
            }
            while bytes.has_remaining() {
                let sent = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
                bytes.advance(sent);
                if let Some(course) = course {
                    course.by.wrote(sent, script.reply.status);
                }
            }
            ready!(Pin::new(&mut *stream).poll_flush(cx))?;
            script.step += 1;
        }
        if let Some(course) = course.take() {
            course.by.left();
            script.silence = course.silence().filter(|_| script.reply.end == End::Hang);
        }
        match script.reply.end {
            End::Close => ready!(Pin::new(&mut *stream).poll_shutdown(cx))?,
            End::Reset => stream.inner().set_zero_linger()?,
            End::Hang => ready!(poll_until_closed(stream, cx))?,
            End::HalfClose => {
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
fn poll_until_closed(stream: &mut TokioIo<TcpStream>, cx: &mut Context<'_>) -> Poll<Result<()>> {
    loop {
        let mut space = [0; 512];
        let mut buffer = hyper::rt::ReadBuf::new(&mut space);
        ready!(Pin::new(&mut *stream).poll_read(cx, buffer.unfilled()))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
    }
}

impl Read for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        if self.script.is_some() {
            // hyper may look for the next request meanwhile; there is none any more.
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if self.is_taken_over() {
            return self.poll_script(cx).map_ok(|()| bytes.len());
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        if self.is_taken_over() {
            let length = parts.iter().map(|part| part.len()).sum();
            return self.poll_script(cx).map_ok(|()| length);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.script.is_some() {
            return self.poll_script(cx);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if let Some(course) = self.course.take() {
            course.by.left();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.script.is_some() {
            return self.poll_script(cx);
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
