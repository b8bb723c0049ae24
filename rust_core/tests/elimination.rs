//! Elimination against the whole grid: the same model either way.

// The setting up of the tests stands in functions of its own, where clippy does not know that they are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::atomic::AtomicBool;

use mixirt_core::e_step::InstructionSet;
use mixirt_core::em::e_step;
use mixirt_core::expected::{Expected, Parameters};
use mixirt_core::latent::{Moments, covariance_index};
use mixirt_core::params::Slot;
use mixirt_core::plan::Planning;
use mixirt_core::score::{Method, score};
use mixirt_core::se;
use mixirt_core::spec::Model;
use proptest::prelude::*;

mod close;
mod random_models;
use close::assert_close;
use random_models::{Case, RECIPE, Recipe, draw};

/// Both ways sum the same products in another order.
const LOGLIK_TOLERANCE: f64 = 1e-12;
/// Counts carry the rounding of quotients and of sums over thousands of nodes.
const COUNT_TOLERANCE: f64 = 1e-10;
/// Covariances are differences of second moments a few standard deviations from their origin.
const SCORE_TOLERANCE: f64 = 1e-9;
/// The inverse of an information matrix multiplies its rounding error by its condition number, thousands here; steps of
/// numerical differentiation divide that of the gradient.
const VCOV_TOLERANCE: f64 = 1e-6;

static GO: AtomicBool = AtomicBool::new(false);

fn expected(case: &Case, model: &Model) -> Expected {
    expected_on(InstructionSet::best(), case, model)
}

fn expected_on(isa: InstructionSet, case: &Case, model: &Model) -> Expected {
    let data = case.data(model);
    let parameters = Parameters::at(model, &case.x);
    let mut worker = data.worker_on(isa, model).unwrap();
    // Twice: what a cycle leaves behind must not show in the next.
    e_step(model, &mut worker, &parameters, &GO).unwrap();
    e_step(model, &mut worker, &parameters, &GO).unwrap()
}

/// Log-likelihood, counts and moments agree.
fn assert_same_counts(case: &Case, model: &Model, dense: &Model) {
    let (actual, expected) = (expected(case, model), expected(case, dense));
    assert_close(&[actual.loglik], &[expected.loglik], LOGLIK_TOLERANCE, "log-likelihood");
    for (g, group) in model.groups.iter().enumerate() {
        for index in 0..group.instances.len() {
            let (a, e) = (actual.item(model, g, index), expected.item(dense, g, index));
            assert_close(a, e, COUNT_TOLERANCE, &format!("group {g}, item {index}"));
        }
        assert_same_moments(model, g, &actual.moments[g], &expected.moments[g]);
    }
}

/// Sums agree. Means need not: what is left out of every pattern may be most of a class that next to nobody is in.
fn assert_same_moments(model: &Model, g: usize, actual: &Moments, expected: &Moments) {
    assert_close(&[actual.n], &[expected.n], COUNT_TOLERANCE, "size");
    let sums = |of: &Moments, means: &[f64]| means.iter().map(|x| of.n * x).collect::<Vec<f64>>();
    let close = |a: &[f64], e: &[f64], what| assert_close(&sums(actual, a), &sums(expected, e), COUNT_TOLERANCE, what);
    close(&actual.mean, &expected.mean, "mean");
    let n = actual.mean.len();
    for j in 0..n {
        for k in 0..=j {
            let cell = model.groups[g].latent_cells.start + covariance_index(n, j, k);
            if model.table.slots[cell] != Slot::Fixed(0.0) {
                let at = [j * n + k, k * n + j];
                close(&at.map(|i| actual.second[i]), &at.map(|i| expected.second[i]), "second moment");
            }
        }
    }
}

