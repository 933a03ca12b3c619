//! Places for attempts: so many at once to one host, so many in all. A silent receiver gives its place in all up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hosts of which a queue is remembered; past that, the unused ones are forgotten.
const HOSTS_REMEMBERED: usize = 1024;
/// Attempts at silent receivers, which are open sockets and little else.
const SILENT_MAX: usize = 4096;
/// The time after which an attempt without an end counts as one at a silent receiver.
pub(super) const SILENT_AFTER: Duration = Duration::from_millis(500);

/// All places.
pub(super) struct Places {
    hosts: DashMap<Box<str>, Arc<Host>>,
    all: Arc<Semaphore>,
    silent: Arc<Semaphore>,
}

struct Host {
    places: Arc<Semaphore>,
    /// Its latest attempt was silent: the next ones begin among the silent.
    is_silent: AtomicBool,
}

/// A place of one attempt; dropping it frees it.
pub(super) struct SenderSlot {
    host: Arc<Host>,
    silent: Arc<Semaphore>,
    is_among_silent: bool,
    in_all: Option<OwnedSemaphorePermit>,
    _at_host: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new(in_all: u32) -> Self {
        let semaphore = |places| Arc::new(Semaphore::new(places));
        Self {
            hosts: DashMap::new(),
            all: semaphore(in_all as usize),
            silent: semaphore(SILENT_MAX),
        }
    }

    /// Waits for a place at a host that has so many. `on_wait` is called if none is free at once.
    pub(super) async fn take(
        &self,
        host: &str,
        at_host: u32,
        on_wait: impl FnOnce(),
    ) -> SenderSlot {
        let host = self.host(host, at_host);
        let mut on_wait = Some(on_wait);
        let at_host = match Arc::clone(&host.places).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => wait(&host.places, on_wait.take()).await,
        };
        // What is known of the host may have changed while this one waited behind others of it.
        let is_among_silent = host.is_silent.load(Ordering::Relaxed);
        let class = if is_among_silent { &self.silent } else { &self.all };
        let in_all = match Arc::clone(class).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => wait(class, on_wait.take()).await,
        };
        let silent = Arc::clone(&self.silent);
        SenderSlot { host, silent, is_among_silent, in_all, _at_host: at_host }
    }

    /// The queue of a host.
    fn host(&self, name: &str, places: u32) -> Arc<Host> {
        if let Some(host) = self.hosts.get(name) {
            return Arc::clone(&host);
        }
        if self.hosts.len() >= HOSTS_REMEMBERED {
            self.hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let new = || {
            let places = Arc::new(Semaphore::new(places as usize));
            Arc::new(Host { places, is_silent: AtomicBool::new(false) })
        };
        Arc::clone(&self.hosts.entry(name.into()).or_insert_with(new))
    }
}

impl SenderSlot {
    /// Runs an attempt in this place. Once it has been silent for [`SILENT_AFTER`], the place in all is another's.
    pub(super) async fn clock_timer<R>(mut self, attempt: impl Future<Output = R>) -> R {
        let mut attempt = std::pin::pin!(attempt);
        if !self.is_among_silent {
            tokio::select! {
                done = attempt.as_mut() => {
                    self.host.is_silent.store(false, Ordering::Relaxed);
                    return done;
                }
                () = tokio::time::sleep(SILENT_AFTER) => {}
            }
            // Where even the places for the silent are taken, it keeps the one it has.
            if let Ok(place) = Arc::clone(&self.silent).try_acquire_owned() {
                self.in_all = Some(place);
            }
        }
        self.host.is_silent.store(true, Ordering::Relaxed);
        let begun = tokio::time::Instant::now();
        let done = attempt.await;
        if self.is_among_silent && begun.elapsed() < SILENT_AFTER {
            self.host.is_silent.store(false, Ordering::Relaxed);
        }
        done
    }
}

/// A permit, waited for. Nobody closes these semaphores; without a permit an attempt would still be made.
async fn wait(
    semaphore: &Arc<Semaphore>,
    on_wait: Option<impl FnOnce()>,
) -> Option<OwnedSemaphorePermit> {
    if let Some(on_wait) = on_wait {
        on_wait();
    }
    Arc::clone(semaphore).acquire_owned().await.ok()
}
