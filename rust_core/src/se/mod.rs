//! Covariance matrices of the estimates.
//!
//! A method is one file and one entry in [`METHODS`]. All of them work on the free parameters together: items,
//! distributions and class proportions, a tied parameter once. Two things are shared by all: the *directions* in which
//! a point can move (parameters at a bound cannot; class proportions keep their sum), and the gradient of the observed
//! log-posterior, which by Fisher's identity is the gradient of the expected complete-data one at the same point.

mod basis;
mod changes;
mod clusters;
mod complete;
mod contributions;
mod cross_product;
mod directions;
mod functions;
mod louis;
mod missing;
mod node_scores;
mod oakes;
mod product;
mod rows;
mod sandwich;
mod score_vectors;
mod units;

#[cfg(test)]
#[path = "../../tests/worked_examples/hc1.rs"]
mod hc1;

use std::sync::atomic::AtomicBool;

use nalgebra::{Cholesky, DMatrix, DVector};

pub use clusters::Clusters;
pub use complete::Complete;
pub use cross_product::CrossProduct;
pub use directions::Directions;
pub use louis::Louis;
pub use oakes::Oakes;
pub use sandwich::Sandwich;

use self::product::product;
use crate::blocks::{Block, blocks};
use crate::data::{Data, Worker};
use crate::em::e_step;
use crate::error::{Error, Result};
use crate::expected::{Expected, Parameters, Placed};
use crate::m_step::BlockObjective;
use crate::params::{Kind, Slot};
use crate::spec::Model;

/// Every method; the first is the default.
pub static METHODS: &[&dyn Method] = &[&Oakes, &Louis, &CrossProduct, &Sandwich, &Complete];

/// The method of `docs/adding-a-standard-error-method.md`, which is entered nowhere.
#[cfg(test)]
const _: &dyn Method = &hc1::Hc1;

/// A way to get the covariance matrix of the estimates.
pub trait Method: Send + Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// The covariance matrix of the coordinates along the point's directions.
    ///
    /// Where the information matrix is not positive definite, it has no numbers and says which parameters are flat.
    ///
    /// # Errors
    /// Those of the E-step, as [`Error::Interrupted`]; [`Error::Estimation`] where estimates lie so near the edge of what is
    /// a model that nothing can be differentiated; [`Error::Spec`] or [`Error::Data`] where the method is not for the
    /// model or the clusters.
    fn covariance(&self, point: &Point) -> Result<Covariance>;
}

/// The method of that name.
///
/// # Errors
/// [`Error::Spec`] listing the known ones.
pub fn method(name: &str) -> Result<&'static dyn Method> {
    METHODS.iter().copied().find(|m| m.name() == name).ok_or_else(|| {
        let known: Vec<String> = METHODS.iter().map(|m| format!("'{}'", m.name())).collect();
        Error::Spec(format!("unknown method '{name}'; known: {}", known.join(", ")))
    })
}

/// Free parameters of which covariances are computed at the most. A matrix of theirs takes 288 MB; some ten are held at
/// once, and in sums over patterns up to sixteen halves more.
pub const MAX_PARAMETERS: usize = 6_000;

/// The covariance matrix by a method, unless it is too large.
///
/// # Errors
/// [`Error::Spec`] where there are more than [`MAX_PARAMETERS`]; as [`Method::covariance`].
pub fn covariance(method: &dyn Method, point: &Point) -> Result<Covariance> {
    let n = point.x.len();
    if n > MAX_PARAMETERS {
        let gigabytes = (n * n * size_of::<f64>()) as f64 / 1e9;
        return Err(Error::Spec(format!(
            "a covariance matrix of {n} parameters takes {gigabytes:.1} GB, and computing it many times that; at most \
             {MAX_PARAMETERS} are allowed: for errors of some, fix the others at these estimates, fit again from them and \
             ask that fit; for errors of all, use a bootstrap, which needs no such matrix"
        )));
    }
    method.covariance(point)
}

