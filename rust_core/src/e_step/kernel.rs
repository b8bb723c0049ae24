//! Products of rows over consecutive nodes, plain or kept from underflow: for posteriors, for eliminated attributes, and for
//! the patterns of an E-step on wide grids or whose products underflow. Others go through `narrow.rs`.

use super::tables::{BUDGET, SCALED_ROW, Tables};
use super::vector::{V, exp2_integer, split};

/// Vectors of nodes that one loop works on.
pub(super) const SLICE: usize = 8;

/// Rows of nodes for grids that do not fit one loop.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub likelihood: Vec<V>,
    pub exponents: Vec<V>,
    /// The likelihood of the pattern before.
    pub earlier: Vec<V>,
}

impl Scratch {
    pub fn new(n_vectors: usize) -> Self {
        let row = || vec![V::ZERO; n_vectors];
        Self { likelihood: row(), exponents: row(), earlier: row() }
    }

    /// For products without exponents, after which nothing is accumulated.
    pub fn plain(n_vectors: usize) -> Self {
        Self { likelihood: vec![V::ZERO; n_vectors], ..Self::default() }
    }

    /// The product of rows over all nodes; ones where there are none.
    #[inline(always)]
    pub fn multiply<const GUARD: u8>(&mut self, tables: &Tables, rows: &[u32]) {
        let Self { likelihood, exponents, .. } = self;
        WideRow { likelihood, exponents, accumulator: &mut [] }.step::<GUARD>(tables, rows, Earlier::NONE);
    }

    /// Moves the exponents of the values to where they are kept; positive values are then in [1, 2).
    #[inline(always)]
    pub fn rescale(&mut self) {
        rescale(&mut self.likelihood, &mut self.exponents);
    }
}

/// How a product of rows is kept from underflow.
pub(super) mod guard {
    /// Not at all: no product can underflow.
    pub const NONE: u8 = 0;
    /// Values that fall under 2^-500 become 0. As factors are at most 1, such a node ends below that: where the
    /// pattern's probability turns out above 2^-400, what was dropped is less than a rounding error; else the product
    /// has to be done again with [`EXPONENTS`].
    pub const FLUSH: u8 = 1;
    /// Every node carries an exponent: nothing is lost.
    pub const EXPONENTS: u8 = 2;

    /// `2^-500`
    pub const FLUSH_BELOW: f64 = f64::from_bits((1023 - 500) << 52);
    /// The binary exponent of [`FLUSH_BELOW`].
    pub const FLUSH_EXPONENT: i32 = -500;
    /// `2^-400`
    pub const SMALLEST_PROBABILITY: f64 = f64::from_bits((1023 - 400) << 52);
}

/// The likelihood of a pattern at a few vectors of nodes, `values * 2^exponents`.
pub(super) struct Likelihood<const W: usize> {
    pub values: [V; W],
    pub exponents: [V; W],
    /// Lower bound of the binary exponents of the positive values.
    bound: i32,
}

impl<const W: usize> Likelihood<W> {
    #[inline(always)]
    fn one() -> Self {
        Self { values: [V([1.0; 8]); W], exponents: [V::ZERO; W], bound: 0 }
    }

    #[inline(always)]
    fn multiply(&mut self, tables: &Tables, row: u32, offset: usize) {
        let factor = part::<W>(&tables.rows, row as usize * tables.n_vectors + offset);
        for (value, factor) in self.values.iter_mut().zip(factor) {
            *value = value.times(*factor);
        }
    }

    /// How many of `rows` may be multiplied before the values have to be made safe again; at least one.
    #[inline(always)]
    fn safe_rows<const GUARD: u8>(&mut self, tables: &Tables, rows: &[u32]) -> usize {
        if GUARD == guard::NONE {
            return rows.len();
        }
        for (i, &row) in rows.iter().enumerate() {
            let bound = self.bound.saturating_add(tables.row_exponent[row as usize]);
            if bound < BUDGET && i > 0 {
                return i;
            }
            self.bound = bound;
        }
        rows.len()
    }

    /// Makes the values safe before `next` is multiplied.
    #[inline(always)]
    fn make_safe<const GUARD: u8>(&mut self, tables: &Tables, next: u32, offset: usize) {
        if GUARD == guard::FLUSH {
            for value in &mut self.values {
                *value = value.map(|x| if x < guard::FLUSH_BELOW { 0.0 } else { x });
            }
            self.bound = guard::FLUSH_EXPONENT;
        }
        if GUARD == guard::EXPONENTS {
            self.rescale();
            if tables.row_exponent[next as usize] == SCALED_ROW {
                let more = &tables.exponents(next as usize)[offset..offset + W];
                for (exponent, more) in self.exponents.iter_mut().zip(more) {
                    *exponent = exponent.plus(*more);
                }
            }
        }
    }

    #[inline(always)]
    fn rescale(&mut self) {
        rescale(&mut self.values, &mut self.exponents);
        self.bound = 0;
    }
}

/// `W` vectors of a row.
#[inline(always)]
pub(super) fn part<const W: usize>(rows: &[V], at: usize) -> &[V; W] {
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
    // What has to be in memory is summed as whole vectors; otherwise the compiler takes them apart for the last step.
    std::hint::black_box(&sums[0].plus(sums[1])).sum()
}

/// A pattern whose posterior is still to be added to the accumulators.
pub(super) struct Pending<'a, const W: usize> {
    pub rows: &'a [u32],
    pub posterior: [V; W],
    pub accumulator: &'a mut [V],
}

