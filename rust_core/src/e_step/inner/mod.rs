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
mod pass;
mod respondent;
mod scaled;

use std::ops::Range;

use rayon::prelude::*;

use super::NodeProbabilities;
use super::division::MAX_CHUNKS;
use super::kernel::{Scratch, guard};
use super::layout::NodeLayout;
use super::tables::{BUDGET, BlockState, Tables};
use super::vector::{InstructionSet, V, dispatch, flat, flat_mut};
use crate::patterns::{InnerPatterns, Patterns};
use backward::Backward;
use forward::Forward;
pub(super) use joint::JointScratch;
pub use layout::InnerLayout;
use pass::Pass;
pub(super) use respondent::Conditional;

/// Inner patterns in one piece of parallel work on the way there.
const FORWARD_CHUNK: usize = 256;
/// Inner patterns that make a chunk worth an accumulator of its own on the way back.
const BACKWARD_CHUNK: usize = 1024;

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
    /// Inner patterns that have accumulators of their own on the way back.
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
        let tables =
            |patterns: &Patterns, layout: &NodeLayout| Tables::new(patterns, layout, layout.n_nodes().div_ceil(8), isa);
        let tables = || ClassTables {
            own: patterns.own().map(|own| tables(own, &layout.own)),
            cross: tables(patterns.cross(), &layout.cross),
        };
        let classes = (0..n_classes).map(|_| tables()).collect();
        let n_chunks = (patterns.len() / BACKWARD_CHUNK).clamp(1, MAX_CHUNKS);
        let chunks = (0..n_chunks).map(|c| c * patterns.len() / n_chunks..(c + 1) * patterns.len() / n_chunks);
        Self { chunks: chunks.collect(), layout, isa, classes, scaled: false }
    }

    pub fn layout(&self) -> &InnerLayout {
        &self.layout
    }

    /// Vectors of nodes that are summed on the way there.
    pub fn work(&self) -> usize {
        let n_patterns = self.chunks.last().map_or(0, |chunk| chunk.end);
        n_patterns * self.classes.iter().map(|class| class.cross.n_vectors).sum::<usize>()
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
                let tables: Vec<&[f64]> = items.iter().map(|&i| &probabilities[tables.range(i, c)]).collect();
                tables.concat()
            };
            if let (Some(own), Some(own_patterns)) = (&mut class.own, patterns.own()) {
                let ones = vec![1.0; layout.n_points];
                let own_probabilities = pick(&patterns.items().own);
                let input = NodeProbabilities { prior: &ones, probabilities: &own_probabilities, conditional: &[] };
                own.build(own_patterns, &layout.own, input);
            }
            let (prior, cross) = (layout.pad(conditional), pick(&patterns.items().cross));
            let input = NodeProbabilities { prior: &prior, probabilities: &cross, conditional: &[] };
            class.cross.build(patterns.cross(), &layout.cross, input);
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

    /// Fills in the rows `u` of the outer problem; nodes beyond the last stay as they are.
    pub fn forward(&self, patterns: &InnerPatterns, outer: &NodeLayout, rows: &mut [V], state: &mut BlockState) {
        let n_vectors = outer.n_vectors();
        let Self { layout, isa, scaled, .. } = self;
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
                let pass = Pass { patterns, class, layout, range: range.clone(), place, scaled: *scaled };
                dispatch(*isa, Forward { pass, rows: &mut *rows, exponents: &mut *exponents });
            }
            rows.chunks_exact(n_vectors).map(super::tables::smallest_exponent).min().unwrap_or(0)
        };
        state.bound = if work.len() == 1 {
            work.into_iter().map(run).min().unwrap_or(0)
        } else {
            work.into_par_iter().map(run).min().unwrap_or(0)
        };
    }

    /// Takes the weights that the outer problem accumulated back to the items: writes the counts of each item and class to
    /// `n_glim`, the own items before the cross-loading ones and class by class within an item, and the expected counts
    /// over the attribute and its neighbours `(C, D, D_N)` to `joint`.
    pub fn backward(
        &mut self,
        patterns: &InnerPatterns,
        outer: &OuterRows,
        mut n_glim: Vec<&mut [f64]>,
        joint: &mut [f64],
    ) {
        let Self { layout, isa, classes, scaled, chunks } = self;
        let n_classes = classes.len();
        let n_own = patterns.items().own.len() * n_classes;
        for (c, (class, joint)) in classes.iter_mut().zip(joint.chunks_exact_mut(layout.n_joint())).enumerate() {
            let place = Place { segment: outer.layout.segment(c), n_vectors: outer.n_vectors };
            let shared: &ClassTables = class;
            let pass = Pass { patterns, class: shared, layout, range: 0..patterns.len(), place, scaled: *scaled };
            // Made anew for every attribute: memory that has just been given back is still in the cache.
            let run = |range: &Range<usize>| {
                let mut own_sums = vec![V::ZERO; class.own.as_ref().map_or(0, |own| own.rows.len())];
                let mut cross_sums = vec![V::ZERO; class.cross.rows.len()];
                let pass = Pass { range: range.clone(), ..pass.clone() };
                let (own, cross) = (&mut own_sums[..], &mut cross_sums[..]);
                dispatch(*isa, Backward { pass, outer, own_sums: own, cross_sums: cross });
                (own_sums, cross_sums)
            };
            let sums: Vec<(Vec<V>, Vec<V>)> =
                if chunks.len() == 1 { chunks.iter().map(run).collect() } else { chunks.par_iter().map(run).collect() };
            let (own_sums, cross_sums): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
            let (own_counts, cross_counts) = n_glim.split_at_mut(n_own);
            let spread = |tables: &mut [&mut [f64]], mut counts: &[f64]| {
                for table in tables.iter_mut().skip(c).step_by(n_classes) {
                    let (own, rest) = counts.split_at(table.len());
                    table.copy_from_slice(own);
                    counts = rest;
                }
            };
            if let (Some(tables), Some(own_patterns)) = (&mut class.own, patterns.own()) {
                let (mut nodes, mut counts) = (vec![0.0; layout.n_points], vec![0.0; layout.own.table_len()]);
                tables.collect(own_patterns, &layout.own, &own_sums, &mut nodes, &mut counts);
                spread(own_counts, &counts);
            }
            let mut nodes = vec![0.0; layout.cross.n_nodes()];
            let mut counts = vec![0.0; layout.cross.table_len()];
            class.cross.collect(patterns.cross(), &layout.cross, &cross_sums, &mut nodes, &mut counts);
            spread(cross_counts, &counts);
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
        scratch.multiply::<{ guard::NONE }>(tables, rows);
        to.copy_from_slice(&flat(&scratch.likelihood)[..to.len()]);
    }

    /// The product `p(d_e | d_N) x (D, D_N)` of an inner pattern's cross-loading items.
    #[inline(always)]
    pub fn cross_product<'a>(&'a self, rows: &[u32], scratch: &'a mut Scratch) -> &'a [V] {
        if let [row] = rows {
            return self.cross.row(*row);
        }
        scratch.multiply::<{ guard::NONE }>(&self.cross, rows);
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