/// A covariance matrix, or what stands in its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    /// Covariances of all free parameters (`n_free x n_free`); NaN for those that cannot move.
    pub matrix: DMatrix<f64>,
    /// Smallest and largest eigenvalue of the information matrix, its parameters scaled to unit information.
    pub eigenvalues: (f64, f64),
    /// Where the information matrix is not positive definite: the free parameters that take part in its flat directions,
    /// most first. Empty otherwise.
    pub flat: Vec<usize>,
    /// Error of the information matrix (scaled to unit diagonal) where it was differentiated numerically; else 0.
    pub error: f64,
}

/// A point at which covariances are wanted: usually the maximum.
pub struct Point<'a> {
    /// The model.
    pub model: &'a Model,
    /// The responses.
    pub data: &'a Data,
    /// The free parameters.
    pub x: &'a [f64],
    /// The directions in which they can move.
    pub directions: Directions,
    /// Who is not independent of whom; only the sandwich uses it.
    pub clusters: Option<Clusters>,
    /// Set to stop.
    pub cancel: &'a AtomicBool,
    blocks: Vec<Block>,
}

/// A gradient with the steps it came from.
struct Gradient {
    gradient: Vec<f64>,
    placed: Vec<Placed>,
    expected: Expected,
}

impl<'a> Point<'a> {
    /// A point of a model with its data.
    pub fn new(model: &'a Model, data: &'a Data, x: &'a [f64], cancel: &'a AtomicBool) -> Self {
        Self { model, data, x, directions: Directions::new(model, x), clusters: None, cancel, blocks: blocks(model) }
    }

    /// The same point of respondents who are not independent of one another.
    pub fn with_clusters(self, clusters: Option<Clusters>) -> Self {
        Self { clusters, ..self }
    }

    /// The gradient of the observed log-posterior in the free parameters, at `x`.
    ///
    /// # Errors
    /// As the E-step.
    pub fn gradient(&self, worker: &mut Worker, x: &[f64]) -> Result<Vec<f64>> {
        Ok(self.gradient_with_counts(worker, x)?.gradient)
    }

    /// Log-likelihood of the responses and gradient of the log-posterior at the point itself, as far as it points
    /// along the directions (see [`Directions::along`]).
    ///
    /// # Errors
    /// As the E-step.
    pub fn slope(&self) -> Result<(f64, Vec<f64>)> {
        let at = self.gradient_with_counts(&mut self.data.worker(self.model)?, self.x)?;
        Ok((at.expected.loglik, self.directions.along(&at.gradient)))
    }

    fn gradient_with_counts(&self, worker: &mut Worker, x: &[f64]) -> Result<Gradient> {
        let parameters = Parameters::at(self.model, x);
        let expected = e_step(self.model, worker, &parameters, self.cancel)?;
        let placed = parameters.placed;
        let mut gradient = vec![0.0; x.len()];
        for block in &self.blocks {
            let objective = BlockObjective::new(self.model, block, &placed, &expected);
            let derivatives = objective.derivatives_at(x);
            for (&f, g) in block.free.iter().zip(derivatives.gradient) {
                gradient[f] = g;
            }
        }
        for (cell, slot) in self.proportion_slots() {
            if let Slot::Free(f) = slot {
                let group = self.model.table.cells[cell].group;
                gradient[f] += expected.moments[group].n / x[f];
            }
        }
        Ok(Gradient { gradient, placed, expected })
    }

