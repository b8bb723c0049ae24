//! Random problems for the E-step, and a slow reference that works respondent by respondent in logarithms.
#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::sync::atomic::AtomicBool;

use mixirt_core::e_step::{EStep, GroupCounts, InstructionSet, NodeLayout, NodeProbabilities, Stop, SupportMap};
use mixirt_core::patterns::{CodeMatrix, MISSING, Patterns, Selection};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::close::assert_close;

/// Log-likelihoods differ by rounding in sums of up to a few thousand terms of the same sign.
pub const LOGLIK_TOLERANCE: f64 = 1e-12;
/// Counts also carry the error of the reference's exponentials of sums of hundreds of logarithms.
pub const COUNT_TOLERANCE: f64 = 1e-10;
/// Counts of very long tests: log-probabilities around -1e4 have an absolute rounding error around 1e-11 in the
/// reference, and so have its posterior weights relatively.
pub const LONG_COUNT_TOLERANCE: f64 = 1e-9;

/// Never set.
pub static GO: AtomicBool = AtomicBool::new(false);

/// A data set, a layout and probabilities.
#[derive(Debug, Clone)]
pub struct Case {
    pub n_categories: Vec<usize>,
    pub segment_nodes: Vec<usize>,
    pub supports: Vec<SupportMap>,
    pub support_of: Vec<usize>,
    pub codes: Vec<u8>,
    pub weights: Vec<f64>,
    pub known_class: Vec<u16>,
    pub prior: Vec<f64>,
    pub probabilities: Vec<f64>,
}

impl Case {
    pub fn layout(&self) -> NodeLayout {
        NodeLayout::new(&self.n_categories, &self.segment_nodes, self.supports.clone(), self.support_of.clone())
            .unwrap()
    }

    pub fn n_rows(&self) -> usize {
        self.weights.len()
    }

    pub fn patterns(&self, rows: &[u32]) -> Patterns {
        let items: Vec<usize> = (0..self.n_categories.len()).collect();
        let selection = Selection {
            codes: CodeMatrix { codes: &self.codes, n_items: items.len() },
            rows,
            items: &items,
            n_categories: &self.n_categories,
            weights: Some(&self.weights),
            known_class: Some(&self.known_class),
        };
        Patterns::build(&selection, self.prior.len()).unwrap()
    }

    pub fn all_rows(&self) -> Vec<u32> {
        (0..self.n_rows() as u32).collect()
    }

    pub fn input(&self) -> NodeProbabilities<'_> {
        NodeProbabilities { prior: &self.prior, probabilities: &self.probabilities, conditional: &[] }
    }

    pub fn counts_on(&self, isa: InstructionSet, rows: &[u32]) -> Result<GroupCounts, Stop> {
        let patterns = self.patterns(rows);
        let mut counts = GroupCounts::zeros(&self.layout());
        let mut e_step = EStep::on(isa, &patterns, self.layout()).unwrap();
        // Twice: what a cycle leaves behind must not show in the next.
        e_step.run(&patterns, self.input(), &mut counts, &GO)?;
        e_step.run(&patterns, self.input(), &mut counts, &GO)?;
        Ok(counts)
    }

    pub fn counts(&self, rows: &[u32]) -> Result<GroupCounts, Stop> {
        self.counts_on(InstructionSet::best(), rows)
    }

    /// Log-probability of a row and its log-posterior over all nodes.
    pub fn reference_log_posterior(&self, layout: &NodeLayout, row: usize) -> (f64, Vec<f64>) {
        let n_items = self.n_categories.len();
        let mut logs = Vec::new();
        for segment in 0..layout.n_segments() {
            for (l, node) in layout.segment(segment).enumerate() {
                let known = self.known_class[row];
                let mut log =
                    if known == 0 || known as usize == segment + 1 { self.prior[node].ln() } else { f64::NEG_INFINITY };
                for item in 0..n_items {
                    let code = self.codes[row * n_items + item];
                    if code != MISSING {
                        let support = &self.supports[self.support_of[item * layout.n_segments() + segment]];
                        let at = code as usize * support.n_nodes + support.map[l] as usize;
                        log += self.probabilities[layout.range(item, segment)][at].ln();
                    }
                }
                logs.push(log);
            }
        }
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return (largest, logs);
        }
        let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
        (largest + sum.ln(), logs.iter().map(|log| log - largest - sum.ln()).collect())
    }

    /// Expected counts; nothing where some row cannot occur.
    pub fn reference(&self, rows: &[u32]) -> Option<GroupCounts> {
        let layout = self.layout();
        let mut counts = GroupCounts::zeros(&layout);
        let n_items = self.n_categories.len();
        for &row in rows.iter().filter(|row| self.weights[**row as usize] > 0.0) {
            let weight = self.weights[row as usize];
            let (log_probability, log_posterior) = self.reference_log_posterior(&layout, row as usize);
            if log_probability == f64::NEG_INFINITY {
                return None;
            }
            let posterior: Vec<f64> = log_posterior.iter().map(|log| log.exp()).collect();
            counts.loglik += weight * log_probability;
            for segment in 0..layout.n_segments() {
                for (l, node) in layout.segment(segment).enumerate() {
                    let n = weight * posterior[node];
                    counts.n_gl[node] += n;
                    for item in 0..n_items {
                        let code = self.codes[row as usize * n_items + item];
                        if code != MISSING {
                            let support = &self.supports[self.support_of[item * layout.n_segments() + segment]];
                            let at = code as usize * support.n_nodes + support.map[l] as usize;
                            counts.n_glim[layout.range(item, segment)][at] += n;
                        }
                    }
                }
            }
        }
        Some(counts)
    }
}

