//! Carries push-backs out: wakes spaces when something is due there, sends, and notes what came of it.

mod answer;
mod connection;
mod inbox;
mod paced;
mod places;
mod scheduler;
mod sender;
mod tls;

pub use scheduler::Scheduler;
pub use sender::Sender;
pub use tls::accept_any as accept_any_certificate;
