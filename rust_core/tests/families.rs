//! Properties that every item family has to have: the loops run over the registry, so a new entry is tested at once.

#![allow(clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

mod item_cases;

use item_cases::{Case, assert_close, binary_shape, case, extended, five_point};
use mixirt_core::encode::MAX_CATEGORIES;
use mixirt_core::item::{FAMILIES, Gpcm, Grm, ItemParameter, ItemShape, Nodes, ThreePl, family, linear_predictor};
use proptest::prelude::*;

/// Against five-point differences: at most 1e-8 of truncation, where two graded intercepts are as near as they come,
/// and 1e-9 of rounding.
const DIFFERENCES: f64 = 1e-6;
/// Sums of some hundred terms in another order.
const REORDERED: f64 = 1e-10;
/// A few roundings of logits up to 50.
const ROUNDING: f64 = 1e-12;
/// Sums of up to six probabilities.
const TOTAL: f64 = 1e-14;
/// A normal curve in place of the logistic one is off by .01 at a boundary, a category between two of them by .02.
const ROUGHLY: f64 = 0.05;

proptest! {
    #[test]
    fn gradient_and_hessian_are_the_derivatives(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let exact = case.derivatives(&case.eta);
        assert_close(exact.value, case.loglik(&case.eta), ROUNDING, "value");
        let n = case.eta.len();
        for j in 0..n {
            let slope = five_point(case.eta[j], |x| vec![case.loglik(&case.with(j, x))]);
            assert_close(exact.gradient[j], slope[0], DIFFERENCES, "gradient");
            let row = five_point(case.eta[j], |x| case.derivatives(&case.with(j, x)).gradient);
            for (k, slope) in row.iter().enumerate() {
                assert_close(exact.hessian[j * n + k], *slope, DIFFERENCES, "Hessian");
                prop_assert_eq!(exact.hessian[j * n + k], exact.hessian[k * n + j]);
            }
        }
    }

    #[test]
    fn scores_are_the_derivatives_of_log_probabilities(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let scores = case.scores();
        for (j, table) in scores.chunks_exact(case.counts.len()).enumerate() {
            let slopes = five_point(case.eta[j], |x| case.log_probabilities(&case.with(j, x)));
            for (exact, slope) in table.iter().zip(&slopes) {
                assert_close(*exact, *slope, DIFFERENCES, "score");
            }
        }
    }

    #[test]
    fn counts_contract_scores_to_the_gradient(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let gradient = case.derivatives(&case.eta).gradient;
        for (table, exact) in case.scores().chunks_exact(case.counts.len()).zip(gradient) {
            let contracted: f64 = table.iter().zip(&case.counts).map(|(s, n)| s * n).sum();
            assert_close(contracted, exact, REORDERED, "contraction");
        }
    }

    #[test]
    fn predictor_derivatives_are_the_derivatives(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let mut z = vec![0.0; case.n_nodes];
        linear_predictor(&case.eta[..case.shape.n_dims], case.nodes(), &mut z);
        let (first, second) = case.predictor_derivatives(&z);
        for (l, z_l) in z.iter().enumerate() {
            let slopes = five_point(*z_l, |z| {
                let at = case.on_predictor(vec![z]);
                at.log_probabilities(&at.eta)
            });
            let bends = five_point(*z_l, |z| case.predictor_derivatives(&[z]).0);
            for m in 0..case.shape.n_categories {
                assert_close(first[m * case.n_nodes + l], slopes[m], DIFFERENCES, "first");
                assert_close(second[m * case.n_nodes + l], bends[m], DIFFERENCES, "second");
            }
        }
        let bound = FAMILIES[i].curvature_bound(&case.shape);
        prop_assert!(second.iter().all(|bend| -bend <= bound * (1.0 + ROUNDING)), "{second:?} beyond {bound}");
    }

    #[test]
    fn probabilities_are_a_distribution_and_what_the_likelihood_sees(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let p = case.probabilities();
        for l in 0..case.n_nodes {
            let total: f64 = (0..case.shape.n_categories).map(|m| p[m * case.n_nodes + l]).sum();
            prop_assert!((total - 1.0).abs() <= TOTAL, "sum {total}");
        }
        for (p, log_p) in p.iter().zip(case.log_probabilities(&case.eta)) {
            prop_assert!(*p >= 0.0);
            assert_close(*p, log_p.exp(), ROUNDING, "probability");
        }
    }

    #[test]
    fn one_predictor_is_seen_as_a_node_is(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let mut z = vec![0.0; case.n_nodes];
        linear_predictor(&case.eta[..case.shape.n_dims], case.nodes(), &mut z);
        let (p, log_p) = (case.probabilities(), case.log_probabilities(&case.eta));
        for (l, z) in z.into_iter().enumerate() {
            for m in 0..case.shape.n_categories {
                let (at, log_p_m) = case.at_predictor(z, m);
                assert_close(at.probabilities[m], p[m * case.n_nodes + l], ROUNDING, "probability");
                assert_close(log_p_m, log_p[m * case.n_nodes + l], ROUNDING, "log-probability");
            }
        }
    }

    #[test]
    fn probabilities_follow_their_definitions(i in 0..FAMILIES.len(), draw in case()) {
        let case = draw.of(FAMILIES[i]);
        let p = case.probabilities();
        for l in 0..case.n_nodes {
            for (m, defined) in defined_probabilities(&case, l).into_iter().enumerate() {
                assert_close(p[m * case.n_nodes + l], defined, ROUNDING, "probability");
            }
        }
    }

    #[test]
    fn starts_reproduce_the_proportions(i in 0..FAMILIES.len(), draw in case()) {
        let mut case = draw.of(FAMILIES[i]);
        case.eta = case.family.start(&case.shape, &case.proportions, &case.slopes);
        for (fitted, observed) in case.marginal_proportions().iter().zip(&case.proportions) {
            prop_assert!((fitted - observed).abs() <= ROUGHLY, "{fitted} for {observed}");
        }
    }

    #[test]
    fn multiplied_scores_divide_the_slopes(draw in case(), factor in 0.1..5.0) {
        let case = draw.of(&Gpcm);
        let mut scaled = case.clone();
        scaled.shape.scores.iter_mut().for_each(|s| *s *= factor);
        scaled.eta[..case.shape.n_dims].iter_mut().for_each(|a| *a /= factor);
        for (p, q) in case.probabilities().iter().zip(scaled.probabilities()) {
            assert_close(*p, q, ROUNDING, "probability");
        }
        let (exact, found) = (case.derivatives(&case.eta), scaled.derivatives(&scaled.eta));
        for (j, (exact, found)) in exact.gradient.iter().zip(&found.gradient).enumerate() {
            let unit = if j < case.shape.n_dims { factor } else { 1.0 };
            assert_close(found / unit, *exact, REORDERED, "gradient");
        }
    }

    #[test]
    fn shifted_scores_change_nothing(draw in case(), shift in -8i32..8) {
        let mut case = draw.of(&Gpcm);
        // Eighths, so that shifting them is exact.
        case.shape.scores.iter_mut().for_each(|s| *s = (*s * 8.0).round() / 8.0);
        let mut shifted = case.clone();
        shifted.shape.scores.iter_mut().for_each(|s| *s += f64::from(shift));
        prop_assert_eq!(case.probabilities(), shifted.probabilities());
        prop_assert_eq!(case.derivatives(&case.eta), shifted.derivatives(&case.eta));
    }

    #[test]
    fn without_guessing_all_families_agree_on_a_binary_item(draw in case()) {
        let mut gpcm = Case { family: &Gpcm, ..draw.of(&ThreePl) };
        let n_common = gpcm.eta.len() - 1;
        gpcm.eta.truncate(n_common);
        gpcm.shape.scores = vec![0.0, 1.0];
        let grm = Case { family: &Grm, ..gpcm.clone() };
        let mut unguessed = Case { family: &ThreePl, ..gpcm.clone() };
        unguessed.eta.push(f64::NEG_INFINITY);
        let exact = gpcm.derivatives(&gpcm.eta);
        for other in [grm, unguessed] {
            for (p, q) in other.probabilities().iter().zip(gpcm.probabilities()) {
                assert_close(*p, q, TOTAL, "probability");
            }
            let (n, found) = (other.eta.len(), other.derivatives(&other.eta));
            assert_close(found.value, exact.value, ROUNDING, "value");
            for j in 0..n {
                let slope = exact.gradient.get(j).copied().unwrap_or(0.0);
                assert_close(found.gradient[j], slope, REORDERED, "gradient");
                for k in 0..n {
                    let bend = if j.max(k) < n_common { exact.hessian[j * n_common + k] } else { 0.0 };
                    assert_close(found.hessian[j * n + k], bend, REORDERED, "Hessian");
                }
            }
        }
    }
}