pub fn assert_counts(actual: &GroupCounts, expected: &GroupCounts, tolerance: f64) {
    let scale = expected.loglik.abs().max(1.0);
    let error = (actual.loglik - expected.loglik).abs();
    assert!(error <= LOGLIK_TOLERANCE * scale, "log-likelihood {} instead of {}", actual.loglik, expected.loglik);
    assert_close(&actual.n_gl, &expected.n_gl, tolerance, "n_gl");
    assert_close(&actual.n_glim, &expected.n_glim, tolerance, "n_glim");
}

pub fn assert_same_bits(a: &GroupCounts, b: &GroupCounts) {
    let bits = |c: &GroupCounts| -> Vec<u64> {
        [c.loglik].iter().chain(&c.n_gl).chain(&c.n_glim).map(|x| x.to_bits()).collect()
    };
    assert_eq!(bits(a), bits(b));
}

/// What to draw a random case from.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub seed: u64,
    pub n_rows: usize,
    pub n_items: usize,
    pub max_categories: usize,
    pub segment_nodes: Vec<usize>,
    pub missing: f64,
    pub zero: f64,
    pub with_known_class: bool,
    pub with_weights: bool,
    /// Log-probabilities are drawn down to minus this.
    pub steepness: f64,
}

pub fn draw(recipe: &Recipe) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let n_categories: Vec<usize> = (0..recipe.n_items).map(|_| rng.random_range(2..=recipe.max_categories)).collect();
    // Per class the whole grid and a smaller support.
    let mut supports = Vec::new();
    for &n in &recipe.segment_nodes {
        supports.push(SupportMap::identity(n));
        let n_nodes = rng.random_range(1..=n);
        supports.push(SupportMap { map: (0..n).map(|_| rng.random_range(0..n_nodes as u32)).collect(), n_nodes });
    }
    let support_of: Vec<usize> = (0..recipe.n_items * recipe.segment_nodes.len())
        .map(|at| 2 * (at % recipe.segment_nodes.len()) + rng.random_range(0..2))
        .collect();
    let layout = NodeLayout::new(&n_categories, &recipe.segment_nodes, supports.clone(), support_of.clone()).unwrap();
    let mut probabilities = vec![0.0; layout.table_len()];
    for item in 0..recipe.n_items {
        for segment in 0..layout.n_segments() {
            fill_table(&mut rng, recipe, n_categories[item], &mut probabilities[layout.range(item, segment)]);
        }
    }
    let mut prior: Vec<f64> = (0..layout.n_nodes()).map(|_| rng.random_range(0.01..1.0)).collect();
    let total: f64 = prior.iter().sum();
    prior.iter_mut().for_each(|x| *x /= total);
    let n_cells = recipe.n_rows * recipe.n_items;
    let code = |at: usize, rng: &mut ChaCha8Rng| match rng.random_bool(recipe.missing) {
        true => MISSING,
        false => rng.random_range(0..n_categories[at % recipe.n_items]) as u8,
    };
    let n_segments = layout.n_segments() as u16;
    Case {
        codes: (0..n_cells).map(|at| code(at, &mut rng)).collect(),
        weights: match recipe.with_weights {
            true => (0..recipe.n_rows).map(|_| [0.0, 0.5, 1.0, 3.0][rng.random_range(0..4)]).collect(),
            false => vec![1.0; recipe.n_rows],
        },
        known_class: match recipe.with_known_class {
            true => (0..recipe.n_rows).map(|_| rng.random_range(0..=n_segments)).collect(),
            false => vec![0; recipe.n_rows],
        },
        n_categories,
        segment_nodes: recipe.segment_nodes.clone(),
        supports,
        support_of,
        prior,
        probabilities,
    }
}

