//! Functions of the nodes that are combinations of a few, or known from a few nodes.

use nalgebra::{DMatrix, DVector, RowDVector};

/// Functions whose part outside the span of the others is smaller than this, relative to the largest function, are
/// taken to be in the span: rounding is of that size.
const NEGLIGIBLE: f64 = 1e-13;

/// Where there are more products of changes than this, nodes do not stand for one another.
const MAX_PRODUCTS: usize = 128;

/// An orthonormal basis `(r, K)` of the span of the rows of a matrix `(R, K)`: the row least explained so far first.
pub(super) fn basis_of_rows(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let mut rest = matrix.transpose();
    let mut norms: Vec<f64> = rest.column_iter().map(|row| row.norm()).collect();
    let largest = norms.iter().copied().fold(0.0, f64::max);
    let mut basis: Vec<DVector<f64>> = Vec::new();
    while basis.len() < matrix.nrows().min(matrix.ncols()) {
        let Some(next) = (0..norms.len()).max_by(|&a, &b| norms[a].total_cmp(&norms[b])) else { break };
        if norms[next] <= NEGLIGIBLE * largest {
            break;
        }
        let mut direction: DVector<f64> = rest.column(next) / norms[next];
        // A second pass takes out what rounding left of the earlier ones.
        for earlier in &basis {
            let along = earlier.dot(&direction);
            direction.axpy(-along, earlier, 1.0);
        }
        direction.normalize_mut();
        for (mut row, norm) in rest.column_iter_mut().zip(&mut norms) {
            let along = direction.dot(&row);
            row.axpy(-along, &direction, 1.0);
            *norm = row.norm();
        }
        basis.push(direction);
    }
    DMatrix::from_fn(basis.len(), matrix.ncols(), |r, k| basis[r][k])
}

/// How much each node counts at those that stand for all in sums of products of two rows of `curves (R, L)`, and which
/// these are: functions `(V, L)` that are 1 at one of these nodes, 0 at the others, and span all products. `None` where
/// products span too many functions.
pub(super) fn stand_in(curves: &DMatrix<f64>) -> Option<(DMatrix<f64>, Vec<usize>)> {
    let n_nodes = curves.ncols();
    let basis = basis_of_rows(curves);
    let pairs: Vec<(usize, usize)> = (0..basis.nrows()).flat_map(|u| (u..basis.nrows()).map(move |v| (u, v))).collect();
    if pairs.is_empty() {
        return Some((DMatrix::zeros(0, n_nodes), Vec::new()));
    }
    if pairs.len() > MAX_PRODUCTS.min(n_nodes) {
        return None;
    }
    let products = DMatrix::from_fn(pairs.len(), n_nodes, |k, l| basis[(pairs[k].0, l)] * basis[(pairs[k].1, l)]);
    let products = basis_of_rows(&products);
    let mut at = RowDVector::from_fn(n_nodes, |_, l| l);
    products.clone().col_piv_qr().p().permute_columns(&mut at);
    let at: Vec<usize> = at.iter().take(products.nrows()).copied().collect();
    products.select_columns(&at).lu().solve(&products).map(|functions| (functions, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding of products of matrices with elements up to 10.
    const TOLERANCE: f64 = 1e-11;

    /// `theta^p` and logistic curves times it.
    fn functions(curves: bool) -> DMatrix<f64> {
        DMatrix::from_fn(120, 64, |r, k| {
            let theta = -5.0 + 10.0 * k as f64 / 63.0;
            let (slope, intercept) = (0.4 + 0.02 * r as f64, (r % 7) as f64 - 3.0);
            let curve = if curves { 1.0 / (1.0 + (-slope * theta - intercept).exp()) } else { slope };
            theta.powi(r as i32 % 2) * curve
        })
    }

    #[test]
    fn the_basis_is_orthonormal_and_spans_the_rows() {
        for curves in [false, true] {
            let matrix = functions(curves);
            let basis = basis_of_rows(&matrix);
            assert!((&matrix * basis.transpose() * &basis - &matrix).amax() < TOLERANCE);
            let gram = &basis * basis.transpose();
            assert!((&gram - DMatrix::identity(gram.nrows(), gram.nrows())).amax() < TOLERANCE);
        }
    }

    #[test]
    fn two_functions_span_straight_lines() {
        assert_eq!(basis_of_rows(&functions(false)).nrows(), 2);
    }

    #[test]
    fn three_nodes_stand_for_all_where_functions_are_straight_lines() {
        let lines = functions(false);
        let (counts, at) = stand_in(&lines).unwrap();
        assert_eq!((at.len(), counts.shape()), (3, (3, 64)));
        let weights = DVector::from_fn(64, |l, _| (0.3 * l as f64).cos().powi(2));
        let standing = counts * &weights;
        let sum = |r: usize, s: usize| -> f64 { (0..64).map(|l| weights[l] * lines[(r, l)] * lines[(s, l)]).sum() };
        let few = |r: usize, s: usize| -> f64 {
            at.iter().zip(&standing).map(|(&l, n)| n * lines[(r, l)] * lines[(s, l)]).sum()
        };
        for (r, s) in [(0, 0), (3, 8), (41, 119)] {
            assert!((sum(r, s) - few(r, s)).abs() < TOLERANCE * sum(r, r).max(sum(s, s)), "{r}, {s}");
        }
    }

    #[test]
    fn no_nodes_stand_for_all_where_functions_are_many() {
        assert!(stand_in(&functions(true)).is_none());
    }

    #[test]
    fn nothing_and_zeros_need_no_basis() {
        assert_eq!(basis_of_rows(&DMatrix::zeros(0, 8)).nrows(), 0);
        assert_eq!(basis_of_rows(&DMatrix::zeros(5, 8)).nrows(), 0);
    }
}
