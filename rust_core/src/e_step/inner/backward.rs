//! The way back: posterior weights of the outer problem to those of an eliminated attribute's items.

use super::pass::{BATCH, Kind, Pass};
use super::{InnerLayout, OuterRows, Place, in_slices, scaled};
use crate::e_step::vector::{Kernel, V, flat, flat_mut};

/// Adds the posterior weights of consecutive inner patterns in one class to the rows of the items.
pub(super) struct Backward<'a> {
    pub pass: Pass<'a>,
    pub outer: &'a OuterRows<'a>,
    /// Accumulated rows of the own and of the cross-loading items.
    pub own_sums: &'a mut [V],
    pub cross_sums: &'a mut [V],
}

impl Kernel for Backward<'_> {
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

impl Backward<'_> {
    #[inline(always)]
    fn run_own(&mut self) {
        let (n_points, n) = (self.pass.layout.n_points, self.pass.layout.n_vectors());
        let mut scratch = self.pass.own_scratch();
        let mut products = vec![0.0; BATCH * n_points];
        let mut ratios = vec![V::ZERO; BATCH * n];
        let mut marginals = vec![V::ZERO; BATCH * n_points];
        let mut gather = Gather::new(&self.pass.place);
        for batch in self.pass.batches() {
            let (products, ratios) = (&mut products[..batch.len() * n_points], &mut ratios[..batch.len() * n]);
            self.pass.multiply_own(batch.clone(), &mut scratch, products);
            for (q, ratio) in batch.clone().zip(ratios.chunks_exact_mut(n)) {
                gather.ratio(self.outer, self.pass.layout, q, ratio);
            }
            marginals.fill(V::ZERO);
            self.add_shared(products, ratios, &mut marginals);
            for (q, marginal) in batch.zip(marginals.chunks_exact(n_points)) {
                self.add_own(q, marginal.iter().map(|v| v.sum()));
            }
        }
        // Without cross-loading items the row is the prior alone, and was left out of the sums.
        let prior = &self.pass.class.cross.rows;
        self.cross_sums.iter_mut().zip(prior).for_each(|(sum, prior)| *sum = sum.times(*prior));
    }

    #[inline(always)]
    fn run_cross<const OWN: bool>(&mut self) {
        let pass = self.pass.clone();
        let (n_points, n, width) = (pass.layout.n_points, pass.layout.n_vectors(), pass.class.cross.n_vectors);
        let (mut scratch, mut own) = (pass.own_scratch(), vec![1.0; n_points]);
        let mut head = pass.head();
        let mut head_sums = vec![V::ZERO; width];
        let mut ratio = vec![V::ZERO; n];
        let mut marginals = vec![V::ZERO; n_points];
        let mut gather = Gather::new(&pass.place);
        for q in pass.range.clone() {
            // Every pattern has a row of the first block, which holds the prior.
            let Some((&tail, rows)) = pass.patterns.rows(q)[1].split_last() else { continue };
            if rows != head.rows {
                self.add_cross(head.rows, &mut head_sums);
                head.move_to(rows);
            }
            gather.ratio(self.outer, pass.layout, q, &mut ratio);
            if OWN {
                pass.multiply_own(q..q + 1, &mut scratch, &mut own);
                marginals.fill(V::ZERO);
            }
            let factors = (pass.class.cross.row(tail), &own[..], &ratio[..]);
            let tail_sums = &mut self.cross_sums[tail as usize * width..(tail as usize + 1) * width];
            let sums = (tail_sums, &mut marginals[..]);
            if rows.is_empty() {
                in_slices!(n, |offset, W| {
                    share::<W, false, OWN>(factors, offset, (&mut *sums.0, &mut *sums.1), (&[], &mut []));
                });
            } else {
                in_slices!(n, |offset, W| {
                    let head = (head.product(), &mut head_sums[..]);
                    share::<W, true, OWN>(factors, offset, (&mut *sums.0, &mut *sums.1), head);
                });
            }
            if OWN {
                self.add_own(q, marginals.iter().map(|v| v.sum()));
            }
        }
        self.add_cross(head.rows, &mut head_sums);
    }

    /// Adds the weights of patterns with these rows of cross-loading items to each of them, and clears the weights.
    #[inline(always)]
    fn add_cross(&mut self, rows: &[u32], weights: &mut [V]) {
        let n = weights.len();
        for &row in rows {
            let sums = &mut self.cross_sums[row as usize * n..(row as usize + 1) * n];
            for v in 0..n {
                sums[v] = sums[v].plus(weights[v]);
            }
        }
        weights.fill(V::ZERO);
    }

    /// Adds a batch of patterns that share one row over the attribute and its neighbours.
    #[inline(always)]
    fn add_shared(&mut self, products: &[f64], ratios: &[V], marginals: &mut [V]) {
        let (n_points, n) = (self.pass.layout.n_points, self.pass.layout.n_vectors());
        let rows = &self.pass.class.cross.rows;
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
            for (d, sums) in self.cross_sums.chunks_exact_mut(n).enumerate() {
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
        let Some(tables) = &self.pass.class.own else { return };
        for &row in self.pass.patterns.rows(inner)[0] {
            let sums = &mut self.own_sums[row as usize * tables.n_vectors..(row as usize + 1) * tables.n_vectors];
            flat_mut(sums).iter_mut().zip(weights.clone()).for_each(|(sum, w)| *sum += w);
        }
    }

    #[inline(always)]
    fn run_scaled(&mut self) {
        let pass = self.pass.clone();
        let mut product = scaled::Product::new(pass.layout, pass.class);
        let mut gather = Gather::new(&pass.place);
        let mut weights = vec![V::ZERO; pass.layout.n_vectors()];
        for q in pass.range.clone() {
            gather.weights(self.outer, pass.layout, q, &mut weights);
            let rows = pass.patterns.rows(q);
            product.multiply(pass.class, rows);
            product.sum();
            product.share(&weights);
            for &row in rows[1] {
                let sums = &mut self.cross_sums[row as usize * product.values.len()..];
                sums.iter_mut().zip(&product.values).for_each(|(sum, x)| *sum = sum.plus(*x));
            }
            let rows = product.values.chunks_exact(pass.layout.n_vectors());
            self.add_own(q, rows.map(|row| flat(row).iter().sum()));
        }
    }
}

