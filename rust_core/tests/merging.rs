//! Counts of disjoint sets of respondents add up to those of all.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::sync::atomic::AtomicBool;

use mixirt_core::data::{Data, Responses, Worker};
use mixirt_core::em::{CountSource, EmOptions, em};
use mixirt_core::expected::Parameters;
use mixirt_core::plan::Planning;
use mixirt_core::spec::Model;
use proptest::prelude::*;

mod close;
mod random_models;
use close::assert_close;
use random_models::{Case, RECIPE, Recipe, draw};

/// The same terms added in another order.
const LOGLIK_TOLERANCE: f64 = 1e-12;
/// Counts of a few hundred respondents.
const COUNT_TOLERANCE: f64 = 1e-10;
/// Twenty cycles carry rounding from one to the next.
const ESTIMATE_TOLERANCE: f64 = 1e-8;

static GO: AtomicBool = AtomicBool::new(false);

/// The respondents from `rows[0]` to `rows[1]` as a data set of their own.
fn part(case: &Case, model: &Model, rows: [usize; 2]) -> Data {
    let n_items = case.spec.items.len();
    let range = rows[0]..rows[1];
    let responses = Responses {
        codes: &case.codes[rows[0] * n_items..rows[1] * n_items],
        n_respondents: range.len(),
        group: Some(&case.group[range.clone()]),
        weights: Some(&case.weights[range.clone()]),
        known_class: Some(&case.known_class[range]),
    };
    Data::new(model, &responses).unwrap()
}

fn halves(case: &Case, model: &Model, cut: usize) -> [Data; 2] {
    [part(case, model, [0, cut]), part(case, model, [cut, case.weights.len()])]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn counts_of_parts_add_up(seed in any::<u64>(), cut in 0..=300usize, n_classes in 1..=3usize, dense in any::<bool>()) {
        let case = draw(&Recipe { seed, n_classes, ..RECIPE });
        let model = case.model(if dense { Planning::Dense } else { Planning::Eliminate });
        let parameters = Parameters::at(&model, &case.x);
        let whole = case.data(&model);
        let expected = whole.worker(&model).unwrap().counts(&model, &parameters, &GO).unwrap();
        let parts = halves(&case, &model, cut);
        let mut workers: Vec<_> = parts.iter().map(|data| data.worker(&model).unwrap()).collect();
        let merged = workers.counts(&model, &parameters, &GO).unwrap();
        for (merged, expected) in merged.iter().zip(&expected) {
            assert_close(&[merged.loglik], &[expected.loglik], LOGLIK_TOLERANCE, "log-likelihood");
            assert_close(&merged.n_gl, &expected.n_gl, COUNT_TOLERANCE, "n_gl");
            assert_close(&merged.n_glim, &expected.n_glim, COUNT_TOLERANCE, "n_glim");
            assert_close(&merged.eliminated, &expected.eliminated, COUNT_TOLERANCE, "eliminated");
        }
    }
}

#[test]
fn the_loop_is_the_same_over_merged_counts() {
    let case = draw(&RECIPE).with_scales_held();
    let model = case.model(Planning::Eliminate);
    let options = EmOptions { max_cycles: 20, tol_parameter: 1e-12, tol_deviance: 1e-12, ..EmOptions::default() };
    let fit = |source: &mut dyn CountSource| em(&model, source, case.x.clone(), &options, &mut |_| {}, &GO).unwrap();
    let whole = case.data(&model);
    let parts = halves(&case, &model, 110);
    let together = fit(&mut whole.worker(&model).unwrap());
    let merged = fit(&mut parts.iter().map(|data| data.worker(&model).unwrap()).collect::<Vec<_>>());
    assert_close(&[merged.expected.loglik], &[together.expected.loglik], LOGLIK_TOLERANCE, "log-likelihood");
    assert_close(&merged.x, &together.x, ESTIMATE_TOLERANCE, "estimate");
}

#[test]
fn no_part_is_an_error() {
    let case = draw(&RECIPE);
    let model = case.model(Planning::Dense);
    let mut none: Vec<Worker> = Vec::new();
    assert!(none.counts(&model, &Parameters::at(&model, &case.x), &GO).is_err());
}
