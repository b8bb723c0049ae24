//! Distributions: what a placed grid reproduces, moments and derivatives.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use mixirt_core::item::Derivatives;
use mixirt_core::latent::{DISTRIBUTIONS, Latent, LatentParameter, Moments, Normal, covariance_index, distribution};
use mixirt_core::quadrature::{Placement, RULES};

mod grids;
use grids::{ALGEBRA_TOLERANCE, EXACT, SUM_TOLERANCE, WEIGHT_SUM_TOLERANCE, exact_sum, example, placed, standard};

/// Central differences at a relative step of 1e-5 leave about 1e-10 of truncation and 1e-11 of rounding.
const DERIVATIVE_TOLERANCE: f64 = 1e-6;
/// A rotated Gauss rule has the moments of the normal distribution exactly, up to rounding.
const ROTATED_TOLERANCE: f64 = 1e-12;
/// 64 rectangular points reach to 6 standard deviations: the variance beyond is 4e-8.
const ALIGNED_TOLERANCE: f64 = 1e-7;

fn covariance(n_dims: usize, delta: &[f64]) -> Vec<f64> {
    let entry = |j: usize, k: usize| delta[covariance_index(n_dims, j.max(k), j.min(k))];
    (0..n_dims * n_dims).map(|i| entry(i / n_dims, i % n_dims)).collect()
}

/// Moments that belong to no grid in particular: unequal to the example's own.
fn moments(n_dims: usize) -> Moments {
    let mean: Vec<f64> = [0.1, -0.6, 0.5][..n_dims].to_vec();
    let spread = [[1.4, 0.2, 0.3], [0.2, 0.9, -0.1], [0.3, -0.1, 2.0]];
    let second = (0..n_dims * n_dims).map(|i| {
        let (j, k) = (i / n_dims, i % n_dims);
        spread[j][k] + mean[j] * mean[k]
    });
    Moments { n: 37.5, second: second.collect(), mean }
}

#[test]
fn every_distribution_is_found_by_its_name_and_can_be_standard() {
    for entry in DISTRIBUTIONS {
        assert_eq!(distribution(entry.name()).unwrap().name(), entry.name());
        for n_dims in 0..=4 {
            let is_variance = |p: &LatentParameter| matches!(p, LatentParameter::Covariance(j, k) if j == k);
            let standard: Vec<f64> =
                entry.parameters(n_dims).iter().map(|p| f64::from(u8::from(is_variance(p)))).collect();
            assert!(entry.is_feasible(n_dims, &standard), "where the engine's start values lie");
        }
    }
    assert!(distribution("cauchy").is_none());
}

#[test]
fn parameters_are_means_then_the_lower_triangle() {
    use LatentParameter::{Covariance, Mean};
    for n_dims in 0..=4 {
        let parameters = Normal.parameters(n_dims);
        assert_eq!(parameters.len(), n_dims + n_dims * (n_dims + 1) / 2);
        for (position, parameter) in parameters.into_iter().enumerate() {
            match parameter {
                Mean(j) => assert_eq!(j, position),
                Covariance(j, k) => {
                    assert!(k <= j);
                    assert_eq!(covariance_index(n_dims, j, k), position);
                }
            }
        }
    }
    assert_eq!(Normal.parameters(2), [Mean(0), Mean(1), Covariance(0, 0), Covariance(1, 0), Covariance(1, 1)]);
}

