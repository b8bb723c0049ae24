//! The one-dimensional rules.

use std::f64::consts::PI;

use nalgebra::DMatrix;

use super::{Axis, MAX_NODES, Placement, Rule, normalise};

/// `"rectangular"`: equally spaced points in `[-R, R]`, weighted by the normal density at them.
///
/// `R` balances the two errors of a rectangular sum over the posterior of a respondent, whose standard deviation is
/// `s` in units of the population's. What lies outside `[-R, R]` is of the order `exp(-R^2 / 2)`. Inside, by Poisson
/// summation, a sum at step `h` misses the integral of a normal density of standard deviation `s` by the factor
/// `2 exp(-2 pi^2 s^2 / h^2)` at most. With `h = 2 R / (n - 1)` the exponents are equal when
/// `R^2 / 2 = pi^2 s^2 (n - 1)^2 / (2 R^2)`, that is `R^2 = pi s (n - 1)`. The rule takes `s = 0.35` (a reliability of
/// about 0.88) and stops at `R = 6`, outside which lies 2e-9 of the population: from there on more points buy sharper
/// posteriors, not a wider range.
pub struct Rectangular;

impl Rectangular {
    /// The posterior standard deviation the range is tuned to, in population standard deviations.
    const POSTERIOR_SD: f64 = 0.35;
    /// The largest half-range, in population standard deviations.
    const MAX_HALF_RANGE: f64 = 6.0;
}

impl Rule for Rectangular {
    fn name(&self) -> &'static str {
        "rectangular"
    }

    fn placement(&self) -> Placement {
        Placement::AxisAligned
    }

    fn max_points(&self) -> usize {
        MAX_NODES
    }

    fn axis(&self, n_points: usize) -> Axis {
        let last = (n_points - 1) as f64;
        let half_range = (PI * Self::POSTERIOR_SD * last).sqrt().min(Self::MAX_HALF_RANGE);
        // `2 i - last` is an exact integer, so that the points are symmetric to the last bit.
        let z: Vec<f64> = (0..n_points).map(|i| half_range * ((2.0 * i as f64 - last) / last)).collect();
        let mut weights: Vec<f64> = z.iter().map(|z| (-0.5 * z * z).exp()).collect();
        normalise(&mut weights);
        Axis { z, weights }
    }
}

/// `"gauss-hermite"`: the paper's rule, exact for polynomials of degree `2 n - 1` under the normal density.
///
/// Nodes are the eigenvalues of the Jacobi matrix of the probabilists' Hermite polynomials (Golub and Welsch, 1969),
/// polished by Newton steps. Weights are the Christoffel function `1 / sum_{k < n} p_k(z)^2` of the orthonormal
/// polynomials, a sum of positive terms: the smallest weights are as accurate, relatively, as the largest.
pub struct GaussHermite;

impl Rule for GaussHermite {
    fn name(&self) -> &'static str {
        "gauss-hermite"
    }

    fn placement(&self) -> Placement {
        Placement::Rotated
    }

    /// The outermost weight is about `exp(-2 n)`, which a double can hold up to `n = 350`.
    fn max_points(&self) -> usize {
        300
    }

    fn axis(&self, n_points: usize) -> Axis {
        let jacobi = DMatrix::from_fn(n_points, n_points, |row, column| match row.abs_diff(column) {
            1 => (row.max(column) as f64).sqrt(),
            _ => 0.0,
        });
        let mut z = jacobi.symmetric_eigenvalues().as_slice().to_vec();
        z.sort_by(f64::total_cmp);
        let mut weights = vec![0.0; n_points];
        for lower in 0..n_points.div_ceil(2) {
            let upper = n_points - 1 - lower;
            let node = if lower == upper { 0.0 } else { polish(n_points, z[upper]) };
            (z[lower], z[upper]) = (-node, node);
            let weight = hermite(n_points, node).christoffel;
            (weights[lower], weights[upper]) = (weight, weight);
        }
        if n_points % 2 == 1 {
            z[n_points / 2] = 0.0;
        }
        normalise(&mut weights);
        Axis { z, weights }
    }
}

/// The orthonormal Hermite polynomials at one point, as far as the Gauss rule of `n` points needs them.
struct Hermite {
    /// `p_n / p_n'`: the Newton step to the nearest root.
    step: f64,
    /// `1 / sum_{k < n} p_k^2`.
    christoffel: f64,
}

/// Evaluates `p_0 .. p_n` at `x` by `sqrt(k + 1) p_{k+1} = x p_k - sqrt(k) p_{k-1}`; `p_n' = sqrt(n) p_{n-1}`.
fn hermite(n: usize, x: f64) -> Hermite {
    let (mut previous, mut current, mut sum) = (0.0, 1.0, 0.0);
    for k in 0..n {
        sum += current * current;
        let next = (x * current - (k as f64).sqrt() * previous) / ((k + 1) as f64).sqrt();
        (previous, current) = (current, next);
    }
    Hermite { step: current / ((n as f64).sqrt() * previous), christoffel: 1.0 / sum }
}

/// The root of `p_n` next to `x`. The eigenvalues are right to about 1e-14 of the largest; two steps make each right
/// by itself.
fn polish(n: usize, x: f64) -> f64 {
    let x = x - hermite(n, x).step;
    x - hermite(n, x).step
}
