//! The estimation engine of mixirt: item response and latent class models by marginal maximum likelihood.
//!
//! Every model is the same thing: *latent nodes* (a group or latent class crossed with a quadrature node of its
//! attributes), a response probability table per item over those nodes, an E-step that turns responses into expected
//! counts, and an M-step that sees nothing but those counts. The method is Fu (2019), ETS RR-19-35; symbols follow it.
//!
//! The main job, in the order in which it is done:
//!
//! 1. [`spec`]: items, groups, attributes and quadrature, checked; [`params`]: what is fixed, free and tied.
//! 2. [`data`]: responses to unique [`patterns`].
//! 3. [`start`]: start values.
//! 4. [`em`]: the loop over [`e_step`] and [`m_step`], sped up by [`accelerate`]; [`multi_start`]: from several starts.
//! 5. [`score`]: attributes of respondents; [`se`]: standard errors.
//!
//! Expected counts of disjoint sets of respondents add: [`em::CountSource`] is the seam at which data that never come
//! together, in files or on several machines, take part in one fit.

pub mod accelerate;
mod answer;
pub mod arrow;
pub mod blocks;
pub mod data;
pub mod e_step;
pub mod em;
pub mod encode;
pub mod error;
pub mod expected;
pub mod feasible;
pub mod grid;
pub mod item;
pub mod latent;
pub mod m_step;
pub mod multi_start;
mod multinomial;
pub mod newton;
mod node_tables;
pub mod params;
pub mod patterns;
pub mod plan;
pub mod posterior_mode;
pub mod prior;
pub mod proportions;
pub mod quadrature;
pub mod score;
pub mod se;
pub mod spec;
pub mod start;
mod tails;

pub use error::{Error, Result};
