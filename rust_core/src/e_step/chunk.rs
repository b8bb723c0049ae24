//! One chunk of patterns of the E-step: the likelihood of each pattern over the nodes that matter to it, and the way its
//! posterior flows back.
//!
//! On a grid of up to eight vectors, patterns that need the same number of vectors are worked on together: that number is
//! then a constant, and the posterior of one pattern is added to the accumulators while the likelihood of the next is
//! multiplied up, so that loads, stores and arithmetic of both overlap.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use super::kernel::{Earlier, SLICE, Scratch, WideRow, align, guard, part, sum, with_width};
use super::log_sum::LogSum;
use super::tables::Tables;
use super::vector::{Kernel, V};
use super::window::{Bounds, Window};
use crate::patterns::Patterns;

/// Patterns that are sorted by the number of their vectors at a time: their rows stay in the cache.
const BATCH: usize = 2048;
/// Patterns whose bounds are summed at a time.
const BOUNDED: usize = 128;
/// Grids of more vectors are looked at for nodes that do not matter; on smaller ones the look costs more than it saves.
pub(super) const MAX_WHOLE: usize = 4;

/// What a chunk works in.
#[derive(Debug, Default)]
pub(super) struct ChunkScratch {
    row: Scratch,
    /// `(SLICE, BATCH)`: patterns by the number of their vectors (less one), counted from the first of the batch, with
    /// their first vectors.
    by_width: Vec<(u16, u16)>,
    /// Patterns whose product might underflow.
    long: Vec<u32>,
    products: Vec<Bounds>,
    windows: Vec<Window>,
}

impl ChunkScratch {
    pub fn new(n_vectors: usize) -> Self {
        Self { row: Scratch::new(n_vectors), ..Self::default() }
    }
}

/// One chunk of patterns; gives its log-likelihood.
pub(super) struct Chunk<'a> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    pub range: Range<usize>,
    /// The patterns in another order, for grids of several slices.
    pub order: &'a [u32],
    /// `(n_rows, n_vectors)`: posterior weights by row.
    pub accumulator: &'a mut [V],
    pub scratch: &'a mut ChunkScratch,
    pub cancel: &'a AtomicBool,
}

impl Kernel for Chunk<'_> {
    type Output = Result<f64, Stop>;

    #[inline(always)]
    fn run(mut self) -> Result<f64, Stop> {
        self.accumulator.fill(V::ZERO);
        let mut logs = LogSum::new(self.patterns, self.cancel);
        let (range, n_vectors) = (self.range.clone(), self.tables.n_vectors);
        if n_vectors <= MAX_WHOLE && !self.tables.guarded {
            let all = range.map(|p| (p, 0));
            let mut done = Ok(());
            with_width!(n_vectors, |W| done = self.add_all::<W>(all, &mut logs));
            done?;
        } else if n_vectors <= SLICE {
            for start in range.clone().step_by(BATCH) {
                self.add_batch(start..(start + BATCH).min(range.end), &mut logs)?;
            }
        } else if self.tables.guarded {
            for &p in self.order {
                if self.cancel.load(Ordering::Relaxed) {
                    return Err(Stop::Interrupted);
                }
                self.add_wide(p as usize, &mut logs)?;
            }
        } else {
            self.add_all_wide(&mut logs)?;
        }
        logs.finish()
    }
}

/// A pattern whose posterior is still to be added to the accumulators.
struct Pending<'a, const W: usize> {
    rows: &'a [u32],
    /// Its first vector.
    start: usize,
    posterior: [V; W],
}

impl<'a> Chunk<'a> {
    /// A grid of one slice.
    #[inline(always)]
    fn add_batch(&mut self, batch: Range<usize>, logs: &mut LogSum) -> Result<(), Stop> {
        let n_by_width = self.sort_by_width(batch.clone());
        let by_width = std::mem::take(&mut self.scratch.by_width);
        let mut done = Ok(());
        for (width, n) in (1..=self.tables.n_vectors).zip(n_by_width).filter(|(_, n)| *n > 0) {
            let each = by_width[(width - 1) * BATCH..][..n].iter();
            let each = each.map(|&(k, start)| (batch.start + k as usize, start as usize));
            with_width!(width, |W| done = done.and(self.add_all::<W>(each, logs)));
        }
        self.scratch.by_width = by_width;
        done?;
        for k in 0..self.scratch.long.len() {
            self.add_long(self.scratch.long[k] as usize, logs)?;
        }
        Ok(())
    }

