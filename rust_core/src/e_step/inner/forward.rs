//! The way there: sums over the nodes of an eliminated attribute.

use std::ops::Range;

use super::{BATCH, ClassTables, InnerLayout, Place, in_slices, scaled, spread_row};
use crate::e_step::kernel::Scratch;
use crate::e_step::vector::{Kernel, V};
use crate::patterns::InnerPatterns;

/// Rows `u` of consecutive inner patterns in one class.
pub(super) struct Forward<'a> {
    pub patterns: &'a InnerPatterns,
    pub class: &'a ClassTables,
    pub layout: &'a InnerLayout,
    pub range: Range<usize>,
    pub place: Place,
    /// `(inner patterns of the range, n_vectors)`
    pub rows: &'a mut [V],
    /// As `rows`, where `scaled`.
    pub exponents: &'a mut [V],
    pub scaled: bool,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        if self.scaled {
            self.run_scaled();
        } else {
            self.run_plain();
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn run_plain(&mut self) {
        let (n_points, n) = (self.layout.n_points, self.layout.n_vectors());
        let mut own_scratch = Scratch::new(n_points.div_ceil(8));
        let mut cross_scratch = Scratch::new(self.class.cross.n_vectors);
        let mut products = vec![0.0; BATCH * n_points];
        let mut sums = vec![V::ZERO; BATCH * n];
        let is_shared = self.patterns.items().cross.is_empty();
        for start in self.range.clone().step_by(BATCH) {
            let batch = start..(start + BATCH).min(self.range.end);
            for (q, r) in batch.clone().zip(products.chunks_exact_mut(n_points)) {
                self.class.own_product(self.patterns.rows(q)[0], &mut own_scratch, r);
            }
            if is_shared {
                let weights = &self.class.cross.rows;
                in_slices!(n, |offset, W| {
                    for (r, sums) in products.chunks_exact(n_points).zip(sums.chunks_exact_mut(n)) {
                        contract::<W>(r, weights, n, offset, sums);
                    }
                });
            } else {
                let each = batch.clone().zip(products.chunks_exact(n_points)).zip(sums.chunks_exact_mut(n));
                for ((q, r), sums) in each {
                    let product = self.class.cross_product(self.patterns.rows(q)[1], &mut cross_scratch);
                    in_slices!(n, |offset, W| {
                        contract::<W>(r, product, n, offset, sums);
                    });
                }
            }
            let first = (start - self.range.start) * self.place.n_vectors;
            for (from, to) in
                sums.chunks_exact(n).zip(self.rows[first..].chunks_exact_mut(self.place.n_vectors)).take(batch.len())
            {
                spread_row(self.layout, from, self.place.segment.clone(), to);
            }
        }
    }

    #[inline(always)]
    fn run_scaled(&mut self) {
        let mut product = scaled::Product::new(self.layout, self.class);
        let n = self.place.n_vectors;
        let rows = self.rows.chunks_exact_mut(n).zip(self.exponents.chunks_exact_mut(n));
        for (q, (row, exponents)) in self.range.clone().zip(rows) {
            product.multiply(self.class, self.patterns.rows(q));
            product.sum();
            spread_row(self.layout, &product.sums, self.place.segment.clone(), row);
            spread_row(self.layout, &product.sum_exponents, self.place.segment.clone(), exponents);
        }
    }
}

/// `sum_d r[d] rows[d]` for a slice of the rows.
#[inline(always)]
pub(super) fn contract<const W: usize>(r: &[f64], rows: &[V], n_vectors: usize, offset: usize, sums: &mut [V]) {
    let mut total = [V::ZERO; W];
    for (&r, row) in r.iter().zip(rows.chunks_exact(n_vectors)) {
        if let Some(row) = row[offset..].first_chunk::<W>() {
            for (total, x) in total.iter_mut().zip(row) {
                *total = total.plus(x.scale(r));
            }
        }
    }
    sums[offset..offset + W].copy_from_slice(&total);
}
