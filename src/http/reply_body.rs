//! The body of a reply: nearly always whole, now and then one that goes on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

/// The body of a reply.
pub struct ReplyBody(BodyKind);

enum BodyKind {
    Whole(Full<Bytes>),
    Stream(Pieces),
}

/// The pieces of a body that goes on.
pub type Pieces = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

impl ReplyBody {
    /// A body that goes on until `next` answers `None`. It is asked for a piece when there is room for it, and dropped
    /// when the reader is gone.
    pub fn stream<S, N, F>(state: S, next: N) -> Self
    where
        N: FnMut(S) -> F + Send + 'static,
        F: Future<Output = Option<(Bytes, S)>> + Send + 'static,
        S: Send + 'static,
    {
        Self(BodyKind::Stream(Box::pin(stream::unfold(state, next))))
    }

    /// Returns true if it goes on.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, BodyKind::Stream(_))
    }

    /// The same, with pieces that `change` makes of those of a body that goes on.
    #[must_use]
    pub fn map_pieces(self, change: impl FnOnce(Pieces) -> Pieces) -> Self {
        match self.0 {
            BodyKind::Whole(_) => self,
            BodyKind::Stream(pieces) => Self(BodyKind::Stream(change(pieces))),
        }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(whole: Bytes) -> Self {
        Self(BodyKind::Whole(Full::new(whole)))
    }
}

impl Default for ReplyBody {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            BodyKind::Whole(whole) => whole.fmt(f),
            BodyKind::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            BodyKind::Whole(whole) => Pin::new(whole).poll_frame(cx),
            BodyKind::Stream(pieces) => {
                pieces.as_mut().poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Whole(whole) => whole.is_end_stream(),
            BodyKind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyKind::Whole(whole) => whole.size_hint(),
            BodyKind::Stream(_) => SizeHint::default(),
        }
    }
}
