//! Which nodes a pattern has to be evaluated at: those where its posterior is more than a rounding error.
//!
//! The posterior of a long pattern is narrow, and most nodes of a wide grid contribute nothing to it. Binary exponents of
//! the rows say which: summed over the rows of a pattern, those of the largest elements of each vector bound its
//! likelihood there from above, and those of one element of each vector bound the largest likelihood from below. Vectors
//! whose upper bound is so far below the lower one that all of them together are less than a quarter of a rounding error
//! of the pattern's probability are left out. The bounds are integers, taken from the tables alone, so that every
//! instruction set leaves out the same vectors.

use super::kernel::SLICE;
use super::vector::{Kernel, V};

/// The element of each vector whose exponent bounds the likelihood from below.
const PROBE: usize = 4;
/// What is left out of a pattern's probability is less than this many binary orders below it.
const NEGLIGIBLE: u64 = 54;
/// The largest exponent (all have their sign reversed): of 0, of subnormal numbers, and of vectors that are not there.
const NOTHING: u64 = 511;
/// A pattern whose probability is at least 2^-400 is multiplied up as it is: what becomes subnormal or 0 on the way is less
/// than 2^-600 of it. A bound up to here is less than [`NOTHING`] by more than is ever negligible.
const SAFE: u64 = 400;
/// Rows whose exponents may be summed in 15 bits.
const MAX_ROWS: usize = 64;
/// Rows of a longer pattern that are summed at a time: few enough that sums reach [`NOTHING`] only far from the posterior.
const GROUP: usize = 16;
/// Marks a bound that is none; no sum of exponents reaches it.
const LOST: u32 = 1 << 31;
/// Nothing is known of the elements, and nothing may be left out.
const UNKNOWN: Bounds = Bounds([NOTHING * LANES; 4]);
/// A one in each of four lanes of 16 bits.
const LANES: u64 = 0x0001_0001_0001_0001;
/// The highest bit of each lane, which no sum reaches.
const HIGH: u64 = 0x8000 * LANES;

/// Binary exponents of one row in one slice of eight vectors, with their signs reversed: four words of four lanes. The
/// first two words are upper bounds, of the vectors with even and with odd positions, the others lower bounds.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Bounds([u64; 4]);

impl Bounds {
    /// The bounds of up to eight vectors.
    #[inline(always)]
    fn of(row: &[V]) -> Self {
        let mut words = [NOTHING * LANES; 4];
        for (v, x) in row.iter().enumerate() {
            let (word, shift) = (v % 2, 16 * (v / 2));
            // The largest element is less than 2^(1 - e) where its exponent is -e.
            let upper = exponent(largest(x)).saturating_sub(1);
            words[word] ^= (NOTHING ^ upper) << shift;
            words[word + 2] ^= (NOTHING ^ exponent(x.0[PROBE].to_bits())) << shift;
        }
        Self(words)
    }

    /// The bounds of a product.
    #[inline(always)]
    fn times(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a += b;
        }
    }

    /// The lower bound of the largest element.
    #[inline(always)]
    fn lower(&self) -> u64 {
        let four = least(self.0[2], self.0[3]);
        let two = least(four, four >> 32);
        (two & 0xffff).min(two >> 16 & 0xffff)
    }

    /// The vectors from the first to the last whose upper bound is the threshold or more.
    #[inline(always)]
    fn window(&self, threshold: u64) -> Window {
        let reaches = |word: u64| ((threshold * LANES) | HIGH).wrapping_sub(word) & HIGH;
        // One bit in the byte of each vector, in their order.
        let vectors = reaches(self.0[0]) >> 8 | reaches(self.0[1]);
        let (start, beyond) = (vectors.trailing_zeros() / 8, SLICE as u32 - vectors.leading_zeros() / 8);
        Window { start, len: beyond.saturating_sub(start) }
    }
}

/// The smaller of two numbers in each lane.
#[inline(always)]
fn least(a: u64, b: u64) -> u64 {
    let not_less = (a | HIGH).wrapping_sub(b) & HIGH;
    a ^ ((a ^ b) & (not_less - (not_less >> 15)))
}

