//! Quadrature rules against what they integrate exactly, and standard grids against the products they stand for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::f64::consts::{PI, TAU};

use mixirt_core::Error;
use mixirt_core::quadrature::{
    Axis, MAX_NODES, MIN_POINTS, Placement, Quadrature, RULES, StandardGrid, default_points, rule,
};

mod grids;
use grids::{ALGEBRA_TOLERANCE, EXACT, SUM_TOLERANCE, WEIGHT_SUM_TOLERANCE, exact_sum, quadrature, standard};

/// Gauss rules are exact: what is left is rounding in nodes and weights, amplified by the degree.
const GAUSS_TOLERANCE: f64 = 1e-12;

fn refusal(request: &Quadrature, n_dims: usize) -> String {
    match StandardGrid::new(request, n_dims, MAX_NODES) {
        Err(Error::Spec(message)) => message,
        Err(other) => panic!("expected a specification error, got {other:?}"),
        Ok(grid) => panic!("expected a refusal, got {} nodes", grid.n_nodes()),
    }
}

fn expectation(axis: &Axis, f: impl Fn(f64) -> f64) -> f64 {
    exact_sum(axis.z.iter().zip(&axis.weights).map(|(&z, w)| w * f(z)))
}

/// `E z^degree` of a standard normal for an even degree: `(degree - 1)!!`.
fn normal_moment(degree: i32) -> f64 {
    (1..degree).step_by(2).map(f64::from).product()
}

#[test]
fn every_rule_is_ascending_symmetric_positive_and_sums_to_one() {
    for rule in RULES {
        for n in [2, 3, 5, 8, 21, 64, 121, 200, 300] {
            let axis = rule.axis(n);
            assert_eq!((axis.z.len(), axis.weights.len()), (n, n));
            assert!(axis.z.windows(2).all(|pair| pair[0] < pair[1]), "{} {n}", rule.name());
            assert!(axis.weights.iter().all(|&w| w.is_normal() && w > 0.0), "{} {n}", rule.name());
            for i in 0..n {
                assert_eq!(axis.z[i], -axis.z[n - 1 - i], "{} {n} {i}", rule.name());
                assert_eq!(axis.weights[i], axis.weights[n - 1 - i], "{} {n} {i}", rule.name());
            }
            assert!((exact_sum(axis.weights) - 1.0).abs() < WEIGHT_SUM_TOLERANCE, "{} {n}", rule.name());
        }
    }
}

#[test]
fn every_rule_is_found_by_its_name() {
    for entry in RULES {
        assert_eq!(rule(entry.name()).unwrap().name(), entry.name());
    }
    assert!(rule("monte-carlo").is_none());
    assert_eq!(Quadrature::default().rule, "rectangular");
}

#[test]
fn gauss_hermite_is_exact_to_degree_2n_minus_1() {
    let rule = rule("gauss-hermite").unwrap();
    let mut worst = 0.0_f64;
    for n in 2..=64 {
        let axis = rule.axis(n);
        let highest = 2 * n as i32 - 1;
        for degree in (0..highest).step_by(2) {
            let error = (expectation(&axis, |z| z.powi(degree)) / normal_moment(degree) - 1.0).abs();
            worst = worst.max(error);
            assert!(error < GAUSS_TOLERANCE, "n {n} degree {degree}: {error:e}");
        }
        for degree in (1..=highest).step_by(2) {
            let size = expectation(&axis, |z| z.abs().powi(degree));
            assert!(expectation(&axis, |z| z.powi(degree)).abs() < GAUSS_TOLERANCE * size, "n {n} degree {degree}");
        }
        // The first degree that is not exact falls short by n! (as long as that shows against the moment itself).
        let shortfall = 1.0 - expectation(&axis, |z| z.powi(highest + 1)) / normal_moment(highest + 1);
        let expected = (1..=n).map(|k| k as f64).product::<f64>() / normal_moment(highest + 1);
        assert!((shortfall - expected).abs() < GAUSS_TOLERANCE, "n {n}: {shortfall:e} {expected:e}");
    }
}

