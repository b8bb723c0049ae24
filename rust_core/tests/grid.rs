//! Grids and the smaller grids of items: what they keep of a distribution, and how well they resolve it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use mixirt_core::grid::{Grid, Support};
use mixirt_core::latent::{Moments, Normal};
use mixirt_core::quadrature::{MAX_NODES, Placement, Quadrature, RULES, StandardGrid};

mod grids;
use grids::{ALGEBRA_TOLERANCE, WEIGHT_SUM_TOLERANCE, exact_sum, example, placed, standard};

#[test]
fn default_grids_of_many_attributes_shrink_variances_as_documented() {
    // Few points do not reach far: the variance beyond the range of 6 to 20 points, in percent.
    for (n_dims, percent) in [(1, 0.001), (2, 0.001), (3, 0.05), (4, 0.5), (5, 2.0), (6, 5.0)] {
        let grid = StandardGrid::new(&Quadrature::default(), n_dims, MAX_NODES).unwrap();
        let found = Moments::from_counts(&Grid::new(&grid), &grid.weights);
        assert!(1.0 - found.second[0] < percent / 100.0 && found.second[0] < 1.0, "{n_dims}: {}", found.second[0]);
    }
}

#[test]
fn supports_hold_the_coordinates_of_every_node() {
    let n_points = [4, 3, 5];
    for rule in RULES {
        for n_dims in 0..=3 {
            let standard = standard(rule.name(), &n_points[..n_dims]);
            let grid = placed(&Normal, &standard, &example(n_dims));
            for subset in 0..1_usize << n_dims {
                let dims: Vec<usize> = (0..n_dims).filter(|j| subset >> j & 1 == 1).collect();
                let support = Support::new(&standard, &dims);
                let distinct: usize = dims.iter().map(|&j| n_points[j]).product();
                match standard.placement {
                    Placement::AxisAligned => assert_eq!(support.n_nodes, distinct),
                    Placement::Rotated if dims.is_empty() => assert_eq!(support.n_nodes, 1),
                    Placement::Rotated => assert_eq!(support.n_nodes, grid.n_nodes),
                }
                let theta = support.theta(&grid);
                assert_eq!(theta.len(), dims.len() * support.n_nodes);
                assert_eq!(support.map.len(), grid.n_nodes);
                for (l, &k) in support.map.iter().enumerate() {
                    for (position, &j) in dims.iter().enumerate() {
                        let found = theta[position * support.n_nodes + k as usize];
                        assert_eq!(found, grid.theta[j * grid.n_nodes + l], "{} {dims:?} {l}", rule.name());
                    }
                }
            }
        }
    }
}

#[test]
fn a_pruned_grid_supports_items_and_nearly_keeps_the_distribution() {
    let quadrature = Quadrature { rule: "gauss-hermite".to_owned(), n_points: vec![21, 15], prune: Some(1e-8) };
    let standard = StandardGrid::new(&quadrature, 2, MAX_NODES).unwrap();
    assert!(standard.n_nodes() < 21 * 15);
    let delta = example(2);
    let grid = placed(&Normal, &standard, &delta);
    assert!((exact_sum(grid.weights.iter().copied()) - 1.0).abs() < WEIGHT_SUM_TOLERANCE);
    let support = Support::new(&standard, &[1]);
    assert_eq!(support.n_nodes, grid.n_nodes);
    assert_eq!(support.theta(&grid), grid.theta[grid.n_nodes..]);
    let found = Moments::from_counts(&grid, &grid.weights);
    /// About a hundred nodes of at most 1e-8 times the largest weight are gone, at up to six standard deviations.
    const PRUNED: f64 = 1e-5;
    let variance = found.second[0] - found.mean[0] * found.mean[0];
    assert!((variance / delta[2] - 1.0).abs() < PRUNED, "{variance}");
}

#[test]
fn resolution_is_the_conditional_sd_in_grid_steps() {
    let standard_grid = standard("rectangular", &[32, 12]);
    let step = |n: usize| {
        let z: Vec<f64> = standard("rectangular", &[n]).axis(0).collect();
        z[1] - z[0]
    };
    for rho in [-0.95, 0.0, 0.6, 0.99] {
        let delta = [3.0, 0.0, 4.0, 2.0 * 0.5 * rho, 0.25];
        let expected = (1.0_f64 - rho * rho).sqrt() / step(12);
        assert!((standard_grid.resolution(&delta) / expected - 1.0).abs() < ALGEBRA_TOLERANCE, "{rho}");
    }
    assert!((standard("rectangular", &[64]).resolution(&[5.0, 9.0]) * step(64) - 1.0).abs() < ALGEBRA_TOLERANCE);
    assert_eq!(standard_grid.resolution(&[0.0, 0.0, 1.0, 1.0, 1.0]), 0.0);
    assert_eq!(standard("rectangular", &[]).resolution(&[]), f64::INFINITY);
    assert_eq!(standard("gauss-hermite", &[5, 5]).resolution(&[0.0, 0.0, 1.0, 0.9, 1.0]), f64::INFINITY);

    // Three attributes: 1 / sqrt of the diagonal of the inverse correlation matrix.
    let (a, b) = (0.8_f64, 0.5);
    let delta = [0.0, 0.0, 0.0, 1.0, a, 1.0, b, a, 1.0];
    let matrix = nalgebra::Matrix3::new(1.0, a, b, a, 1.0, a, b, a, 1.0);
    let precision = matrix.try_inverse().unwrap();
    let smallest = (0..3).map(|j| 1.0 / precision[(j, j)].sqrt()).fold(f64::INFINITY, f64::min);
    let found = standard("rectangular", &[20; 3]).resolution(&delta);
    assert!((found * step(20) / smallest - 1.0).abs() < ALGEBRA_TOLERANCE, "{found}");
}

/// What the warning threshold of one grid step stands for: above it the placed correlation is right.
#[test]
fn a_resolved_correlation_is_reproduced() {
    /// At a step of one conditional standard deviation a rectangular sum misses by 2 exp(-2 pi^2), 5e-9, and the second
    /// moment by that times the square of 2 pi.
    const MISSED: f64 = 1e-6;
    let standard = standard("rectangular", &[32, 32]);
    for rho in [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999] {
        let delta = [0.0, 0.0, 1.0, rho, 1.0];
        let grid = placed(&Normal, &standard, &delta);
        let found = Moments::from_counts(&grid, &grid.weights);
        let error = (found.second[1] / (found.second[0] * found.second[3]).sqrt() - rho).abs();
        let resolution = standard.resolution(&delta);
        assert!(resolution < 1.0 || error < MISSED, "{rho}: {error:e}");
    }
}