#[test]
fn placed_grids_reproduce_the_distribution() {
    for latent in DISTRIBUTIONS {
        for rule in RULES {
            let aligned = rule.placement() == Placement::AxisAligned;
            let tolerance = if aligned { ALIGNED_TOLERANCE } else { ROTATED_TOLERANCE };
            for n_dims in 0..=3 {
                let n_points = if aligned { [64, 60, 68] } else { [8, 7, 9] };
                let delta = example(n_dims);
                let grid = placed(*latent, &standard(rule.name(), &n_points[..n_dims]), &delta);
                assert!((exact_sum(grid.weights.iter().copied()) - 1.0).abs() < WEIGHT_SUM_TOLERANCE);
                assert!(grid.weights.iter().all(|&weight| weight >= 0.0));
                let found = Moments::from_counts(&grid, &grid.weights);
                let sigma = covariance(n_dims, &delta);
                let mut worst = 0.0_f64;
                for j in 0..n_dims {
                    worst = worst.max((found.mean[j] - delta[j]).abs() / sigma[j * n_dims + j].sqrt());
                    for k in 0..n_dims {
                        let covariance = found.second[j * n_dims + k] - found.mean[j] * found.mean[k];
                        let scale = (sigma[j * n_dims + j] * sigma[k * n_dims + k]).sqrt();
                        worst = worst.max((covariance - sigma[j * n_dims + k]).abs() / scale);
                    }
                }
                assert!(worst < tolerance, "{} {n_dims}: {worst:e}", rule.name());
            }
        }
    }
}

#[test]
fn aligned_weights_are_the_normal_density_at_the_nodes() {
    let delta = example(3);
    let sigma = nalgebra::DMatrix::from_row_slice(3, 3, &covariance(3, &delta));
    let precision = sigma.try_inverse().unwrap();
    let standard = standard("rectangular", &[7, 6, 5]);
    let grid = placed(&Normal, &standard, &delta);
    let density = |l: usize| {
        let d = nalgebra::DVector::from_fn(3, |j, _| grid.theta[j * grid.n_nodes + l] - delta[j]);
        (-0.5 * d.dot(&(&precision * &d))).exp()
    };
    let densities: Vec<f64> = (0..grid.n_nodes).map(density).collect();
    let sum = exact_sum(densities.iter().copied());
    for (l, density) in densities.iter().enumerate() {
        assert!((grid.weights[l] - density / sum).abs() < SUM_TOLERANCE);
        for j in 0..3 {
            let sd = delta[covariance_index(3, j, j)].sqrt();
            assert!(
                (grid.theta[j * grid.n_nodes + l] - (delta[j] + sd * standard.z[j * grid.n_nodes + l])).abs() < EXACT
            );
        }
    }
}

#[test]
fn independent_attributes_keep_the_standard_weights() {
    for rule in RULES {
        let standard = standard(rule.name(), &[12, 9]);
        let grid = placed(&Normal, &standard, &[1.0, -2.0, 4.0, 0.0, 0.25]);
        for (weight, standard) in grid.weights.iter().zip(&standard.weights) {
            assert!((weight - standard).abs() < EXACT);
        }
    }
}

/// A ridge between the nodes must neither underflow to nothing nor gain weight.
#[test]
fn extreme_correlations_still_give_weights() {
    for rule in RULES {
        for correlation in [-0.999_999_999, -0.99, 0.99, 0.999_999_999] {
            let delta = [0.0, 0.0, 1.0, correlation, 1.0];
            assert!(Normal.is_feasible(2, &delta));
            let grid = placed(&Normal, &standard(rule.name(), &[32, 31]), &delta);
            assert!(
                (exact_sum(grid.weights.iter().copied()) - 1.0).abs() < WEIGHT_SUM_TOLERANCE,
                "{} {correlation}",
                rule.name()
            );
        }
    }
}