#[test]
fn large_gauss_hermite_rules_are_exact_too() {
    for n in [121, 200, 300] {
        let axis = rule("gauss-hermite").unwrap().axis(n);
        let error = |degree| (expectation(&axis, |z| z.powi(degree)) / normal_moment(degree) - 1.0).abs();
        let worst = (0..=100).step_by(2).map(error).fold(0.0, f64::max);
        assert!(worst < GAUSS_TOLERANCE, "{n} nodes: {worst:e}");
    }
}

#[test]
fn gauss_hermite_agrees_with_published_rules() {
    let three = rule("gauss-hermite").unwrap().axis(3);
    for (found, exact) in three.z.iter().zip([-3.0_f64.sqrt(), 0.0, 3.0_f64.sqrt()]) {
        assert!((found - exact).abs() < EXACT);
    }
    for (found, exact) in three.weights.iter().zip([1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0]) {
        assert!((found - exact).abs() < EXACT);
    }
    // Abramowitz and Stegun, table 25.10, for the weight function exp(-x^2); the tolerances are the printed digits.
    // Weights taken from eigenvectors would have lost most of these.
    let twenty = rule("gauss-hermite").unwrap().axis(20);
    let (node, weight) = (twenty.z[19] / 2.0_f64.sqrt(), twenty.weights[19] * PI.sqrt());
    assert!((node - 5.387_480_890_011_2).abs() < 1e-12, "{node}");
    assert!((weight / 2.229_393_645_53e-13 - 1.0).abs() < 1e-11, "{weight:e}");
}

/// `integral of z^degree phi(z)` over `|z| > from`, for degrees 0, 2, 4, 6, 8, by integration by parts.
fn tail_moments(from: f64) -> [f64; 5] {
    let density = (-0.5 * from * from).exp() / TAU.sqrt();
    // The continued fraction of Mills' ratio; 60 terms are ample at 6.
    let mills = (1..60).rev().fold(from, |fraction, k| from + f64::from(k) / fraction).recip();
    let mut tails = [2.0 * density * mills; 5];
    for half in 1..5 {
        let degree = 2 * half as i32;
        tails[half] = 2.0 * density * from.powi(degree - 1) + f64::from(degree - 1) * tails[half - 1];
    }
    tails
}

/// The only error of 64 rectangular points is their range, which ends half a step beyond the last point, since that
/// point stands for a whole step.
#[test]
fn rectangular_errors_are_those_of_the_range() {
    // The density falls by half across that last half step, so the sum and the integral to its end differ by some
    // percent of the tail.
    const TAIL_TOLERANCE: f64 = 0.1;
    // Up to the fourth moment the tail beyond 6 is that small; it is 4e-6 of the sixth and 2e-5 of the eighth.
    const LOW_MOMENT_TOLERANCE: f64 = 1e-6;
    let axis = rule("rectangular").unwrap().axis(64);
    assert_eq!(axis.z[63], 6.0);
    let tails = tail_moments(6.0 + 0.5 * (axis.z[1] - axis.z[0]));
    for (half, tail) in tails.iter().enumerate().skip(1) {
        let degree = 2 * half as i32;
        let missing = 1.0 - expectation(&axis, |z| z.powi(degree)) / normal_moment(degree);
        // Normalised weights: the density within the range counts as 1.
        let expected = (tail / normal_moment(degree) - tails[0]) / (1.0 - tails[0]);
        assert!((missing / expected - 1.0).abs() < TAIL_TOLERANCE, "moment {degree}: {missing:e} {expected:e}");
        assert!(missing < LOW_MOMENT_TOLERANCE || degree > 4, "moment {degree}: {missing:e}");
    }
    for degree in [1, 3, 5, 7] {
        assert!(expectation(&axis, |z| z.powi(degree)).abs() < GAUSS_TOLERANCE);
    }
}

