//! What one respondent's answers say about an eliminated attribute, given its neighbours.

use super::forward::contract;
use super::{ClassTables, InnerLayout, InnerStep, in_slices, scaled};
use crate::e_step::kernel::Scratch;
use crate::e_step::vector::V;

/// An eliminated attribute given the nodes of its neighbours, in one class, with the memory it is worked out in.
#[derive(Debug)]
pub(in crate::e_step) struct Conditional {
    /// `u (D_N)`: the sum over the attribute; its mantissas where exponents are kept.
    pub sums: Vec<V>,
    /// `(D_N)`: zeros where no exponents are kept.
    pub exponents: Vec<V>,
    /// `(F, D_N)`: expectations of the functions.
    pub expectations: Vec<V>,
    /// `(D, D_N)`: probabilities; only where asked for.
    pub probabilities: Vec<V>,
    /// `(D_N)`: memory for the largest of the probabilities.
    pub largest: Vec<V>,
    ones: Vec<V>,
    own: Vec<f64>,
    weighted: Vec<f64>,
    own_scratch: Scratch,
    cross_scratch: Scratch,
    product: Option<scaled::Product>,
}

impl InnerStep {
    /// Memory for one class, for functions `(F, D)`.
    pub fn conditional(&self, n_functions: usize) -> Conditional {
        let (n, n_points, class) = (self.layout.n_vectors(), self.layout.n_points, &self.classes[0]);
        Conditional {
            sums: vec![V::ZERO; n],
            exponents: vec![V::ZERO; n],
            expectations: vec![V::ZERO; n_functions * n],
            probabilities: vec![V::ZERO; n_points * n],
            largest: vec![V::ZERO; n],
            ones: vec![V([1.0; 8]); n],
            own: vec![0.0; n_points],
            weighted: vec![0.0; n_functions * n_points],
            own_scratch: Scratch::plain(n_points.div_ceil(8)),
            cross_scratch: Scratch::plain(class.cross.n_vectors),
            product: self.scaled.then(|| scaled::Product::new(&self.layout, class)),
        }
    }

    /// Works out the attribute for a respondent with these rows of own and cross-loading items, in class `c`;
    /// `functions (F, D)`.
    #[inline(always)]
    pub fn condition(&self, c: usize, rows: [&[u32]; 2], (functions, detail): (&[f64], bool), to: &mut Conditional) {
        let (layout, class) = (&self.layout, &self.classes[c]);
        match to.product.take() {
            Some(mut product) => {
                to.condition_scaled(layout, class, rows, functions, &mut product);
                to.product = Some(product);
            }
            None => to.condition_plain(layout, class, rows, (functions, detail)),
        }
    }
}

impl Conditional {
    #[inline(always)]
    fn condition_plain(
        &mut self,
        layout: &InnerLayout,
        class: &ClassTables,
        [own, cross]: [&[u32]; 2],
        (functions, detail): (&[f64], bool),
    ) {
        let (n, n_points) = (layout.n_vectors(), layout.n_points);
        class.own_product(own, &mut self.own_scratch, &mut self.own);
        let product = class.cross_product(cross, &mut self.cross_scratch);
        for (weighted, function) in self.weighted.chunks_exact_mut(n_points).zip(functions.chunks_exact(n_points)) {
            weighted.iter_mut().zip(&self.own).zip(function).for_each(|((w, r), f)| *w = r * f);
        }
        in_slices!(n, |offset, W| {
            contract::<W>(&self.own, product, n, offset, &mut self.sums);
            let each = self.weighted.chunks_exact(n_points).zip(self.expectations.chunks_exact_mut(n));
            for (weighted, expectation) in each {
                contract::<W>(weighted, product, n, offset, expectation);
            }
        });
        for expectation in self.expectations.chunks_exact_mut(n) {
            expectation.iter_mut().zip(&self.sums).for_each(|(x, sum)| *x = quotient(*x, *sum));
        }
        if detail {
            let rows = self.probabilities.chunks_exact_mut(n).zip(product.chunks_exact(n));
            for ((to, from), r) in rows.zip(&self.own) {
                for ((to, x), sum) in to.iter_mut().zip(from).zip(&self.sums) {
                    *to = quotient(x.scale(*r), *sum);
                }
            }
        }
    }

    /// The same where products are no doubles.
    #[inline(always)]
    fn condition_scaled(
        &mut self,
        layout: &InnerLayout,
        class: &ClassTables,
        rows: [&[u32]; 2],
        functions: &[f64],
        product: &mut scaled::Product,
    ) {
        let n = layout.n_vectors();
        product.multiply(class, rows);
        product.sum();
        self.sums.copy_from_slice(&product.sums);
        self.exponents.copy_from_slice(&product.sum_exponents);
        product.share(&self.ones);
        self.probabilities.copy_from_slice(&product.values);
        let each = functions.chunks_exact(layout.n_points).zip(self.expectations.chunks_exact_mut(n));
        for (function, expectation) in each {
            expectation.fill(V::ZERO);
            for (row, f) in product.values.chunks_exact(n).zip(function) {
                expectation.iter_mut().zip(row).for_each(|(sum, x)| *sum = sum.plus(x.scale(*f)));
            }
        }
    }
}

/// `x / y`, 0 where `y` is 0.
#[inline(always)]
fn quotient(x: V, y: V) -> V {
    x.map2(y, |x, y| if y > 0.0 { x / y } else { 0.0 })
}
