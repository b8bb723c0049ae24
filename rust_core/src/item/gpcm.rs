//! The generalised partial credit function: a multinomial logit whose categories rise with their scores.

use super::chain::{add, slope_scores};
use super::{AtPredictor, Derivatives, Family, ItemParameter, ItemShape, Nodes, binary, slopes_then_intercepts};
use crate::e_step::ln_scaled;
use crate::elementary::{exp, exp_all, ln_all};
use crate::lanes::{dot, sum};

/// Generalised partial credit (the paper's equation 10): the logit of category `m` against category 0 is
/// `u_m = b_m + (s_m - s_0) z`, with `b_0 = 0`.
///
/// Scores are any real numbers; only their differences matter. Without attributes the intercepts are a free
/// multinomial, the response function of latent class models.
#[derive(Debug, Clone, Copy)]
pub struct Gpcm;

/// Passes of the contraction in [`Family::start`]: proportions in five categories are then within .02 for
/// slopes up to 3.
const N_START_PASSES: usize = 10;
/// The largest change of an intercept in one of these passes.
const MAX_START_STEP: f64 = 3.0;
/// Half the number of intervals of the grid that these passes integrate on, and its half width in standard deviations.
const START_GRID: (i32, f64) = (12, 4.0);
/// Log-odds beyond which a probability is 0 or 1 for every purpose: it is within 1e-11 of it.
const LOG_ODDS_BOUND: f64 = 25.0;