#[test]
fn infeasible_parameters_are_told_and_never_look_like_a_grid() {
    let infeasible: [(usize, &[f64]); 11] = [
        (1, &[1e300, 1.0]),
        (2, &[0.0, -1.1, 1.0, 0.0, 1e-16]),
        (1, &[0.0, 0.0]),
        (1, &[0.0, -1.0]),
        (1, &[f64::NAN, 1.0]),
        (1, &[0.0, f64::INFINITY]),
        (1, &[0.0]),
        (2, &[0.0, 0.0, 1.0, 1.0, 1.0]),
        (2, &[0.0, 0.0, 1.0, -1.2, 1.0]),
        (2, &[0.0, 0.0, 1e-8, 1.000_001e-4, 1.0]),
        (3, &[0.0, 0.0, 0.0, 1.0, 0.9, 1.0, -0.9, 0.9, 1.0]),
    ];
    for (n_dims, delta) in infeasible {
        assert!(!Normal.is_feasible(n_dims, delta), "{delta:?}");
        assert_eq!(Normal.expected_loglik(n_dims, delta, &moments(n_dims)), f64::NEG_INFINITY);
        for rule in RULES {
            let standard = standard(rule.name(), &vec![5; n_dims]);
            let grid = placed(&Normal, &standard, delta);
            assert!(grid.theta.iter().chain(&grid.weights).all(|x| x.is_nan()));
        }
    }
    // The judgement does not depend on the units of the attributes.
    for unit in [1e-100, 1e-6, 1.0, 1e100] {
        assert!(Normal.is_feasible(2, &[0.0, 0.0, unit * unit, 0.999 * unit, 1.0]));
        assert!(!Normal.is_feasible(2, &[0.0, 0.0, unit * unit, 1.001 * unit, 1.0]));
    }
}

/// Central differences of `f` in each element of `delta`, and the step that was taken.
fn central_differences(delta: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let difference = |i: usize| {
        let step = 1e-5 * delta[i].abs().max(0.1);
        let (mut up, mut down) = (delta.to_vec(), delta.to_vec());
        up[i] += step;
        down[i] -= step;
        let (above, below) = (f(&up), f(&down));
        above.iter().zip(&below).map(|(a, b)| (a - b) / (up[i] - down[i])).collect()
    };
    (0..delta.len()).map(difference).collect()
}

#[test]
fn derivatives_agree_with_central_differences() {
    for latent in DISTRIBUTIONS {
        for n_dims in 0..=3 {
            let delta = example(n_dims);
            let moments = moments(n_dims);
            let at = |delta: &[f64]| {
                let mut out = Derivatives::zeros(delta.len());
                latent.derivatives(n_dims, delta, &moments, &mut out);
                out
            };
            let found = at(&delta);
            assert_eq!(found.value, latent.expected_loglik(n_dims, &delta, &moments));
            let slopes = central_differences(&delta, |delta| vec![at(delta).value]);
            let curvatures = central_differences(&delta, |delta| at(delta).gradient);
            let n = delta.len();
            let size = found.hessian.iter().fold(0.0, |size: f64, h| size.max(h.abs()));
            for i in 0..n {
                let error = (found.gradient[i] - slopes[i][0]).abs() / slopes[i][0].abs().max(1.0);
                assert!(error < DERIVATIVE_TOLERANCE, "{n_dims} gradient {i}: {error:e}");
                for (k, curvature) in curvatures[i].iter().enumerate() {
                    let hessian = found.hessian[i * n + k];
                    let error = (hessian - curvature).abs() / curvature.abs().max(1e-3 * size);
                    assert!(error < DERIVATIVE_TOLERANCE, "{n_dims} hessian {i} {k}: {error:e}");
                    assert_eq!(hessian, found.hessian[k * n + i]);
                }
            }
        }
    }
}

/// The value is the sum over nodes of expected count times log-density, which moments must not change.
#[test]
fn the_value_is_the_sum_over_nodes() {
    for n_dims in 1..=3 {
        let grid = placed(&Normal, &standard("gauss-hermite", &[5, 4, 6][..n_dims]), &example(n_dims));
        let n_gl: Vec<f64> = (0..grid.n_nodes).map(|l| 0.3 + (l % 7) as f64).collect();
        let mut delta = example(n_dims);
        delta[0] += 0.3;
        delta[n_dims] *= 1.4;
        let sigma = nalgebra::DMatrix::from_row_slice(n_dims, n_dims, &covariance(n_dims, &delta));
        let constant = sigma.determinant().ln() + n_dims as f64 * std::f64::consts::TAU.ln();
        let precision = sigma.try_inverse().unwrap();
        let log_density = |l: usize| {
            let d = nalgebra::DVector::from_fn(n_dims, |j, _| grid.theta[j * grid.n_nodes + l] - delta[j]);
            -0.5 * (constant + d.dot(&(&precision * &d)))
        };
        let expected: f64 = (0..grid.n_nodes).map(|l| n_gl[l] * log_density(l)).sum();
        let found = Normal.expected_loglik(n_dims, &delta, &Moments::from_counts(&grid, &n_gl));
        assert!((found / expected - 1.0).abs() < ALGEBRA_TOLERANCE, "{n_dims}: {found} {expected}");
    }
}