/// The response functions as the paper prints them, at one node.
fn defined_probabilities(case: &Case, l: usize) -> Vec<f64> {
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (n_dims, n_categories) = (case.shape.n_dims, case.shape.n_categories);
    let z: f64 = (0..n_dims).map(|j| case.eta[j] * case.theta[j * case.n_nodes + l]).sum();
    let b = |m: usize| if m == 0 { 0.0 } else { case.eta[n_dims + m - 1] };
    match case.family.name() {
        "gpcm" => {
            let s = &case.shape.scores;
            let odds: Vec<f64> = (0..n_categories).map(|m| (b(m) + (s[m] - s[0]) * z).exp()).collect();
            let total: f64 = odds.iter().sum();
            odds.iter().map(|o| o / total).collect()
        }
        "grm" => {
            let mut cumulative = vec![1.0];
            cumulative.extend((1..n_categories).map(|m| logistic(b(m) + z)));
            cumulative.push(0.0);
            cumulative.windows(2).map(|p| p[0] - p[1]).collect()
        }
        "3pl" => {
            let c = logistic(case.eta[n_dims + 1]);
            let correct = c + (1.0 - c) * logistic(b(1) + z);
            vec![1.0 - correct, correct]
        }
        name => panic!("write down the definition of {name}"),
    }
}

