//! The probability rows of all joint answers, rebuilt in every cycle.

use std::ops::Range;

use rayon::prelude::*;

use super::NodeProbabilities;
use super::build::Build;
use super::collect::Collect;
use super::division::for_each;
use super::kernel::{SLICE, guard};
use super::layout::NodeLayout;
use super::vector::{InstructionSet, V, dispatch};
use super::widths::MAX_WHOLE;
use super::window::{ListBounds, RowBounds};
use crate::patterns::{Block, Patterns};

/// A product whose factors' smallest binary exponents sum to this or more is a normal number, with room for a weight
/// of up to 2^60 divided by it.
pub(super) const BUDGET: i32 = -960;
/// The exponent of a row that is stored as mantissas, with its own exponent at each node.
pub(super) const SCALED_ROW: i32 = i32::MIN;
/// Multiplications below which a pool costs more than it saves.
const PARALLEL_WORK: usize = 1 << 18;
/// Patterns below which looking through them costs less than a pool.
const PARALLEL_PATTERNS: usize = 1 << 12;

/// Rows of probabilities over the latent nodes, one per joint answer; those of the first block include the prior.
#[derive(Debug)]
pub(super) struct Tables {
    /// Vectors of nodes in a row.
    pub n_vectors: usize,
    /// `(n_rows, n_vectors)`; nodes beyond the last have probability 0.
    pub rows: Vec<V>,
    /// Whether products of rows might underflow.
    pub guarded: bool,
    /// Whether some rows are stored as mantissas and exponents.
    pub has_scaled_rows: bool,
    /// `(n_rows)`: smallest exponent of the positive elements, or [`SCALED_ROW`]; only kept where guarded.
    pub row_exponent: Vec<i32>,
    /// Where the products of rows are negligible.
    pub bounds: RowBounds,
    /// `(sum M_i, n_vectors)`: probabilities of the items over all nodes; counts on the way back.
    item_rows: Vec<V>,
    blocks: Vec<BlockState>,
    /// What the kernels run on.
    pub isa: InstructionSet,
}

/// What belongs to one block from cycle to cycle.
#[derive(Debug)]
pub(super) struct BlockState {
    rows: Range<usize>,
    /// First row of each of its items in the block's part of `item_rows`, and their number.
    pub item_ptr: Vec<usize>,
    /// `(items + 1, n_vectors)`: products of the first items; two rows of sums on the way back.
    pub stack: Vec<V>,
    /// A lower bound of the exponents of its rows.
    pub bound: i32,
    /// `(rows, n_vectors)`: exponents, where products within the block might underflow; else empty.
    pub exponents: Vec<V>,
}

/// The mutable parts of one block in all arrays.
pub(super) struct Parts<'a> {
    pub block: &'a Block,
    pub state: &'a mut BlockState,
    pub rows: &'a mut [V],
    pub item_rows: &'a mut [V],
}

impl Tables {
    /// Tables whose rows are `n_vectors` long, all nodes or more.
    pub fn new(patterns: &Patterns, layout: &NodeLayout, n_vectors: usize, isa: InstructionSet) -> Self {
        let state = |block: &Block| {
            let mut item_ptr = vec![0];
            item_ptr.extend(layout.n_categories[block.items.clone()].iter().scan(0, |end, m| {
                *end += m;
                Some(*end)
            }));
            let stack = vec![V::ZERO; (block.items.len() + 1).max(2) * n_vectors];
            BlockState { rows: block.rows.clone(), item_ptr, stack, bound: 0, exponents: Vec::new() }
        };
        Self {
            n_vectors,
            rows: vec![V::ZERO; patterns.n_rows() * n_vectors],
            guarded: false,
            has_scaled_rows: false,
            row_exponent: Vec::new(),
            bounds: RowBounds::new(patterns.n_rows(), n_vectors),
            item_rows: vec![V::ZERO; layout.n_categories.iter().sum::<usize>() * n_vectors],
            blocks: patterns.blocks().iter().map(state).collect(),
            isa,
        }
    }

    /// Tabulates the current probabilities.
    pub fn build(&mut self, patterns: &Patterns, layout: &NodeLayout, input: NodeProbabilities) {
        self.build_eliminating(patterns, layout, input, (false, Vec::<()>::new()), |(), _, _| {});
    }

    /// Tabulates the current probabilities; the rows of each eliminated attribute are filled in by `fill` from what `inner`
    /// holds of it, several at a time if `at_once`.
    pub fn build_eliminating<T: Send>(
        &mut self,
        patterns: &Patterns,
        layout: &NodeLayout,
        input: NodeProbabilities,
        (at_once, inner): (bool, Vec<T>),
        fill: impl Fn(T, &mut [V], &mut BlockState) + Send + Sync,
    ) {
        let isa = self.isa;
        let n_vectors = self.n_vectors;
        let parallel = self.rows.len() * 8 > PARALLEL_WORK;
        let (eliminated, tabulated): (Vec<_>, Vec<_>) =
            self.parts(patterns).into_iter().partition(|parts| parts.block.inner.is_some());
        for_each(parallel, tabulated, |parts| dispatch(isa, Build { parts, n_vectors, layout, input }));
        let eliminated: Vec<(T, Parts)> = inner.into_iter().zip(eliminated).collect();
        for_each(at_once, eliminated, |(inner, Parts { state, rows, .. })| fill(inner, rows, state));
        self.set_guard(patterns);
        if self.guarded || (MAX_WHOLE + 1..=SLICE).contains(&n_vectors) {
            dispatch(isa, ListBounds { rows: &self.rows, to: &mut self.bounds });
        }
        if self.has_scaled_rows {
            self.bounds.forget();
        }
    }

