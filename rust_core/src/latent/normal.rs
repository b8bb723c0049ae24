//! The multivariate normal distribution.

use std::f64::consts::TAU;

use super::{Latent, LatentParameter, Moments, covariance_index};
use crate::grid::Grid;
use crate::item::Derivatives;
use crate::quadrature::{Placement, StandardGrid, normalise};

/// `theta ~ N(mu, Sigma)`, the paper's attribute distribution; every mean, variance and covariance is a parameter.
pub struct Normal;

impl Latent for Normal {
    fn name(&self) -> &'static str {
        "normal"
    }

    fn parameters(&self, n_dims: usize) -> Vec<LatentParameter> {
        let means = (0..n_dims).map(LatentParameter::Mean);
        let triangle = (0..n_dims).flat_map(|j| (0..=j).map(move |k| LatentParameter::Covariance(j, k)));
        means.chain(triangle).collect()
    }

    fn is_feasible(&self, n_dims: usize, delta: &[f64]) -> bool {
        Factor::new(n_dims, delta).is_some()
    }

    /// Axis-aligned: `theta_j = mu_j + sd_j z_j`, weights proportional to the normal density of correlation matrix `R`
    /// at `z`. Rotated: `theta = mu + C z` with `C C' = Sigma`, standard weights. A `delta` that is not feasible makes
    /// every number of the grid NaN, which no caller can mistake for a likelihood.
    fn place(&self, standard: &StandardGrid, delta: &[f64], grid: &mut Grid) {
        let n_nodes = standard.n_nodes();
        grid.n_dims = standard.n_dims;
        grid.n_nodes = n_nodes;
        grid.theta.resize(standard.z.len(), 0.0);
        grid.weights.resize(n_nodes, 0.0);
        let Some(factor) = Factor::new(standard.n_dims, delta) else {
            grid.theta.fill(f64::NAN);
            grid.weights.fill(f64::NAN);
            return;
        };
        match standard.placement {
            Placement::AxisAligned => {
                for (j, theta) in grid.theta.chunks_exact_mut(n_nodes).enumerate() {
                    for (theta, z) in theta.iter_mut().zip(&standard.z[j * n_nodes..]) {
                        *theta = delta[j] + factor.sd[j] * z;
                    }
                }
                density_weights(&factor, standard, &mut grid.weights);
            }
            Placement::Rotated => {
                for (j, theta) in grid.theta.chunks_exact_mut(n_nodes).enumerate() {
                    theta.fill(delta[j]);
                    for (k, z) in standard.z.chunks_exact(n_nodes).enumerate().take(j + 1) {
                        let scale = factor.sd[j] * factor.lower[j * standard.n_dims + k];
                        theta.iter_mut().zip(z).for_each(|(theta, z)| *theta += scale * z);
                    }
                }
                grid.weights.copy_from_slice(&standard.weights);
            }
        }
    }

    fn derivatives(&self, n_dims: usize, delta: &[f64], moments: &Moments, out: &mut Derivatives) {
        let n_parameters = delta.len();
        *out = Derivatives::zeros(n_parameters);
        if moments.n == 0.0 || n_dims == 0 {
            return;
        }
        let Some(terms) = Terms::new(n_dims, delta, moments) else {
            out.value = f64::NEG_INFINITY;
            out.gradient.fill(f64::NAN);
            out.hessian.fill(f64::NAN);
            return;
        };
        out.value = terms.value;
        let parameters = self.parameters(n_dims);
        for (r, &row) in parameters.iter().enumerate() {
            out.gradient[r] = terms.first(row);
            for (c, &column) in parameters.iter().enumerate().take(r + 1) {
                let second = terms.second(row, column);
                out.hessian[r * n_parameters + c] = second;
                out.hessian[c * n_parameters + r] = second;
            }
        }
    }

    fn expected_loglik(&self, n_dims: usize, delta: &[f64], moments: &Moments) -> f64 {
        if moments.n == 0.0 || n_dims == 0 {
            return 0.0;
        }
        Factor::new(n_dims, delta).map_or(f64::NEG_INFINITY, |factor| {
            let scatter = scatter(n_dims, delta, moments);
            value(n_dims, moments.n, &factor, &factor.precision(), &scatter)
        })
    }
}

