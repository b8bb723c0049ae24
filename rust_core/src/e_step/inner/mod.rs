//! Eliminated attributes: summed out for every joint answer to their items, so that the grid need not cross them.
//!
//! Let `e` be an attribute, `q` a joint answer to the items that measure it (an *inner pattern*), and `N` the attributes
//! that these items or the prior of `e` involve besides. The sum over the nodes of `e`,
//!
//! ```text
//! u[q][d_N] = sum_{d_e} p(d_e | d_N) r_q[d_e] x_q[d_e, d_N],
//! ```
//!
//! with `r_q` the product over the items that measure `e` alone and `x_q` that over the others, is one row of the outer
//! problem. On the way back, the weights `A[q][d_N]` that the outer problem accumulated for this row give the joint
//! posterior weights `A / u` times the summand, which are added to the rows of the inner items.

mod backward;
mod forward;
mod joint;
mod layout;
mod respondent;
mod scaled;

use std::ops::Range;

use rayon::prelude::*;

use super::NodeProbabilities;
use super::kernel::{Scratch, WideRow, guard};
use super::layout::NodeLayout;
use super::tables::{BUDGET, BlockState, Tables};
use super::vector::{InstructionSet, V, dispatch, flat, flat_mut};
use crate::patterns::InnerPatterns;
use backward::Backward;
use forward::Forward;
pub(super) use joint::JointScratch;
pub use layout::InnerLayout;
pub(super) use respondent::Conditional;

/// Inner patterns that are worked on together, so that what they share stays in the first cache.
const BATCH: usize = 16;
/// Inner patterns in one piece of parallel work on the way there.
const FORWARD_CHUNK: usize = 256;
/// Inner patterns that make a chunk worth an accumulator of its own on the way back.
const BACKWARD_CHUNK: usize = 1024;
/// Chunks on the way back at most.
const MAX_CHUNKS: usize = 16;

/// Runs a block for consecutive slices of vectors, their number a constant.
macro_rules! in_slices {
    ($n_vectors:expr, |$offset:ident, $W:ident| $body:block) => {{
        let n_vectors = $n_vectors;
        let full = n_vectors - n_vectors % $crate::e_step::kernel::SLICE;
        for $offset in (0..full).step_by($crate::e_step::kernel::SLICE) {
            const $W: usize = $crate::e_step::kernel::SLICE;
            $body
        }
        let $offset = full;
        match n_vectors - full {
            1 => {
                const $W: usize = 1;
                $body
            }
            2 => {
                const $W: usize = 2;
                $body
            }
            3 => {
                const $W: usize = 3;
                $body
            }
            4 => {
                const $W: usize = 4;
                $body
            }
            5 => {
                const $W: usize = 5;
                $body
            }
            6 => {
                const $W: usize = 6;
                $body
            }
            7 => {
                const $W: usize = 7;
                $body
            }
            _ => {}
        }
    }};
}
pub(super) use in_slices;

/// One eliminated attribute, with the memory it works in from cycle to cycle.
#[derive(Debug)]
pub(super) struct InnerStep {
    layout: InnerLayout,
    isa: InstructionSet,
    classes: Vec<ClassTables>,
    /// Whether sums are kept as mantissas and exponents in this cycle.
    scaled: bool,
    chunks: Vec<Range<usize>>,
}

/// Tables of one eliminated attribute in one latent class.
#[derive(Debug)]
pub(super) struct ClassTables {
    pub own: Option<Tables>,
    pub cross: Tables,
}

/// Where a row of the outer problem belongs to: nodes of one class.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The nodes of the class.
    pub segment: Range<usize>,
    /// Vectors of a row of the outer problem.
    pub n_vectors: usize,
}

impl InnerStep {
    pub fn new(patterns: &InnerPatterns, layout: InnerLayout, n_classes: usize, isa: InstructionSet) -> Self {
        let tables = || ClassTables {
            own: patterns.own().map(|own| Tables::new(own, &layout.own, isa)),
            cross: Tables::new(patterns.cross(), &layout.cross, isa),
        };
        let classes = (0..n_classes).map(|_| tables()).collect();
        let n_chunks = (patterns.len() / BACKWARD_CHUNK).clamp(1, MAX_CHUNKS);
        let chunks = (0..n_chunks).map(|c| c * patterns.len() / n_chunks..(c + 1) * patterns.len() / n_chunks);
        Self { chunks: chunks.collect(), layout, isa, classes, scaled: false }
    }

    pub fn layout(&self) -> &InnerLayout {
        &self.layout
    }

