//! Distributions of the attributes within a group.
//!
//! A distribution is one file and one entry in [`DISTRIBUTIONS`].

mod normal;

pub use normal::Normal;

use crate::grid::Grid;
use crate::item::Derivatives;
use crate::quadrature::StandardGrid;

/// Every distribution.
pub static DISTRIBUTIONS: &[&dyn Latent] = &[&Normal];

/// One parameter of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentParameter {
    /// `mu_gj`.
    Mean(usize),
    /// `sigma_gjk` with `k <= j`; a variance where `j == k`.
    Covariance(usize, usize),
}

/// What the E-step leaves for a distribution: the first two moments of the expected node counts `n_gl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `sum_l n_gl`: the expected number of respondents in the group.
    pub n: f64,
    /// `sum_l n_gl theta_l / n` (`J`).
    pub mean: Vec<f64>,
    /// `sum_l n_gl theta_l theta_l' / n` (`J x J`, row-major): about zero, not about the mean.
    pub second: Vec<f64>,
}

/// A parametric distribution of a group's attributes. `delta` is its parameter vector in the order of
/// [`Latent::parameters`].
pub trait Latent: Send + Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// The parameters for `n_dims` attributes: means, then the lower triangle of the covariance row by row.
    fn parameters(&self, n_dims: usize) -> Vec<LatentParameter>;

    /// Whether `delta` is a distribution at all (positive definite covariance, finite values).
    fn is_feasible(&self, n_dims: usize, delta: &[f64]) -> bool;

    /// Moves a standard grid to the distribution; weights are normalised to sum 1.
    fn place(&self, standard: &StandardGrid, delta: &[f64], grid: &mut Grid);

    /// Value, gradient and Hessian in `delta` of the expected log-density `sum_l n_gl log phi(theta_l | delta)`
    /// (the paper's equation 12, integrated).
    fn derivatives(&self, n_dims: usize, delta: &[f64], moments: &Moments, out: &mut Derivatives);

    /// The same value without its derivatives.
    fn expected_loglik(&self, n_dims: usize, delta: &[f64], moments: &Moments) -> f64;
}