/// Weights (`L`) proportional to the density of `N(0, R)` at the standard nodes, sum 1, computed in logs.
fn density_weights(factor: &Factor, standard: &StandardGrid, weights: &mut [f64]) {
    let n_dims = standard.n_dims;
    let n_nodes = standard.n_nodes();
    let inverse = factor.inverse_lower();
    for (l, weight) in weights.iter_mut().enumerate() {
        let mut distance = 0.0;
        for j in 0..n_dims {
            let row = &inverse[j * n_dims..j * n_dims + j + 1];
            let whitened: f64 = row.iter().enumerate().map(|(k, w)| w * standard.z[k * n_nodes + l]).sum();
            distance += whitened * whitened;
        }
        *weight = distance;
    }
    let nearest = weights.iter().copied().fold(f64::INFINITY, f64::min);
    weights.iter_mut().for_each(|weight| *weight = (-0.5 * (*weight - nearest)).exp());
    normalise(weights);
}

/// A feasible covariance matrix, taken apart: `Sigma = D C C' D` with `D` the standard deviations and `C` the Cholesky
/// factor of the correlation matrix, so that no attribute's unit decides what counts as singular.
pub(crate) struct Factor {
    n_dims: usize,
    /// Standard deviations (`J`).
    sd: Vec<f64>,
    /// `C` (`J x J`, row-major, zero above the diagonal).
    lower: Vec<f64>,
}

impl Factor {
    /// The smallest share of its variance that an attribute keeps given those before it. Below, second derivatives,
    /// which grow with its inverse square, would keep no digit of a double.
    const MIN_CONDITIONAL_VARIANCE: f64 = 1e-10;

    /// Standard deviations that a mean may lie from 0: beyond, nodes would share most of the digits of a double.
    const MAX_DISTANCE: f64 = 1e8;

    /// `None` unless `delta` is finite, its covariance matrix positive definite and no mean out of all proportion to it.
    pub(crate) fn new(n_dims: usize, delta: &[f64]) -> Option<Self> {
        if delta.len() != covariance_index(n_dims, n_dims, 0) || !delta.iter().all(|d| d.is_finite()) {
            return None;
        }
        let sd: Vec<f64> = (0..n_dims).map(|j| delta[covariance_index(n_dims, j, j)].sqrt()).collect();
        // Also refuses the NaN root of a negative variance.
        if !delta.iter().zip(&sd).all(|(mean, sd)| sd.is_normal() && mean.abs() <= Self::MAX_DISTANCE * sd) {
            return None;
        }
        let mut lower = vec![0.0; n_dims * n_dims];
        for j in 0..n_dims {
            for k in 0..j {
                let correlation = delta[covariance_index(n_dims, j, k)] / sd[j] / sd[k];
                let explained: f64 = (0..k).map(|m| lower[j * n_dims + m] * lower[k * n_dims + m]).sum();
                lower[j * n_dims + k] = (correlation - explained) / lower[k * n_dims + k];
            }
            let explained: f64 = lower[j * n_dims..j * n_dims + j].iter().map(|c| c * c).sum();
            let left = 1.0 - explained;
            if left.is_nan() || left < Self::MIN_CONDITIONAL_VARIANCE {
                return None;
            }
            lower[j * n_dims + j] = left.sqrt();
        }
        Some(Self { n_dims, sd, lower })
    }

    /// `C^-1` (`J x J`, row-major, zero above the diagonal).
    fn inverse_lower(&self) -> Vec<f64> {
        let n = self.n_dims;
        let mut inverse = vec![0.0; n * n];
        for column in 0..n {
            for row in column..n {
                let unit = if row == column { 1.0 } else { 0.0 };
                let known: f64 = (column..row).map(|m| self.lower[row * n + m] * inverse[m * n + column]).sum();
                inverse[row * n + column] = (unit - known) / self.lower[row * n + row];
            }
        }
        inverse
    }

    /// `Sigma^-1` (`J x J`).
    fn precision(&self) -> Vec<f64> {
        let n = self.n_dims;
        let inverse = self.inverse_lower();
        let entry = |j: usize, k: usize| -> f64 {
            let sum: f64 = (0..n).map(|m| inverse[m * n + j] * inverse[m * n + k]).sum();
            sum / self.sd[j] / self.sd[k]
        };
        (0..n * n).map(|i| entry(i / n, i % n)).collect()
    }

    /// Standard deviation of each attribute given all others, in units of its own standard deviation (`J`).
    pub(crate) fn conditional_sds(&self) -> Vec<f64> {
        let n = self.n_dims;
        let inverse = self.inverse_lower();
        let precision = |j: usize| (0..n).map(|m| inverse[m * n + j] * inverse[m * n + j]).sum::<f64>();
        (0..n).map(|j| 1.0 / precision(j).sqrt()).collect()
    }

    /// `log |Sigma|`.
    fn log_determinant(&self) -> f64 {
        let pivots = (0..self.n_dims).map(|j| self.lower[j * self.n_dims + j]);
        2.0 * self.sd.iter().copied().zip(pivots).map(|(sd, c)| sd.ln() + c.ln()).sum::<f64>()
    }
}

