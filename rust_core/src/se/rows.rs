//! Rows of numbers in whole vectors, and the sum of their outer products.

use nalgebra::DMatrix;

use crate::e_step::vector::{V, flat, flat_mut};
use crate::e_step::{InstructionSet, Kernel, dispatch};

/// Numbers in a vector, and rows and columns of a block of products.
pub(super) const LANES: usize = 8;

/// A matrix `(R, n)`, row-major. Each row ends in zeros: at least a vector of them, so that a whole one can be added
/// anywhere in it.
pub(super) struct Rows {
    n: usize,
    n_vectors: usize,
    vectors: Vec<V>,
}

impl Rows {
    /// `n_rows` rows of `n` zeros.
    pub(super) fn zeros(n_rows: usize, n: usize) -> Self {
        // An odd number of cache lines, so that the same column of different rows does not compete for one place.
        let n_vectors = (n.div_ceil(LANES) + 1) | 1;
        Self { n, n_vectors, vectors: vec![V::ZERO; n_rows * n_vectors] }
    }

    /// A row `(n)`.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &flat(&self.vectors[row * self.n_vectors..])[..self.n]
    }

    /// A row with the zeros after it.
    #[inline(always)]
    pub(super) fn padded_mut(&mut self, row: usize) -> &mut [f64] {
        flat_mut(&mut self.vectors[row * self.n_vectors..][..self.n_vectors])
    }

    /// Multiplies each row by a number.
    pub(super) fn scale(&mut self, by: impl Iterator<Item = f64>) {
        for (row, by) in self.vectors.chunks_exact_mut(self.n_vectors).zip(by) {
            row.iter_mut().for_each(|vector| *vector = vector.scale(by));
        }
    }
}

/// `sum_r x_r x_r'` over rows `x_r (n)`.
pub(super) struct Products {
    /// Blocks of eight rows and columns, row by row of the lower triangle.
    blocks: Vec<[V; LANES]>,
}

impl Products {
    /// The sum over no rows.
    pub(super) fn zeros(n: usize) -> Self {
        Self { blocks: vec![[V::ZERO; LANES]; first_block(n.div_ceil(LANES))] }
    }

    /// Adds the products of some rows.
    pub(super) fn add(&mut self, rows: &Rows) {
        dispatch(InstructionSet::best(), AddProducts { rows, blocks: &mut self.blocks });
    }

    /// The sum of some sums `(n, n)`, added in order.
    pub(super) fn total<'a>(n: usize, parts: impl IntoIterator<Item = &'a Products>) -> DMatrix<f64> {
        let mut total = Self::zeros(n);
        for part in parts {
            let blocks = total.blocks.as_flattened_mut().iter_mut().zip(part.blocks.as_flattened());
            blocks.for_each(|(to, from)| *to = to.plus(*from));
        }
        DMatrix::from_fn(n, n, |f, g| {
            let (high, low) = (f.max(g), f.min(g));
            total.blocks[first_block(high / LANES) + low / LANES][high % LANES].0[low % LANES]
        })
    }
}

/// The first block of a row of blocks.
fn first_block(row: usize) -> usize {
    row * (row + 1) / 2
}

struct AddProducts<'a> {
    rows: &'a Rows,
    blocks: &'a mut [[V; LANES]],
}

impl Kernel for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows: Rows { n, n_vectors, vectors }, blocks } = self;
        for i in 0..n.div_ceil(LANES) {
            for (j, block) in blocks[first_block(i)..][..=i].iter_mut().enumerate() {
                let mut sums = *block;
                for row in vectors.chunks_exact(*n_vectors) {
                    let (left, right) = (row[i].0, row[j]);
                    for k in 0..LANES {
                        sums[k] = sums[k].plus(right.scale(left[k]));
                    }
                }
                *block = sums;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding of a sum of twenty products of numbers below 1.
    const TOLERANCE: f64 = 1e-14;

    #[test]
    fn parts_add_up_to_the_product_of_the_matrix_with_its_transpose() {
        for n in [0, 1, 7, 8, 9, 30] {
            let matrix = DMatrix::from_fn(20, n, |r, f| ((3 + r * n + f) as f64).sin());
            let part = |range: std::ops::Range<usize>| {
                let mut rows = Rows::zeros(range.len(), n);
                for (own, r) in range.enumerate() {
                    (0..n).for_each(|f| rows.padded_mut(own)[f] = matrix[(r, f)]);
                }
                let mut products = Products::zeros(n);
                products.add(&rows);
                products
            };
            let total = Products::total(n, &[part(0..3), part(3..3), part(3..20)]);
            let apart = total - matrix.tr_mul(&matrix);
            assert!(apart.iter().all(|x| x.abs() < TOLERANCE), "{n}: {apart}");
        }
    }
}