impl Family for Gpcm {
    fn name(&self) -> &'static str {
        "gpcm"
    }

    fn uses_scores(&self) -> bool {
        true
    }

    fn is_log_concave(&self) -> bool {
        true
    }

    fn parameters(&self, shape: &ItemShape) -> Vec<ItemParameter> {
        slopes_then_intercepts(shape)
    }

    fn is_feasible(&self, shape: &ItemShape, eta: &[f64]) -> bool {
        eta.len() == shape.n_dims + shape.n_categories - 1 && eta.iter().all(|x| x.is_finite())
    }

    fn probabilities(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        if let Some(logits) = binary_logits(shape, eta, nodes) {
            return binary::probabilities(&logits, out);
        }
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        centred_logits(shape, intercepts, &nodes.predictor(slopes), out);
        normalise(nodes.n_nodes, out);
    }

    fn expected_loglik(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64]) -> f64 {
        if let Some(logits) = binary_logits(shape, eta, nodes) {
            return binary::expected_loglik(&logits, counts);
        }
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let mut table = vec![0.0; counts.len()];
        centred_logits(shape, intercepts, &nodes.predictor(slopes), &mut table);
        let linear = dot(counts, &table);
        let totals = normalise(nodes.n_nodes, &mut table);
        linear - log_divisors(&column_sums(nodes.n_nodes, counts), totals)
    }

    fn derivatives(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives) {
        out.clear();
        if let Some(logits) = binary_logits(shape, eta, nodes) {
            return binary_derivatives(shape, &logits, nodes, counts, out);
        }
        let (slopes, intercepts) = eta.split_at(shape.n_dims);
        let n_nodes = nodes.n_nodes;
        let mut p = vec![0.0; counts.len()];
        centred_logits(shape, intercepts, &nodes.predictor(slopes), &mut p);
        let linear = dot(counts, &p);
        let totals = normalise(n_nodes, &mut p);
        let n_at_node = column_sums(n_nodes, counts);
        out.value = linear - log_divisors(&n_at_node, totals);

        let mean = mean_scores(shape, n_nodes, &p);
        let (mut first, mut second) = (vec![0.0; n_nodes], vec![0.0; n_nodes]);
        let (mut expected, mut mixed) = (vec![0.0; n_nodes], vec![0.0; n_nodes]);
        for m in 0..shape.n_categories {
            let (p_m, counts_m) = (row(&p, n_nodes, m), row(counts, n_nodes, m));
            let s_m = shape.scores[m] - shape.scores[0];
            for l in 0..n_nodes {
                let score = s_m - mean[l];
                expected[l] = n_at_node[l] * p_m[l];
                mixed[l] = -expected[l] * score;
                first[l] += counts_m[l] * score;
                second[l] += mixed[l] * score;
            }
            if m == 0 {
                continue;
            }
            let i = shape.n_dims + m - 1;
            let total = sum(&expected);
            out.gradient[i] = sum(counts_m) - total;
            out.add_slopes_with(nodes, i, &mixed);
            for k in 1..=m {
                out.add_second(shape.n_dims + k - 1, i, dot(&expected, row(&p, n_nodes, k)));
            }
            out.add_second(i, i, -total);
        }
        out.add_slopes(nodes, &first, &second);
        out.mirror();
    }

    fn scores(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let n_nodes = nodes.n_nodes;
        let n_cells = shape.n_categories * n_nodes;
        let mut p = vec![0.0; n_cells];
        self.probabilities(shape, eta, nodes, &mut p);
        let mut first = vec![0.0; n_cells];
        predictor_scores(shape, n_nodes, &p, &mut first);
        let (slopes, intercepts) = out.split_at_mut(shape.n_dims * n_cells);
        slope_scores(nodes, &first, slopes);
        for (i, table) in intercepts.chunks_exact_mut(n_cells).enumerate() {
            let p_i = row(&p, n_nodes, i + 1);
            for (m, out) in table.chunks_exact_mut(n_nodes).enumerate() {
                let observed = if m == i + 1 { 1.0 } else { 0.0 };
                for (out, p) in out.iter_mut().zip(p_i) {
                    *out = observed - p;
                }
            }
        }
    }

    fn at_predictor(&self, shape: &ItemShape, eta: &[f64], z: f64, code: usize, at: &mut AtPredictor) -> f64 {
        let (intercepts, s) = (&eta[shape.n_dims..], &shape.scores);
        if shape.n_categories == 2 {
            return binary::at_predictor(intercepts[0], s[1] - s[0], z, code, at);
        }
        at.resize(shape.n_categories);
        let AtPredictor { probabilities, first, second } = at;
        probabilities[0] = 0.0;
        for ((logit, b), s_m) in probabilities[1..].iter_mut().zip(intercepts).zip(&s[1..]) {
            *logit = b + (s_m - s[0]) * z;
        }
        let largest = probabilities.iter().fold(0.0, |a: f64, &b| a.max(b));
        let log_p = probabilities[code] - largest;
        probabilities.iter_mut().for_each(|p| *p = exp(*p - largest));
        let total: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= total);
        let mean: f64 = probabilities.iter().zip(s).map(|(p, s_m)| p * (s_m - s[0])).sum();
        first.iter_mut().zip(s).for_each(|(first, s_m)| *first = s_m - s[0] - mean);
        // The curvature is minus the variance of the score, whatever the category.
        second.fill(-probabilities.iter().zip(&*first).map(|(p, d)| p * d * d).sum::<f64>());
        log_p - ln_scaled(total, 0.0)
    }

    /// The variance of the category scores, which is at most a quarter of their squared range.
    fn curvature_bound(&self, shape: &ItemShape) -> f64 {
        let (low, high) =
            shape.scores.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(*s), h.max(*s)));
        0.25 * (high - low) * (high - low)
    }

    /// Log ratios to category 0, then Berry, Levinsohn and Pakes' (1995) contraction `b_m += log(proportion / p_m)`,
    /// where `p_m` is integrated over the predictor's normal distribution.
    fn start(&self, shape: &ItemShape, proportions: &[f64], slopes: &[f64]) -> Vec<f64> {
        let mut b: Vec<f64> = proportions.iter().map(|p| (p / proportions[0]).ln()).collect();
        let sd = dot(slopes, slopes).sqrt();
        let (half, width) = START_GRID;
        let x: Vec<f64> = (-half..=half).map(|l| f64::from(l) * width / f64::from(half)).collect();
        let density: Vec<f64> = x.iter().map(|x| (-0.5 * x * x).exp()).collect();
        let mass = sum(&density);
        let z: Vec<f64> = x.iter().map(|x| sd * x).collect();
        let mut p = vec![0.0; b.len() * z.len()];
        for _ in 0..N_START_PASSES {
            centred_logits(shape, &b[1..], &z, &mut p);
            normalise(z.len(), &mut p);
            for ((b, p), target) in b.iter_mut().zip(p.chunks_exact(z.len())).zip(proportions) {
                *b += (target * mass / dot(p, &density)).ln().clamp(-MAX_START_STEP, MAX_START_STEP);
            }
            let first = b[0];
            b.iter_mut().for_each(|b| *b -= first);
        }
        slopes.iter().chain(&b[1..]).copied().collect()
    }

    /// Log ratios of the counts to that of category 0, no more than `LOG_ODDS_BOUND` from 0.
    fn maximum_without_attributes(&self, _: &ItemShape, counts: &[f64]) -> Option<Vec<f64>> {
        let largest = counts.iter().fold(0.0_f64, |a, &b| a.max(b));
        if largest <= 0.0 {
            return None;
        }
        // An empty category 0 is given what keeps the ratios of all others as they are.
        let reference = counts[0].max(largest * (-LOG_ODDS_BOUND).exp());
        let log_odds = |n: &f64| (n / reference).ln().clamp(-LOG_ODDS_BOUND, LOG_ODDS_BOUND);
        Some(counts[1..].iter().map(log_odds).collect())
    }
}

