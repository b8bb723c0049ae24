//! The multivariate normal distribution, on a grid along its principal axes.

use nalgebra::DMatrix;

use super::{Latent, LatentParameter, Moments, Normal, covariance_index};
use crate::grid::Grid;
use crate::item::Derivatives;
use crate::quadrature::{Placement, StandardGrid};

/// `theta ~ N(mu, Sigma)`. A rotated grid is turned by `V D^(1/2)`, with `Sigma = V D V'`, instead of by the Cholesky
/// factor, so that exchanging two attributes exchanges their nodes.
pub struct Principal;

impl Latent for Principal {
    fn name(&self) -> &'static str {
        "normal-principal"
    }

    fn parameters(&self, n_dims: usize) -> Vec<LatentParameter> {
        Normal.parameters(n_dims)
    }

    fn is_feasible(&self, n_dims: usize, delta: &[f64]) -> bool {
        Normal.is_feasible(n_dims, delta)
    }

    fn place(&self, standard: &StandardGrid, delta: &[f64], grid: &mut Grid) {
        Normal.place(standard, delta, grid);
        let (n_dims, n_nodes) = (standard.n_dims, standard.n_nodes());
        if n_dims == 0 || standard.placement != Placement::Rotated || !self.is_feasible(n_dims, delta) {
            return;
        }
        let entry = |j: usize, k: usize| delta[covariance_index(n_dims, j.max(k), j.min(k))];
        let eigen = DMatrix::from_fn(n_dims, n_dims, entry).symmetric_eigen();
        for (j, theta) in grid.theta.chunks_exact_mut(n_nodes).enumerate() {
            theta.fill(delta[j]);
            for (k, z) in standard.z.chunks_exact(n_nodes).enumerate() {
                let scale = eigen.eigenvectors[(j, k)] * eigen.eigenvalues[k].sqrt();
                theta.iter_mut().zip(z).for_each(|(theta, z)| *theta += scale * z);
            }
        }
    }

    fn derivatives(&self, n_dims: usize, delta: &[f64], moments: &Moments, out: &mut Derivatives) {
        Normal.derivatives(n_dims, delta, moments, out);
    }

    fn expected_loglik(&self, n_dims: usize, delta: &[f64], moments: &Moments) -> f64 {
        Normal.expected_loglik(n_dims, delta, moments)
    }
}