#[test]
fn everything_is_finite_at_the_ends_of_the_scale() {
    let theta = [-800.0, -710.0, -40.0, 0.0, 40.0, 710.0, 800.0];
    for family in FAMILIES {
        for n_categories in [2, 3, 7, 255].map(|n| family.max_categories().min(n)) {
            let shape = ItemShape { n_dims: 1, n_categories, scores: (0..n_categories).map(|m| m as f64).collect() };
            let proportions = vec![1.0 / n_categories as f64; n_categories];
            let eta = family.start(&shape, &proportions, &[1.0]);
            let mut case = Case::new(*family, shape, eta, theta.to_vec());
            assert_finite(&case);
            let guessing = family.parameters(&case.shape).iter().position(|p| *p == ItemParameter::Guessing);
            for c_logit in [f64::NEG_INFINITY, -800.0, 30.0] {
                if let Some(j) = guessing {
                    case.eta[j] = c_logit;
                    assert_finite(&case);
                }
            }
        }
    }
}

/// No log-probability, derivative or score is infinite or missing, and what nobody answered costs nothing.
fn assert_finite(case: &Case) {
    let name = case.family.name();
    assert!(case.family.is_feasible(&case.shape, &case.eta), "{name}");
    assert!(case.log_probabilities(&case.eta).iter().all(|x| x.is_finite() && *x <= 0.0), "{name}: log p");
    assert!(case.probabilities().iter().all(|p| (0.0..=1.0).contains(p)), "{name}: p");
    assert!(case.scores().iter().all(|x| x.is_finite()), "{name}: scores");
    let (first, second) = case.predictor_derivatives(&case.theta);
    assert!(first.iter().chain(&second).all(|x| x.is_finite()), "{name}: predictor");
    for count in [0.0, 1.0] {
        let case = Case { counts: vec![count; case.counts.len()], ..case.clone() };
        let found = case.derivatives(&case.eta);
        assert!(found.value.is_finite(), "{name}: value");
        assert!(found.gradient.iter().chain(&found.hessian).all(|x| x.is_finite()), "{name}: derivatives");
        if count == 0.0 {
            assert_eq!((found.value, case.loglik(&case.eta)), (0.0, 0.0), "{name}: nothing observed");
        }
    }
}