/// `S (J x J)`: the mean of `(theta - mu)(theta - mu)'` over the expected counts.
fn scatter(n_dims: usize, mu: &[f64], moments: &Moments) -> Vec<f64> {
    let m = &moments.mean;
    let entry = |j: usize, k: usize| moments.second[j * n_dims + k] - m[j] * m[k] + (m[j] - mu[j]) * (m[k] - mu[k]);
    (0..n_dims * n_dims).map(|i| entry(i / n_dims, i % n_dims)).collect()
}

/// `-(n / 2) (log |Sigma| + tr(Sigma^-1 S) + J log 2 pi)`.
fn value(n_dims: usize, n: f64, factor: &Factor, precision: &[f64], scatter: &[f64]) -> f64 {
    let trace: f64 = precision.iter().zip(scatter).map(|(p, s)| p * s).sum();
    -0.5 * n * (factor.log_determinant() + trace + n_dims as f64 * TAU.ln())
}

/// What the derivatives are made of. With `P = Sigma^-1` and `d` the distance of the mean of the counts from `mu`:
///
/// * in `mu`: gradient `n P d`, Hessian `-n P`;
/// * in `Sigma` along a symmetric direction `E`: `(n / 2) (tr(P S P E) - tr(P E))`, and along `E` and `F`
///   `(n / 2) (tr(P F P E) - 2 tr(E P F P S P))`;
/// * in `mu` and along `E`: `-n P E P d`.
///
/// The direction of `sigma_jk` has a one at `(j, k)` and at `(k, j)`: a covariance stands twice in `Sigma`.
struct Terms {
    n_dims: usize,
    n: f64,
    value: f64,
    /// `P` (`J x J`).
    precision: Vec<f64>,
    /// `P d` (`J`).
    pull: Vec<f64>,
    /// `P S P` (`J x J`).
    sandwich: Vec<f64>,
}

impl Terms {
    fn new(n_dims: usize, delta: &[f64], moments: &Moments) -> Option<Self> {
        let factor = Factor::new(n_dims, delta)?;
        let precision = factor.precision();
        let scatter = scatter(n_dims, delta, moments);
        let at = |matrix: &[f64], j: usize, k: usize| matrix[j * n_dims + k];
        let product = |left: &[f64], right: &[f64]| -> Vec<f64> {
            let entry = |j, k| (0..n_dims).map(|m| at(left, j, m) * at(right, m, k)).sum();
            (0..n_dims * n_dims).map(|i| entry(i / n_dims, i % n_dims)).collect()
        };
        let pull = (0..n_dims).map(|j| (0..n_dims).map(|k| at(&precision, j, k) * (moments.mean[k] - delta[k])).sum());
        let pull = pull.collect();
        let sandwich = product(&product(&precision, &scatter), &precision);
        let value = value(n_dims, moments.n, &factor, &precision, &scatter);
        Some(Self { n_dims, n: moments.n, value, precision, pull, sandwich })
    }

    fn first(&self, parameter: LatentParameter) -> f64 {
        match parameter {
            LatentParameter::Mean(j) => self.n * self.pull[j],
            LatentParameter::Covariance(j, k) => {
                let i = j * self.n_dims + k;
                let twice = if j == k { 1.0 } else { 2.0 };
                0.5 * self.n * twice * (self.sandwich[i] - self.precision[i])
            }
        }
    }

    fn second(&self, row: LatentParameter, column: LatentParameter) -> f64 {
        use LatentParameter::{Covariance, Mean};
        let p = |j: usize, k: usize| self.precision[j * self.n_dims + k];
        let q = |j: usize, k: usize| self.sandwich[j * self.n_dims + k];
        match (row, column) {
            (Mean(j), Mean(k)) => -self.n * p(j, k),
            (Mean(i), Covariance(j, k)) | (Covariance(j, k), Mean(i)) => {
                let sum: f64 = ones(j, k).map(|(a, b)| p(i, a) * self.pull[b]).sum();
                -self.n * sum
            }
            (Covariance(j, k), Covariance(r, s)) => {
                let pairs = ones(j, k).flat_map(|e| ones(r, s).map(move |f| (e, f)));
                let sum: f64 = pairs.map(|((a, b), (c, d))| p(b, c) * (p(d, a) - 2.0 * q(d, a))).sum();
                0.5 * self.n * sum
            }
        }
    }
}

/// Where the elements of a symmetric matrix stand that the parameter `sigma_jk` moves.
fn ones(j: usize, k: usize) -> impl Iterator<Item = (usize, usize)> {
    std::iter::once((j, k)).chain((j != k).then_some((k, j)))
}
