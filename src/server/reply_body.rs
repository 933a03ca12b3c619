//! The body of a reply: nearly always whole, now and then one that goes on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

/// The body of a reply.
pub struct Body(Kind);

enum Kind {
    Whole(Full<Bytes>),
    Stream(Box<dyn Pieces + Send>),
}

/// What a body that goes on is made of.
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

impl Body {
    /// A body that goes on until `next` answers `None`. It is asked for a piece when there is room for it, and dropped
    /// when the reader is gone.
    pub fn stream<S, N, F>(state: S, mut next: N) -> Self
    where
        N: FnMut(S) -> F + Send + 'static,
        F: Future<Output = Option<(Bytes, S)>> + Send + 'static,
        S: 'static,
    {
        let making = Some(Box::pin(next(state)));
        Self(Kind::Stream(Box::new(Unfold { next, making })))
    }
}

/// Pieces with something that is kept as long as they are.
struct Kept<G>(Box<dyn Pieces + Send>, G);

impl<G> Pieces for Kept<G> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_next(cx)
    }
}

impl Body {
    /// Whether it goes on.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    /// The same; where it goes on, `guard` is dropped when it is.
    #[must_use]
    pub fn keeping(self, guard: impl Send + 'static) -> Self {
        match self.0 {
            Kind::Whole(_) => self,
            Kind::Stream(pieces) => Self(Kind::Stream(Box::new(Kept(pieces, guard)))),
        }
    }
}

impl From<Bytes> for Body {
    fn from(whole: Bytes) -> Self {
        Self(Kind::Whole(Full::new(whole)))
    }
}

impl Default for Body {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(whole) => whole.fmt(f),
            Kind::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Kind::Whole(whole) => Pin::new(whole).poll_frame(cx),
            Kind::Stream(pieces) => {
                pieces.poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.is_end_stream(),
            Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(whole) => whole.size_hint(),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}
