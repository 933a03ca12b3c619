//! A body that is sent no faster than so many bytes a second of its space's time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::scenario::FILLER_END;
use crate::space::ClockTimer;

/// Interval at which a slow body goes on.
const BEAT: Duration = Duration::from_millis(100);

/// Filler is sent in pieces of these, whatever its length.
static FILLER: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; 16 << 10].into());

/// The bytes still to be sent, and how.
pub(super) struct Paced {
    rest: Bytes,
    /// So much filler comes after `rest`.
    filler: usize,
    /// Comes after the filler.
    end: Bytes,
    /// `None`: all at once.
    pace: Option<PacedSpeed>,
}

/// A speed on a space's clock.
pub(super) struct PacedSpeed {
    clock_timer: ClockTimer,
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

impl PacedSpeed {
    pub(super) fn new(
        clock_timer: ClockTimer,
        bytes_per_second: u32,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<bool>) {
        let (size, pause) = match bytes_per_second.max(1) {
            slow @ 1..10 => (1, Duration::from_secs(1) / slow),
            rate => (rate as usize / 10, BEAT),
        };
        let (is_waiting, waits) = watch::channel(false);
        let passed = Duration::ZERO;
        (Self { clock_timer, is_waiting, stop, size, pause, passed, timer: None }, waits)
    }

    /// Ready when the next piece may go.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| {
            self.passed += self.pause;
            self.is_waiting.send_replace(true);
            let (over, stop) = (self.clock_timer.until(self.passed), self.stop.clone());
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
    /// A body with so many bytes of filler before its last [`FILLER_END`] bytes.
    pub(super) fn new(mut rest: Bytes, filler: u32, pace: Option<PacedSpeed>) -> Self {
        let end = if filler == 0 {
            Bytes::new()
        } else {
            rest.split_off(rest.len().saturating_sub(FILLER_END))
        };
        Self { rest, filler: filler as usize, end, pace }
    }

    /// The next piece, of up to `size` bytes.
    fn piece(&mut self, size: usize) -> Bytes {
        if self.rest.is_empty() && self.filler > 0 {
            // A pace asks for pieces of its own size; otherwise any size does.
            let most = if self.pace.is_some() { size } else { FILLER.len() };
            let size = size.min(self.filler).min(most);
            self.filler -= size;
            if self.filler == 0 {
                self.rest = std::mem::take(&mut self.end);
            }
            return if size <= FILLER.len() {
                FILLER.slice(..size)
            } else {
                vec![b'x'; size].into()
            };
        }
        self.rest.split_to(size.min(self.rest.len()))
    }

    fn left(&self) -> usize {
        self.rest.len() + self.filler + self.end.len()
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let mut size = usize::MAX;
        if let Some(pace) = &mut self.pace {
            ready!(pace.poll_pause(cx));
            size = pace.size;
        }
        let piece = self.piece(size);
        if self.left() == 0 {
            // The clock goes on; what is left is the other side's.
            self.pace = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn filler_stands_before_the_end_and_is_counted() {
        for filler in [0, 1, 100_000_u32] {
            let body = Paced::new(Bytes::from_static(b"{\"f\":\"\"}"), filler, None);
            assert_eq!(body.size_hint().exact(), Some(8 + u64::from(filler)));
            let sent = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
            let expected = format!("{{\"f\":\"{}\"}}", "x".repeat(filler as usize));
            assert!(sent == expected.as_bytes(), "{filler}");
        }
    }
}
