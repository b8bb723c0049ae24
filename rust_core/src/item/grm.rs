//! The graded response function: one logistic curve per boundary between categories.

use super::chain::slope_scores;
use super::logistic::{Logistic, Tails, attenuation, boundary_loglik, log_one_minus_exp};
use super::{AtPredictor, Derivatives, Family, ItemParameter, ItemShape, Nodes, slopes_then_intercepts};
use crate::lanes::sum;

/// Graded response (the paper's cumulative function, Samejima 1969): `P(X >= m) = sigma(x_m)` with `x_m = b_m + z` and
/// strictly decreasing intercepts.
///
/// The difference of two boundaries is a product, in which nothing cancels:
/// `p_m = sigma(x_m) sigma(-x_{m+1}) w_m`, `w_m = 1 - exp(b_{m+1} - b_m)`. The last factor does not depend on the
/// attributes, so the expected log-likelihood is a sum of binary logistic regressions, one per boundary, plus a term in
/// the gaps between intercepts. It is concave.
#[derive(Debug, Clone, Copy)]
pub struct Grm;

/// The least gap between two intercepts at the start, where a category is so rare that rounding swallows it.
const MIN_START_GAP: f64 = 1e-3;

impl Family for Grm {
    fn name(&self) -> &'static str {
        "grm"
    }

    fn uses_scores(&self) -> bool {
        false
    }

    fn is_log_concave(&self) -> bool {
        true
    }

    fn parameters(&self, shape: &ItemShape) -> Vec<ItemParameter> {
        slopes_then_intercepts(shape)
    }

    fn is_feasible(&self, shape: &ItemShape, eta: &[f64]) -> bool {
        eta.len() == shape.n_dims + shape.n_categories - 1
            && eta.iter().all(|x| x.is_finite())
            && eta[shape.n_dims..].is_sorted_by(|b, next| next < b)
    }

    fn probabilities(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let z = nodes.predictor(slopes);
        let mut tails = Tails::default();
        out[..z.len()].fill(1.0);
        for (m, b) in intercepts.iter().enumerate() {
            let gap_factor = intercepts.get(m + 1).map_or(1.0, |next| -(next - b).exp_m1());
            tails.at(*b, &z);
            let (below, above) = boundary_rows(out, z.len(), m);
            for ((z, tail), (below, above)) in z.iter().zip(&tails.tail).zip(below.iter_mut().zip(above)) {
                let at = Logistic::of(b + z, *tail);
                *below *= at.lower;
                *above = at.upper * gap_factor;
            }
        }
    }

    fn expected_loglik(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64]) -> f64 {
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let z = nodes.predictor(slopes);
        let mut tails = Tails::default();
        let mut value = 0.0;
        for (m, b) in intercepts.iter().enumerate() {
            let (n_below, n_above) = adjacent_counts(counts, z.len(), m);
            tails.with_logs(*b, &z);
            for ((z, log_rest), (n_below, n_above)) in z.iter().zip(&tails.log_rest).zip(n_below.iter().zip(n_above)) {
                value += boundary_loglik(b + z, *log_rest, *n_below, *n_above);
            }
        }
        value + gaps(intercepts, counts, z.len()).map(|gap| gap.value()).sum::<f64>()
    }

    fn derivatives(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives) {
        out.clear();
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let z = nodes.predictor(slopes);
        let (mut first, mut second) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let mut curvature = vec![0.0; z.len()];
        let mut tails = Tails::default();
        for (m, b) in intercepts.iter().enumerate() {
            let (n_below, n_above) = adjacent_counts(counts, z.len(), m);
            tails.with_logs(*b, &z);
            let mut gradient = 0.0;
            for l in 0..z.len() {
                let x = b + z[l];
                let at = Logistic::of(x, tails.tail[l]);
                let residual = n_above[l] * at.lower - n_below[l] * at.upper;
                curvature[l] = -(n_above[l] + n_below[l]) * at.slope();
                out.value += boundary_loglik(x, tails.log_rest[l], n_below[l], n_above[l]);
                gradient += residual;
                first[l] += residual;
                second[l] += curvature[l];
            }
            let i = shape.n_dims + m;
            out.gradient[i] += gradient;
            out.add_second(i, i, sum(&curvature));
            out.add_slopes_with(nodes, i, &curvature);
        }
        for (i, gap) in (shape.n_dims..).zip(gaps(intercepts, counts, z.len())) {
            let (slope, bend) = (gap.n * gap.odds(), gap.n * gap.odds() * (1.0 + gap.odds()));
            out.value += gap.value();
            out.gradient[i] += slope;
            out.gradient[i + 1] -= slope;
            out.add_second(i, i, -bend);
            out.add_second(i, i + 1, bend);
            out.add_second(i + 1, i + 1, -bend);
        }
        out.add_slopes(nodes, &first, &second);
        out.mirror();
    }

    fn scores(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let z = nodes.predictor(slopes);
        let n_cells = shape.n_categories * z.len();
        let mut first = vec![0.0; n_cells];
        let (slope_tables, intercept_tables) = out.split_at_mut(shape.n_dims * n_cells);
        intercept_tables.fill(0.0);
        for ((m, b), table) in intercepts.iter().enumerate().zip(intercept_tables.chunks_exact_mut(n_cells)) {
            let before = m.checked_sub(1).map_or(0.0, |k| gap_odds(intercepts[k], *b));
            let after = intercepts.get(m + 1).map_or(0.0, |next| gap_odds(*b, *next));
            let (below, above) = boundary_rows(table, z.len(), m);
            let (first_below, first_above) = boundary_rows(&mut first, z.len(), m);
            for l in 0..z.len() {
                let at = Logistic::at(b + z[l]);
                first_below[l] -= at.upper;
                first_above[l] = at.lower;
                below[l] = -at.upper - before;
                above[l] = at.lower + after;
            }
        }
        slope_scores(nodes, &first, slope_tables);
    }

    fn at_predictor(&self, shape: &ItemShape, eta: &[f64], z: f64, code: usize, at: &mut AtPredictor) -> f64 {
        let intercepts = &eta[shape.n_dims..];
        at.resize(shape.n_categories);
        (at.probabilities[0], at.first[0], at.second[0]) = (1.0, 0.0, 0.0);
        let mut log_p = 0.0;
        for (m, b) in intercepts.iter().enumerate() {
            let x = b + z;
            let curve = Logistic::at(x);
            let gap = intercepts.get(m + 1).map(|next| next - b);
            at.probabilities[m] *= curve.lower;
            at.first[m] -= curve.upper;
            at.second[m] -= curve.slope();
            at.probabilities[m + 1] = curve.upper * gap.map_or(1.0, |gap| -gap.exp_m1());
            (at.first[m + 1], at.second[m + 1]) = (curve.lower, -curve.slope());
            if m == code {
                log_p += boundary_loglik(x, curve.log_rest(), 1.0, 0.0);
            } else if m + 1 == code {
                log_p += boundary_loglik(x, curve.log_rest(), 0.0, 1.0) + gap.map_or(0.0, log_one_minus_exp);
            }
        }
        log_p
    }

    /// The sum of the variances of the answers at the two boundaries, a quarter each at most.
    fn curvature_bound(&self, _shape: &ItemShape) -> f64 {
        0.5
    }

    /// Logits of the cumulative proportions, stretched by what a normal attribute flattens.
    fn start(&self, _shape: &ItemShape, proportions: &[f64], slopes: &[f64]) -> Vec<f64> {
        let stretch = attenuation(slopes);
        let mut eta = slopes.to_vec();
        let mut ceiling = f64::INFINITY;
        for m in 1..proportions.len() {
            let (below, above) = proportions.split_at(m);
            let b = stretch * (above.iter().sum::<f64>() / below.iter().sum::<f64>()).ln();
            eta.push(b.min(ceiling));
            ceiling = eta[eta.len() - 1] - MIN_START_GAP;
        }
        eta
    }
}

