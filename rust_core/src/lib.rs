//! The estimation engine of mixirt: item response and latent class models by marginal maximum likelihood.
//!
//! Every model is the same thing: *latent nodes* (a group or latent class crossed with a quadrature node of its
//! attributes), a response probability table per item over those nodes, an E-step that turns responses into expected
//! counts, and an M-step that sees nothing but those counts. The method is Fu (2019), ETS RR-19-35; symbols follow it.

pub mod error;
pub mod grid;
pub mod item;
pub mod latent;
pub mod quadrature;

pub use error::{Error, Result};