    /// Sorts the patterns of a batch by the number of their vectors; returns how many patterns have how many.
    #[inline(always)]
    fn sort_by_width(&mut self, batch: Range<usize>) -> [usize; SLICE] {
        let (tables, n_gp) = (self.tables, self.patterns.n_gp());
        let ChunkScratch { by_width, long, .. } = &mut *self.scratch;
        by_width.resize(SLICE * BATCH, (0, 0));
        long.clear();
        let mut n_by_width = [0; SLICE];
        let mut products = [Bounds::default(); BOUNDED];
        let mut windows = [Window::default(); BOUNDED];
        for start in batch.clone().step_by(BOUNDED) {
            let patterns = start..(start + BOUNDED).min(batch.end);
            // Written to memory, so that they are summed as whole vectors.
            for (p, product) in patterns.clone().zip(&mut products) {
                *product = tables.bounds.product(self.patterns.rows(p));
            }
            tables.bounds.windows(&products, &mut windows);
            for (p, mut window) in patterns.zip(windows).filter(|(p, _)| n_gp[*p] != 0.0) {
                if window.len == 0 || tables.has_scaled_rows {
                    if tables.guarded {
                        long.push(p as u32);
                        continue;
                    }
                    window = Window { start: 0, len: tables.n_vectors as u32 };
                }
                let width = (window.len as usize - 1) % SLICE;
                by_width[width * BATCH + n_by_width[width]] = ((p - batch.start) as u16, window.start as u16);
                n_by_width[width] += 1;
            }
        }
        n_by_width
    }

    /// Patterns at `W` vectors each, from those given with them.
    #[inline(always)]
    fn add_all<const W: usize>(
        &mut self,
        patterns: impl Iterator<Item = (usize, usize)>,
        logs: &mut LogSum,
    ) -> Result<(), Stop> {
        let mut pending = Pending { rows: &[], start: 0, posterior: [V::ZERO; W] };
        for (p, start) in patterns {
            let n_gp = self.patterns.n_gp()[p];
            if n_gp == 0.0 {
                continue;
            }
            let rows = self.patterns.rows(p);
            let likelihood = self.step(rows, start, &pending);
            let probability = sum(&likelihood);
            let factor = n_gp / probability;
            pending = Pending { rows, start, posterior: scaled(&likelihood, factor) };
            logs.push(p, probability, 0.0, n_gp)?;
        }
        self.step(&[], 0, &pending);
        Ok(())
    }

    /// The likelihood of the pattern with these rows, while the pending pattern is added.
    #[inline(always)]
    fn step<const W: usize>(&mut self, rows: &[u32], start: usize, pending: &Pending<W>) -> [V; W] {
        let (n, table) = (self.tables.n_vectors, &self.tables.rows);
        // The first row is where a product begins.
        let (mut likelihood, rows) = match rows.split_first() {
            Some((&first, rows)) => (*part(table, first as usize * n + start), rows),
            None => ([V([1.0; 8]); W], rows),
        };
        let pending_rows = match pending.rows.split_first() {
            Some((&first, rows)) => {
                add(&mut self.accumulator[first as usize * n + pending.start..], &pending.posterior);
                rows
            }
            None => pending.rows,
        };
        let (both, more) = rows.split_at(rows.len().min(pending_rows.len()));
        for (&row, &earlier) in both.iter().zip(pending_rows) {
            multiply(&mut likelihood, &table[row as usize * n + start..]);
            add(&mut self.accumulator[earlier as usize * n + pending.start..], &pending.posterior);
        }
        for &row in more {
            multiply(&mut likelihood, &table[row as usize * n + start..]);
        }
        for &earlier in &pending_rows[both.len()..] {
            add(&mut self.accumulator[earlier as usize * n + pending.start..], &pending.posterior);
        }
        likelihood
    }