/// The weights `head tail r ratio` of one pattern at a slice of the neighbours. Adds them to the sums of the tail and of
/// the head, where there is a `HEAD`, and with `OWN` to `marginals (D)`; without it, `r` is 1.
#[inline(always)]
fn share<const W: usize, const HEAD: bool, const OWN: bool>(
    (tail, r, ratio): (&[V], &[f64], &[V]),
    offset: usize,
    (tail_sums, marginals): (&mut [V], &mut [V]),
    (head, head_sums): (&[V], &mut [V]),
) {
    let n = ratio.len();
    let Some(ratio) = ratio[offset..].first_chunk::<W>() else { return };
    for (d, &r) in r.iter().enumerate() {
        let at = d * n + offset..d * n + offset + W;
        let (tail, tail_sums) = (&tail[at.clone()], &mut tail_sums[at.clone()]);
        let (head, head_sums) = if HEAD { (&head[at.clone()], &mut head_sums[at]) } else { (head, &mut *head_sums) };
        for v in 0..W {
            let product = if HEAD { head[v].times(tail[v]) } else { tail[v] };
            let mut weight = product.times(ratio[v]);
            if OWN {
                weight = weight.scale(r);
                marginals[d] = marginals[d].plus(weight);
            }
            if HEAD {
                head_sums[v] = head_sums[v].plus(weight);
            }
            tail_sums[v] = tail_sums[v].plus(weight);
        }
    }
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
