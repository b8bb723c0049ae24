//! Distributions of the attributes within a group.
//!
//! A distribution is one file and one entry in [`DISTRIBUTIONS`].

mod normal;

#[cfg(test)]
#[path = "../../tests/worked_examples/principal.rs"]
mod principal;

pub(crate) use normal::Factor;
pub use normal::Normal;

use crate::grid::Grid;
use crate::item::Derivatives;
use crate::quadrature::{StandardGrid, pairwise_sum};

/// Every distribution.
pub static DISTRIBUTIONS: &[&dyn Latent] = &[&Normal];

/// The distribution of that name.
pub fn distribution(name: &str) -> Option<&'static dyn Latent> {
    DISTRIBUTIONS.iter().copied().find(|distribution| distribution.name() == name)
}

/// One parameter of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentParameter {
    /// `mu_gj`.
    Mean(usize),
    /// `sigma_gjk` with `k <= j`; a variance where `j == k`.
    Covariance(usize, usize),
}

/// Position of `sigma_gjk`, `k <= j`, in a parameter vector laid out as [`Latent::parameters`] says.
pub fn covariance_index(n_dims: usize, j: usize, k: usize) -> usize {
    n_dims + j * (j + 1) / 2 + k
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

impl Moments {
    /// The moments of the expected counts `n_gl (L_g)`; all zero where nobody is expected.
    pub fn from_counts(grid: &Grid, n_gl: &[f64]) -> Self {
        let n_dims = grid.n_dims;
        let mut moments = Self { n: 0.0, mean: vec![0.0; n_dims], second: vec![0.0; n_dims * n_dims] };
        moments.n = pairwise_sum(grid.n_nodes, |l| n_gl[l]);
        if moments.n == 0.0 {
            return moments;
        }
        for j in 0..n_dims {
            let theta_j = grid.attribute(j);
            moments.mean[j] = pairwise_sum(grid.n_nodes, |l| n_gl[l] * theta_j[l]) / moments.n;
            for k in 0..=j {
                let theta_k = grid.attribute(k);
                let second = pairwise_sum(grid.n_nodes, |l| n_gl[l] * theta_j[l] * theta_k[l]) / moments.n;
                moments.second[j * n_dims + k] = second;
                moments.second[k * n_dims + j] = second;
            }
        }
        moments
    }
}

/// A parametric distribution of a group's attributes. `delta` is its parameter vector in the order of
/// [`Latent::parameters`].
pub trait Latent: Send + Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// The parameters for `n_dims` attributes: means, then the lower triangle of the covariance row by row.
    fn parameters(&self, n_dims: usize) -> Vec<LatentParameter>;

    /// Whether `delta` is a distribution that nodes can follow (positive definite covariance, finite values).
    fn is_feasible(&self, n_dims: usize, delta: &[f64]) -> bool;

    /// Moves a standard grid to the distribution; weights are normalised to sum 1.
    fn place(&self, standard: &StandardGrid, delta: &[f64], grid: &mut Grid);

    /// Value, gradient and Hessian in `delta` of the expected log-density `sum_l n_gl log phi(theta_l | delta)`
    /// (the paper's equation 12, integrated).
    fn derivatives(&self, n_dims: usize, delta: &[f64], moments: &Moments, out: &mut Derivatives);

    /// The same value without its derivatives.
    fn expected_loglik(&self, n_dims: usize, delta: &[f64], moments: &Moments) -> f64;
}

#[cfg(test)]
mod tests {
    use super::principal::Principal;
    use super::*;
    use crate::quadrature::{MAX_NODES, Quadrature};

    /// A few roundings of numbers about 1.
    const ROUNDING: f64 = 1e-14;

    /// The distribution of `docs/adding-a-distribution.md`, which is entered nowhere.
    #[test]
    fn the_worked_example_places_the_covariance_that_it_is_given() {
        let quadrature = Quadrature { rule: "gauss-hermite".into(), n_points: vec![4, 4], prune: None };
        let standard = StandardGrid::new(&quadrature, 2, MAX_NODES).unwrap();
        let mut grid = Grid::new(&standard);
        Principal.place(&standard, &[0.3, -0.2, 1.0, 0.6, 2.0], &mut grid);
        let moments = Moments::from_counts(&grid, &grid.weights);
        let covariance = moments.second[1] - moments.mean[0] * moments.mean[1];
        assert!((moments.mean[0] - 0.3).abs() < ROUNDING && (covariance - 0.6).abs() < ROUNDING, "{moments:?}");
    }
}