#[test]
fn the_gradient_vanishes_at_the_closed_form_maximum() {
    for n_dims in 0..=3 {
        let moments = moments(n_dims);
        let mut delta = moments.mean.clone();
        for j in 0..n_dims {
            delta.extend((0..=j).map(|k| moments.second[j * n_dims + k] - moments.mean[j] * moments.mean[k]));
        }
        let mut out = Derivatives::zeros(delta.len());
        Normal.derivatives(n_dims, &delta, &moments, &mut out);
        assert!(out.gradient.iter().all(|g| g.abs() < ALGEBRA_TOLERANCE), "{:?}", out.gradient);
        let n = delta.len();
        let hessian = nalgebra::DMatrix::from_row_slice(n, n, &out.hessian);
        assert!(n == 0 || hessian.symmetric_eigenvalues().max() < 0.0, "not a maximum");
    }
}

#[test]
fn nobody_and_nothing_contribute_nothing() {
    let grid = placed(&Normal, &standard("rectangular", &[8, 8]), &example(2));
    let nobody = Moments::from_counts(&grid, &[0.0; 64]);
    assert_eq!(nobody, Moments { n: 0.0, mean: vec![0.0; 2], second: vec![0.0; 4] });
    let mut out = Derivatives { value: 1.0, gradient: vec![1.0; 2], hessian: vec![1.0; 4] };
    Normal.derivatives(2, &example(2), &nobody, &mut out);
    assert_eq!(out, Derivatives::zeros(5));
    assert_eq!(Normal.expected_loglik(2, &example(2), &nobody), 0.0);

    let point = placed(&Normal, &standard("rectangular", &[]), &[]);
    assert_eq!((point.n_nodes, point.theta.len()), (1, 0));
    assert_eq!(point.weights, [1.0]);
    let moments = Moments::from_counts(&point, &[12.5]);
    assert_eq!(moments, Moments { n: 12.5, mean: vec![], second: vec![] });
    Normal.derivatives(0, &[], &moments, &mut out);
    assert_eq!(out, Derivatives::zeros(0));
}

#[test]
fn moments_are_those_of_a_plain_sum() {
    for n_points in [[3, 5], [40, 33]] {
        let grid = placed(&Normal, &standard("rectangular", &n_points), &example(2));
        let n_gl: Vec<f64> = (0..grid.n_nodes).map(|l| ((l * 37) % 11) as f64 / 8.0).collect();
        let moments = Moments::from_counts(&grid, &n_gl);
        let theta = |j: usize, l: usize| grid.theta[j * grid.n_nodes + l];
        assert_eq!(moments.n, n_gl.iter().sum::<f64>());
        for j in 0..2 {
            let mean = (0..grid.n_nodes).map(|l| n_gl[l] * theta(j, l)).sum::<f64>() / moments.n;
            assert!((moments.mean[j] - mean).abs() < SUM_TOLERANCE);
            for k in 0..2 {
                let second = (0..grid.n_nodes).map(|l| n_gl[l] * theta(j, l) * theta(k, l)).sum::<f64>() / moments.n;
                assert!((moments.second[j * 2 + k] - second).abs() < ALGEBRA_TOLERANCE);
            }
        }
    }
}
