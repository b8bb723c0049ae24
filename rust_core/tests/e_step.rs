//! The E-step against a slow reference that works respondent by respondent in logarithms.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::sync::atomic::AtomicBool;

use mixirt_core::e_step::{EStep, GroupCounts, InstructionSet, Stop};
use mixirt_core::patterns::MISSING;
use proptest::prelude::*;

mod close;
mod e_step_cases;
use close::assert_close;
use e_step_cases::{
    COUNT_TOLERANCE, GO, LOGLIK_TOLERANCE, LONG_COUNT_TOLERANCE, Recipe, assert_counts, assert_same_bits, draw,
    long_test, recipes, repeat_rows,
};

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
