//! Grids, and distributions placed on them.
#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use mixirt_core::grid::Grid;
use mixirt_core::latent::Latent;
use mixirt_core::quadrature::{MAX_NODES, Quadrature, StandardGrid};

/// A sum of weights carries the rounding of one division each.
pub const WEIGHT_SUM_TOLERANCE: f64 = 1e-14;

/// One or two roundings of numbers of the size of 1.
pub const EXACT: f64 = 1e-15;
/// The roundings of a sum over some hundred nodes.
pub const SUM_TOLERANCE: f64 = 1e-13;
/// Those of determinants, inverses and quotients of such sums as well.
pub const ALGEBRA_TOLERANCE: f64 = 1e-12;

/// A request for a rule with so many points on each attribute.
pub fn quadrature(rule: &str, n_points: &[usize]) -> Quadrature {
    Quadrature { rule: rule.to_owned(), n_points: n_points.to_vec(), prune: None }
}

/// The grid of a rule with so many points on each attribute.
pub fn standard(rule: &str, n_points: &[usize]) -> StandardGrid {
    StandardGrid::new(&quadrature(rule, n_points), n_points.len(), MAX_NODES).unwrap()
}

/// A normal distribution with unequal means and variances and correlations of both signs.
pub fn example(n_dims: usize) -> Vec<f64> {
    match n_dims {
        0 => vec![],
        1 => vec![0.4, 2.3],
        2 => vec![0.4, -1.1, 2.3, 0.7, 0.6],
        _ => vec![0.4, -1.1, 0.2, 2.3, 0.7, 0.6, -0.5, 0.1, 1.2],
    }
}

/// A distribution on a grid.
pub fn placed(latent: &dyn Latent, standard: &StandardGrid, delta: &[f64]) -> Grid {
    let mut grid = Grid::new(standard);
    latent.place(standard, delta, &mut grid);
    grid
}

/// Compensated (Neumaier), so that the sum adds nothing to the error it measures.
pub fn exact_sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
}
