//! Sorts the patterns of a grid of one slice by the number of vectors they are evaluated at.

use std::ops::Range;

use super::kernel::SLICE;
use super::tables::Tables;
use super::vector::Kernel;
use super::window::{Bounds, Window};
use crate::patterns::Patterns;

/// Patterns that are sorted at a time: their rows stay in the cache.
pub(super) const BATCH: usize = 2048;
/// Patterns whose bounds are summed at a time.
const BOUNDED: usize = 128;
/// Grids of more vectors are looked at for nodes that do not matter; on smaller ones the look costs more than it saves.
pub(super) const MAX_WHOLE: usize = 4;

/// The patterns of a batch.
#[derive(Debug, Default)]
pub(super) struct Widths {
    /// `(SLICE, BATCH)`: patterns by the number of their vectors (less one), counted from the first of the batch, with
    /// their first vectors.
    by_width: Vec<(u16, u16)>,
    /// How many patterns have how many vectors.
    n: [usize; SLICE],
    /// Patterns whose product might underflow, counted from the first of all.
    pub guarded: Vec<u32>,
}

impl Widths {
    /// Patterns with so many vectors, counted from the first of the batch, with the first of the vectors.
    pub fn listed(&self, width: usize) -> &[(u16, u16)] {
        &self.by_width[(width - 1) * BATCH..][..self.n[width - 1]]
    }

    /// Lists one pattern.
    #[inline(always)]
    fn list(&mut self, pattern: usize, window: Window) {
        let width = (window.len as usize - 1) % SLICE;
        self.by_width[width * BATCH + self.n[width]] = (pattern as u16, window.start as u16);
        self.n[width] += 1;
    }

    /// Lists so many patterns, all with the same vectors from the first on.
    #[inline(always)]
    fn list_all(&mut self, width: usize, n: usize) {
        let list = &mut self.by_width[(width - 1) * BATCH..][..n];
        list.iter_mut().enumerate().for_each(|(k, to)| *to = (k as u16, 0));
        self.n[width - 1] = n;
    }
}

/// Sorts the patterns of one batch.
pub(super) struct SortByWidth<'a> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    pub batch: Range<usize>,
    pub to: &'a mut Widths,
}

impl Kernel for SortByWidth<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { patterns, tables, batch, to } = self;
        to.by_width.resize(SLICE * BATCH, (0, 0));
        to.guarded.clear();
        to.n = [0; SLICE];
        let is_narrowed = tables.n_vectors > MAX_WHOLE;
        let n_gp = &patterns.n_gp()[batch.clone()];
        if !is_narrowed && !tables.guarded && n_gp.iter().all(|n_gp| *n_gp != 0.0) {
            return to.list_all(tables.n_vectors, n_gp.len());
        }
        let whole = Window { start: 0, len: tables.n_vectors as u32 };
        let mut products = [Bounds::default(); BOUNDED];
        let mut windows = [whole; BOUNDED];
        for (b, n_gp) in n_gp.chunks(BOUNDED).enumerate() {
            let first = b * BOUNDED;
            if is_narrowed || tables.guarded {
                let range = batch.start + first..batch.start + first + n_gp.len();
                // Written to memory, so that they are summed as whole vectors.
                for (rows, product) in patterns.rows_of(range).zip(&mut products) {
                    *product = tables.bounds.product(rows);
                }
                tables.bounds.windows(&products, &mut windows);
            }
            for (k, (window, _)) in windows.iter().zip(n_gp).enumerate().filter(|(_, (_, n_gp))| **n_gp != 0.0) {
                if window.len == 0 && tables.guarded {
                    to.guarded.push((batch.start + first + k) as u32);
                } else if window.len == 0 || !is_narrowed {
                    to.list(first + k, whole);
                } else {
                    to.list(first + k, *window);
                }
            }
        }
    }
}