#[test]
fn log_probabilities_are_right_where_probabilities_underflow() {
    // Answers 800 logits against the odds, last with a guessing probability that is itself too small for a number.
    for (name, last) in [("gpcm", None), ("grm", None), ("3pl", Some(f64::NEG_INFINITY)), ("3pl", Some(-900.0))] {
        let eta = [1.0, 0.0].into_iter().chain(last).collect();
        let case = Case::new(family(name).unwrap(), binary_shape(1), eta, vec![-800.0, 800.0]);
        assert_eq!(case.log_probabilities(&case.eta), [0.0, -800.0, -800.0, 0.0], "{name}");
    }
    let guessed = Case::new(&ThreePl, binary_shape(1), vec![1.0, 0.0, 0.0], vec![-800.0]);
    assert_close(guessed.log_probabilities(&guessed.eta)[1], 0.5f64.ln(), ROUNDING, "guessed");
}

#[test]
fn graded_categories_keep_their_relative_precision() {
    // Both boundaries are at 1 within rounding, and close to each other: p = e^-40 (1 - e^-1e-14) = 1e-14 e^-40.
    let shape = ItemShape { n_dims: 1, n_categories: 3, scores: vec![] };
    let case = Case::new(&Grm, shape, vec![1.0, 1e-14, 0.0], vec![40.0]);
    let exact = 1e-14 * (-40f64).exp();
    assert_close(case.probabilities()[1] / exact, 1.0, ROUNDING, "p");
    assert_close(case.log_probabilities(&case.eta)[1], exact.ln(), ROUNDING, "log p");
}

#[test]
fn a_node_without_counts_does_not_matter() {
    for family in FAMILIES {
        let eta = family.start(&binary_shape(1), &[0.4, 0.6], &[1.5]);
        let counts = vec![2.0, 0.0, 3.0, 0.0];
        let both = Case { counts, ..Case::new(*family, binary_shape(1), eta.clone(), vec![0.5, 1e4]) };
        let alone = Case { counts: vec![2.0, 3.0], ..Case::new(*family, binary_shape(1), eta, vec![0.5]) };
        assert_eq!(both.derivatives(&both.eta), alone.derivatives(&alone.eta), "{}", family.name());
    }
}

#[test]
fn infeasible_parameters_are_recognised() {
    for family in FAMILIES {
        let shape = extended(*family, 2);
        let proportions = vec![1.0 / shape.n_categories as f64; shape.n_categories];
        let eta = family.start(&shape, &proportions, &[1.0, -0.5]);
        assert!(family.is_feasible(&shape, &eta), "{}", family.name());
        assert!(!family.is_feasible(&shape, &eta[1..]), "{}: too few", family.name());
        for (j, parameter) in family.parameters(&shape).iter().enumerate() {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut eta = eta.clone();
                eta[j] = bad;
                let allowed = *parameter == ItemParameter::Guessing && bad == f64::NEG_INFINITY;
                assert_eq!(family.is_feasible(&shape, &eta), allowed, "{}: {parameter:?} = {bad}", family.name());
            }
        }
    }
}

#[test]
fn graded_intercepts_must_fall() {
    let grm = family("grm").unwrap();
    let shape = ItemShape { n_dims: 1, n_categories: 4, scores: vec![] };
    assert!(grm.is_feasible(&shape, &[-1.0, 1.0, 0.0, -1.0]));
    assert!(!grm.is_feasible(&shape, &[-1.0, 1.0, 1.0, -1.0]), "equal intercepts");
    assert!(!grm.is_feasible(&shape, &[-1.0, 1.0, -1.0, 0.0]), "a rising intercept");
}