/// The rows of a table `(M, K)` below and above boundary `m` (0-based).
fn boundary_rows(table: &mut [f64], n_nodes: usize, m: usize) -> (&mut [f64], &mut [f64]) {
    table[m * n_nodes..(m + 2) * n_nodes].split_at_mut(n_nodes)
}

/// The counts in the categories below and above boundary `m` (0-based), each `(K)`.
fn adjacent_counts(counts: &[f64], n_nodes: usize, m: usize) -> (&[f64], &[f64]) {
    counts[m * n_nodes..(m + 2) * n_nodes].split_at(n_nodes)
}

/// The gap between the intercepts on either side of a middle category, with the category's count over all nodes.
struct Gap {
    upper: f64,
    lower: f64,
    n: f64,
}

impl Gap {
    /// The count times `log w_m`.
    fn value(&self) -> f64 {
        if self.n == 0.0 { 0.0 } else { self.n * log_one_minus_exp(self.lower - self.upper) }
    }

    /// The derivative of `log w_m` in the upper intercept.
    fn odds(&self) -> f64 {
        gap_odds(self.upper, self.lower)
    }
}

/// `(1 - w) / w` for the factor `w = 1 - exp(lower - upper)`.
fn gap_odds(upper: f64, lower: f64) -> f64 {
    1.0 / (upper - lower).exp_m1()
}

/// The gaps of all middle categories, in order.
fn gaps<'a>(intercepts: &'a [f64], counts: &'a [f64], n_nodes: usize) -> impl Iterator<Item = Gap> + 'a {
    let middle = counts[n_nodes..].chunks_exact(n_nodes);
    intercepts.windows(2).zip(middle).map(|(b, counts)| Gap { upper: b[0], lower: b[1], n: sum(counts) })
}
