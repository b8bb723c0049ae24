//! The inner loops: the likelihood of a pattern over the nodes, and the way its posterior flows back.
//!
//! The posterior of one pattern is added to the accumulators while the likelihood of the next is multiplied up, so that
//! loads, stores and arithmetic of both overlap.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use super::tables::{BUDGET, SCALED_ROW, Tables};
use super::vector::{Kernel, V, exp2_integer, ln_scaled, split};
use crate::patterns::Patterns;

/// Patterns whose logarithms are taken together.
const BATCH: usize = 64;
/// Vectors of nodes that one loop works on.
pub(super) const SLICE: usize = 8;

/// Rows of nodes for grids that do not fit one loop.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub likelihood: Vec<V>,
    pub exponents: Vec<V>,
    pub posterior: Vec<V>,
}

impl Scratch {
    pub fn new(n_vectors: usize) -> Self {
        let row = || vec![V::ZERO; n_vectors];
        Self { likelihood: row(), exponents: row(), posterior: row() }
    }
}

/// The likelihood of a pattern at a few vectors of nodes, `values * 2^exponents`.
pub(super) struct Likelihood<const W: usize> {
    pub values: [V; W],
    pub exponents: [V; W],
    /// Whether any exponent is not 0.
    pub is_scaled: bool,
    /// Lower bound of the binary exponents of the positive values.
    bound: i32,
}

impl<const W: usize> Likelihood<W> {
    #[inline(always)]
    fn one() -> Self {
        Self { values: [V([1.0; 8]); W], exponents: [V::ZERO; W], is_scaled: false, bound: 0 }
    }

    /// Multiplies by `row`; where guarded, moves the exponents out of the values before these could underflow.
    #[inline(always)]
    fn multiply<const GUARDED: bool>(&mut self, tables: &Tables, row: usize, offset: usize) {
        if GUARDED {
            let exponent = tables.row_exponent[row];
            if exponent == SCALED_ROW {
                self.rescale();
                let exponents = &tables.exponents(row)[offset..offset + W];
                for (e, more) in self.exponents.iter_mut().zip(exponents) {
                    *e = e.plus(*more);
                }
            } else {
                if self.bound + exponent < BUDGET {
                    self.rescale();
                }
                self.bound += exponent;
            }
        }
        let factor = part::<W>(&tables.rows, row * tables.n_vectors + offset);
        for (value, factor) in self.values.iter_mut().zip(factor) {
            *value = value.times(*factor);
        }
    }

    #[inline(always)]
    fn rescale(&mut self) {
        rescale(&mut self.values, &mut self.exponents);
        self.is_scaled = true;
        self.bound = 0;
    }
}

/// `W` vectors of a row.
#[inline(always)]
fn part<const W: usize>(rows: &[V], at: usize) -> &[V; W] {
    match rows[at..].first_chunk() {
        Some(part) => part,
        None => &[V::ZERO; W],
    }
}

/// Moves the exponents of `values` into `exponents`; positive values are then in [1, 2).
#[inline(always)]
pub(super) fn rescale(values: &mut [V], exponents: &mut [V]) {
    for (value, exponent) in values.iter_mut().zip(exponents) {
        for (x, e) in value.0.iter_mut().zip(&mut exponent.0) {
            let (mantissa, carry) = split(*x);
            *x = mantissa;
            *e += carry;
        }
    }
}

/// Brings rescaled `values * 2^exponents` to one common exponent, which is returned. What is lost is smaller than the largest
/// element by a factor of 2^1000.
#[inline(always)]
pub(super) fn align(values: &mut [V], exponents: &[V]) -> f64 {
    let mut largest = V([f64::NEG_INFINITY; 8]);
    for (value, exponent) in values.iter().zip(exponents) {
        for ((largest, &x), &e) in largest.0.iter_mut().zip(&value.0).zip(&exponent.0) {
            *largest = if x > 0.0 && e > *largest { e } else { *largest };
        }
    }
    let largest = largest.0.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return 0.0;
    }
    for (value, exponent) in values.iter_mut().zip(exponents) {
        for (x, &e) in value.0.iter_mut().zip(&exponent.0) {
            let shift = e - largest;
            *x = if shift >= -1000.0 { *x * exp2_integer(shift.min(0.0)) } else { 0.0 };
        }
    }
    largest
}

/// Sum of a row of vectors, always in the same order.
#[inline(always)]
pub(super) fn sum(values: &[V]) -> f64 {
    let mut sums = [V::ZERO; 2];
    for (v, value) in values.iter().enumerate() {
        sums[v % 2] = sums[v % 2].plus(*value);
    }
    sums[0].plus(sums[1]).sum()
}

/// A pattern whose posterior is still to be added to the accumulators.
pub(super) struct Pending<'a, 'b, const W: usize> {
    pub rows: &'a [u32],
    pub posterior: &'b [V; W],
    pub accumulator: &'b mut [V],
}

