//! The payer's pages, form by form, without a browser.

mod flows;
mod guard;
mod places;
mod visitor;

pub(crate) use visitor::{Gateway, resolve};
