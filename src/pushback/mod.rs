//! Carries push-backs out: wakes spaces when something is due there, sends, and notes what came of it.

mod answer;
mod carrier;
mod connection;
mod driver;
mod paced;
mod places;
mod tls;

pub use carrier::Carrier;
pub use driver::Driver;
pub use tls::accept_any as accept_any_certificate;
