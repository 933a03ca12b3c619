//! A running shadow: the way through, the observer that masks, records and judges beside it, and its end.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::judge::{ShadowJudge, Uncompared};
use super::mask;
use super::proxy::{self, Observed, ObservedKind, Passage};
use super::report::ShadowReport;
use super::upstream::Upstream;
use crate::base::{Fields, Operation, WebUrl, wall_clock};
use crate::capture::{
    self, RecordedAnswer, RecordedCall, RecordedMessage, RecordedPushback, SESSION_VERSION,
    Session, SessionEnd, SessionHead, SessionLine, SignatureNote,
};
use crate::crypto::{self, SIGN};
use crate::profile::Profile;

/// Calls that wait for the observer at most; more are passed on and not compared.
const QUEUE_MAX: usize = 4096;
/// Bytes of a capture that are kept for a patch; of more, the patch is made from the file.
const SESSION_BYTES_MAX: usize = 128 << 20;
/// The observer looks for calls that have become ripe at least so often.
const PAUSE: Duration = Duration::from_millis(200);

/// Is told each time that calls were judged.
type ProgressHook = Box<dyn FnMut(&ShadowJudge) + Send>;

/// Settings of a shadow.
pub struct ShadowSettings {
    /// The gateway.
    pub upstream: Upstream,
    /// Receiver of the gateway's push-backs.
    pub pushback_to: Option<WebUrl>,
    /// The profile that is judged.
    pub profile: Arc<Profile>,
    /// Writer of the capture.
    pub capture: Option<Box<dyn Write + Send>>,
    /// True if signatures are not masked.
    pub keeps_signatures: bool,
    /// Is told of each call that was judged.
    pub progress: Option<ProgressHook>,
}

/// A running shadow.
pub struct Shadow {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    observing: thread::JoinHandle<Observer>,
    passage: Arc<Passage>,
}

/// A shadow that has ended.
pub struct ShadowOutcome {
    /// The report.
    pub report: ShadowReport,
    /// All that was recorded; `None` where it was more than is kept.
    pub session: Option<Session>,
    /// The failure to write the capture.
    pub capture_error: Option<std::io::Error>,
}

/// Masks, records and judges, on a thread of its own.
struct Observer {
    judge: ShadowJudge,
    profile: Arc<Profile>,
    keeps_signatures: bool,
    session: Session,
    session_bytes: usize,
    capture: Option<Box<dyn Write + Send>>,
    capture_error: Option<std::io::Error>,
    progress: Option<ProgressHook>,
    ends: SessionEnd,
}

impl Shadow {
    /// Serves on a listener until it is stopped. Called within a runtime.
    pub fn start(listener: TcpListener, settings: ShadowSettings) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (observer, observed) = sync_channel(QUEUE_MAX);
        let head = SessionHead {
            payon_sim_capture: SESSION_VERSION,
            made_at: wall_clock().rfc3339(),
            by: concat!("payon-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            upstream: settings.upstream.origin(),
            signatures: settings.keeps_signatures,
        };
        let passage =
            Arc::new(Passage::new(settings.upstream, settings.pushback_to.as_ref(), observer));
        let mut own = Observer {
            judge: ShadowJudge::new(Arc::clone(&settings.profile), settings.keeps_signatures),
            profile: settings.profile,
            keeps_signatures: settings.keeps_signatures,
            session: Session { head, lines: Vec::new(), end: None },
            session_bytes: 0,
            capture: settings.capture,
            capture_error: None,
            progress: settings.progress,
            ends: SessionEnd::default(),
        };
        let first = capture::line(&own.session.head);
        own.write(&first);
        let stop = CancellationToken::new();
        let ending = Arc::new(Mutex::new(false));
        let (seen, over) = (Arc::clone(&passage), Arc::clone(&ending));
        let observing = thread::Builder::new()
            .name("shadow".to_owned())
            .spawn(move || own.run(&observed, &seen, &over))?;
        let serving = {
            let (passage, stop) = (Arc::clone(&passage), stop.clone());
            tokio::spawn(async move {
                proxy::run(listener, passage, stop).await;
                *ending.lock().unwrap_or_else(PoisonError::into_inner) = true;
            })
        };
        Ok(Self { address, stop, serving, observing, passage })
    }

    /// Address at which merchants reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, lets what is under way end, and reports.
    pub async fn stop(self) -> ShadowOutcome {
        self.stop.cancel();
        let _ = self.serving.await;
        let observing = self.observing;
        let joined = tokio::task::spawn_blocking(move || observing.join()).await;
        let Ok(Ok(observer)) = joined else {
            // The judge has failed; the calls went through all the same.
            let profile = Profile::builtin();
            let mut judge = ShadowJudge::new(profile, false);
            judge.leave_out(Uncompared::Lost, 1);
            let report = ShadowReport::of(&mut judge, &self.passage.upstream.origin());
            return ShadowOutcome { report, session: None, capture_error: None };
        };
        observer.end(&self.passage)
    }
}