#[test]
fn parameters_are_slopes_then_intercepts_then_the_rest() {
    for family in FAMILIES {
        let shape = extended(*family, 3);
        let parameters = family.parameters(&shape);
        let slopes = (0..3).map(ItemParameter::Slope);
        let leading: Vec<_> = slopes.chain((1..shape.n_categories).map(ItemParameter::Intercept)).collect();
        assert_eq!(parameters[..leading.len()], leading, "{}", family.name());
        let proportions = vec![1.0 / shape.n_categories as f64; shape.n_categories];
        assert_eq!(family.start(&shape, &proportions, &[1.0; 3]).len(), parameters.len(), "{}", family.name());
    }
    assert_eq!(family("3pl").unwrap().parameters(&binary_shape(0)).last(), Some(&ItemParameter::Guessing));
}

#[test]
fn names_find_their_families() {
    for entry in FAMILIES {
        assert_eq!(family(entry.name()).map(|found| found.name()), Some(entry.name()));
    }
    assert_eq!(
        ["gpcm", "grm", "3pl"].map(|name| family(name).unwrap().max_categories()),
        [MAX_CATEGORIES, MAX_CATEGORIES, 2]
    );
    assert!(family("rasch").is_none());
}

#[test]
fn starts_survive_rare_categories() {
    for family in FAMILIES {
        let shape = extended(*family, 1);
        for rare in 0..shape.n_categories {
            for p in [1e-3, 1e-20, 1e-300] {
                let mut proportions = vec![(1.0 - p) / (shape.n_categories - 1) as f64; shape.n_categories];
                proportions[rare] = p;
                for a in [0.0, 1.0, 100.0] {
                    let eta = family.start(&shape, &proportions, &[a]);
                    assert!(family.is_feasible(&shape, &eta), "{} {proportions:?}: {eta:?}", family.name());
                }
            }
        }
    }
}

#[test]
fn fewer_correct_answers_than_guessing_would_give_still_start() {
    /// Relative: where one answer in a hundred is known, the normal and the logistic tail differ by a fifth.
    const IN_THE_TAIL: f64 = 0.2;
    for correct in [0.15, 0.1, 0.02] {
        let eta = family("3pl").unwrap().start(&binary_shape(1), &[1.0 - correct, correct], &[1.0]);
        let fitted = Case::new(&ThreePl, binary_shape(1), eta, vec![]).marginal_proportions();
        assert_close(fitted[1] / correct, 1.0, IN_THE_TAIL, "proportion correct");
    }
}

#[test]
fn without_attributes_the_gpcm_is_a_free_multinomial() {
    let proportions = [0.2, 0.5, 0.3];
    let shape = ItemShape { n_dims: 0, n_categories: 3, scores: vec![0.0, 1.0, 2.0] };
    let eta = family("gpcm").unwrap().start(&shape, &proportions, &[]);
    let counts = proportions.map(|p| 50.0 * p).to_vec();
    let case = Case { counts, ..Case::new(&Gpcm, shape, eta, vec![]) };
    for (p, exact) in case.probabilities().iter().zip(proportions) {
        assert_close(*p, exact, TOTAL, "probability");
    }
    for slope in case.derivatives(&case.eta).gradient {
        assert_close(slope, 0.0, ROUNDING, "gradient at the maximum");
    }
}

#[test]
fn linear_predictor_sums_over_attributes() {
    let theta = [1.0, 2.0, 3.0, -1.0, 0.0, 4.0];
    let mut z = [9.0; 3];
    linear_predictor(&[2.0, -0.5], Nodes { theta: &theta, n_nodes: 3 }, &mut z);
    assert_eq!(z, [2.5, 4.0, 4.0]);
    let mut z = [9.0];
    linear_predictor(&[], Nodes { theta: &[], n_nodes: 1 }, &mut z);
    assert_eq!(z, [0.0]);
}

#[test]
fn no_family_takes_more_categories_than_there_are_codes() {
    for family in FAMILIES {
        assert!((2..=MAX_CATEGORIES).contains(&family.max_categories()), "{}", family.name());
    }
}