#[test]
fn rectangular_integrates_exponentials() {
    // Beyond the range lies P(z > 6 - t) of the tilted density: below 1e-6 up to t = 1.2.
    const TOLERANCE: f64 = 1e-6;
    let axis = rule("rectangular").unwrap().axis(64);
    for t in [-1.2, -0.5, 0.1, 0.7, 1.0, 1.2] {
        let error = expectation(&axis, |z| (t * z).exp()) / (0.5 * t * t).exp() - 1.0;
        assert!(error.abs() < TOLERANCE, "t {t}: {error:e}");
    }
}

#[test]
fn rectangular_range_balances_truncation_and_step() {
    let s = 0.35;
    for n in [6, 8, 12, 20, 32] {
        let axis = rule("rectangular").unwrap().axis(n);
        let range = axis.z[n - 1];
        let step = axis.z[1] - axis.z[0];
        let truncation = 0.5 * range * range;
        let aliasing = 2.0 * (PI * s / step).powi(2);
        assert!((truncation / aliasing - 1.0).abs() < ALGEBRA_TOLERANCE, "n {n}: {truncation} {aliasing}");
    }
}

/// The doc comment's claim about the step, for a posterior narrow enough that it shows: two standard deviations.
#[test]
fn a_rectangular_sum_misses_a_posterior_by_what_poisson_says() {
    let (s, h) = (0.35_f64, 0.7);
    let miss = |shift: i32| {
        let centre = h * f64::from(shift) / 100.0;
        let density = |z: f64| (-0.5 * ((z - centre) / s).powi(2)).exp() / (s * TAU.sqrt());
        (h * exact_sum((-40..=40).map(|i| density(h * f64::from(i)))) - 1.0).abs()
    };
    let worst = (0..100).map(miss).fold(0.0, f64::max);
    let claimed = 2.0 * (-2.0 * (PI * s / h).powi(2)).exp();
    /// The next term of the series is smaller by exp(-6 pi^2 s^2 / h^2), 4e-7.
    const NEXT_TERM: f64 = 1e-5;
    assert!((worst / claimed - 1.0).abs() < NEXT_TERM, "{worst:e} {claimed:e}");
}

#[test]
fn grids_are_products_with_the_last_axis_fastest() {
    let n_points = [3, 2, 5];
    for rule in RULES {
        let grid = standard(rule.name(), &n_points);
        assert_eq!((grid.n_dims, grid.n_nodes()), (3, 30));
        let axes = n_points.map(|n| rule.axis(n));
        for l in 0..30 {
            let index = [l / 10, l / 5 % 2, l % 5];
            let mut weight = 1.0;
            for j in 0..3 {
                assert_eq!(grid.axis_index(l, j), index[j]);
                assert_eq!(grid.z[j * 30 + l], axes[j].z[index[j]]);
                weight *= axes[j].weights[index[j]];
            }
            assert!((grid.weights[l] / weight - 1.0).abs() < WEIGHT_SUM_TOLERANCE);
        }
        for (j, axis) in axes.iter().enumerate() {
            assert_eq!(grid.axis(j).collect::<Vec<_>>(), axis.z);
        }
        assert!((exact_sum(grid.weights) - 1.0).abs() < WEIGHT_SUM_TOLERANCE);
    }
}

#[test]
fn without_attributes_there_is_one_node() {
    for rule in RULES {
        let grid = standard(rule.name(), &[]);
        assert_eq!((grid.n_nodes(), grid.z.len(), grid.n_points.len()), (1, 0, 0));
        assert_eq!(grid.weights, [1.0]);
    }
}

#[test]
fn default_grids_fit_and_are_filled_in() {
    for rule in RULES {
        for n_dims in 1..=8 {
            let grid = StandardGrid::new(&quadrature(rule.name(), &[]), n_dims, MAX_NODES).unwrap();
            assert_eq!(grid.n_points, vec![default_points(n_dims); n_dims]);
            assert_eq!(grid.n_nodes(), default_points(n_dims).pow(n_dims as u32));
            assert_eq!(grid.n_nodes() % 8, 0, "{n_dims}");
            assert!((exact_sum(grid.weights) - 1.0).abs() < WEIGHT_SUM_TOLERANCE, "{} {n_dims}", rule.name());
        }
    }
}