/// A table `(M, K)` of probabilities, some of them 0.
fn fill_table(rng: &mut impl Rng, recipe: &Recipe, n_categories: usize, table: &mut [f64]) {
    let n_nodes = table.len() / n_categories;
    for k in 0..n_nodes {
        let mut column: Vec<f64> = (0..n_categories).map(|_| (-recipe.steepness * rng.random::<f64>()).exp()).collect();
        if rng.random_bool(recipe.zero) {
            column[rng.random_range(0..n_categories)] = 0.0;
        }
        let total: f64 = column.iter().sum();
        for (m, x) in column.iter().enumerate() {
            table[m * n_nodes + k] = x / total;
        }
    }
}

/// Some respondents answer like others, and some answer nothing.
pub fn repeat_rows(case: &mut Case, n_distinct: usize) {
    let n_items = case.n_categories.len();
    for row in n_distinct..case.n_rows() {
        let from = row % n_distinct;
        case.codes.copy_within(from * n_items..(from + 1) * n_items, row * n_items);
        case.known_class[row] = case.known_class[from];
    }
    if case.n_rows() > 2 {
        case.codes[..n_items].fill(MISSING);
    }
}

pub fn recipes() -> impl Strategy<Value = Recipe> {
    let segments = prop_oneof![
        prop::collection::vec(1..=300usize, 1..=1),
        prop::collection::vec(1..=40usize, 1..=4),
        prop::collection::vec(1..=1usize, 1..=6),
    ];
    let shape = (any::<u64>(), 1..=120usize, 1..=40usize, 2..=6usize, segments);
    let missing = prop_oneof![Just(0.0), Just(0.1), Just(0.7)];
    let zero = prop_oneof![Just(0.0), Just(0.05)];
    let steepness = prop_oneof![Just(2.0), Just(30.0), Just(600.0)];
    (shape, missing, zero, any::<[bool; 2]>(), steepness).prop_map(
        |((seed, n_rows, n_items, max_categories, segment_nodes), missing, zero, [known, weights], steepness)| Recipe {
            seed,
            n_rows,
            n_items,
            max_categories,
            segment_nodes,
            missing,
            zero,
            with_known_class: known,
            with_weights: weights,
            steepness,
        },
    )
}

/// A two-parameter logistic test whose first rows answer at random, against all sense.
pub fn long_test(n_rows: usize, n_items: usize, n_nodes: usize, slope: f64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut case = draw(&Recipe {
        seed: 1,
        n_rows,
        n_items,
        max_categories: 2,
        segment_nodes: vec![n_nodes],
        missing: 0.0,
        zero: 0.0,
        with_known_class: false,
        with_weights: false,
        steepness: 1.0,
    });
    case.support_of.fill(0);
    let layout = case.layout();
    let theta: Vec<f64> = (0..n_nodes).map(|l| -6.0 + 12.0 * l as f64 / (n_nodes - 1).max(1) as f64).collect();
    let difficulty: Vec<f64> = (0..n_items).map(|_| rng.random_range(-2.5..2.5)).collect();
    case.probabilities = vec![0.0; layout.table_len()];
    for (item, difficulty) in difficulty.iter().enumerate() {
        let table = &mut case.probabilities[layout.range(item, 0)];
        for (l, t) in theta.iter().enumerate() {
            let z = slope * (t - difficulty);
            table[l] = 1.0 / (1.0 + z.exp());
            table[n_nodes + l] = 1.0 / (1.0 + (-z).exp());
        }
    }
    for row in n_rows / 4..n_rows {
        let ability = rng.random_range(-2.0..2.0);
        for (item, difficulty) in difficulty.iter().enumerate() {
            let p = 1.0 / (1.0 + (-slope * (ability - difficulty)).exp());
            case.codes[row * n_items + item] = rng.random_bool(p) as u8;
        }
    }
    case
}