impl Observer {
    fn run(mut self, observed: &Receiver<Observed>, passage: &Passage, over: &Mutex<bool>) -> Self {
        loop {
            match observed.recv_timeout(PAUSE) {
                Ok(seen) => {
                    self.observe(seen);
                    // All that has come is taken before anything is judged.
                    while let Ok(seen) = observed.try_recv() {
                        self.observe(seen);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if *over.lock().unwrap_or_else(PoisonError::into_inner) {
                        return self;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self,
            }
            let until = passage.earliest_us().unwrap_or_else(|| passage.now_us());
            self.judge.settle(Some(until));
            if let Some(progress) = &mut self.progress {
                progress(&self.judge);
            }
            if let Some(capture) = &mut self.capture
                && let Err(error) = capture.flush()
            {
                self.capture_error.get_or_insert(error);
            }
        }
    }

    /// Masks and records what has gone through. From here on no secret is kept.
    fn observe(&mut self, seen: Observed) {
        let line = recorded(&self.profile, seen, self.keeps_signatures);
        match &line {
            SessionLine::Call(_) => self.ends.calls += 1,
            SessionLine::Pushback(_) => self.ends.pushbacks += 1,
            SessionLine::End(_) => {}
        }
        let text = capture::line(&line);
        self.write(&text);
        self.session_bytes = self.session_bytes.saturating_add(text.len());
        if self.session_bytes <= SESSION_BYTES_MAX {
            self.session.lines.push(line.clone());
        } else {
            self.session.lines = Vec::new();
        }
        self.judge.offer(line);
    }

    fn write(&mut self, text: &str) {
        if let Some(capture) = &mut self.capture
            && let Err(error) = capture.write_all(text.as_bytes())
        {
            self.capture_error.get_or_insert(error);
            self.capture = None;
        }
    }

    fn end(mut self, passage: &Passage) -> ShadowOutcome {
        self.ends.lost = passage.lost.load(Ordering::Relaxed);
        self.ends.passed = passage.passed.load(Ordering::Relaxed);
        let line = SessionLine::End(self.ends);
        let text = capture::line(&line);
        self.write(&text);
        if let Some(capture) = &mut self.capture
            && let Err(error) = capture.flush()
        {
            self.capture_error.get_or_insert(error);
        }
        self.judge.offer(line);
        self.judge.settle(None);
        self.session.end = Some(self.ends);
        ShadowOutcome {
            report: ShadowReport::of(&mut self.judge, &self.session.head.upstream),
            session: (self.session_bytes <= SESSION_BYTES_MAX).then_some(self.session),
            capture_error: self.capture_error,
        }
    }
}

/// A call or push-back as a capture has it, secrets masked.
pub(super) fn recorded(profile: &Profile, seen: Observed, keeps_signatures: bool) -> SessionLine {
    let signature = match seen.kind {
        ObservedKind::Call => judge_signature(profile, &seen),
        ObservedKind::Pushback => SignatureNote::Absent,
    };
    let masked = |headers: &hyper::HeaderMap| {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        mask::headers(profile.operations.secrets(), headers, keeps_signatures)
    };
    let request: RecordedMessage = mask::message(
        profile.operations.secrets(),
        masked(&seen.headers),
        &seen.request.bytes,
        seen.request.is_cut,
        keeps_signatures,
    );
    let is_whole = seen.failure.is_none();
    let answer: Option<RecordedAnswer> = seen.status.filter(|_| is_whole).map(|status| {
        mask::answer(
            profile.operations.secrets(),
            status,
            masked(&seen.answer_headers),
            &seen.answer.bytes,
            seen.answer.is_cut,
            keeps_signatures,
        )
    });
    let (at_us, took_us, method, failure) =
        (seen.start_us, seen.took_us, seen.method, seen.failure);
    match seen.kind {
        ObservedKind::Call => SessionLine::Call(Box::new(RecordedCall {
            at_us,
            took_us,
            method,
            path: mask::path(&seen.path),
            request,
            answer,
            failure,
            signature,
        })),
        ObservedKind::Pushback => SessionLine::Pushback(Box::new(RecordedPushback {
            at_us,
            took_us,
            method,
            request,
            answer,
            failure,
        })),
    }
}

/// Holds a signature against the merchant's key before it is masked.
fn judge_signature(profile: &Profile, seen: &Observed) -> SignatureNote {
    let path = seen.path.split('?').next().unwrap_or_default();
    if Operation::at(path) == Some(Operation::Reconciliation) {
        return SignatureNote::Absent;
    }
    signature_note(profile, &seen.request.bytes)
}

/// Judgement of the signature in a body.
pub(super) fn signature_note(profile: &Profile, body: &[u8]) -> SignatureNote {
    let Ok(fields) = Fields::parse(body) else { return SignatureNote::Absent };
    let Some(sign) = fields.text(SIGN) else { return SignatureNote::Absent };
    let merchant = fields.text("merchantId").and_then(|id| profile.merchant(&id));
    let recipe = &profile.sign.recipe;
    let Some(Ok(key)) = merchant.map(|merchant| merchant.verify_key(recipe)) else {
        return SignatureNote::Unknown;
    };
    match crypto::verify(recipe, &key, &fields, &sign) {
        Ok(()) => SignatureNote::Valid,
        Err(_) => SignatureNote::Invalid,
    }
}
