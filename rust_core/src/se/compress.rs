//! Functions of the nodes, written as combinations of a few.

use nalgebra::{DMatrix, DVector};

/// Functions whose part outside the span of the others is smaller than this, relative to the largest function, are
/// taken to be in the span: rounding is of that size.
const NEGLIGIBLE: f64 = 1e-13;

/// A matrix `(R, K)` as the product of `weights (R, r)` and an orthonormal `basis (r, K)`.
pub(super) struct Compressed {
    pub weights: DMatrix<f64>,
    pub basis: DMatrix<f64>,
}

impl Compressed {
    /// Compresses a matrix by orthogonalising its rows, the one least explained so far first.
    pub(super) fn new(matrix: &DMatrix<f64>) -> Self {
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
        let basis = DMatrix::from_fn(basis.len(), matrix.ncols(), |r, k| basis[r][k]);
        Self { weights: matrix * basis.transpose(), basis }
    }
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
    fn the_product_is_the_matrix_and_the_basis_orthonormal() {
        for curves in [false, true] {
            let matrix = functions(curves);
            let Compressed { weights, basis } = Compressed::new(&matrix);
            assert!((weights * &basis - matrix).amax() < TOLERANCE);
            let gram = &basis * basis.transpose();
            assert!((&gram - DMatrix::identity(gram.nrows(), gram.nrows())).amax() < TOLERANCE);
        }
    }

    #[test]
    fn two_functions_span_straight_lines() {
        assert_eq!(Compressed::new(&functions(false)).basis.nrows(), 2);
    }

    #[test]
    fn nothing_and_zeros_need_no_basis() {
        assert_eq!(Compressed::new(&DMatrix::zeros(0, 8)).basis.nrows(), 0);
        assert_eq!(Compressed::new(&DMatrix::zeros(5, 8)).basis.nrows(), 0);
    }
}
