//! Random items on random nodes, and differences to compare derivatives with.

use mixirt_core::item::{AtPredictor, Derivatives, Family, ItemShape, Nodes};
use proptest::collection::vec;
use proptest::prelude::*;

/// Step of the five-point differences.
const STEP: f64 = 2.5e-4;
/// How far from the edge of what is feasible items are drawn: it bounds their higher derivatives.
const MARGIN: f64 = 0.04;
/// The most categories that are drawn.
const MAX_CATEGORIES: usize = 6;
/// The most nodes: more than two vectors of eight.
const MAX_NODES: usize = 19;

/// An item of a family at some parameters, with nodes and counts to evaluate it on.
#[derive(Clone)]
pub struct Case {
    /// The family under test.
    pub family: &'static dyn Family,
    /// What the item looks like to it.
    pub shape: ItemShape,
    /// The parameters.
    pub eta: Vec<f64>,
    /// `(n_dims, K)`.
    pub theta: Vec<f64>,
    /// `K`.
    pub n_nodes: usize,
    /// `(M, K)`.
    pub counts: Vec<f64>,
    /// The category proportions (`M`) that the parameters started from.
    pub proportions: Vec<f64>,
    /// The slopes (`n_dims`) that they started from.
    pub slopes: Vec<f64>,
}

/// Numbers enough for an item of any family.
#[derive(Debug, Clone)]
pub struct Draw {
    n_dims: usize,
    n_categories: usize,
    n_nodes: usize,
    slopes: Vec<f64>,
    scores: Vec<f64>,
    frequencies: Vec<f64>,
    changes: Vec<f64>,
    theta: Vec<f64>,
    counts: Vec<f64>,
}

/// Items with 0 to 3 attributes and 2 to 6 categories, a third of the counts zero.
pub fn case() -> impl Strategy<Value = Draw> {
    let sizes = (0..4usize, 2..=MAX_CATEGORIES, 1..=MAX_NODES);
    let item = (vec(-1.5..1.5, 3), vec(-2.0..3.0, MAX_CATEGORIES), vec(0.1..1.0, MAX_CATEGORIES));
    let count = prop_oneof![1 => Just(0.0), 2 => 0.0..20.0];
    let data = (vec(-0.5..0.5, 10), vec(-3.0..3.0, 3 * MAX_NODES), vec(count, MAX_CATEGORIES * MAX_NODES));
    (sizes, item, data).prop_map(|(sizes, (slopes, scores, frequencies), (changes, theta, counts))| {
        let (n_dims, n_categories, n_nodes) = sizes;
        let n_nodes = if n_dims == 0 { 1 } else { n_nodes };
        Draw { n_dims, n_categories, n_nodes, slopes, scores, frequencies, changes, theta, counts }
    })
}

impl Draw {
    /// The item of that family: its start values, changed at random as far as is feasible.
    pub fn of(&self, family: &'static dyn Family) -> Case {
        let (n_dims, n_nodes) = (self.n_dims, self.n_nodes);
        let n_categories = self.n_categories.min(family.max_categories());
        let shape = ItemShape { n_dims, n_categories, scores: self.scores[..n_categories].to_vec() };
        let total: f64 = self.frequencies[..n_categories].iter().sum();
        let proportions: Vec<f64> = self.frequencies[..n_categories].iter().map(|f| f / total).collect();
        let slopes = self.slopes[..n_dims].to_vec();
        let start = family.start(&shape, &proportions, &slopes);
        assert_eq!(start[..n_dims], slopes);
        let eta = (0..20)
            .map(|halvings| 0.5f64.powi(halvings))
            .map(|size| start.iter().zip(&self.changes).map(|(s, c)| s + size * c).collect::<Vec<f64>>())
            .find(|eta| is_well_inside(family, &shape, eta))
            .expect("start values are feasible by a margin");
        let theta = self.theta[..n_dims * n_nodes].to_vec();
        let counts = self.counts[..n_categories * n_nodes].to_vec();
        Case { family, shape, eta, theta, n_nodes, counts, proportions, slopes }
    }
}

/// Whether every parameter can be moved by the margin.
fn is_well_inside(family: &dyn Family, shape: &ItemShape, eta: &[f64]) -> bool {
    (0..eta.len()).all(|j| {
        [-MARGIN, MARGIN].iter().all(|change| {
            let mut eta = eta.to_vec();
            eta[j] += change;
            family.is_feasible(shape, &eta)
        })
    })
}

impl Case {
    /// An item that nobody has answered.
    pub fn new(family: &'static dyn Family, shape: ItemShape, eta: Vec<f64>, theta: Vec<f64>) -> Self {
        let n_nodes = theta.len().checked_div(shape.n_dims).unwrap_or(1);
        let counts = vec![0.0; shape.n_categories * n_nodes];
        Self { family, shape, eta, theta, n_nodes, counts, proportions: vec![], slopes: vec![] }
    }

    /// The same response function on one attribute of slope 1, which is then the linear predictor `z (K)`.
    pub fn on_predictor(&self, z: Vec<f64>) -> Self {
        let eta = [&[1.0], &self.eta[self.shape.n_dims..]].concat();
        Self::new(self.family, ItemShape { n_dims: 1, ..self.shape.clone() }, eta, z)
    }

