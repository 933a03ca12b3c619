//! A body on its way from one side to the other, of which a copy is kept.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Largest body of which a copy is kept, in bytes.
pub(super) const KEPT_MAX: usize = 1 << 20;

/// The copy of a body.
#[derive(Debug, Default)]
pub(super) struct KeptBody {
    pub(super) bytes: Vec<u8>,
    /// True if there was more.
    pub(super) is_cut: bool,
    /// The failure that ended it.
    pub(super) failure: Option<String>,
}

/// Copy that is shared by the two ends of a call.
pub(super) type SharedCopy = Arc<Mutex<KeptBody>>;

/// Takes what a copy holds.
pub(super) fn take(copy: &SharedCopy) -> KeptBody {
    mem::take(&mut *copy.lock().unwrap_or_else(PoisonError::into_inner))
}

type AtEnd = Box<dyn FnOnce() + Send + Sync>;

/// A body that goes through untouched.
pub(super) struct Tee {
    inner: Option<Incoming>,
    /// A body of the shadow's own, in the place of another's.
    own: Option<Bytes>,
    copy: SharedCopy,
    is_over: bool,
    at_end: Option<AtEnd>,
}

impl Tee {
    /// A body that is copied as it goes by. `at_end` is called once when it has gone, whole or not.
    pub(super) fn new(inner: Incoming, copy: SharedCopy, at_end: Option<AtEnd>) -> Self {
        Self { inner: Some(inner), own: None, copy, is_over: false, at_end }
    }

    /// A body of the shadow's own.
    pub(super) fn own(text: impl Into<Bytes>) -> Self {
        Self {
            inner: None,
            own: Some(text.into()),
            copy: SharedCopy::default(),
            is_over: false,
            at_end: None,
        }
    }

    fn keep(&self, data: &[u8]) {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_MAX.saturating_sub(copy.bytes.len());
        copy.bytes.extend_from_slice(&data[..data.len().min(room)]);
        copy.is_cut |= data.len() > room;
    }

    fn fail(&mut self, why: String) {
        self.is_over = true;
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.failure.get_or_insert(why);
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(own) = self.own.take() {
            return Poll::Ready(Some(Ok(Frame::data(own))));
        }
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.is_over = true,
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.keep(data);
                }
                // Nothing follows trailers, and nobody asks for more.
                self.is_over |= frame.is_trailers();
            }
            Poll::Ready(Some(Err(error))) => self.fail(error.to_string()),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Some(inner) => inner.is_end_stream(),
            None => self.own.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, &self.own) {
            (Some(inner), _) => inner.size_hint(),
            (None, Some(own)) => SizeHint::with_exact(own.len() as u64),
            (None, None) => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        // The last piece of a body whose length is known ends it without another word.
        if !self.is_over && self.inner.as_ref().is_some_and(|inner| !inner.is_end_stream()) {
            self.fail("the other side went away".to_owned());
        }
        if let Some(at_end) = self.at_end.take() {
            at_end();
        }
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").finish_non_exhaustive()
    }
}