/// The bits of the largest element; not a number before all others.
#[inline(always)]
fn largest(x: &V) -> u64 {
    let mut bits = x.0.map(f64::to_bits);
    for half in [4, 2, 1] {
        for l in 0..half {
            bits[l] = bits[l].max(bits[l + half]);
        }
    }
    bits[0]
}

/// The smallest `e` with `x >= 2^-e`, up to [`NOTHING`].
#[inline(always)]
fn exponent(bits: u64) -> u64 {
    1023u64.saturating_sub(bits >> 52).min(NOTHING)
}

/// The bounds of a pattern with any number of rows, vector by vector of a slice.
#[derive(Debug, Clone, Copy)]
struct Sums {
    upper: [u32; SLICE],
    /// From [`LOST`] on where there is none.
    lower: [u32; SLICE],
}

impl Sums {
    /// Multiplies by the product of a [`GROUP`] of rows.
    #[inline(always)]
    fn add(&mut self, product: &Bounds) {
        for v in 0..SLICE {
            let lane = |word: usize| (product.0[word + v % 2] >> (16 * (v / 2))) as u32 & 0xffff;
            let lower = lane(2);
            self.upper[v] += lane(0);
            // A sum as large as that may hold an exponent that was cut off there.
            self.lower[v] = (self.lower[v] + lower) | if u64::from(lower) >= NOTHING { LOST } else { 0 };
        }
    }

    /// The vectors from the first to the last, of those there are, whose upper bound is the threshold or more.
    #[inline(always)]
    fn window(&self, threshold: u32, n_vectors: usize) -> Window {
        let mut reach = self.upper[..n_vectors].iter().map(|&upper| upper <= threshold);
        let Some(start) = reach.clone().position(|reaches| reaches) else { return Window::default() };
        let last = reach.rposition(|reaches| reaches).unwrap_or(start);
        Window { start: start as u32, len: (last + 1 - start) as u32 }
    }
}

/// What is found of one pattern.
#[derive(Debug, Default)]
pub(super) struct Look {
    sums: Vec<Sums>,
    /// By slice; empty where nothing matters.
    pub windows: Vec<Window>,
}

/// Consecutive vectors of a slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// The first of them, counted from the beginning of the slice.
    pub start: u32,
    /// Their number, at most eight.
    pub len: u32,
}

/// Bounds of all rows.
#[derive(Debug)]
pub(super) struct RowBounds {
    n_vectors: usize,
    n_rows: usize,
    /// How far below the largest element a vector is negligible.
    margin: u64,
    /// `(n_rows, slices of a row)`; none before they are listed.
    bounds: Vec<Bounds>,
}

impl RowBounds {
    pub fn new(n_rows: usize, n_vectors: usize) -> Self {
        // Every vector left out holds eight nodes.
        let margin = NEGLIGIBLE + u64::from((8 * n_vectors).next_power_of_two().ilog2());
        Self { n_vectors, n_rows, margin, bounds: Vec::new() }
    }

    /// The bounds of a pattern on a grid of a single slice.
    #[inline(always)]
    pub fn product(&self, rows: &[u32]) -> Bounds {
        self.product_in(rows, 1, 0)
    }

    /// What is to be evaluated of patterns with these bounds, on a grid of a single slice; an empty window where the plain
    /// product may underflow. A loop without branches, so that several patterns are done at a time.
    #[inline(always)]
    pub fn windows(&self, products: &[Bounds], windows: &mut [Window]) {
        for (product, window) in products.iter().zip(windows) {
            let lower = product.lower();
            let reached = product.window(lower + self.margin);
            *window = if lower <= SAFE { reached } else { Window::default() };
        }
    }

    /// As [`RowBounds::windows`] for one pattern, on any grid and with any number of rows. Says whether a plain product loses
    /// nothing.
    #[inline(always)]
    pub fn look(&self, rows: &[u32], look: &mut Look) -> bool {
        let n_slices = self.n_vectors.div_ceil(SLICE);
        let Look { sums, windows } = look;
        sums.clear();
        sums.extend((0..n_slices).map(|slice| self.sums(rows, slice)));
        let lower = sums.iter().flat_map(|sums| sums.lower).fold(u32::MAX, u32::min);
        // A pattern whose largest likelihood is not known is evaluated everywhere.
        let threshold = if lower < LOST { lower + self.margin as u32 } else { u32::MAX };
        windows.clear();
        windows.extend(
            sums.iter()
                .enumerate()
                .map(|(slice, sums)| sums.window(threshold, SLICE.min(self.n_vectors - slice * SLICE))),
        );
        u64::from(lower) <= SAFE
    }