    /// The nodes.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes { theta: &self.theta, n_nodes: self.n_nodes }
    }

    /// The parameters with the `j`-th replaced.
    pub fn with(&self, j: usize, x: f64) -> Vec<f64> {
        let mut eta = self.eta.clone();
        eta[j] = x;
        eta
    }

    /// The expected log-likelihood.
    pub fn loglik(&self, eta: &[f64]) -> f64 {
        self.family.expected_loglik(&self.shape, eta, self.nodes(), &self.counts)
    }

    /// The derivatives, written over rubbish.
    pub fn derivatives(&self, eta: &[f64]) -> Derivatives {
        let n = eta.len();
        let mut out = Derivatives { value: f64::NAN, gradient: vec![f64::NAN; n], hessian: vec![f64::NAN; n * n] };
        self.family.derivatives(&self.shape, eta, self.nodes(), &self.counts, &mut out);
        out
    }

    /// `(M, K)`.
    pub fn probabilities(&self) -> Vec<f64> {
        let mut out = vec![f64::NAN; self.counts.len()];
        self.family.probabilities(&self.shape, &self.eta, self.nodes(), &mut out);
        out
    }

    /// `(M, K)`: the log-likelihood of one answer at a time.
    pub fn log_probabilities(&self, eta: &[f64]) -> Vec<f64> {
        let mut counts = vec![0.0; self.counts.len()];
        let mut value = |i: usize| {
            counts[i] = 1.0;
            let value = self.family.expected_loglik(&self.shape, eta, self.nodes(), &counts);
            counts[i] = 0.0;
            value
        };
        (0..self.counts.len()).map(&mut value).collect()
    }

    /// `(n_parameters, M, K)`.
    pub fn scores(&self) -> Vec<f64> {
        let mut out = vec![f64::NAN; self.eta.len() * self.counts.len()];
        self.family.scores(&self.shape, &self.eta, self.nodes(), &mut out);
        out
    }

    /// First and second, each `(M, K)`.
    pub fn predictor_derivatives(&self, z: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let points: Vec<AtPredictor> = z.iter().map(|z| self.at_predictor(*z, 0).0).collect();
        let table = |of: fn(&AtPredictor) -> &[f64]| {
            (0..self.shape.n_categories).flat_map(|m| points.iter().map(move |at| of(at)[m])).collect()
        };
        (table(|at| &at.first), table(|at| &at.second))
    }

    /// All categories at a linear predictor, and the log-probability of one of them.
    pub fn at_predictor(&self, z: f64, code: usize) -> (AtPredictor, f64) {
        let mut at = AtPredictor::default();
        let log_p = self.family.at_predictor(&self.shape, &self.eta, z, code, &mut at);
        (at, log_p)
    }

    /// Category proportions in a standard normal population, where the predictor is normal too.
    pub fn marginal_proportions(&self) -> Vec<f64> {
        let sd = self.eta[..self.shape.n_dims].iter().map(|a| a * a).sum::<f64>().sqrt();
        let theta: Vec<f64> = (-60..=60).map(|l| f64::from(l) / 10.0).collect();
        let density: Vec<f64> = theta.iter().map(|x| (-0.5 * x * x).exp()).collect();
        let mass: f64 = density.iter().sum();
        let p = self.on_predictor(theta.iter().map(|x| sd * x).collect()).probabilities();
        let average = |row: &[f64]| row.iter().zip(&density).map(|(p, d)| p * d).sum::<f64>() / mass;
        p.chunks_exact(density.len()).map(average).collect()
    }
}

/// A binary item with scores 0 and 1.
pub fn binary_shape(n_dims: usize) -> ItemShape {
    ItemShape { n_dims, n_categories: 2, scores: vec![0.0, 1.0] }
}

/// An item with as many categories as the family can take, up to six.
pub fn extended(family: &dyn Family, n_dims: usize) -> ItemShape {
    let n_categories = family.max_categories().min(MAX_CATEGORIES);
    ItemShape { n_dims, n_categories, scores: (0..n_categories).map(|m| m as f64).collect() }
}

/// Derivatives of every element of `f` at `x`, to the fourth order of the step.
pub fn five_point(x: f64, f: impl Fn(f64) -> Vec<f64>) -> Vec<f64> {
    let [far_below, below, above, far_above] = [-2.0, -1.0, 1.0, 2.0].map(|i| f(x + i * STEP));
    let slope = |i: usize| (far_below[i] - far_above[i] + 8.0 * (above[i] - below[i])) / (12.0 * STEP);
    (0..above.len()).map(slope).collect()
}

/// Equal within `tolerance`, relative to the exact number where that is above 1.
#[track_caller]
pub fn assert_close(found: f64, exact: f64, tolerance: f64, what: &str) {
    let error = (found - exact).abs() / exact.abs().max(1.0);
    assert!(error <= tolerance, "{what}: {found} is not {exact} (off by {error:e})");
}
