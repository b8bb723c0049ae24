//! Products of matrices whose sums have an order of their own, the same on every instruction set.

use nalgebra::DMatrix;

use super::rows::LANES;
use crate::e_step::vector::V;
use crate::e_step::{InstructionSet, Kernel, dispatch};

/// `A B`; every element is the sum over `k` in order.
pub(super) fn product(left: &DMatrix<f64>, right: &DMatrix<f64>) -> DMatrix<f64> {
    dispatch(InstructionSet::best(), Multiply { left, right })
}

struct Multiply<'a> {
    left: &'a DMatrix<f64>,
    right: &'a DMatrix<f64>,
}

impl Kernel for Multiply<'_> {
    type Output = DMatrix<f64>;

    #[inline(always)]
    fn run(self) -> DMatrix<f64> {
        let Self { left, right } = self;
        let (n_rows, n_inner) = left.shape();
        let mut result = DMatrix::zeros(n_rows, right.ncols());
        // Eight rows of `left`, a vector for each of its columns.
        let mut rows = vec![V::ZERO; n_inner];
        for first in (0..n_rows).step_by(LANES) {
            let n = LANES.min(n_rows - first);
            for (vector, column) in rows.iter_mut().zip(left.column_iter()) {
                vector.0[..n].copy_from_slice(&column.as_slice()[first..first + n]);
            }
            let columns = right.as_slice().chunks(LANES * n_inner.max(1));
            let to = result.as_mut_slice().chunks_mut(LANES * n_rows);
            for (columns, to) in columns.zip(to) {
                let sums = sums(&rows, columns);
                for (sum, to) in sums.iter().zip(to.chunks_exact_mut(n_rows)) {
                    to[first..first + n].copy_from_slice(&sum.0[..n]);
                }
            }
        }
        result
    }
}

/// The products of eight rows with up to [`LANES`] columns, one after the other.
#[inline(always)]
fn sums(rows: &[V], columns: &[f64]) -> [V; LANES] {
    let n_inner = rows.len();
    let mut sums = [V::ZERO; LANES];
    if columns.len() == LANES * n_inner {
        let columns: [&[f64]; LANES] = std::array::from_fn(|c| &columns[c * n_inner..][..n_inner]);
        for (k, row) in rows.iter().enumerate() {
            for c in 0..LANES {
                sums[c] = sums[c].plus(row.scale(columns[c][k]));
            }
        }
    } else {
        for (sum, column) in sums.iter_mut().zip(columns.chunks_exact(n_inner.max(1))) {
            for (row, x) in rows.iter().zip(column) {
                *sum = sum.plus(row.scale(*x));
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_sums_in_order_on_every_instruction_set() {
        for (n_rows, n_inner, n_columns) in [(1, 1, 1), (8, 8, 8), (9, 3, 17), (30, 21, 5), (3, 0, 2), (0, 4, 2)] {
            let noise = |k: usize| (12.9898 * (k + 1) as f64).sin();
            let left = DMatrix::from_fn(n_rows, n_inner, |i, k| noise(i * n_inner + k));
            let right = DMatrix::from_fn(n_inner, n_columns, |k, j| noise(1000 + k * n_columns + j));
            let expected = DMatrix::from_fn(n_rows, n_columns, |i, j| {
                (0..n_inner).fold(0.0, |sum, k| sum + left[(i, k)] * right[(k, j)])
            });
            for isa in InstructionSet::available() {
                let found = dispatch(isa, Multiply { left: &left, right: &right });
                assert_eq!(found, expected, "{isa:?}: {n_rows} x {n_inner} x {n_columns}");
            }
        }
    }
}