fn assert_same_scores(case: &Case, model: &Model, dense: &Model) {
    for method in [Method::Eap, Method::Map, Method::Mode] {
        let scores = |model: &Model| score(model, &case.data(model), &case.x, method, &GO).unwrap();
        let (actual, expected) = (scores(model), scores(dense));
        assert_close(&actual.log_probability, &expected.log_probability, LOGLIK_TOLERANCE, "log-probability");
        assert_close(&actual.class_probabilities, &expected.class_probabilities, COUNT_TOLERANCE, "class");
        assert_close(&actual.theta, &expected.theta, SCORE_TOLERANCE, "theta");
        assert_close(&actual.covariance, &expected.covariance, SCORE_TOLERANCE, "covariance");
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let shape = (any::<u64>(), 2..=4usize, 1..=12usize, 1..=60usize, 1..=3usize, 1..=2usize, any::<bool>());
    let kind = (
        prop_oneof![Just(0.0), Just(0.4), Just(1.0)],
        prop_oneof![Just(0.0), Just(0.4), Just(1.0)],
        prop_oneof![Just(0.0), Just(0.3)],
        prop_oneof![Just(1.0), Just(8.0), Just(60.0)],
    );
    (shape, kind).prop_map(
        |(
            (seed, n_dims, n_items, n_rows, n_classes, n_groups, fewer_attributes),
            (covarying, cross, missing, steepness),
        )| Recipe {
            seed,
            n_dims,
            n_items,
            n_rows,
            n_classes,
            n_groups,
            covarying,
            cross,
            fewer_attributes,
            missing,
            steepness,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn counts_agree_with_the_whole_grid(recipe in recipes()) {
        let case = draw(&recipe);
        let model = case.model(Planning::Eliminate);
        prop_assert!(model.eliminates());
        assert_same_counts(&case, &model, &case.model(Planning::Dense));
    }

    #[test]
    fn scores_agree_with_the_whole_grid(recipe in recipes()) {
        let case = draw(&Recipe { steepness: 1.0, ..recipe });
        assert_same_scores(&case, &case.model(Planning::Eliminate), &case.model(Planning::Dense));
    }
}

/// Enough respondents for several chunks, and two classes in two groups that differ in attributes.
const LARGE: Recipe = Recipe { n_rows: 12_000, n_classes: 2, ..RECIPE };

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let case = draw(&LARGE);
    let model = case.model(Planning::Eliminate);
    let on = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| {
            let scores = score(&model, &case.data(&model), &case.x, Method::Eap, &GO).unwrap();
            // Attributes that a group does not have are NaN, which differs from itself.
            let bits: Vec<u64> = scores.theta.iter().chain(&scores.covariance).map(|t| t.to_bits()).collect();
            (expected(&case, &model), bits)
        })
    };
    let one = on(1);
    for n in [2, 3, 8] {
        assert!(on(n) == one, "{n} threads");
    }
}

#[test]
fn results_are_the_same_bits_on_any_instruction_set() {
    for steepness in [1.0, 60.0] {
        let case = draw(&Recipe { n_rows: 500, steepness, ..LARGE });
        let model = case.model(Planning::Eliminate);
        let baseline = expected_on(InstructionSet::Baseline, &case, &model);
        for isa in InstructionSet::available() {
            assert!(expected_on(isa, &case, &model) == baseline, "{isa:?}");
        }
    }
}

#[test]
fn long_tests_with_aberrant_answers_do_not_underflow() {
    // Answers are drawn without regard to the model: as aberrant as they can be.
    for (n_items, n_rows, steepness) in [(240, 40, 2.0), (240, 40, 20.0), (3_000, 6, 2.0)] {
        let case = draw(&Recipe { n_items, n_rows, steepness, fewer_attributes: false, ..LARGE });
        assert_same_counts(&case, &case.model(Planning::Eliminate), &case.model(Planning::Dense));
    }
}

#[test]
fn covariances_of_the_estimates_agree_with_the_whole_grid() {
    for (covarying, cross, n_classes) in [(0.0, 1.0, 1), (0.4, 0.4, 1), (0.4, 0.0, 2)] {
        let case = draw(&Recipe { n_rows: 600, n_classes, covarying, cross, ..LARGE }).with_scales_held();
        let clusters: Vec<u32> = (0..600).map(|row| row / 20).collect();
        let clusters = se::Clusters::new(600, clusters, Some(case.weights.clone())).unwrap();
        for method in se::METHODS {
            for clusters in
                [None, Some(clusters.clone())].into_iter().take(1 + usize::from(method.name() == "sandwich"))
            {
                let found = |planning: Planning| {
                    let model = case.model(planning);
                    let data = case.data(&model);
                    let point = se::Point::new(&model, &data, &case.x, &GO).with_clusters(clusters.clone());
                    method.covariance(&point).unwrap()
                };
                let (actual, expected) = (found(Planning::Eliminate), found(Planning::Dense));
                let eigenvalues = |c: &se::Covariance| [c.eigenvalues.0, c.eigenvalues.1];
                let what = format!("{}, clusters {}", method.name(), clusters.is_some());
                // On the whole grid items take no differences. What the grids themselves lack in symmetry, with as few
                // nodes as here, is the same.
                assert_close(&[actual.error], &[expected.error], VCOV_TOLERANCE, &what);
                assert_close(&eigenvalues(&actual), &eigenvalues(&expected), VCOV_TOLERANCE, &what);
                assert_close(actual.matrix.as_slice(), expected.matrix.as_slice(), VCOV_TOLERANCE, &what);
            }
        }
    }
}
