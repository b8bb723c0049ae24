//! Items with two categories: one logistic curve, of which every quantity follows from a single exponential.

use super::AtPredictor;
use super::logistic::{Logistic, Tails, boundary_loglik};
use crate::lanes::sum;

/// Probabilities of both categories `out (2, K)` at the logits `x (K)` of the second.
pub(super) fn probabilities(x: &[f64], out: &mut [f64]) {
    let mut tails = Tails::default();
    tails.at(0.0, x);
    let (lower, upper) = out.split_at_mut(x.len());
    for ((x, tail), (lower, upper)) in x.iter().zip(&tails.tail).zip(lower.iter_mut().zip(upper)) {
        let at = Logistic::of(*x, *tail);
        (*lower, *upper) = (at.lower, at.upper);
    }
}

/// See [`Family::at_predictor`](super::Family::at_predictor): the logit of the second category is `b + s z`.
pub(super) fn at_predictor(b: f64, s: f64, z: f64, code: usize, at: &mut AtPredictor) -> f64 {
    let x = b + s * z;
    let curve = Logistic::at(x);
    let bend = -s * s * curve.slope();
    at.set_binary([curve.lower, curve.upper], [-s * curve.upper, s * curve.lower], [bend; 2]);
    let (below, above) = if code == 0 { (1.0, 0.0) } else { (0.0, 1.0) };
    boundary_loglik(x, curve.log_rest(), below, above)
}

/// The expected log-likelihood of `counts (2, K)`.
pub(super) fn expected_loglik(x: &[f64], counts: &[f64]) -> f64 {
    let mut tails = Tails::default();
    tails.with_logs(0.0, x);
    value(x, &mut tails, counts)
}

/// The expected log-likelihood of `counts (2, K)`, and each node's derivatives in its logit, written over `first (K)` and
/// `second (K)`.
pub(super) fn derivatives(x: &[f64], counts: &[f64], first: &mut [f64], second: &mut [f64]) -> f64 {
    let mut tails = Tails::default();
    tails.with_logs(0.0, x);
    let (n_lower, n_upper) = counts.split_at(x.len());
    for l in 0..x.len() {
        let at = Logistic::of(x[l], tails.tail[l]);
        first[l] = n_upper[l] * at.lower - n_lower[l] * at.upper;
        second[l] = -(n_lower[l] + n_upper[l]) * at.slope();
    }
    value(x, &mut tails, counts)
}

/// Uses the logarithms up.
fn value(x: &[f64], tails: &mut Tails, counts: &[f64]) -> f64 {
    let (n_lower, n_upper) = counts.split_at(x.len());
    for (l, term) in tails.log_rest.iter_mut().enumerate() {
        *term = boundary_loglik(x[l], *term, n_lower[l], n_upper[l]);
    }
    sum(&tails.log_rest)
}
