//! The body of a reply: nearly always whole, now and then one that goes on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

/// The body of a reply.
pub struct ReplyBody(BodyKind);

enum BodyKind {
    Whole(Full<Bytes>),
    Stream(Box<dyn Pieces + Send>),
}

/// Source of a body that goes on.
trait Pieces {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// Pieces that a function makes, each when the one before has been taken off to the socket.
struct Unfold<N, F> {
    next: N,
    making: Option<Pin<Box<F>>>,
}

impl<S, N, F> Pieces for Unfold<N, F>
where
    N: FnMut(S) -> F,
    F: Future<Output = Option<(Bytes, S)>>,
{
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(making) = &mut self.making else { return Poll::Ready(None) };
        let made = ready!(making.as_mut().poll(cx));
        let (piece, state) = made.map_or((None, None), |(piece, state)| (Some(piece), Some(state)));
        self.making = state.map(|state| Box::pin((self.next)(state)));
        Poll::Ready(piece)
    }
}

impl ReplyBody {
    /// A body that goes on until `next` answers `None`. It is asked for a piece when there is room for it, and dropped
    /// when the reader is gone.
    pub fn stream<S, N, F>(state: S, mut next: N) -> Self
    where
        N: FnMut(S) -> F + Send + 'static,
        F: Future<Output = Option<(Bytes, S)>> + Send + 'static,
        S: 'static,
    {
        let making = Some(Box::pin(next(state)));
        Self(BodyKind::Stream(Box::new(Unfold { next, making })))
    }
}

/// Pieces with something that is kept as long as they are.
struct Kept<G>(Box<dyn Pieces + Send>, G);

impl<G> Pieces for Kept<G> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_next(cx)
    }
}

impl ReplyBody {
    /// Returns true if it goes on.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, BodyKind::Stream(_))
    }

    /// The same; where it goes on, `guard` is dropped when it is.
    #[must_use]
    pub fn keeping(self, guard: impl Send + 'static) -> Self {
        match self.0 {
            BodyKind::Whole(_) => self,
            BodyKind::Stream(pieces) => Self(BodyKind::Stream(Box::new(Kept(pieces, guard)))),
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
                pieces.poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
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
