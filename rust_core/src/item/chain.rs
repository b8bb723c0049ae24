//! The chain rule that all families share: from derivatives in the linear predictor, node by node, to derivatives in
//! the slopes.

use super::{Derivatives, Nodes};
use crate::lanes::dot;

/// `y_l += x_l`.
pub(super) fn add(x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

impl Derivatives {
    /// Adds to the second derivative in the parameters `i <= j`; the other triangle waits for
    /// [`Derivatives::mirror`].
    pub(super) fn add_second(&mut self, i: usize, j: usize, value: f64) {
        let n = self.gradient.len();
        self.hessian[i * n + j] += value;
    }

    /// Adds the slopes' own part: `first` and `second (K)` are the derivatives of each node's term in its predictor.
    pub(super) fn add_slopes(&mut self, nodes: Nodes, first: &[f64], second: &[f64]) {
        let mut weighted = vec![0.0; nodes.n_nodes];
        for (i, theta_i) in nodes.axes().enumerate() {
            self.gradient[i] += dot(theta_i, first);
            for (w, (t, h)) in weighted.iter_mut().zip(theta_i.iter().zip(second)) {
                *w = t * h;
            }
            for (j, theta_j) in nodes.axes().enumerate().skip(i) {
                self.add_second(i, j, dot(&weighted, theta_j));
            }
        }
    }

    /// Adds the second derivatives in every slope and parameter `j`: `mixed (K)` is the derivative of each node's
    /// term in its predictor and `j`.
    pub(super) fn add_slopes_with(&mut self, nodes: Nodes, j: usize, mixed: &[f64]) {
        for (i, theta) in nodes.axes().enumerate() {
            self.add_second(i, j, dot(theta, mixed));
        }
    }

    /// Copies the upper triangle of the Hessian to the lower one.
    pub(super) fn mirror(&mut self) {
        let n = self.gradient.len();
        for i in 1..n {
            for j in 0..i {
                self.hessian[i * n + j] = self.hessian[j * n + i];
            }
        }
    }
}

/// Fills the slopes' rows of a table of scores, `out (n_dims, M, K)`, from the derivatives `first (M, K)` of
/// `log p(m | z)` in the predictor.
pub(super) fn slope_scores(nodes: Nodes, first: &[f64], out: &mut [f64]) {
    for (theta, table) in nodes.axes().zip(out.chunks_exact_mut(first.len())) {
        for (row, first) in table.chunks_exact_mut(nodes.n_nodes).zip(first.chunks_exact(nodes.n_nodes)) {
            for (out, (t, f)) in row.iter_mut().zip(theta.iter().zip(first)) {
                *out = t * f;
            }
        }
    }
}
