//! How long a connection waits for the next request's head.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The timer of one connection, of whose sleeps only the latest matters.
///
/// Every request has a deadline of its own, and nearly none is reached. So one alarm stays set for all of them: when it
/// goes off for an earlier one it is set anew, once in as long as a deadline is away, instead of twice a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    alarm: Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>,
}

/// A deadline of a connection.
struct Deadline {
    at: tokio::time::Instant,
    patience: Patience,
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline { at: deadline.into(), patience: self.clone() })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.patience.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.at)));
        if alarm.deadline() > self.at {
            alarm.as_mut().reset(self.at);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= self.at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_deadline_is_kept_though_one_alarm_serves_all() {
        let (patience, begun) = (Patience::default(), tokio::time::Instant::now());
        let wait = |ms| patience.sleep(Duration::from_millis(ms));
        let polled = |mut sleep: Pin<Box<dyn Sleep>>| {
            std::future::poll_fn(move |cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready()))
        };
        assert!(!polled(wait(30)).await, "given up before it was reached");
        tokio::time::advance(Duration::from_millis(20)).await;
        wait(30).await;
        assert_eq!(
            begun.elapsed(),
            Duration::from_millis(50),
            "not when the first would have been"
        );
        wait(10).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(60));
        assert!(!polled(wait(100)).await);
        wait(5).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(65), "nor when a later one would be");
    }
}
