//! Item families: how the probability of a response depends on the attributes.
//!
//! A family is one file and one entry in [`FAMILIES`]. It works on whole node tables, so that dynamic dispatch costs
//! one call per item, group and cycle. Everything the engine asks of a family depends on the attributes only through
//! the linear predictor `z_l = sum_j a_j theta_jl`.

mod binary;
mod chain;
mod curves;
mod gpcm;
mod grm;
mod logistic;
mod three_pl;

#[cfg(test)]
#[path = "../../tests/worked_examples/cloglog.rs"]
mod cloglog;

pub use curves::Curves;
pub use gpcm::Gpcm;
pub use grm::Grm;
pub use three_pl::ThreePl;

use crate::encode::MAX_CATEGORIES;

/// Every item family, in the order in which they are listed to users.
pub static FAMILIES: &[&dyn Family] = &[&Gpcm, &Grm, &ThreePl];

/// The family of that name.
pub fn family(name: &str) -> Option<&'static dyn Family> {
    FAMILIES.iter().copied().find(|f| f.name() == name)
}

/// What an item looks like to its family in one group.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemShape {
    /// Number of attributes the item measures there (its slopes); 0 in a latent class model.
    pub n_dims: usize,
    /// Number of response categories `M_i`.
    pub n_categories: usize,
    /// Category scores `s_im` (`n_categories`): any real numbers; only families with
    /// [`Family::uses_scores`] read them.
    pub scores: Vec<f64>,
}

/// The attribute values an item is tabulated on: `theta (n_dims, n_nodes)`, one attribute after the other.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// `theta[j * n_nodes + l]` is attribute `j` at node `l`.
    pub theta: &'a [f64],
    /// Number of nodes `K`; 1 where there is no attribute.
    pub n_nodes: usize,
}

impl<'a> Nodes<'a> {
    /// The nodes' values on each attribute in turn, each `(K)`.
    fn axes(self) -> impl Iterator<Item = &'a [f64]> {
        self.theta.chunks_exact(self.n_nodes)
    }

    /// The linear predictor (`K`) of these slopes.
    fn predictor(self, slopes: &[f64]) -> Vec<f64> {
        let mut z = vec![0.0; self.n_nodes];
        linear_predictor(slopes, self, &mut z);
        z
    }
}

/// One parameter of an item, as its family lays them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemParameter {
    /// `a_ij`, for the `j`-th attribute the item measures (0-based).
    Slope(usize),
    /// `b_im`, for category `m` (1-based; category 0 has none).
    Intercept(usize),
    /// `c'_i`, the logit of the guessing probability; minus infinity stands for a probability fixed at 0.
    Guessing,
}

/// Value, gradient and Hessian of an expected log-likelihood in the parameters of one item or distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivatives {
    /// The function itself.
    pub value: f64,
    /// First derivatives (`n`).
    pub gradient: Vec<f64>,
    /// Second derivatives (`n x n`, row-major, symmetric).
    pub hessian: Vec<f64>,
}

impl Derivatives {
    /// All zero, for `n` parameters.
    pub fn zeros(n: usize) -> Self {
        Self { value: 0.0, gradient: vec![0.0; n], hessian: vec![0.0; n * n] }
    }

    /// Back to zero, keeping the memory.
    pub fn clear(&mut self) {
        self.value = 0.0;
        self.gradient.fill(0.0);
        self.hessian.fill(0.0);
    }
}

/// An item's categories at one linear predictor `z`. Gradient and Hessian of `log p(m | theta)` in theta are `a * first` and
/// `a a' * second`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AtPredictor {
    /// `p(m | z) (M)`.
    pub probabilities: Vec<f64>,
    /// First derivative of `log p(m | z)` in `z` (`M`).
    pub first: Vec<f64>,
    /// The second derivative (`M`).
    pub second: Vec<f64>,
}

impl AtPredictor {
    /// Room for `n` categories, whatever it holds.
    pub fn resize(&mut self, n: usize) {
        self.probabilities.resize(n, 0.0);
        self.first.resize(n, 0.0);
        self.second.resize(n, 0.0);
    }

    /// The expected information, and `sum P' P'' / P` over the categories, in the linear predictor.
    pub fn moments(&self) -> (f64, f64) {
        let (mut information, mut skew) = (0.0, 0.0);
        for ((p, u), v) in self.probabilities.iter().zip(&self.first).zip(&self.second) {
            // P' = P u and P'' = P (v + u^2).
            information += p * u * u;
            skew += p * u * (v + u * u);
        }
        (information, skew)
    }

    /// Both categories of a binary item.
    pub fn set_binary(&mut self, probabilities: [f64; 2], first: [f64; 2], second: [f64; 2]) {
        self.resize(2);
        self.probabilities.copy_from_slice(&probabilities);
        self.first.copy_from_slice(&first);
        self.second.copy_from_slice(&second);
    }
}

