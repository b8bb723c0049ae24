//! The complementary log-log function: a binary item whose curve rises slowly and ends steeply.

use super::chain::slope_scores;
use super::logistic::log_one_minus_exp;
use super::{AtPredictor, Derivatives, Family, ItemParameter, ItemShape, Nodes, slopes_then_intercepts};
use crate::lanes::sum;

/// Complementary log-log: `p_0 = exp(-u)`, `p_1 = 1 - exp(-u)` with `u = exp(b + z)`.
///
/// With `r = u / (e^u - 1)`, `log p_1` has derivatives `r` and `r (1 - r - u)` in the predictor, and `log p_0 = -u` has
/// `-u` twice.
#[derive(Debug, Clone, Copy)]
pub struct Cloglog;

/// Halvings of the interval in which the start looks for its intercept, and the half width of that interval.
const START_BISECTION: (u32, f64) = (40, 20.0);

impl Family for Cloglog {
    fn name(&self) -> &'static str {
        "cloglog"
    }

    fn max_categories(&self) -> usize {
        2
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
        eta.len() == shape.n_dims + 1 && eta.iter().all(|x| x.is_finite())
    }

    fn probabilities(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (below, above) = out.split_at_mut(nodes.n_nodes);
        for ((x, p0), p1) in predictor(shape, eta, nodes).into_iter().zip(below).zip(above) {
            let u = x.exp();
            *p0 = (-u).exp();
            *p1 = -(-u).exp_m1();
        }
    }

    fn expected_loglik(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64]) -> f64 {
        let (n_0, n_1) = counts.split_at(nodes.n_nodes);
        let terms = predictor(shape, eta, nodes).into_iter().zip(n_0).zip(n_1);
        terms.map(|((x, n_0), n_1)| At::new(x).loglik(*n_0, *n_1)).sum()
    }

    fn derivatives(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives) {
        out.clear();
        let (n_0, n_1) = counts.split_at(nodes.n_nodes);
        let (mut first, mut second) = (vec![0.0; nodes.n_nodes], vec![0.0; nodes.n_nodes]);
        for (l, x) in predictor(shape, eta, nodes).into_iter().enumerate() {
            let at = At::new(x);
            first[l] = n_1[l] * at.r - n_0[l] * at.u;
            second[l] = n_1[l] * at.second() - n_0[l] * at.u;
            out.value += at.loglik(n_0[l], n_1[l]);
        }
        let b = shape.n_dims;
        out.gradient[b] = sum(&first);
        out.add_second(b, b, sum(&second));
        out.add_slopes_with(nodes, b, &second);
        out.add_slopes(nodes, &first, &second);
        out.mirror();
    }

    fn scores(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (slopes, first) = out.split_at_mut(shape.n_dims * 2 * nodes.n_nodes);
        for (l, x) in predictor(shape, eta, nodes).into_iter().enumerate() {
            let at = At::new(x);
            first[l] = -at.u;
            first[nodes.n_nodes + l] = at.r;
        }
        slope_scores(nodes, first, slopes);
    }

    fn at_predictor(&self, shape: &ItemShape, eta: &[f64], z: f64, code: usize, at: &mut AtPredictor) -> f64 {
        let here = At::new(eta[shape.n_dims] + z);
        let p_0 = (-here.u).exp();
        at.set_binary([p_0, -(-here.u).exp_m1()], [-here.u, here.r], [-here.u, here.second()]);
        if code == 0 { here.loglik(1.0, 0.0) } else { here.loglik(0.0, 1.0) }
    }

    /// None: the curvature of `log p_0` is `u`.
    fn curvature_bound(&self, _shape: &ItemShape) -> f64 {
        f64::INFINITY
    }

    /// The intercept at which the proportion, integrated over the predictor's normal distribution, is the observed one.
    fn start(&self, _shape: &ItemShape, proportions: &[f64], slopes: &[f64]) -> Vec<f64> {
        let sd = slopes.iter().map(|a| a * a).sum::<f64>().sqrt();
        let nodes: Vec<f64> = (-12..=12).map(|l| f64::from(l) / 3.0).collect();
        let mass: f64 = nodes.iter().map(|x| (-0.5 * x * x).exp()).sum();
        let incorrect = |b: f64| -> f64 {
            let terms = nodes.iter().map(|x| (-0.5 * x * x - (b + sd * x).exp()).exp());
            terms.sum::<f64>() / mass
        };
        let (halvings, width) = START_BISECTION;
        let (mut low, mut high) = (-width, width);
        for _ in 0..halvings {
            let middle = 0.5 * (low + high);
            if incorrect(middle) > proportions[0] { low = middle } else { high = middle }
        }
        slopes.iter().copied().chain([0.5 * (low + high)]).collect()
    }
}

/// `x = b + z (K)`.
fn predictor(shape: &ItemShape, eta: &[f64], nodes: Nodes) -> Vec<f64> {
    let (slopes, intercept) = eta.split_at(shape.n_dims);
    let mut x = nodes.predictor(slopes);
    x.iter_mut().for_each(|x| *x += intercept[0]);
    x
}

/// The function at one node.
struct At {
    x: f64,
    /// `exp(x)`.
    u: f64,
    /// `u / (e^u - 1)`, 1 where `u` underflows.
    r: f64,
}

impl At {
    /// Beyond this predictor `log p_0` is below `-e^600` and stays there, so that its derivatives stay finite.
    const LARGEST: f64 = 600.0;

    fn new(x: f64) -> Self {
        let u = x.min(Self::LARGEST).exp();
        Self { x, u, r: if u > 0.0 { u / u.exp_m1() } else { 1.0 } }
    }

    /// `n_0 log p_0 + n_1 log p_1`; for small `u`, `log p_1` is `x` less `u / 2`.
    fn loglik(&self, n_0: f64, n_1: f64) -> f64 {
        const SMALL: f64 = 1e-9;
        let log_p1 = if self.u < SMALL { self.x - 0.5 * self.u } else { log_one_minus_exp(-self.u) };
        n_1 * log_p1 - n_0 * self.u
    }

    /// The second derivative of `log p_1`.
    fn second(&self) -> f64 {
        self.r * (1.0 - self.r - self.u)
    }
}