    #[inline(always)]
    fn sums(&self, rows: &[u32], slice: usize) -> Sums {
        let n_slices = self.n_vectors.div_ceil(SLICE);
        let mut sums = Sums { upper: [0; SLICE], lower: [0; SLICE] };
        for rows in rows.chunks(GROUP) {
            sums.add(&self.product_in(rows, n_slices, slice));
        }
        sums
    }

    /// Forgets the bounds: nothing is left out.
    pub fn forget(&mut self) {
        self.bounds.clear();
        self.bounds.resize(self.n_rows * self.n_vectors.div_ceil(SLICE), UNKNOWN);
    }

    #[inline(always)]
    fn product_in(&self, rows: &[u32], n_slices: usize, slice: usize) -> Bounds {
        if rows.len() > MAX_ROWS {
            return UNKNOWN;
        }
        let mut product = Bounds::default();
        for &row in rows {
            product.times(&self.bounds[row as usize * n_slices + slice]);
        }
        product
    }
}

/// Lists the bounds of rows `(rows, n_vectors)`.
pub(super) struct ListBounds<'a> {
    pub rows: &'a [V],
    pub to: &'a mut RowBounds,
}

impl Kernel for ListBounds<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows, to } = self;
        let n_slices = to.n_vectors.div_ceil(SLICE);
        to.bounds.resize(to.n_rows * n_slices, Bounds::default());
        let mut largest_bits = 0;
        for (row, bounds) in rows.chunks_exact(to.n_vectors).zip(to.bounds.chunks_exact_mut(n_slices)) {
            for (slice, bounds) in row.chunks(SLICE).zip(bounds) {
                *bounds = Bounds::of(slice);
                for x in slice {
                    largest_bits = largest(x).max(largest_bits);
                }
            }
        }
        // Some element is no number, and must not hide at a node that is left out.
        if largest_bits >= f64::INFINITY.to_bits() {
            to.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(rows, vectors)` of probabilities that peak at different nodes.
    fn table(n_rows: usize, n_vectors: usize) -> Vec<V> {
        let log = |row: usize, l: usize| {
            let peak = (row * 7 % (8 * n_vectors)) as f64;
            -0.004 * (1 + row % 3) as f64 * (l as f64 - peak).powi(2)
        };
        let vector = |at: usize| {
            let (row, v) = (at / n_vectors, at % n_vectors);
            V(std::array::from_fn(|l| log(row, 8 * v + l).exp()))
        };
        (0..n_rows * n_vectors).map(vector).collect()
    }

    fn bounds(rows: &[V], n_vectors: usize) -> RowBounds {
        let mut bounds = RowBounds::new(rows.len() / n_vectors, n_vectors);
        ListBounds { rows, to: &mut bounds }.run();
        bounds
    }

    /// Of one pattern among others; nothing where its window is empty.
    fn narrow(bounds: &RowBounds, rows: &[u32]) -> Option<Window> {
        let products = [bounds.product(&[0]), bounds.product(rows), Bounds::default()];
        let mut windows = [Window { start: 9, len: 9 }; 3];
        bounds.windows(&products, &mut windows);
        (windows[1].len > 0).then_some(windows[1])
    }

    #[test]
    fn what_is_left_out_is_less_than_a_rounding_error() {
        let mut n_left_out = 0;
        for n_vectors in [3, 8, 13, 16] {
            let table = table(60, n_vectors);
            let all = bounds(&table, n_vectors);
            for first in 0..40 {
                let rows: Vec<u32> = (0..1 + first % 15).map(|k| (first + k) % 60).collect();
                let product = |l: usize| -> f64 {
                    rows.iter().map(|&row| table[row as usize * n_vectors + l / 8].0[l % 8]).product()
                };
                let mut look = Look::default();
                assert!(all.look(&rows, &mut look));
                let windows = look.windows;
                let is_in = |l: usize| {
                    let (window, v) = (windows[l / 64], (l / 8 % SLICE) as u32);
                    (window.start..window.start + window.len).contains(&v)
                };
                let total: f64 = (0..8 * n_vectors).map(product).sum();
                let left_out: f64 = (0..8 * n_vectors).filter(|&l| !is_in(l)).map(product).sum();
                assert!(left_out <= 0.25 * f64::EPSILON * total, "{left_out} of {total}");
                n_left_out += (0..8 * n_vectors).filter(|&l| !is_in(l)).count();
                if n_vectors <= SLICE {
                    assert_eq!(narrow(&all, &rows), Some(windows[0]));
                }
            }
        }
        assert!(n_left_out > 1000, "hardly anything is left out: {n_left_out} nodes");
    }

    #[test]
    fn patterns_of_any_number_of_rows_are_narrowed() {
        let mut n_left_out = 0;
        for (n_vectors, n_rows) in [(3, 70), (8, 65), (8, 700), (13, 300), (16, 2_000)] {
            let table = table(60, n_vectors);
            let all = bounds(&table, n_vectors);
            let rows: Vec<u32> = (0..n_rows).map(|k| (k * k + k / 7) % 60).collect();
            let log = |l: usize| -> f64 {
                rows.iter().map(|&row| table[row as usize * n_vectors + l / 8].0[l % 8].ln()).sum()
            };
            let logs: Vec<f64> = (0..8 * n_vectors).map(log).collect();
            let mut look = Look::default();
            let is_plain = all.look(&rows, &mut look);
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(is_plain, largest > -(SAFE as f64) * std::f64::consts::LN_2, "{n_rows} rows: {largest}");
            let is_in = |l: &usize| {
                let (window, v) = (look.windows[l / 64], (l / 8 % SLICE) as u32);
                (window.start..window.start + window.len).contains(&v)
            };
            let left_out: f64 = (0..8 * n_vectors).filter(|l| !is_in(l)).map(|l| (logs[l] - largest).exp()).sum();
            assert!(left_out <= 0.25 * f64::EPSILON, "{left_out} with {n_rows} rows");
            n_left_out += (0..8 * n_vectors).filter(|l| !is_in(l)).count();
        }
        assert!(n_left_out > 200, "hardly anything is left out: {n_left_out} nodes");
    }

    #[test]
    fn nothing_is_left_out_where_the_largest_likelihood_is_not_known() {
        // The first vector is 1e-300 and its exponent cut off at 2^-511; the second, 2^-600, is less than that and more than
        // the first.
        let half = V([2f64.powi(-300); 8]);
        let all = bounds(&[V([1e-300; 8]), half, V([1.0; 8]), half], 2);
        let mut look = Look::default();
        assert!(!all.look(&[0, 1], &mut look));
        assert_eq!(look.windows, [Window { start: 0, len: 2 }]);
        let mut forgotten = bounds(&[V([0.5; 8]); 6], 2);
        forgotten.forget();
        assert!(!forgotten.look(&[0, 1, 2], &mut look));
        assert_eq!(look.windows, [Window { start: 0, len: 2 }]);
    }

    #[test]
    fn vectors_that_are_not_there_are_left_out() {
        let all = bounds(&[V([1.0; 8]); 3], 3);
        assert_eq!(narrow(&all, &[0]), Some(Window { start: 0, len: 3 }));
    }

    #[test]
    fn products_that_may_underflow_and_numbers_that_are_none_leave_nothing_out() {
        let tiny = [V([1e-100; 8]); 3];
        let all = bounds(&tiny, 1);
        assert!(narrow(&all, &[0]).is_some());
        assert_eq!(narrow(&all, &[0, 1]), None);
        assert_eq!(narrow(&bounds(&[V([0.0; 8])], 1), &[0]), None);
        let mut broken = [V([0.5; 8]); 2];
        broken[1].0[7] = f64::NAN;
        assert_eq!(narrow(&bounds(&broken, 1), &[0]), None);
        let many: Vec<u32> = vec![0; MAX_ROWS + 1];
        assert_eq!(narrow(&bounds(&[V([1.0; 8])], 1), &many), None);
    }
}