impl<const W: usize> Pending<'_, W> {
    #[inline(always)]
    fn add(&mut self, row: u32, n_vectors: usize, offset: usize) {
        let at = row as usize * n_vectors + offset;
        if let Some(to) = self.accumulator[at..].first_chunk_mut::<W>() {
            for (to, x) in to.iter_mut().zip(&self.posterior) {
                *to = to.plus(*x);
            }
        }
    }
}

/// The likelihood of the pattern with these rows at `W` vectors of nodes, while the pending pattern is added.
#[inline(always)]
pub(super) fn step<const W: usize, const GUARD: u8>(
    tables: &Tables,
    rows: &[u32],
    offset: usize,
    mut pending: Pending<W>,
) -> Likelihood<W> {
    let mut likelihood = Likelihood::one();
    let (mut rows, mut earlier) = (rows, pending.rows);
    if GUARD == guard::EXPONENTS && !rows.is_empty() {
        likelihood.make_safe::<GUARD>(tables, rows[0], offset);
    }
    while !rows.is_empty() {
        let (now, later) = rows.split_at(likelihood.safe_rows::<GUARD>(tables, rows));
        let (earlier_now, earlier_later) = earlier.split_at(now.len().min(earlier.len()));
        for (&row, &earlier) in now.iter().zip(earlier_now) {
            likelihood.multiply(tables, row, offset);
            pending.add(earlier, tables.n_vectors, offset);
        }
        for &row in &now[earlier_now.len()..] {
            likelihood.multiply(tables, row, offset);
        }
        (rows, earlier) = (later, earlier_later);
        if let Some(&next) = rows.first() {
            likelihood.make_safe::<GUARD>(tables, next, offset);
        }
    }
    for &row in earlier {
        pending.add(row, tables.n_vectors, offset);
    }
    likelihood
}

/// Runs a block with a number of vectors from 1 to 8 as a constant.
macro_rules! with_width {
    ($width:expr, |$W:ident| $body:expr) => {
        match $width {
            1 => with_width!(@ 1, $W, $body),
            2 => with_width!(@ 2, $W, $body),
            3 => with_width!(@ 3, $W, $body),
            4 => with_width!(@ 4, $W, $body),
            5 => with_width!(@ 5, $W, $body),
            6 => with_width!(@ 6, $W, $body),
            7 => with_width!(@ 7, $W, $body),
            8 => with_width!(@ 8, $W, $body),
            _ => {}
        }
    };
    (@ $n:literal, $W:ident, $body:expr) => {{
        const $W: usize = $n;
        $body
    }};
}
pub(crate) use with_width;

/// The pattern before, whose posterior is still to be added to the accumulators.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'a> {
    pub rows: &'a [u32],
    pub likelihood: &'a [V],
    /// Makes the likelihood the posterior times the number of respondents.
    pub factor: f64,
}

impl Earlier<'_> {
    pub const NONE: Self = Self { rows: &[], likelihood: &[], factor: 0.0 };

    #[inline(always)]
    fn posterior<const W: usize>(&self, offset: usize) -> [V; W] {
        let mut posterior = [V::ZERO; W];
        if !self.rows.is_empty() {
            for (to, from) in posterior.iter_mut().zip(part::<W>(self.likelihood, offset)) {
                *to = from.scale(self.factor);
            }
        }
        posterior
    }
}

/// A pattern's likelihood in slices of a wide row.
pub(super) struct WideRow<'a> {
    pub likelihood: &'a mut [V],
    pub exponents: &'a mut [V],
    pub accumulator: &'a mut [V],
}

impl WideRow<'_> {
    /// The likelihood of the pattern with these rows, while the one before is added.
    #[inline(always)]
    pub fn step<const GUARD: u8>(&mut self, tables: &Tables, rows: &[u32], earlier: Earlier) {
        let n_full = tables.n_vectors - tables.n_vectors % SLICE;
        for offset in (0..n_full).step_by(SLICE) {
            self.slice::<SLICE, GUARD>(tables, rows, earlier, offset);
        }
        match tables.n_vectors - n_full {
            1 => self.slice::<1, GUARD>(tables, rows, earlier, n_full),
            2 => self.slice::<2, GUARD>(tables, rows, earlier, n_full),
            3 => self.slice::<3, GUARD>(tables, rows, earlier, n_full),
            4 => self.slice::<4, GUARD>(tables, rows, earlier, n_full),
            5 => self.slice::<5, GUARD>(tables, rows, earlier, n_full),
            6 => self.slice::<6, GUARD>(tables, rows, earlier, n_full),
            7 => self.slice::<7, GUARD>(tables, rows, earlier, n_full),
            _ => {}
        }
    }

    #[inline(always)]
    fn slice<const W: usize, const GUARD: u8>(
        &mut self,
        tables: &Tables,
        rows: &[u32],
        earlier: Earlier,
        offset: usize,
    ) {
        let posterior = earlier.posterior(offset);
        let pending = Pending { rows: earlier.rows, posterior, accumulator: self.accumulator };
        let result = step::<W, GUARD>(tables, rows, offset, pending);
        self.likelihood[offset..offset + W].copy_from_slice(&result.values);
        if GUARD == guard::EXPONENTS {
            self.exponents[offset..offset + W].copy_from_slice(&result.exponents);
        }
    }
}