impl<const W: usize> Pending<'_, '_, W> {
    #[inline(always)]
    fn add(&mut self, row: u32, n_vectors: usize, offset: usize) {
        let at = row as usize * n_vectors + offset;
        if let Some(to) = self.accumulator[at..].first_chunk_mut::<W>() {
            for (to, x) in to.iter_mut().zip(self.posterior) {
                *to = to.plus(*x);
            }
        }
    }
}

/// The likelihood of the pattern with these rows at `W` vectors of nodes, while the pending pattern is added.
#[inline(always)]
pub(super) fn step<const W: usize, const GUARDED: bool>(
    tables: &Tables,
    rows: &[u32],
    offset: usize,
    mut pending: Pending<W>,
) -> Likelihood<W> {
    let mut likelihood = Likelihood::one();
    let n_both = rows.len().min(pending.rows.len());
    for (&row, &earlier) in rows.iter().zip(pending.rows) {
        likelihood.multiply::<GUARDED>(tables, row as usize, offset);
        pending.add(earlier, tables.n_vectors, offset);
    }
    for &row in &rows[n_both..] {
        likelihood.multiply::<GUARDED>(tables, row as usize, offset);
    }
    for &row in &pending.rows[n_both..] {
        pending.add(row, tables.n_vectors, offset);
    }
    likelihood
}

/// One chunk of patterns of the E-step; gives its log-likelihood.
pub(super) struct Chunk<'a> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    pub range: Range<usize>,
    /// `(n_rows, n_vectors)`: posterior weights by row.
    pub accumulator: &'a mut [V],
    pub scratch: &'a mut Scratch,
    pub cancel: &'a AtomicBool,
}

impl Kernel for Chunk<'_> {
    type Output = Result<f64, Stop>;

    #[inline(always)]
    fn run(self) -> Result<f64, Stop> {
        self.accumulator.fill(V::ZERO);
        if self.tables.guarded { self.run_guarded::<true>() } else { self.run_guarded::<false>() }
    }
}

impl<'a> Chunk<'a> {
    #[inline(always)]
    fn run_guarded<const GUARDED: bool>(self) -> Result<f64, Stop> {
        match self.tables.n_vectors {
            1 => self.narrow::<1, GUARDED>(),
            2 => self.narrow::<2, GUARDED>(),
            3 => self.narrow::<3, GUARDED>(),
            4 => self.narrow::<4, GUARDED>(),
            5 => self.narrow::<5, GUARDED>(),
            6 => self.narrow::<6, GUARDED>(),
            7 => self.narrow::<7, GUARDED>(),
            8 => self.narrow::<8, GUARDED>(),
            _ => self.wide::<GUARDED>(),
        }
    }

    /// A grid whose rows stay in registers.
    #[inline(always)]
    fn narrow<const W: usize, const GUARDED: bool>(self) -> Result<f64, Stop> {
        let mut logs = LogSum::new(self.patterns, self.cancel);
        let mut posterior = [V::ZERO; W];
        let mut earlier: &[u32] = &[];
        for p in self.range {
            let n_gp = self.patterns.n_gp()[p];
            if n_gp == 0.0 {
                continue;
            }
            let rows = self.patterns.rows(p);
            let pending = Pending { rows: earlier, posterior: &posterior, accumulator: self.accumulator };
            let mut likelihood = step::<W, GUARDED>(self.tables, rows, 0, pending);
            let mut exponent = 0.0;
            if GUARDED && likelihood.is_scaled {
                likelihood.rescale();
                exponent = align(&mut likelihood.values, &likelihood.exponents);
            }
            let probability = sum(&likelihood.values);
            let factor = n_gp / probability;
            posterior = likelihood.values.map(|v| v.scale(factor));
            earlier = rows;
            logs.push(p, probability, exponent, n_gp)?;
        }
        let pending = Pending { rows: earlier, posterior: &posterior, accumulator: self.accumulator };
        step::<W, false>(self.tables, &[], 0, pending);
        logs.finish()
    }

    /// A grid of more vectors than one loop takes.
    #[inline(always)]
    fn wide<const GUARDED: bool>(self) -> Result<f64, Stop> {
        let mut logs = LogSum::new(self.patterns, self.cancel);
        let mut earlier: &[u32] = &[];
        let Scratch { likelihood, exponents, posterior } = self.scratch;
        for p in self.range {
            let n_gp = self.patterns.n_gp()[p];
            if n_gp == 0.0 {
                continue;
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            let rows = self.patterns.rows(p);
            let mut row = WideRow { likelihood, exponents, posterior, accumulator: self.accumulator };
            let is_scaled = row.step::<GUARDED>(self.tables, rows, earlier);
            let mut exponent = 0.0;
            if GUARDED && is_scaled {
                rescale(likelihood, exponents);
                exponent = align(likelihood, exponents);
            }
            let probability = sum(likelihood);
            let factor = n_gp / probability;
            for (to, from) in posterior.iter_mut().zip(&*likelihood) {
                *to = from.scale(factor);
            }
            earlier = rows;
            logs.push(p, probability, exponent, n_gp)?;
        }
        let mut row = WideRow { likelihood, exponents, posterior, accumulator: self.accumulator };
        row.step::<false>(self.tables, &[], earlier);
        logs.finish()
    }
}

/// A pattern's likelihood in slices of a wide row, and the posterior of the pattern before.
pub(super) struct WideRow<'a> {
    pub likelihood: &'a mut [V],
    pub exponents: &'a mut [V],
    pub posterior: &'a [V],
    pub accumulator: &'a mut [V],
}

