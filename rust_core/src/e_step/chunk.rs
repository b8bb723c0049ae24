//! One chunk of patterns of the E-step: the likelihood of each pattern over the nodes that matter to it, and the way its
//! posterior flows back.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::Stop;
use super::guarded::AddGuarded;
use super::kernel::{SLICE, Scratch};
use super::log_sum::LogSum;
use super::narrow::AddNarrow;
use super::tables::Tables;
use super::vector::{V, dispatch};
use super::wide::AddWide;
use super::widths::{BATCH, SortByWidth, Widths};
use super::window::Look;
use crate::patterns::Patterns;

/// What a chunk works in.
#[derive(Debug, Default)]
pub(super) struct ChunkScratch {
    row: Scratch,
    widths: Widths,
    look: Look,
}

impl ChunkScratch {
    pub fn new(n_vectors: usize) -> Self {
        Self { row: Scratch::new(n_vectors), ..Self::default() }
    }
}

/// One chunk of patterns.
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

impl Chunk<'_> {
    /// Writes the posterior weights; gives the log-likelihood.
    pub fn run(self) -> Result<f64, Stop> {
        let Self { patterns, tables, range, order, accumulator, scratch, cancel } = self;
        let ChunkScratch { row, widths, look } = scratch;
        accumulator.fill(V::ZERO);
        let isa = tables.isa;
        let mut logs = LogSum::new(patterns, cancel);
        if tables.n_vectors > SLICE && !tables.guarded {
            dispatch(isa, AddWide { patterns, tables, order, accumulator, row, logs: &mut logs })?;
        } else if tables.n_vectors > SLICE {
            dispatch(isa, AddGuarded { patterns, tables, which: order, accumulator, row, look, logs: &mut logs })?;
        } else {
            for start in range.clone().step_by(BATCH) {
                let batch = start..(start + BATCH).min(range.end);
                dispatch(isa, SortByWidth { patterns, tables, batch, to: widths });
                for width in 1..=tables.n_vectors {
                    let listed = widths.listed(width);
                    AddNarrow { patterns, tables, first: start, listed, accumulator, logs: &mut logs }.run(width)?;
                }
                let which = &widths.guarded;
                dispatch(isa, AddGuarded { patterns, tables, which, accumulator, row, look, logs: &mut logs })?;
            }
        }
        logs.finish()
    }
}

// Loops over indices: adaptors of iterators are not always compiled into the function that calls them, and then run on
// the baseline.

#[inline(always)]
pub(super) fn multiply<const W: usize>(likelihood: &mut [V; W], factors: &[V]) {
    let factors = &factors[..W];
    for v in 0..W {
        likelihood[v] = likelihood[v].times(factors[v]);
    }
}

#[inline(always)]
pub(super) fn add<const W: usize>(to: &mut [V], posterior: &[V; W]) {
    let to = &mut to[..W];
    for v in 0..W {
        to[v] = to[v].plus(posterior[v]);
    }
}

#[inline(always)]
pub(super) fn scaled<const W: usize>(likelihood: &[V], factor: f64) -> [V; W] {
    let mut posterior = [V::ZERO; W];
    for v in 0..W {
        posterior[v] = likelihood[v].scale(factor);
    }
    posterior
}
