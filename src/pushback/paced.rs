//! A body that is sent no faster than so many bytes a second of its space's time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::space::Hold;

/// How often a slow body goes on.
const BEAT: Duration = Duration::from_millis(100);

/// The bytes still to be sent, and how.
pub(super) struct Paced {
    rest: Bytes,
    /// `None`: all at once.
    pace: Option<Pace>,
}

/// A speed on a space's clock.
pub(super) struct Pace {
    hold: Hold,
    /// Says when it begins and when it ends to wait for the clock.
    is_waiting: watch::Sender<bool>,
    /// Waits for nothing any more once this is cancelled.
    stop: CancellationToken,
    /// So many bytes at a time, each after such a pause.
    size: usize,
    pause: Duration,
    passed: Duration,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Pace {
    pub(super) fn new(
        hold: Hold,
        bytes_per_second: u32,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<bool>) {
        let (size, pause) = match bytes_per_second.max(1) {
            slow @ 1..10 => (1, Duration::from_secs(1) / slow),
            rate => (rate as usize / 10, BEAT),
        };
        let (is_waiting, waits) = watch::channel(false);
        let passed = Duration::ZERO;
        (Self { hold, is_waiting, stop, size, pause, passed, timer: None }, waits)
    }

    /// Ready when the next piece may go.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| {
            self.passed += self.pause;
            self.is_waiting.send_replace(true);
            let (over, stop) = (self.hold.until(self.passed), self.stop.clone());
            Box::pin(async move {
                tokio::select! { () = over => {}, () = stop.cancelled() => {} }
            })
        });
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.is_waiting.send_replace(false);
        Poll::Ready(())
    }
}

impl Paced {
    pub(super) fn new(rest: Bytes, pace: Option<Pace>) -> Self {
        Self { rest, pace }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let mut size = self.rest.len();
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll_pause(cx));
            size = size.min(pace.size);
        }
        let piece = self.rest.split_to(size);
        if self.rest.is_empty() {
            // The clock goes on; what is left is the other side's.
            self.pace = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