    /// One row.
    #[inline(always)]
    pub fn row(&self, row: u32) -> &[V] {
        &self.rows[row as usize * self.n_vectors..(row as usize + 1) * self.n_vectors]
    }

    /// A lower bound of the binary exponents of the products of rows.
    pub fn bound(&self) -> i64 {
        self.blocks.iter().map(|b| i64::from(b.bound)).sum()
    }

    /// Whether some rows are stored as mantissas and exponents.
    pub fn has_scaled_rows(&self) -> bool {
        self.has_scaled_rows
    }

    /// Decides whether products of rows might underflow: first by the items' smallest probabilities, then by the rows, then
    /// by those that occur together, which are few where everybody answered a part of the items. Without patterns any
    /// rows may occur together.
    fn set_guard(&mut self, patterns: &Patterns) {
        self.has_scaled_rows = self.blocks.iter().any(|b| !b.exponents.is_empty());
        self.guarded = self.has_scaled_rows || self.bound() < i64::from(BUDGET);
        if !self.guarded {
            return;
        }
        let sum = self.list_exponents();
        let exponent = |row: &u32| i64::from(self.row_exponent[*row as usize]);
        let might = |p: usize| patterns.rows(p).iter().map(exponent).sum::<i64>() < i64::from(BUDGET);
        self.guarded = self.has_scaled_rows
            || sum < i64::from(BUDGET)
                && (patterns.is_empty()
                    || (0..patterns.len()).into_par_iter().with_min_len(PARALLEL_PATTERNS).any(might));
    }

    /// Has products of rows carry exponents, whether they might underflow or not.
    pub fn keep_exponents(&mut self) {
        self.guarded = true;
        self.list_exponents();
    }

    /// Lists the smallest exponent of every row; returns the sum of the blocks' smallest ones.
    fn list_exponents(&mut self) -> i64 {
        let Self { rows, row_exponent, blocks, n_vectors, .. } = self;
        row_exponent.clear();
        row_exponent.extend(rows.chunks_exact(*n_vectors).map(smallest_exponent));
        let mut sum = 0;
        for block in blocks.iter() {
            let exponents = &mut row_exponent[block.rows.clone()];
            sum += exponents.iter().min().map_or(0, |&e| e as i64);
            if !block.exponents.is_empty() {
                exponents.fill(SCALED_ROW);
            }
        }
        sum
    }

    /// Whether a product that was guarded by flushing has lost something.
    #[inline(always)]
    pub fn needs_exponents(&self, probability: f64) -> bool {
        self.has_scaled_rows || probability.is_nan() || probability < guard::SMALLEST_PROBABILITY
    }

    /// The exponents of a [`SCALED_ROW`].
    pub fn exponents(&self, row: usize) -> &[V] {
        let block = &self.blocks[self.blocks.partition_point(|b| b.rows.end <= row)];
        let at = (row - block.rows.start) * self.n_vectors;
        &block.exponents[at..at + self.n_vectors]
    }

    /// Sums the rows of all accumulators, in order, and spreads them over the tables of the items.
    pub fn collect(
        &mut self,
        patterns: &Patterns,
        layout: &NodeLayout,
        accumulators: &[Vec<V>],
        n_gl: &mut [f64],
        mut n_glim: &mut [f64],
    ) {
        let isa = self.isa;
        let n_vectors = self.n_vectors;
        let parallel = self.rows.len() * (8 + accumulators.len()) > PARALLEL_WORK;
        let mut n_gl = Some(n_gl);
        let mut work = Vec::with_capacity(self.blocks.len());
        for parts in self.parts(patterns).into_iter().filter(|parts| parts.block.inner.is_none()) {
            let (counts, rest) = n_glim.split_at_mut(layout.range_of_items(&parts.block.items).len());
            n_glim = rest;
            work.push(Collect { parts, n_vectors, layout, accumulators, n_gl: n_gl.take(), n_glim: counts });
        }
        for_each(parallel, work, |collect| dispatch(isa, collect));
    }

    fn parts<'a>(&'a mut self, patterns: &'a Patterns) -> Vec<Parts<'a>> {
        let n_vectors = self.n_vectors;
        let (mut rows, mut item_rows) = (self.rows.as_mut_slice(), self.item_rows.as_mut_slice());
        let blocks = patterns.blocks().iter().zip(&mut self.blocks);
        blocks
            .map(|(block, state)| {
                let n_item_rows = state.item_ptr[state.item_ptr.len() - 1];
                let (own_rows, rest) = std::mem::take(&mut rows).split_at_mut(block.rows.len() * n_vectors);
                rows = rest;
                let (own_items, rest) = std::mem::take(&mut item_rows).split_at_mut(n_item_rows * n_vectors);
                item_rows = rest;
                Parts { block, state, rows: own_rows, item_rows: own_items }
            })
            .collect()
    }
}

/// The smallest binary exponent of the positive elements (0 if there are none; -1023 stands for subnormal numbers).
#[inline(always)]
pub(super) fn smallest_exponent(row: &[V]) -> i32 {
    let mut smallest = [u64::MAX; 8];
    for v in row {
        for (smallest, x) in smallest.iter_mut().zip(v.0) {
            // Positive doubles are ordered as their bits are; zero wraps around to the largest.
            *smallest = (*smallest).min(x.to_bits().wrapping_sub(1));
        }
    }
    match smallest.into_iter().min() {
        None | Some(u64::MAX) => 0,
        Some(bits) => ((bits + 1) >> 52) as i32 - 1023,
    }
}