    /// Patterns on a grid of several slices where no product can underflow: the whole of it, since the nodes of crossed
    /// attributes that matter to a pattern do not lie together.
    #[inline(always)]
    fn add_all_wide(&mut self, logs: &mut LogSum) -> Result<(), Stop> {
        let Scratch { likelihood, exponents, earlier } = &mut self.scratch.row;
        let (mut earlier_rows, mut factor): (&[u32], f64) = (&[], 0.0);
        for p in self.order.iter().map(|&p| p as usize) {
            let n_gp = self.patterns.n_gp()[p];
            if n_gp == 0.0 {
                continue;
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            let rows = self.patterns.rows(p);
            let before = Earlier { rows: earlier_rows, likelihood: earlier, factor };
            WideRow { likelihood, exponents, accumulator: self.accumulator }.step::<{ guard::NONE }>(
                self.tables,
                rows,
                before,
            );
            let probability = sum(likelihood);
            (earlier_rows, factor) = (rows, n_gp / probability);
            std::mem::swap(likelihood, earlier);
            logs.push(p, probability, 0.0, n_gp)?;
        }
        let last = Earlier { rows: earlier_rows, likelihood: earlier, factor };
        WideRow { likelihood, exponents, accumulator: self.accumulator }.step::<{ guard::NONE }>(
            self.tables,
            &[],
            last,
        );
        Ok(())
    }

    /// A pattern on a grid of several slices where products may underflow.
    #[inline(always)]
    fn add_wide(&mut self, p: usize, logs: &mut LogSum) -> Result<(), Stop> {
        let n_gp = self.patterns.n_gp()[p];
        if n_gp == 0.0 {
            return Ok(());
        }
        let tables = self.tables;
        let rows = self.patterns.rows(p);
        let ChunkScratch { row, products, windows, .. } = &mut *self.scratch;
        if tables.has_scaled_rows || tables.bounds.wide(rows, products, windows).is_none() {
            return self.add_long(p, logs);
        }
        let n = tables.n_vectors;
        let mut probability = 0.0;
        let starts = |(slice, window): (usize, &Window)| (slice * SLICE + window.start as usize, window.len as usize);
        for (start, width) in windows.iter().enumerate().map(starts) {
            with_width!(width, |W| {
                let mut likelihood = [V([1.0; 8]); W];
                for &row in rows {
                    multiply(&mut likelihood, &tables.rows[row as usize * n + start..]);
                }
                probability += sum(&likelihood);
                row.likelihood[start..start + W].copy_from_slice(&likelihood);
            });
        }
        let factor = n_gp / probability;
        for (start, width) in windows.iter().enumerate().map(starts) {
            with_width!(width, |W| {
                let posterior = scaled::<W>(&row.likelihood[start..start + W], factor);
                for &row in rows {
                    add(&mut self.accumulator[row as usize * n + start..], &posterior);
                }
            });
        }
        logs.push(p, probability, 0.0, n_gp)
    }

    /// A pattern whose product might underflow: every node carries an exponent.
    #[inline(always)]
    fn add_long(&mut self, p: usize, logs: &mut LogSum) -> Result<(), Stop> {
        let rows = self.patterns.rows(p);
        let n_gp = self.patterns.n_gp()[p];
        let n = self.tables.n_vectors;
        self.scratch.row.multiply::<{ guard::EXPONENTS }>(self.tables, rows);
        self.scratch.row.rescale();
        let Scratch { likelihood, exponents, .. } = &mut self.scratch.row;
        let exponent = align(likelihood, exponents);
        let probability = sum(likelihood);
        let factor = n_gp / probability;
        for &row in rows {
            for (to, from) in self.accumulator[row as usize * n..].iter_mut().zip(&*likelihood) {
                *to = to.plus(from.scale(factor));
            }
        }
        logs.push(p, probability, exponent, n_gp)
    }
}

// Loops over indices: adaptors of iterators are not always compiled into the function that calls them, and then run on
// the baseline.

#[inline(always)]
fn multiply<const W: usize>(likelihood: &mut [V; W], factors: &[V]) {
    let factors = &factors[..W];
    for v in 0..W {
        likelihood[v] = likelihood[v].times(factors[v]);
    }
}

#[inline(always)]
fn add<const W: usize>(to: &mut [V], posterior: &[V; W]) {
    let to = &mut to[..W];
    for v in 0..W {
        to[v] = to[v].plus(posterior[v]);
    }
}

#[inline(always)]
fn scaled<const W: usize>(likelihood: &[V], factor: f64) -> [V; W] {
    let mut posterior = [V::ZERO; W];
    for v in 0..W {
        posterior[v] = likelihood[v].scale(factor);
    }
    posterior
}