    /// Tabulates the items; `conditional (C, D, D_N)` is the prior of the attribute given its neighbours, and `tables`
    /// the layout of `probabilities` over the items in use.
    pub fn build_tables(
        &mut self,
        patterns: &InnerPatterns,
        (tables, probabilities): (&NodeLayout, &[f64]),
        conditional: &[f64],
    ) {
        let Self { layout, classes, .. } = self;
        for (c, (class, conditional)) in classes.iter_mut().zip(conditional.chunks_exact(layout.n_joint())).enumerate()
        {
            let pick = |items: &[usize]| -> Vec<f64> {
                items.iter().flat_map(|&i| &probabilities[tables.range(i, c)]).copied().collect()
            };
            if let (Some(own), Some(own_patterns)) = (&mut class.own, patterns.own()) {
                let ones = vec![1.0; layout.n_points];
                let own_probabilities = pick(&patterns.items().own);
                let input = NodeProbabilities { prior: &ones, probabilities: &own_probabilities, conditional: &[] };
                own.build(own_patterns, &layout.own, input, |_, _, _| {});
            }
            let (prior, cross) = (layout.pad(conditional), pick(&patterns.items().cross));
            let input = NodeProbabilities { prior: &prior, probabilities: &cross, conditional: &[] };
            class.cross.build(patterns.cross(), &layout.cross, input, |_, _, _| {});
        }
        let own_bound = |class: &ClassTables| class.own.as_ref().map_or(0, Tables::bound);
        self.scaled = self.classes.iter().any(|class| {
            let has_scaled = class.cross.has_scaled_rows() || class.own.as_ref().is_some_and(Tables::has_scaled_rows);
            has_scaled || own_bound(class) + class.cross.bound() < i64::from(BUDGET)
        });
        if self.scaled {
            self.keep_exponents();
        }
    }

    /// Has the products of rows carry exponents.
    pub fn keep_exponents(&mut self) {
        for class in &mut self.classes {
            class.cross.keep_exponents();
            class.own.iter_mut().for_each(Tables::keep_exponents);
        }
    }

    /// Fills in the rows `u` of the outer problem.
    pub fn forward(&self, patterns: &InnerPatterns, outer: &NodeLayout, rows: &mut [V], state: &mut BlockState) {
        let n_vectors = outer.n_nodes().div_ceil(8);
        let Self { layout, isa, scaled, .. } = self;
        rows.fill(V::ZERO);
        state.exponents.clear();
        if *scaled {
            state.exponents.resize(rows.len(), V::ZERO);
        }
        let piece = FORWARD_CHUNK * n_vectors;
        let exponents = state.exponents.chunks_mut(piece).map(Some).chain(std::iter::repeat_with(|| None));
        let work: Vec<_> = rows.chunks_mut(piece).zip(exponents).enumerate().collect();
        let run = |(k, (rows, exponents)): (usize, (&mut [V], Option<&mut [V]>))| {
            let start = k * FORWARD_CHUNK;
            let range = start..(start + FORWARD_CHUNK).min(patterns.len());
            let exponents = exponents.unwrap_or_default();
            for (c, class) in self.classes.iter().enumerate() {
                let place = Place { segment: outer.segment(c), n_vectors };
                let (rows, exponents) = (&mut *rows, &mut *exponents);
                let range = range.clone();
                dispatch(*isa, Forward { patterns, class, layout, range, place, rows, exponents, scaled: *scaled });
            }
            rows.chunks_exact(n_vectors).map(super::tables::smallest_exponent).min().unwrap_or(0)
        };
        state.bound = if work.len() == 1 {
            work.into_iter().map(run).min().unwrap_or(0)
        } else {
            work.into_par_iter().map(run).min().unwrap_or(0)
        };
    }