#[test]
fn pruning_keeps_exactly_the_nodes_above_the_threshold() {
    let full = standard("gauss-hermite", &[15, 9]);
    let largest = full.weights.iter().copied().fold(0.0, f64::max);
    for eps in [0.0, 1e-12, 1e-6, 1e-3, 0.5] {
        let request = Quadrature { prune: Some(eps), ..quadrature("gauss-hermite", &[15, 9]) };
        let pruned = StandardGrid::new(&request, 2, MAX_NODES).unwrap();
        let kept: Vec<usize> = (0..full.n_nodes()).filter(|&l| full.weights[l] >= eps * largest).collect();
        let mass = exact_sum(kept.iter().map(|&l| full.weights[l]));
        assert_eq!(pruned.n_nodes(), kept.len(), "eps {eps}");
        for (p, &l) in kept.iter().enumerate() {
            assert_eq!(pruned.z[p], full.z[l]);
            assert_eq!(pruned.z[kept.len() + p], full.z[full.n_nodes() + l]);
            assert!((pruned.weights[p] / (full.weights[l] / mass) - 1.0).abs() < SUM_TOLERANCE);
        }
        assert!((exact_sum(pruned.weights) - 1.0).abs() < WEIGHT_SUM_TOLERANCE);
    }
}

#[test]
fn pruning_makes_room_for_grids_that_would_not_fit() {
    let request = |prune| Quadrature { prune, ..quadrature("gauss-hermite", &[21; 6]) };
    assert!(refusal(&request(None), 6).contains("85766121 nodes"));
    let pruned = StandardGrid::new(&request(Some(1e-5)), 6, MAX_NODES).unwrap();
    assert!(pruned.n_nodes() < MAX_NODES);
    let message = refusal(&request(Some(1e-40)), 6);
    assert!(message.contains("pruned at 1e-40") && message.contains("prune more"), "{message}");
}

#[test]
fn a_grid_that_would_not_fit_is_refused_with_advice() {
    for rule in RULES {
        let message = refusal(&quadrature(rule.name(), &[20; 6]), 6);
        for part in ["20 points", "6 attributes", "64000000 nodes", "4000000", "at most 12 points"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(refusal(&quadrature(rule.name(), &[2000, 2001]), 2).contains("[2000, 2001]"));
        assert!(refusal(&quadrature(rule.name(), &[MAX_NODES + 1]), 1).contains("1 attribute make"));
        // More nodes than a machine word can count.
        let message = refusal(&quadrature(rule.name(), &[]), 400);
        assert!(message.contains("10^311 nodes") && message.contains("fewer attributes"), "{message}");
    }
    assert_eq!(standard("rectangular", &[2000, 2000]).n_nodes(), MAX_NODES);
    let small = StandardGrid::new(&quadrature("rectangular", &[10]), 1, 9);
    assert!(matches!(small, Err(Error::Spec(message)) if message.contains("more than the 9")));
}

#[test]
fn unusable_requests_are_refused_by_name() {
    let message = refusal(&quadrature("simpson", &[]), 1);
    for rule in RULES {
        assert!(message.contains("simpson") && message.contains(rule.name()), "{message}");
        let too_few = refusal(&quadrature(rule.name(), &[5, MIN_POINTS - 1]), 2);
        assert!(too_few.contains("attribute 2") && too_few.contains("at least 2"), "{too_few}");
        assert!(refusal(&quadrature(rule.name(), &[5, 5]), 3).contains("2 numbers of points for 3 attributes"));
        for prune in [-1e-3, 1.0, f64::NAN, f64::INFINITY] {
            let message = refusal(&Quadrature { prune: Some(prune), ..quadrature(rule.name(), &[5]) }, 1);
            let aligned = rule.placement() == Placement::AxisAligned;
            assert!(message.contains(if aligned { "cannot be pruned" } else { "below 1" }), "{message}");
        }
    }
    let message = refusal(&quadrature("gauss-hermite", &[301]), 1);
    assert!(message.contains("301") && message.contains("at most 300"), "{message}");
}
