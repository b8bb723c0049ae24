//! The way back: posterior weights of the outer problem to those of an eliminated attribute's items.

use std::ops::Range;

use super::{BATCH, ClassTables, InnerLayout, OuterRows, Place, in_slices, scaled};
use crate::e_step::kernel::Scratch;
use crate::e_step::vector::{Kernel, V, flat, flat_mut};
use crate::patterns::InnerPatterns;

/// Adds the posterior weights of consecutive inner patterns in one class to the rows of the items.
pub(super) struct Backward<'a> {
    pub patterns: &'a InnerPatterns,
    pub class: &'a ClassTables,
    pub layout: &'a InnerLayout,
    pub range: Range<usize>,
    pub place: Place,
    pub outer: &'a OuterRows<'a>,
    /// Accumulated rows of the own and of the cross-loading items.
    pub sums: (&'a mut [V], &'a mut [V]),
    pub scaled: bool,
}

impl Kernel for Backward<'_> {
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

impl Backward<'_> {
    #[inline(always)]
    fn run_plain(&mut self) {
        let (n_points, n) = (self.layout.n_points, self.layout.n_vectors());
        let mut own_scratch = Scratch::new(n_points.div_ceil(8));
        let mut cross_scratch = Scratch::new(self.class.cross.n_vectors);
        let mut products = vec![0.0; BATCH * n_points];
        let mut ratios = vec![V::ZERO; BATCH * n];
        let mut marginals = vec![V::ZERO; BATCH * n_points];
        let mut gather = Gather::new(&self.place);
        let is_shared = self.patterns.items().cross.is_empty();
        for start in self.range.clone().step_by(BATCH) {
            let batch = start..(start + BATCH).min(self.range.end);
            let each = products.chunks_exact_mut(n_points).zip(ratios.chunks_exact_mut(n));
            for (q, (r, ratio)) in batch.clone().zip(each) {
                self.class.own_product(self.patterns.rows(q)[0], &mut own_scratch, r);
                gather.ratio(self.outer, self.layout, q, ratio);
            }
            let (r, ratios) = (&products[..batch.len() * n_points], &ratios[..batch.len() * n]);
            marginals.fill(V::ZERO);
            if is_shared {
                self.add_shared(r, ratios, &mut marginals);
            } else {
                let each = r.chunks_exact(n_points).zip(ratios.chunks_exact(n));
                for ((q, (r, ratio)), marginal) in batch.clone().zip(each).zip(marginals.chunks_exact_mut(n_points)) {
                    let rows = self.patterns.rows(q)[1];
                    let product = self.class.cross_product(rows, &mut cross_scratch);
                    add_cross(product, (r, ratio), rows, self.sums.1, marginal);
                }
            }
            for (q, marginal) in batch.zip(marginals.chunks_exact(n_points)) {
                self.add_own(q, marginal.iter().map(|v| v.sum()));
            }
        }
        if is_shared {
            // Without cross-loading items the row is the prior alone, and was left out of the sums.
            self.sums.1.iter_mut().zip(&self.class.cross.rows).for_each(|(sum, prior)| *sum = sum.times(*prior));
        }
    }

    /// Adds a batch of patterns that share one row over the attribute and its neighbours.
    #[inline(always)]
    fn add_shared(&mut self, products: &[f64], ratios: &[V], marginals: &mut [V]) {
        let (n_points, n) = (self.layout.n_points, self.layout.n_vectors());
        let rows = &self.class.cross.rows;
        in_slices!(n, |offset, W| {
            let each = products.chunks_exact(n_points).zip(ratios.chunks_exact(n));
            for ((r, ratio), marginal) in each.clone().zip(marginals.chunks_exact_mut(n_points)) {
                let Some(ratio) = ratio[offset..].first_chunk::<W>() else { continue };
                for ((row, marginal), &r) in rows.chunks_exact(n).zip(marginal).zip(r) {
                    let Some(row) = row[offset..].first_chunk::<W>() else { continue };
                    let mut total = V::ZERO;
                    for (x, y) in row.iter().zip(ratio) {
                        total = total.plus(x.times(*y));
                    }
                    *marginal = marginal.plus(total.scale(r));
                }
            }
            for (d, sums) in self.sums.1.chunks_exact_mut(n).enumerate() {
                let Some(sums) = sums[offset..].first_chunk_mut::<W>() else { continue };
                let mut total = *sums;
                for (r, ratio) in each.clone() {
                    let Some(ratio) = ratio[offset..].first_chunk::<W>() else { continue };
                    for (total, x) in total.iter_mut().zip(ratio) {
                        *total = total.plus(x.scale(r[d]));
                    }
                }
                *sums = total;
            }
        });
    }

    /// Adds a pattern's weights over the attribute to the rows of its own items.
    #[inline(always)]
    fn add_own(&mut self, inner: usize, weights: impl Iterator<Item = f64> + Clone) {
        let (Some(tables), Some(own)) = (&self.class.own, self.patterns.own()) else { return };
        for &row in own.rows(self.patterns.pair(inner)[0]) {
            let sums = &mut self.sums.0[row as usize * tables.n_vectors..(row as usize + 1) * tables.n_vectors];
            flat_mut(sums).iter_mut().zip(weights.clone()).for_each(|(sum, w)| *sum += w);
        }
    }

    #[inline(always)]
    fn run_scaled(&mut self) {
        let mut product = scaled::Product::new(self.layout, self.class);
        let mut gather = Gather::new(&self.place);
        let n = self.class.cross.n_vectors;
        let mut weights = vec![V::ZERO; self.layout.n_vectors()];
        for q in self.range.clone() {
            gather.weights(self.outer, self.layout, q, &mut weights);
            product.multiply(self.class, self.patterns.rows(q));
            product.sum();
            product.share(&weights);
            for &row in self.patterns.cross().rows(self.patterns.pair(q)[1]) {
                let sums = &mut self.sums.1[row as usize * n..(row as usize + 1) * n];
                sums.iter_mut().zip(&product.values).for_each(|(sum, x)| *sum = sum.plus(*x));
            }
            let rows = product.values.chunks_exact(self.layout.n_vectors());
            self.add_own(q, rows.map(|row| flat(row).iter().sum()));
        }
    }
}

