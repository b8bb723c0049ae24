//! Products and sums over an eliminated attribute as mantissas and exponents, for tests so long that the products are
//! no doubles.

use super::{ClassTables, InnerLayout};
use crate::e_step::kernel::{Scratch, guard};
use crate::e_step::tables::Tables;
use crate::e_step::vector::{V, exp2_integer, flat, flat_mut, split};

/// What is smaller than the largest summand by more than this power of two is left out.
const NEGLIGIBLE: f64 = -1000.0;

/// The summands of one inner pattern and their sums.
#[derive(Debug)]
pub(super) struct Product {
    own: Scratch,
    cross: Scratch,
    n_points: usize,
    /// `(D, D_N)`: mantissas of the summands; posterior weights after [`Product::share`].
    pub values: Vec<V>,
    /// `(D, D_N)`
    exponents: Vec<V>,
    /// `u (D_N)`: mantissas.
    pub sums: Vec<V>,
    /// `(D_N)`
    pub sum_exponents: Vec<V>,
}

impl Product {
    pub fn new(layout: &InnerLayout, class: &ClassTables) -> Self {
        let (n, n_points) = (class.cross.n_vectors, layout.n_points);
        let row = |n: usize| vec![V::ZERO; n];
        Self {
            own: Scratch::new(n_points.div_ceil(8)),
            cross: Scratch::new(n),
            n_points,
            values: row(n),
            exponents: row(n),
            sums: row(layout.n_vectors()),
            sum_exponents: row(layout.n_vectors()),
        }
    }

    /// The summands of an inner pattern with these rows of own and cross-loading items.
    #[inline(always)]
    pub fn multiply(&mut self, class: &ClassTables, [own, cross]: [&[u32]; 2]) {
        multiply_rows(&class.cross, cross, &mut self.cross);
        self.values.copy_from_slice(&self.cross.likelihood);
        self.exponents.copy_from_slice(&self.cross.exponents);
        let Some(tables) = &class.own else { return };
        multiply_rows(tables, own, &mut self.own);
        let n = self.sums.len();
        let rows = self.values.chunks_exact_mut(n).zip(self.exponents.chunks_exact_mut(n));
        let factors = flat(&self.own.likelihood).iter().zip(flat(&self.own.exponents));
        for ((values, exponents), (&factor, &exponent)) in rows.zip(factors) {
            for (x, e) in flat_mut(values).iter_mut().zip(flat_mut(exponents)) {
                let (mantissa, carry) = split(*x * factor);
                *x = mantissa;
                *e += exponent + carry;
            }
        }
    }

    /// Sums the summands over the attribute.
    #[inline(always)]
    pub fn sum(&mut self) {
        let width = self.sums.len() * 8;
        let (values, exponents) = (flat(&self.values), flat(&self.exponents));
        for (k, (sum, sum_exponent)) in
            flat_mut(&mut self.sums).iter_mut().zip(flat_mut(&mut self.sum_exponents)).enumerate()
        {
            let terms = || (0..self.n_points).map(|d| d * width + k).filter(|&at| values[at] > 0.0);
            let largest = terms().map(|at| exponents[at]).fold(f64::NEG_INFINITY, f64::max);
            if largest == f64::NEG_INFINITY {
                (*sum, *sum_exponent) = (0.0, 0.0);
                continue;
            }
            let total = terms().map(|at| shifted(values[at], exponents[at] - largest)).sum();
            let (mantissa, carry) = split(total);
            (*sum, *sum_exponent) = (mantissa, largest + carry);
        }
    }

    /// Turns the summands into shares of `weights (D_N)`.
    #[inline(always)]
    pub fn share(&mut self, weights: &[V]) {
        let n = self.sums.len();
        let exponents = self.exponents.chunks_exact(n);
        for (values, exponents) in self.values.chunks_exact_mut(n).zip(exponents) {
            let sums = flat(&self.sums).iter().zip(flat(&self.sum_exponents)).zip(flat(weights));
            for ((x, e), ((sum, sum_exponent), weight)) in flat_mut(values).iter_mut().zip(flat(exponents)).zip(sums) {
                *x = if *x > 0.0 && *weight > 0.0 { shifted(*x, e - sum_exponent) / sum * weight } else { 0.0 };
            }
        }
    }
}

#[inline(always)]
fn shifted(x: f64, exponent: f64) -> f64 {
    if exponent < NEGLIGIBLE { 0.0 } else { x * exp2_integer(exponent) }
}

/// The product of some rows of a table, its mantissas in [1, 2).
#[inline(always)]
fn multiply_rows(tables: &Tables, rows: &[u32], scratch: &mut Scratch) {
    scratch.multiply::<{ guard::EXPONENTS }>(tables, rows);
    scratch.rescale();
}