    /// Takes the weights that the outer problem accumulated back to the items: adds to `n_glim`, and writes the
    /// expected counts over the attribute and its neighbours `(C, D, D_N)` to `joint`.
    pub fn backward(
        &mut self,
        patterns: &InnerPatterns,
        outer: &OuterRows,
        (tables, n_glim): (&NodeLayout, &mut [f64]),
        joint: &mut [f64],
    ) {
        let Self { layout, isa, classes, scaled, chunks } = self;
        for (c, (class, joint)) in classes.iter_mut().zip(joint.chunks_exact_mut(layout.n_joint())).enumerate() {
            let place = Place { segment: outer.layout.segment(c), n_vectors: outer.n_vectors };
            let shared: &ClassTables = class;
            let run = |range: &Range<usize>| {
                let mut own = vec![V::ZERO; shared.own.as_ref().map_or(0, |own| own.rows.len())];
                let mut cross = vec![V::ZERO; shared.cross.rows.len()];
                let (range, place) = (range.clone(), place.clone());
                let sums = (&mut own[..], &mut cross[..]);
                dispatch(
                    *isa,
                    Backward { patterns, class: shared, layout, range, place, outer, sums, scaled: *scaled },
                );
                (own, cross)
            };
            let sums: Vec<(Vec<V>, Vec<V>)> =
                if chunks.len() == 1 { chunks.iter().map(run).collect() } else { chunks.par_iter().map(run).collect() };
            let (own, cross): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
            let mut spread = |items: &[usize], counts: &[f64]| {
                let mut rest = counts;
                for &item in items {
                    let range = tables.range(item, c);
                    let (table, tail) = rest.split_at(range.len());
                    n_glim[range].copy_from_slice(table);
                    rest = tail;
                }
            };
            if let (Some(tables), Some(own_patterns)) = (&mut class.own, patterns.own()) {
                let (mut nodes, mut counts) = (vec![0.0; layout.n_points], vec![0.0; layout.own.table_len()]);
                tables.collect(own_patterns, &layout.own, &own, &mut nodes, &mut counts);
                spread(&patterns.items().own, &counts);
            }
            let mut nodes = vec![0.0; layout.cross.n_nodes()];
            let mut counts = vec![0.0; layout.cross.table_len()];
            class.cross.collect(patterns.cross(), &layout.cross, &cross, &mut nodes, &mut counts);
            spread(&patterns.items().cross, &counts);
            layout.unpad(&nodes, joint);
        }
    }
}

/// The rows of one eliminated attribute in the outer problem.
pub(super) struct OuterRows<'a> {
    pub layout: &'a NodeLayout,
    pub n_vectors: usize,
    /// `u (Q, n_vectors)`.
    pub rows: &'a [V],
    /// First of the rows in the accumulators.
    pub first: usize,
    /// Accumulated weights of all rows, by chunk.
    pub accumulators: &'a [Vec<V>],
}

impl OuterRows<'_> {
    /// Sum over the chunks of the weights of an inner pattern.
    #[inline(always)]
    pub fn weights(&self, inner: usize, to: &mut [V]) {
        let at = (self.first + inner) * self.n_vectors;
        for (chunk, accumulator) in self.accumulators.iter().enumerate() {
            let from = &accumulator[at..at + self.n_vectors];
            if chunk == 0 {
                to.copy_from_slice(from);
            } else {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = to.plus(*from));
            }
        }
    }
}

impl ClassTables {
    /// The product `r (D)` of these rows of the own items; ones where there are none.
    #[inline(always)]
    pub fn own_product(&self, rows: &[u32], scratch: &mut Scratch, to: &mut [f64]) {
        let Some(tables) = &self.own else {
            to.fill(1.0);
            return;
        };
        let Scratch { likelihood, exponents, posterior } = scratch;
        let mut row = WideRow { likelihood, exponents, posterior, accumulator: &mut [] };
        row.step::<{ guard::NONE }>(tables, rows, &[]);
        to.copy_from_slice(&flat(likelihood)[..to.len()]);
    }

    /// The product `p(d_e | d_N) x (D, D_N)` of an inner pattern's cross-loading items.
    #[inline(always)]
    pub fn cross_product<'a>(&'a self, rows: &[u32], scratch: &'a mut Scratch) -> &'a [V] {
        let n = self.cross.n_vectors;
        if let [row] = rows {
            return &self.cross.rows[*row as usize * n..(*row as usize + 1) * n];
        }
        let Scratch { likelihood, exponents, posterior } = scratch;
        let mut row = WideRow { likelihood, exponents, posterior, accumulator: &mut [] };
        row.step::<{ guard::NONE }>(&self.cross, rows, &[]);
        &scratch.likelihood
    }
}

/// Spreads a row over the neighbours to the outer nodes of a class.
#[inline(always)]
pub(super) fn spread_row(layout: &InnerLayout, from: &[V], segment: Range<usize>, to: &mut [V]) {
    let (from, to) = (flat(from), &mut flat_mut(to)[segment]);
    if layout.is_identity {
        to.copy_from_slice(&from[..to.len()]);
    } else {
        to.iter_mut().zip(&layout.outer_map).for_each(|(to, &k)| *to = from[k as usize]);
    }
}