/// Adds the posterior weights of one pattern to the rows of its cross-loading items, and gives those of the attribute.
#[inline(always)]
fn add_cross(product: &[V], (r, ratio): (&[f64], &[V]), rows: &[u32], sums: &mut [V], marginal: &mut [V]) {
    let (n, width) = (ratio.len(), product.len());
    in_slices!(n, |offset, W| {
        if let Some(ratio) = ratio[offset..].first_chunk::<W>() {
            for (d, (&r, marginal)) in r.iter().zip(&mut *marginal).enumerate() {
                let at = d * n + offset;
                let Some(product) = product[at..].first_chunk::<W>() else { continue };
                let mut weights = *product;
                for (weight, ratio) in weights.iter_mut().zip(ratio) {
                    *weight = weight.times(*ratio).scale(r);
                    *marginal = marginal.plus(*weight);
                }
                for &row in rows {
                    if let Some(sums) = sums[row as usize * width + at..].first_chunk_mut::<W>() {
                        sums.iter_mut().zip(&weights).for_each(|(sum, x)| *sum = sum.plus(*x));
                    }
                }
            }
        }
    });
}

/// Brings rows of the outer problem to the neighbours of the attribute.
struct Gather {
    row: Vec<V>,
    place: Place,
}

impl Gather {
    fn new(place: &Place) -> Self {
        Self { row: vec![V::ZERO; place.n_vectors], place: place.clone() }
    }

    /// `A (D_N)`.
    #[inline(always)]
    fn weights(&mut self, outer: &OuterRows, layout: &InnerLayout, inner: usize, to: &mut [V]) {
        outer.weights(inner, &mut self.row);
        let (from, to) = (&flat(&self.row)[self.place.segment.clone()], flat_mut(to));
        if layout.is_identity {
            to[..from.len()].copy_from_slice(from);
        } else {
            to.fill(0.0);
            from.iter().zip(&layout.outer_map).for_each(|(x, &k)| to[k as usize] += x);
        }
    }

    /// `A / u (D_N)`, 0 where nothing was accumulated.
    #[inline(always)]
    fn ratio(&mut self, outer: &OuterRows, layout: &InnerLayout, inner: usize, to: &mut [V]) {
        self.weights(outer, layout, inner, to);
        let row = &outer.rows[inner * outer.n_vectors..(inner + 1) * outer.n_vectors];
        let u = &flat(row)[self.place.segment.clone()];
        let divide = |a: &mut f64, u: f64| *a = if *a > 0.0 { *a / u } else { 0.0 };
        if layout.is_identity {
            flat_mut(to).iter_mut().zip(u).for_each(|(a, &u)| divide(a, u));
        } else {
            flat_mut(to).iter_mut().zip(&layout.first).for_each(|(a, &l)| divide(a, u[l as usize]));
        }
    }
}