impl WideRow<'_> {
    /// Whether the result is scaled by exponents.
    #[inline(always)]
    pub fn step<const GUARDED: bool>(&mut self, tables: &Tables, rows: &[u32], earlier: &[u32]) -> bool {
        let n_full = tables.n_vectors - tables.n_vectors % SLICE;
        let mut is_scaled = false;
        for offset in (0..n_full).step_by(SLICE) {
            is_scaled |= self.slice::<SLICE, GUARDED>(tables, rows, earlier, offset);
        }
        is_scaled
            | match tables.n_vectors - n_full {
                1 => self.slice::<1, GUARDED>(tables, rows, earlier, n_full),
                2 => self.slice::<2, GUARDED>(tables, rows, earlier, n_full),
                3 => self.slice::<3, GUARDED>(tables, rows, earlier, n_full),
                4 => self.slice::<4, GUARDED>(tables, rows, earlier, n_full),
                5 => self.slice::<5, GUARDED>(tables, rows, earlier, n_full),
                6 => self.slice::<6, GUARDED>(tables, rows, earlier, n_full),
                7 => self.slice::<7, GUARDED>(tables, rows, earlier, n_full),
                _ => false,
            }
    }

    #[inline(always)]
    fn slice<const W: usize, const GUARDED: bool>(
        &mut self,
        tables: &Tables,
        rows: &[u32],
        earlier: &[u32],
        offset: usize,
    ) -> bool {
        let posterior = if earlier.is_empty() { &[V::ZERO; W] } else { part::<W>(self.posterior, offset) };
        let pending = Pending { rows: earlier, posterior, accumulator: self.accumulator };
        let result = step::<W, GUARDED>(tables, rows, offset, pending);
        self.likelihood[offset..offset + W].copy_from_slice(&result.values);
        if GUARDED {
            self.exponents[offset..offset + W].copy_from_slice(&result.exponents);
        }
        result.is_scaled
    }
}

/// Sums `N_gp log P_p`, taking many logarithms at a time.
struct LogSum<'a> {
    patterns: &'a Patterns,
    cancel: &'a AtomicBool,
    pattern: [usize; BATCH],
    probability: [f64; BATCH],
    exponent: [f64; BATCH],
    n_gp: [f64; BATCH],
    len: usize,
    total: V,
}

impl<'a> LogSum<'a> {
    fn new(patterns: &'a Patterns, cancel: &'a AtomicBool) -> Self {
        Self {
            patterns,
            cancel,
            pattern: [0; BATCH],
            probability: [1.0; BATCH],
            exponent: [0.0; BATCH],
            n_gp: [0.0; BATCH],
            len: 0,
            total: V::ZERO,
        }
    }

    #[inline(always)]
    fn push(&mut self, pattern: usize, probability: f64, exponent: f64, n_gp: f64) -> Result<(), Stop> {
        self.pattern[self.len] = pattern;
        self.probability[self.len] = probability;
        self.exponent[self.len] = exponent;
        self.n_gp[self.len] = n_gp;
        self.len += 1;
        if self.len == BATCH { self.flush() } else { Ok(()) }
    }

    #[inline(always)]
    fn flush(&mut self) -> Result<(), Stop> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        let mut all_positive = true;
        for &probability in &self.probability[..self.len] {
            all_positive &= probability > 0.0;
        }
        if !all_positive {
            return Err(self.impossible());
        }
        for i in (0..BATCH).step_by(8) {
            for l in 0..8 {
                self.total.0[l] += self.n_gp[i + l] * ln_scaled(self.probability[i + l], self.exponent[i + l]);
            }
        }
        self.n_gp = [0.0; BATCH];
        self.len = 0;
        Ok(())
    }

    #[cold]
    fn impossible(&self) -> Stop {
        let at = self.probability.iter().position(|p| p.is_nan() || *p <= 0.0).unwrap_or(0);
        let row = self.patterns.first_respondent(self.pattern[at]);
        if self.probability[at].is_nan() { Stop::NotANumber { row } } else { Stop::Impossible { row } }
    }

    #[inline(always)]
    fn finish(mut self) -> Result<f64, Stop> {
        self.flush()?;
        Ok(self.total.sum())
    }
}