/// The logits (`K`) of the second of two categories; nothing where there are more.
fn binary_logits(shape: &ItemShape, eta: &[f64], nodes: Nodes) -> Option<Vec<f64>> {
    if shape.n_categories != 2 {
        return None;
    }
    let (slopes, intercepts) = eta.split_at(shape.n_dims);
    let s = shape.scores[1] - shape.scores[0];
    let mut logits = nodes.predictor(slopes);
    logits.iter_mut().for_each(|x| *x = intercepts[0] + s * *x);
    Some(logits)
}

/// The derivatives of an item with two categories, added to `out`.
fn binary_derivatives(shape: &ItemShape, logits: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives) {
    let (mut first, mut second) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
    out.value = binary::derivatives(logits, counts, &mut first, &mut second);
    let (s, i) = (shape.scores[1] - shape.scores[0], shape.n_dims);
    out.gradient[i] = sum(&first);
    out.add_second(i, i, sum(&second));
    first.iter_mut().for_each(|x| *x *= s);
    second.iter_mut().for_each(|x| *x *= s);
    out.add_slopes_with(nodes, i, &second);
    second.iter_mut().for_each(|x| *x *= s);
    out.add_slopes(nodes, &first, &second);
    out.mirror();
}

/// Row `m` of a table `(M, K)`.
fn row(table: &[f64], n_nodes: usize, m: usize) -> &[f64] {
    &table[m * n_nodes..(m + 1) * n_nodes]
}

/// Sums over the categories of a table `(M, K)`, node by node.
fn column_sums(n_nodes: usize, table: &[f64]) -> Vec<f64> {
    let mut total = vec![0.0; n_nodes];
    table.chunks_exact(n_nodes).for_each(|row| add(row, &mut total));
    total
}

/// Logits less the largest of their node, `out (M, K)`: none is above 0, so that none overflows.
fn centred_logits(shape: &ItemShape, intercepts: &[f64], z: &[f64], out: &mut [f64]) {
    let mut largest = vec![0.0; z.len()];
    let (reference, rest) = out.split_at_mut(z.len());
    for ((u_m, b), s) in rest.chunks_exact_mut(z.len()).zip(intercepts).zip(&shape.scores[1..]) {
        let s = s - shape.scores[0];
        for ((u, z), largest) in u_m.iter_mut().zip(z).zip(&mut largest) {
            *u = b + s * z;
            *largest = if *u > *largest { *u } else { *largest };
        }
    }
    for (u, largest) in reference.iter_mut().zip(&largest) {
        *u = -largest;
    }
    for u_m in rest.chunks_exact_mut(z.len()) {
        for (u, largest) in u_m.iter_mut().zip(&largest) {
            *u -= largest;
        }
    }
}

/// Turns centred logits `(M, K)` into probabilities; returns each node's divisor (`K`).
fn normalise(n_nodes: usize, table: &mut [f64]) -> Vec<f64> {
    exp_all(table);
    let total = column_sums(n_nodes, table);
    for row in table.chunks_exact_mut(n_nodes) {
        for (p, total) in row.iter_mut().zip(&total) {
            *p /= total;
        }
    }
    total
}

/// What the divisors of [`normalise`] take from an expected log-likelihood: `sum_l n_l log total_l`.
fn log_divisors(n_at_node: &[f64], mut totals: Vec<f64>) -> f64 {
    ln_all(&mut totals);
    dot(n_at_node, &totals)
}

/// Expected score at each node (`K`), counted from that of category 0.
fn mean_scores(shape: &ItemShape, n_nodes: usize, p: &[f64]) -> Vec<f64> {
    let mut mean = vec![0.0; n_nodes];
    for (p_m, s) in p.chunks_exact(n_nodes).zip(&shape.scores) {
        let s = s - shape.scores[0];
        for (mean, p) in mean.iter_mut().zip(p_m) {
            *mean += s * p;
        }
    }
    mean
}

/// First derivatives of `log p(m | z)` in the predictor, `out (M, K)`: score less expected score.
fn predictor_scores(shape: &ItemShape, n_nodes: usize, p: &[f64], out: &mut [f64]) {
    let mean = mean_scores(shape, n_nodes, p);
    for (out, s) in out.chunks_exact_mut(n_nodes).zip(&shape.scores) {
        let s = s - shape.scores[0];
        for (out, mean) in out.iter_mut().zip(&mean) {
            *out = s - mean;
        }
    }
}