/// A response function.
///
/// `eta` is always the item's parameter vector in the order of [`Family::parameters`], and feasible, except where
/// [`Family::is_feasible`] is asked; what a family makes of any other is not defined. Tables over categories and nodes
/// are `(M, K)`, the nodes of one category contiguous, with at least one node. Everything is computed from logits, so
/// that no logarithm is infinite where its probability is only too small for a floating-point number.
pub trait Family: Send + Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// The largest number of categories the family can take (the smallest is 2): as many as there are codes for, unless
    /// the family says less.
    fn max_categories(&self) -> usize {
        MAX_CATEGORIES
    }

    /// Whether the real-valued category scores enter the response function.
    fn uses_scores(&self) -> bool;

    /// Whether `log p(m | z)` is concave in the linear predictor for every category, whatever the parameters. Where it is
    /// not, a likelihood can have several maxima, and they are searched for.
    fn is_log_concave(&self) -> bool {
        false
    }

    /// The parameters, in order: slopes, intercepts by category, then the rest.
    fn parameters(&self, shape: &ItemShape) -> Vec<ItemParameter>;

    /// Whether `eta` gives probabilities at all (ordered graded intercepts, finite values).
    fn is_feasible(&self, shape: &ItemShape, eta: &[f64]) -> bool;

    /// Response probabilities `p(x = m | theta_l)`, `out (M, K)`, without cancellation and never negative.
    fn probabilities(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]);

    /// `sum_lm counts[m, l] log p(m | theta_l)` with `counts (M, K)`; a count of 0 contributes 0 whatever the
    /// probability. The item's part of the paper's equation 8.
    fn expected_loglik(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64]) -> f64;

    /// Value, gradient and Hessian of [`Family::expected_loglik`] in `eta`, analytic, written over `out`.
    fn derivatives(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives);

    /// First derivatives of `log p(m | theta_l)` in every parameter: `out (n_parameters, M, K)`. Standard errors need
    /// them respondent by respondent.
    fn scores(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]);

    /// What there is to know of all categories at one linear predictor `z`, written over `at`; returns `log p(code | z)`.
    /// Estimates of single respondents ask for it again and again.
    fn at_predictor(&self, shape: &ItemShape, eta: &[f64], z: f64, code: usize, at: &mut AtPredictor) -> f64;

    /// A bound of `-d^2 log p(m | z) / dz^2` over all predictors and categories, whatever the parameters: how far a
    /// likelihood can bend between the nodes of a grid. Infinite where there is none; plausible values cannot then be
    /// drawn.
    fn curvature_bound(&self, shape: &ItemShape) -> f64;

    /// Start values from the observed category proportions (`M`, each positive, sum 1) and a first guess at the
    /// slopes (`n_dims`), for a standard normal attribute: intercepts that reproduce the proportions approximately.
    fn start(&self, shape: &ItemShape, proportions: &[f64], slopes: &[f64]) -> Vec<f64>;

    /// The maximum of [`Family::expected_loglik`] without attributes, where `counts (M)` are all there is to fit and no
    /// parameter is constrained; `None` where there is no closed form.
    fn maximum_without_attributes(&self, shape: &ItemShape, counts: &[f64]) -> Option<Vec<f64>> {
        let _ = (shape, counts);
        None
    }
}

/// The linear predictor `z_l = sum_j a_j theta_jl` (`K`).
pub fn linear_predictor(slopes: &[f64], nodes: Nodes, z: &mut [f64]) {
    z.fill(0.0);
    for (a, theta) in slopes.iter().zip(nodes.axes()) {
        for (z, t) in z.iter_mut().zip(theta) {
            *z += a * t;
        }
    }
}

/// The parameters that every family has: a slope per attribute and an intercept per category but the first.
fn slopes_then_intercepts(shape: &ItemShape) -> Vec<ItemParameter> {
    let slopes = (0..shape.n_dims).map(ItemParameter::Slope);
    slopes.chain((1..shape.n_categories).map(ItemParameter::Intercept)).collect()
}

#[cfg(test)]
mod tests {
    use super::cloglog::Cloglog;
    use super::*;

    /// Against central differences: 1e-10 of truncation and of rounding.
    const DIFFERENCES: f64 = 1e-8;

    /// The family of `docs/adding-an-item-family.md`, which is entered nowhere.
    #[test]
    fn the_worked_example_is_a_family() {
        let shape = ItemShape { n_dims: 1, n_categories: 2, scores: vec![0.0, 1.0] };
        let nodes = Nodes { theta: &[-1.5, -0.2, 0.7], n_nodes: 3 };
        let counts = [3.0, 2.0, 1.0, 0.5, 2.5, 4.0];
        let eta = Cloglog.start(&shape, &[0.4, 0.6], &[0.8]);
        assert!(Cloglog.is_feasible(&shape, &eta));
        let mut exact = Derivatives::zeros(2);
        Cloglog.derivatives(&shape, &eta, nodes, &counts, &mut exact);
        for (j, gradient) in exact.gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut eta = eta.clone();
                eta[j] += by;
                Cloglog.expected_loglik(&shape, &eta, nodes, &counts)
            };
            let h = 1e-5;
            assert!((gradient - (moved(h) - moved(-h)) / (2.0 * h)).abs() < DIFFERENCES, "{j}");
        }
    }
}