    fn proportion_slots(&self) -> impl Iterator<Item = (usize, Slot)> + '_ {
        let table = &self.model.table;
        let cells = table.cells.iter().enumerate().filter(|(_, c)| c.kind == Kind::Proportion);
        cells.map(|(cell, _)| (cell, table.slots[cell]))
    }

    /// The negative Hessian of the expected complete-data log-posterior, in the free parameters.
    fn complete_information(&self, worker: &mut Worker) -> Result<DMatrix<f64>> {
        let at = self.gradient_with_counts(worker, self.x)?;
        let n = self.x.len();
        let mut information = DMatrix::zeros(n, n);
        for block in &self.blocks {
            let objective = BlockObjective::new(self.model, block, &at.placed, &at.expected);
            let derivatives = objective.derivatives_at(self.x);
            let dense = derivatives.dense_hessian();
            for (i, &f) in block.free.iter().enumerate() {
                for (j, &g) in block.free.iter().enumerate() {
                    information[(f, g)] = -dense[(i, j)];
                }
            }
        }
        for (cell, slot) in self.proportion_slots() {
            if let Slot::Free(f) = slot {
                let group = self.model.table.cells[cell].group;
                information[(f, f)] += at.expected.moments[group].n / (self.x[f] * self.x[f]);
            }
        }
        Ok(information)
    }

    /// The negative second derivatives of the log priors, in the free parameters.
    fn prior_information(&self) -> DMatrix<f64> {
        let free = self.model.table.free.iter().zip(self.x);
        let diagonal = free.map(|(f, &x)| f.prior.map_or(0.0, |p| -p.derivatives(x).1));
        DMatrix::from_diagonal(&DVector::from_iterator(self.x.len(), diagonal))
    }

    /// The covariance matrix that an information matrix in the directions' coordinates gives; `error` is that of the
    /// matrix scaled to unit diagonal.
    fn invert(&self, information: &DMatrix<f64>, error: f64) -> Covariance {
        self.invert_around(information, error, None)
    }

    /// `A^-1`, or `A^-1 B A^-1` around a middle `B`.
    fn invert_around(&self, information: &DMatrix<f64>, error: f64, middle: Option<&DMatrix<f64>>) -> Covariance {
        if self.directions.is_empty() {
            let matrix = self.directions.expand(None);
            return Covariance { matrix, eigenvalues: (1.0, 1.0), flat: Vec::new(), error };
        }
        let scaled = Scaled::new(information);
        let eigenvalues = scaled.matrix.symmetric_eigenvalues();
        let eigenvalues = (eigenvalues.min(), eigenvalues.max());
        let negligible = error.max(FLAT * eigenvalues.1);
        let inverse = Cholesky::new(scaled.matrix.clone()).filter(|_| eigenvalues.0 > negligible);
        let flat = match &inverse {
            Some(_) => Vec::new(),
            None => {
                let eigen = scaled.matrix.clone().symmetric_eigen();
                let is_flat = |&k: &usize| eigen.eigenvalues[k] <= eigenvalues.0.max(negligible);
                let flat: Vec<usize> = (0..eigen.eigenvalues.len()).filter(is_flat).collect();
                self.directions.involved(&eigen.eigenvectors.select_columns(&flat))
            }
        };
        let coordinates = inverse.map(|factor| scaled.unscale(factor.inverse()));
        let coordinates = coordinates.map(|bread| match middle {
            Some(middle) => product(&product(&bread, middle), &bread),
            None => bread,
        });
        Covariance { matrix: self.directions.expand(coordinates.as_ref()), eigenvalues, flat, error }
    }
}

/// An information matrix counts as singular below this ratio of its smallest to its largest eigenvalue (scaled to unit
/// diagonal), and where the smallest is no larger than the error of the matrix.
const FLAT: f64 = 1e-11;

/// A diagonal element of an information matrix is a rounding error below this share of the largest: terms of thousands of
/// respondents may have cancelled in it.
const NOTHING: f64 = 1e-14;

/// A symmetric matrix scaled to unit diagonal, so that units of the parameters do not decide what is singular. A
/// diagonal element that is a rounding error beside the largest, however, is no information in any unit: its row is 0.
struct Scaled {
    matrix: DMatrix<f64>,
    scale: Vec<f64>,
}

impl Scaled {
    fn new(information: &DMatrix<f64>) -> Self {
        let diagonal = information.diagonal();
        let rounding = NOTHING * diagonal.amax();
        let scale = diagonal.iter().map(|d| if d.abs() > rounding { d.abs().sqrt() } else { f64::INFINITY });
        let scale: Vec<f64> = scale.collect();
        let n = scale.len();
        let matrix =
            DMatrix::from_fn(n, n, |i, j| 0.5 * (information[(i, j)] + information[(j, i)]) / (scale[i] * scale[j]));
        Self { matrix, scale }
    }

    fn unscale(&self, inverse: DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(self.scale.len(), self.scale.len(), |i, j| inverse[(i, j)] / (self.scale[i] * self.scale[j]))
    }
}
