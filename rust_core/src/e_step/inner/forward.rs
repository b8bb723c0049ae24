//! The way there: sums over the nodes of an eliminated attribute.

use super::pass::{BATCH, Kind, Pass};
use super::{in_slices, scaled, spread_row};
use crate::e_step::vector::{Kernel, V};

/// Rows `u` of consecutive inner patterns in one class.
pub(super) struct Forward<'a> {
    pub pass: Pass<'a>,
    /// `(inner patterns of the pass, n_vectors)`
    pub rows: &'a mut [V],
    /// As `rows`, where products are scaled.
    pub exponents: &'a mut [V],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        match self.pass.kind() {
            Kind::Scaled => self.run_scaled(),
            Kind::Own => self.run_own(),
            Kind::Cross => self.run_cross::<false>(),
            Kind::Both => self.run_cross::<true>(),
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn run_own(&mut self) {
        let Self { pass, rows, .. } = self;
        let (n_points, n) = (pass.layout.n_points, pass.layout.n_vectors());
        let mut scratch = pass.own_scratch();
        let mut products = vec![0.0; BATCH * n_points];
        let mut sums = vec![V::ZERO; BATCH * n];
        let mut rows = rows.chunks_exact_mut(pass.place.n_vectors);
        for batch in pass.batches() {
            let products = &mut products[..batch.len() * n_points];
            pass.multiply_own(batch, &mut scratch, products);
            let products = products.chunks_exact(n_points);
            in_slices!(n, |offset, W| {
                for (r, sums) in products.clone().zip(sums.chunks_exact_mut(n)) {
                    contract::<W>(r, &pass.class.cross.rows, n, offset, sums);
                }
            });
            for ((_, sums), row) in products.zip(sums.chunks_exact(n)).zip(&mut rows) {
                spread_row(pass.layout, sums, pass.place.segment.clone(), row);
            }
        }
    }

    #[inline(always)]
    fn run_cross<const OWN: bool>(&mut self) {
        let Self { pass, rows, .. } = self;
        let (n_points, n) = (pass.layout.n_points, pass.layout.n_vectors());
        let (mut scratch, mut own) = (pass.own_scratch(), vec![1.0; n_points]);
        let mut head = pass.head();
        let mut sums = vec![V::ZERO; n];
        for (q, row) in pass.range.clone().zip(rows.chunks_exact_mut(pass.place.n_vectors)) {
            // Every pattern has a row of the first block, which holds the prior.
            let Some((&tail, rows)) = pass.patterns.rows(q)[1].split_last() else { continue };
            if rows != head.rows {
                head.move_to(rows);
            }
            if OWN {
                pass.multiply_own(q..q + 1, &mut scratch, &mut own);
            }
            let tail = pass.class.cross.row(tail);
            if rows.is_empty() {
                in_slices!(n, |offset, W| {
                    contract::<W>(&own, tail, n, offset, &mut sums);
                });
            } else {
                in_slices!(n, |offset, W| {
                    contract_product::<W, OWN>(&own, [head.product(), tail], offset, &mut sums);
                });
            }
            spread_row(pass.layout, &sums, pass.place.segment.clone(), row);
        }
    }

    #[inline(always)]
    fn run_scaled(&mut self) {
        let Self { pass, rows, exponents } = self;
        let mut product = scaled::Product::new(pass.layout, pass.class);
        let n = pass.place.n_vectors;
        let rows = rows.chunks_exact_mut(n).zip(exponents.chunks_exact_mut(n));
        for (q, (row, exponents)) in pass.range.clone().zip(rows) {
            product.multiply(pass.class, pass.patterns.rows(q));
            product.sum();
            spread_row(pass.layout, &product.sums, pass.place.segment.clone(), row);
            spread_row(pass.layout, &product.sum_exponents, pass.place.segment.clone(), exponents);
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

/// `sum_d r[d] head[d] tail[d]` for a slice of the rows; without `OWN`, `r` is 1.
#[inline(always)]
fn contract_product<const W: usize, const OWN: bool>(
    r: &[f64],
    [head, tail]: [&[V]; 2],
    offset: usize,
    sums: &mut [V],
) {
    let n = sums.len();
    let mut total = [V::ZERO; W];
    for (d, &r) in r.iter().enumerate() {
        let at = d * n + offset;
        let (head, tail) = (&head[at..at + W], &tail[at..at + W]);
        for v in 0..W {
            let product = head[v].times(tail[v]);
            total[v] = total[v].plus(if OWN { product.scale(r) } else { product });
        }
    }
    sums[offset..offset + W].copy_from_slice(&total);
}
