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
//! The families, distributions, quadrature rules, accelerations, methods of standard errors and scoring methods are in
//! registries (such as [`item::FAMILIES`]): what is listed there is all there is, and has a name.
//! With the feature `files`, on by default, `files` reads fitted models from files, to score with. The modules that are
//! not named here are parts of these steps, public for tests and measurements.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use mixirt_core::data::{Data, Responses};
//! use mixirt_core::em::{EmOptions, em};
//! use mixirt_core::params::ParameterTable;
//! use mixirt_core::patterns::MISSING;
//! use mixirt_core::quadrature::Quadrature;
//! use mixirt_core::score::{Method, score};
//! use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
//! use mixirt_core::{item, latent, start};
//!
//! # fn main() -> mixirt_core::Result<()> {
//! // Three binary items that measure one attribute of mean 0 and variance 1.
//! let item = |name: &str| ItemSpec {
//!     name: name.into(),
//!     family: &item::Gpcm,
//!     n_categories: 2,
//!     scores: vec![0.0, 1.0],
//!     attributes: vec![0],
//! };
//! let spec = Spec {
//!     items: ["q1", "q2", "q3"].map(item).to_vec(),
//!     attributes: vec!["theta".into()],
//!     groups: vec![GroupSpec { name: "all".into(), items: vec![0, 1, 2], attributes: vec![0] }],
//!     n_classes: 1,
//!     latent: &latent::Normal,
//!     quadrature: Quadrature::default(),
//! };
//! let table = ParameterTable::standard(spec.cells()?)?;
//! let model = Model::new(spec, table)?;
//!
//! // Codes respondent by respondent, each pattern with the number of respondents who gave it.
//! let codes = [0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, MISSING];
//! let weights = [30.0, 10.0, 15.0, 12.0, 20.0, 14.0, 20.0, 40.0, 5.0];
//! let responses = Responses { codes: &codes, n_respondents: 9, weights: Some(&weights), ..Responses::default() };
//! let data = Data::new(&model, &responses)?;
//!
//! let cancel = AtomicBool::new(false);
//! let x = start::start(&model, &data.summaries())?;
//! let fit = em(&model, &mut data.worker(&model)?, x, &EmOptions::default(), &mut |_cycle| {}, &cancel)?;
//! assert!(fit.converged && fit.history.len() < 50);
//! let slopes: Vec<f64> = model.groups[0].instances.iter().map(|i| model.table.expand(&fit.x)[i.cells.start]).collect();
//! assert!(slopes.iter().all(|slope| *slope > 0.0));
//!
//! let scores = score(&model, &data, &fit.x, Method::Eap, &cancel)?;
//! assert!(scores.theta[7] > scores.theta[0], "all right and all wrong");
//! # Ok(())
//! # }
//! ```
//!
//! Expected counts of disjoint sets of respondents add: [`em::CountSource`] is the seam at which data that never come
//! together, in files or on several machines, take part in one fit.

pub mod accelerate;
mod answer;
pub mod arrow;
mod awake;
pub mod blocks;
pub mod data;
pub mod e_step;
mod elementary;
pub mod em;
pub mod encode;
mod error;
pub mod expected;
pub mod feasible;
#[cfg(feature = "files")]
pub mod files;
pub mod grid;
pub mod item;
mod lanes;
pub mod latent;
pub mod m_step;
pub mod multi_start;
mod multinomial;
pub mod newton;
mod node_tables;
pub mod params;
pub mod patterns;
pub mod plan;
mod posterior_mode;
pub mod prior;
pub mod proportions;
pub mod quadrature;
mod scales;
pub mod score;
pub mod se;
pub mod spec;
pub mod start;

pub use error::{Error, Result};
