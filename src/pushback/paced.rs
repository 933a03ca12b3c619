//! A body that is sent no faster than so many bytes a second of real time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How often a slow body goes on.
const BEAT: Duration = Duration::from_millis(100);

/// The bytes still to be sent, and how.
pub(super) struct Paced {
    rest: Bytes,
    /// So many at a time, each after its pause; `None`: all at once.
    pace: Option<(usize, Duration)>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(super) fn new(rest: Bytes, bytes_per_second: Option<u32>) -> Self {
        let pace = bytes_per_second.map(|rate| match rate.max(1) {
            slow @ 1..10 => (1, Duration::from_secs(1) / slow),
            rate => (rate as usize / 10, BEAT),
        });
        Self { rest, pace, pause: None }
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
        let size = match self.pace {
            None => self.rest.len(),
            Some((size, pause)) => {
                let timer = self.pause.get_or_insert_with(|| Box::pin(sleep(pause)));
                ready!(timer.as_mut().poll(cx));
                self.pause = None;
                size.min(self.rest.len())
            }
        };
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
