//! The E-step against a slow reference that works respondent by respondent in logarithms.

// The setting up of the tests stands in functions of its own, where clippy does not know that they are tests.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use mixirt_core::e_step::{EStep, GroupCounts, InstructionSet, NodeLayout, NodeProbabilities, Stop, SupportMap};
use mixirt_core::patterns::{CodeMatrix, MISSING, Patterns, Selection};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Log-likelihoods differ by rounding in sums of up to a few thousand terms of the same sign.
const LOGLIK_TOLERANCE: f64 = 1e-12;
/// Counts also carry the error of the reference's exponentials of sums of hundreds of logarithms.
const COUNT_TOLERANCE: f64 = 1e-10;
/// Counts of very long tests: log-probabilities around -1e4 have an absolute rounding error around 1e-11 in the
/// reference, and so have its posterior weights relatively.
const LONG_COUNT_TOLERANCE: f64 = 1e-9;

static GO: AtomicBool = AtomicBool::new(false);

/// A data set, a layout and probabilities.
#[derive(Debug, Clone)]
struct Case {
    n_categories: Vec<usize>,
    segment_nodes: Vec<usize>,
    supports: Vec<SupportMap>,
    support_of: Vec<usize>,
    codes: Vec<u8>,
    weights: Vec<f64>,
    known_class: Vec<u16>,
    prior: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Case {
    fn layout(&self) -> NodeLayout {
        NodeLayout::new(&self.n_categories, &self.segment_nodes, self.supports.clone(), self.support_of.clone())
            .unwrap()
    }

    fn n_rows(&self) -> usize {
        self.weights.len()
    }

    fn patterns(&self, rows: &[u32]) -> Patterns {
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

    fn all_rows(&self) -> Vec<u32> {
        (0..self.n_rows() as u32).collect()
    }

    fn input(&self) -> NodeProbabilities<'_> {
        NodeProbabilities { prior: &self.prior, probabilities: &self.probabilities, conditional: &[] }
    }

    fn counts_on(&self, isa: InstructionSet, rows: &[u32]) -> Result<GroupCounts, Stop> {
        let patterns = self.patterns(rows);
        let mut counts = GroupCounts::zeros(&self.layout());
        let mut e_step = EStep::on(isa, &patterns, self.layout()).unwrap();
        // Twice: what a cycle leaves behind must not show in the next.
        e_step.run(&patterns, self.input(), &mut counts, &GO)?;
        e_step.run(&patterns, self.input(), &mut counts, &GO)?;
        Ok(counts)
    }

    fn counts(&self, rows: &[u32]) -> Result<GroupCounts, Stop> {
        self.counts_on(InstructionSet::best(), rows)
    }

    /// Log-probability of a row and its log-posterior over all nodes.
    fn reference_log_posterior(&self, layout: &NodeLayout, row: usize) -> (f64, Vec<f64>) {
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
    fn reference(&self, rows: &[u32]) -> Option<GroupCounts> {
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

fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().map(|x| x.abs()).fold(1.0, f64::max);
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * scale, "{what} {i}: {a} instead of {e} (largest {scale})");
    }
}

fn assert_counts(actual: &GroupCounts, expected: &GroupCounts, tolerance: f64) {
    let scale = expected.loglik.abs().max(1.0);
    let error = (actual.loglik - expected.loglik).abs();
    assert!(error <= LOGLIK_TOLERANCE * scale, "log-likelihood {} instead of {}", actual.loglik, expected.loglik);
    assert_close(&actual.n_gl, &expected.n_gl, tolerance, "n_gl");
    assert_close(&actual.n_glim, &expected.n_glim, tolerance, "n_glim");
}

fn assert_same_bits(a: &GroupCounts, b: &GroupCounts) {
    let bits = |c: &GroupCounts| -> Vec<u64> {
        [c.loglik].iter().chain(&c.n_gl).chain(&c.n_glim).map(|x| x.to_bits()).collect()
    };
    assert_eq!(bits(a), bits(b));
}

/// What to draw a random case from.
#[derive(Debug, Clone)]
struct Recipe {
    seed: u64,
    n_rows: usize,
    n_items: usize,
    max_categories: usize,
    segment_nodes: Vec<usize>,
    missing: f64,
    zero: f64,
    with_known_class: bool,
    with_weights: bool,
    /// Log-probabilities are drawn down to minus this.
    steepness: f64,
}

fn draw(recipe: &Recipe) -> Case {
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
fn repeat_rows(case: &mut Case, n_distinct: usize) {
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

fn recipes() -> impl Strategy<Value = Recipe> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn counts_agree_with_the_reference(recipe in recipes()) {
        let mut case = draw(&recipe);
        repeat_rows(&mut case, recipe.n_rows.div_ceil(2));
        let rows = case.all_rows();
        match case.reference(&rows) {
            Some(expected) => assert_counts(&case.counts(&rows).unwrap(), &expected, COUNT_TOLERANCE),
            None => {
                let is_impossible = matches!(case.counts(&rows), Err(Stop::Impossible { .. }));
                prop_assert!(is_impossible);
            }
        }
    }

    #[test]
    fn posteriors_agree_with_the_reference(recipe in recipes()) {
        let mut case = draw(&recipe);
        repeat_rows(&mut case, recipe.n_rows.div_ceil(2));
        let layout = case.layout();
        let n = layout.n_nodes();
        let patterns = case.patterns(&case.all_rows());
        let functions: Vec<f64> = (0..n).map(|l| l as f64 / n as f64).chain((0..n).map(|l| (l % 2) as f64)).collect();
        let mut e_step = EStep::new(&patterns, layout.clone()).unwrap();
        let posterior = e_step.posterior(&patterns, case.input(), &functions, true, &GO).unwrap();
        // Without modes ordinary patterns take a shorter way.
        let without_modes = e_step.posterior(&patterns, case.input(), &functions, false, &GO).unwrap();
        for (row, &p) in patterns.pattern_of_respondent().iter().enumerate() {
            let (log_probability, log_posterior) = case.reference_log_posterior(&layout, row);
            let actual = posterior.log_probability[p as usize];
            if log_probability == f64::NEG_INFINITY {
                prop_assert_eq!(actual, log_probability);
                prop_assert_eq!(without_modes.log_probability[p as usize], log_probability);
                continue;
            }
            let error = (without_modes.log_probability[p as usize] - log_probability).abs();
            prop_assert!(error <= LOGLIK_TOLERANCE * log_probability.abs().max(1.0));
            prop_assert!((actual - log_probability).abs() <= LOGLIK_TOLERANCE * log_probability.abs().max(1.0));
            let weights: Vec<f64> = log_posterior.iter().map(|log| log.exp()).collect();
            let expected: Vec<f64> =
                functions.chunks(n).map(|f| f.iter().zip(&weights).map(|(f, w)| f * w).sum()).collect();
            assert_close(&posterior.expectations[2 * p as usize..][..2], &expected, COUNT_TOLERANCE, "expectation");
            let actual = &without_modes.expectations[2 * p as usize..][..2];
            assert_close(actual, &expected, COUNT_TOLERANCE, "expectation without modes");
            for segment in 0..layout.n_segments() {
                let logs = &log_posterior[layout.segment(segment)];
                let mode = posterior.modes[p as usize * layout.n_segments() + segment] as usize;
                let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(logs[mode] >= largest - COUNT_TOLERANCE);
            }
        }
    }

    #[test]
    fn patterns_give_back_the_responses(recipe in recipes()) {
        let mut case = draw(&recipe);
        repeat_rows(&mut case, recipe.n_rows.div_ceil(2));
        let n_items = case.n_categories.len();
        let patterns = case.patterns(&case.all_rows());
        let mut codes = vec![0; n_items];
        let mut seen = std::collections::HashMap::new();
        let mut n_gp = vec![0.0; patterns.len()];
        for (row, &p) in patterns.pattern_of_respondent().iter().enumerate() {
            patterns.codes_of(p as usize, &mut codes);
            prop_assert_eq!(&codes, &case.codes[row * n_items..(row + 1) * n_items]);
            prop_assert_eq!(patterns.known_class(p as usize), case.known_class[row]);
            let n_seen = seen.len();
            let first = *seen.entry((codes.clone(), case.known_class[row])).or_insert(n_seen);
            prop_assert_eq!(p as usize, first, "not in order of first appearance");
            if first == n_seen {
                prop_assert_eq!(patterns.first_respondent(first) as usize, row);
            }
            n_gp[p as usize] += case.weights[row];
        }
        prop_assert_eq!(patterns.len(), seen.len());
        prop_assert_eq!(patterns.n_gp(), n_gp.as_slice());
    }

    #[test]
    fn instruction_sets_give_the_same_bits(recipe in recipes()) {
        let case = draw(&Recipe { zero: 0.0, ..recipe });
        let rows = case.all_rows();
        let baseline = case.counts_on(InstructionSet::Baseline, &rows).unwrap();
        for isa in InstructionSet::available() {
            assert_same_bits(&case.counts_on(isa, &rows).unwrap(), &baseline);
        }
    }

    #[test]
    fn halves_add_up_to_the_whole(recipe in recipes()) {
        let case = draw(&Recipe { zero: 0.0, n_rows: recipe.n_rows + 1, ..recipe });
        let rows = case.all_rows();
        let (a, b) = rows.split_at(rows.len() / 2);
        let mut merged = case.counts(a).unwrap();
        merged.add(&case.counts(b).unwrap());
        assert_counts(&merged, &case.counts(&rows).unwrap(), LOGLIK_TOLERANCE);
    }

    #[test]
    fn order_of_rows_does_not_matter(recipe in recipes()) {
        let case = draw(&Recipe { zero: 0.0, ..recipe });
        let rows = case.all_rows();
        let reversed: Vec<u32> = rows.iter().rev().copied().collect();
        assert_counts(&case.counts(&reversed).unwrap(), &case.counts(&rows).unwrap(), LOGLIK_TOLERANCE);
    }

    #[test]
    fn a_weight_is_a_number_of_copies(recipe in recipes()) {
        let mut case = draw(&Recipe { zero: 0.0, with_weights: false, ..recipe });
        let copied: Vec<u32> = case.all_rows().into_iter().flat_map(|row| vec![row; 1 + row as usize % 3]).collect();
        let copies = case.counts(&copied).unwrap();
        case.weights = (0..case.n_rows()).map(|row| (1 + row % 3) as f64).collect();
        assert_counts(&case.counts(&case.all_rows()).unwrap(), &copies, LOGLIK_TOLERANCE);
    }
}

/// A two-parameter logistic test whose first rows answer at random, against all sense.
fn long_test(n_rows: usize, n_items: usize, n_nodes: usize, slope: f64) -> Case {
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

#[test]
fn long_tests_with_aberrant_rows_lose_nothing() {
    for (n_rows, n_items, n_nodes, slope) in [(80, 240, 64, 2.0), (80, 240, 121, 4.0), (40, 3_000, 33, 1.5)] {
        let case = long_test(n_rows, n_items, n_nodes, slope);
        let rows = case.all_rows();
        let counts = case.counts(&rows).unwrap();
        assert_counts(&counts, &case.reference(&rows).unwrap(), LONG_COUNT_TOLERANCE);
        for isa in InstructionSet::available() {
            assert_same_bits(&case.counts_on(isa, &rows).unwrap(), &counts);
        }
    }
}

#[test]
fn products_below_the_smallest_double_within_a_block_lose_nothing() {
    // Slopes so steep that two items answered the wrong way round have a probability of e^-800 between them.
    let case = long_test(60, 12, 40, 100.0);
    let rows = case.all_rows();
    assert_counts(&case.counts(&rows).unwrap(), &case.reference(&rows).unwrap(), COUNT_TOLERANCE);
}

#[test]
fn threads_give_the_same_bits() {
    let recipe = Recipe {
        seed: 3,
        n_rows: 12_000,
        n_items: 9,
        max_categories: 4,
        segment_nodes: vec![21, 13],
        missing: 0.1,
        zero: 0.0,
        with_known_class: true,
        with_weights: true,
        steepness: 3.0,
    };
    let case = draw(&recipe);
    let rows = case.all_rows();
    let run = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| case.counts(&rows).unwrap())
    };
    let single = run(1);
    assert_counts(&single, &case.reference(&rows).unwrap(), COUNT_TOLERANCE);
    assert_same_bits(&run(2), &single);
    assert_same_bits(&run(7), &single);
}

#[test]
fn a_selection_sees_only_its_rows_and_items() {
    let case = draw(&Recipe {
        seed: 5,
        n_rows: 50,
        n_items: 6,
        max_categories: 3,
        segment_nodes: vec![5],
        missing: 0.2,
        zero: 0.0,
        with_known_class: false,
        with_weights: false,
        steepness: 1.0,
    });
    let items = [4, 1];
    let n_categories = [case.n_categories[4], case.n_categories[1]];
    let rows = [7, 3, 49];
    let codes = CodeMatrix { codes: &case.codes, n_items: 6 };
    let selection =
        Selection { codes, rows: &rows, items: &items, n_categories: &n_categories, weights: None, known_class: None };
    let patterns = Patterns::build(&selection, 5).unwrap();
    let mut answers = [0; 2];
    for (&row, &p) in rows.iter().zip(patterns.pattern_of_respondent()) {
        patterns.codes_of(p as usize, &mut answers);
        assert_eq!(answers, [case.codes[row as usize * 6 + 4], case.codes[row as usize * 6 + 1]]);
    }
}

#[test]
fn no_answers_leave_the_prior() {
    let mut case = long_test(3, 10, 8, 1.0);
    case.codes.fill(MISSING);
    let counts = case.counts(&case.all_rows()).unwrap();
    assert!(counts.loglik.abs() < LOGLIK_TOLERANCE);
    let expected: Vec<f64> = case.prior.iter().map(|x| 3.0 * x).collect();
    assert_close(&counts.n_gl, &expected, LOGLIK_TOLERANCE, "n_gl");
    assert!(counts.n_glim.iter().all(|&n| n == 0.0));
}

#[test]
fn a_group_without_respondents_has_no_counts() {
    let case = long_test(3, 10, 8, 1.0);
    let counts = case.counts(&[]).unwrap();
    assert_eq!(counts, GroupCounts::zeros(&case.layout()));
}

#[test]
fn an_impossible_response_names_its_row() {
    let mut case = long_test(40, 10, 8, 1.0);
    let layout = case.layout();
    case.probabilities[layout.range(3, 0)][..8].fill(0.0);
    case.codes.iter_mut().skip(3).step_by(10).for_each(|code| *code = 1);
    case.codes[23 * 10 + 3] = 0;
    assert_eq!(case.counts(&case.all_rows()), Err(Stop::Impossible { row: 23 }));
    // Without weight the row does not count.
    case.weights[23] = 0.0;
    assert!(case.counts(&case.all_rows()).unwrap().loglik.is_finite());
    case.weights[23] = 1.0;
    case.probabilities[layout.range(3, 0)][..8].fill(f64::NAN);
    assert_eq!(case.counts(&case.all_rows()), Err(Stop::NotANumber { row: 23 }));
}

#[test]
fn a_set_flag_stops_the_work() {
    for n_nodes in [8, 100] {
        let case = long_test(200, 10, n_nodes, 1.0);
        let patterns = case.patterns(&case.all_rows());
        let mut e_step = EStep::new(&patterns, case.layout()).unwrap();
        let mut counts = GroupCounts::zeros(&case.layout());
        let cancel = AtomicBool::new(true);
        assert_eq!(e_step.run(&patterns, case.input(), &mut counts, &cancel), Err(Stop::Interrupted));
        let result = e_step.posterior(&patterns, case.input(), &[], false, &cancel);
        assert_eq!(result, Err(Stop::Interrupted));
    }
}

#[test]
fn wrong_data_are_refused_by_row_and_item() {
    let message = |codes: &[u8], weights: &[f64]| {
        let codes = CodeMatrix { codes, n_items: 2 };
        let selection = Selection {
            codes,
            rows: &[0, 1],
            items: &[0, 1],
            n_categories: &[2, 3],
            weights: Some(weights),
            known_class: None,
        };
        Patterns::build(&selection, 5).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(message(&[0, 2, 2, 1], &[1.0, 1.0]), "row 1, item 0: the response is 2; the categories are 0 to 1");
    assert!(message(&[0, 2, 1, 1], &[1.0, -2.0]).contains("weight of row 1 is -2"));
    assert!(message(&[0, 2, 1, 1], &[f64::NAN, 2.0]).contains("weight of row 0 is NaN"));
    assert!(message(&[0, 2, 1], &[1.0, 1.0]).contains("do not make rows"));
}
