//! The E-step: from responses and current probabilities to expected counts, and to posterior expectations.
//!
//! The log-likelihood of a group is `sum_p N_gp log P_p` with `P_p = sum_l pi_gl prod_i p(x_pi | theta_l)`, and
//!
//! ```text
//! n_gl   = sum_p N_gp P(l | x_p)
//! n_glim = sum_p N_gp P(l | x_p) [x_pi = m]
//! ```
//!
//! (Fu 2019, equations 3 to 7). Patterns come as lists of rows ([`crate::patterns`]): the product over items is a
//! product of a few table rows, and its posterior is added to the same rows of an accumulator, which is spread over
//! items and categories once per cycle. On a grid of one attribute only the nodes that matter to a pattern are worked on
//! (`window.rs`). Products that cannot underflow are multiplied as they are; otherwise every node carries a binary
//! exponent and nothing is lost.
//!
//! The way of one cycle: tables of all rows (`build.rs`), patterns sorted by the number of vectors they need
//! (`widths.rs`), their products there and posteriors back (`narrow.rs`, `wide.rs` on grids of several attributes,
//! `guarded.rs` where products may underflow), counts (`collect.rs`).
//!
//! Patterns are cut into chunks by the data alone and chunks are summed in order, so that results are the same bits at
//! any number of threads.

mod build;
mod chunk;
mod collect;
mod division;
mod expectations;
mod guarded;
mod inner;
mod kernel;
mod layout;
mod log_sum;
mod narrow;
mod posterior;
mod ready;
mod ready_eliminated;
mod tables;
pub(crate) mod vector;
mod wide;
mod widths;
mod window;

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use thiserror::Error as ThisError;

use crate::Error;
use crate::patterns::{InnerPatterns, Patterns};
use chunk::{Chunk, ChunkScratch};
use division::{MIN_CHUNK_VECTORS, by_last_row, for_each, n_chunks};
use inner::{InnerStep, OuterRows};
use kernel::SLICE;
use tables::Tables;
use vector::V;

pub(crate) use expectations::pieces;
pub use inner::InnerLayout;
pub(crate) use kernel::with_width;
pub use layout::{GroupCounts, NodeLayout, SupportMap};
pub use posterior::Posterior;
pub use ready::ReadyPosterior;
pub use ready_eliminated::{ReadyElimination, Respondent};
pub use vector::InstructionSet;
pub(crate) use vector::{Kernel, dispatch, ln_scaled};

/// Bytes that tables, accumulators and counts may take: more would not fit many a machine, and is asked for by mistake.
pub(crate) const MAX_BYTES: usize = 8 << 30;

/// Why an E-step has no result.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Stop {
    /// The responses of a respondent cannot occur.
    #[error("the responses in row {row} have probability 0 under the current parameters")]
    Impossible {
        /// The first respondent with these responses (a row of the whole data).
        row: u32,
    },
    /// The probability of a respondent's responses is not a number.
    #[error("the probability of the responses in row {row} is not a number under the current parameters")]
    NotANumber {
        /// The first respondent with these responses (a row of the whole data).
        row: u32,
    },
    /// The arrays do not have the lengths of the layout.
    #[error("{0} do not fit the layout of the nodes")]
    Shape(&'static str),
    /// The tables would take too much memory.
    #[error(
        "an E-step over {n_nodes} nodes would take {gigabytes} GB of memory, more than the {} that it may have; lower \
         n_quadrature, or let there be fewer attributes, classes or categories", MAX_BYTES >> 30
    )]
    Memory {
        /// Nodes of all classes.
        n_nodes: usize,
        /// Memory that would be needed, in units of 2^30 bytes.
        gigabytes: usize,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted => Error::Interrupted,
            Stop::Shape(_) | Stop::Memory { .. } => Error::Spec(stop.to_string()),
            Stop::Impossible { .. } | Stop::NotANumber { .. } => Error::Estimation(stop.to_string()),
        }
    }
}

/// The probabilities of one cycle.
#[derive(Debug, Clone, Copy)]
pub struct NodeProbabilities<'a> {
    /// `(L)`: the proportion of the latent class times the weight of the node, class after class; not negative, sum 1.
    pub prior: &'a [f64],
    /// `p(x_i = m | node)`: the tables of all items and classes as [`NodeLayout::range`] lays them out.
    pub probabilities: &'a [f64],
    /// The prior of each eliminated attribute given its neighbours: attribute by attribute, class by class, `(D, D_N)`.
    /// Empty where nothing is eliminated.
    pub conditional: &'a [f64],
}

/// How the attributes of a group are divided between the outer grid and eliminated ones.
#[derive(Debug, Clone)]
pub struct EliminationLayout {
    /// The outer grid and the items that measure no eliminated attribute.
    pub outer: NodeLayout,
    /// Each eliminated attribute.
    pub inner: Vec<InnerLayout>,
}

/// The E-step of one observed group, with the memory it works in from cycle to cycle.
#[derive(Debug)]
pub struct EStep {
    layout: NodeLayout,
    /// The layout of the outer problem, where some attributes are eliminated.
    outer: Option<NodeLayout>,
    inner: Vec<InnerStep>,
    /// Whether the eliminated attributes are worth several threads.
    at_once: bool,
    isa: InstructionSet,
    tables: Tables,
    /// `(P)`: the patterns in the order in which they are worked on; none where the grid is a single slice.
    order: Vec<u32>,
    chunks: Vec<Range<usize>>,
    accumulators: Vec<Vec<V>>,
    scratch: Vec<ChunkScratch>,
}

impl EStep {
    /// Prepares the E-step of a group on the fastest instruction set of the processor.
    ///
    /// # Errors
    /// [`Stop::Shape`] where the layout is not one of the patterns' items and known classes.
    pub fn new(patterns: &Patterns, layout: NodeLayout) -> Result<Self, Stop> {
        Self::on(InstructionSet::best(), patterns, layout)
    }

    /// As [`EStep::new`], on a given instruction set (the baseline if the processor does not have it).
    ///
    /// # Errors
    /// As [`EStep::new`].
    pub fn on(isa: InstructionSet, patterns: &Patterns, layout: NodeLayout) -> Result<Self, Stop> {
        Self::prepare(isa, patterns, layout, None)
    }

    /// Prepares the E-step of a group whose patterns were made with some attributes eliminated, on a given instruction set;
    /// `layout` is that of the tables of all items.
    ///
    /// # Errors
    /// As [`EStep::new`].
    pub fn eliminating(
        isa: InstructionSet,
        patterns: &Patterns,
        layout: NodeLayout,
        elimination: EliminationLayout,
    ) -> Result<Self, Stop> {
        Self::prepare(isa, patterns, layout, Some(elimination))
    }

    fn prepare(
        isa: InstructionSet,
        patterns: &Patterns,
        layout: NodeLayout,
        elimination: Option<EliminationLayout>,
    ) -> Result<Self, Stop> {
        let (outer, inner) = elimination.map_or((None, Vec::new()), |e| (Some(e.outer), e.inner));
        if patterns.inner().len() != inner.len() {
            return Err(Stop::Shape("the eliminated attributes of the patterns"));
        }
        if layout.n_categories != patterns.n_categories() {
            return Err(Stop::Shape("the items of the patterns"));
        }
        let known = patterns.blocks().iter().flat_map(|b| &b.known_class);
        if known.into_iter().any(|&class| class as usize > layout.n_segments()) {
            return Err(Stop::Shape("the known classes"));
        }
        check_memory(patterns, &layout, (outer.as_ref().unwrap_or(&layout), &inner))?;
        let n_classes = layout.n_segments();
        let pairs = patterns.inner().iter().zip(inner);
        let inner: Vec<InnerStep> =
            pairs.map(|(patterns, layout)| InnerStep::new(patterns, layout, n_classes, isa)).collect();
        let nodes = outer.as_ref().unwrap_or(&layout);
        let tables = Tables::new(patterns, nodes, nodes.n_vectors(), isa);
        let n_chunks = n_chunks(patterns.n_factors(), (patterns.n_rows(), tables.n_vectors));
        let chunks = (0..n_chunks).map(|c| c * patterns.len() / n_chunks..(c + 1) * patterns.len() / n_chunks);
        Ok(Self {
            isa,
            chunks: chunks.collect(),
            order: if tables.n_vectors > SLICE { by_last_row(patterns) } else { Vec::new() },
            accumulators: (0..n_chunks).map(|_| vec![V::ZERO; tables.rows.len()]).collect(),
            scratch: (0..n_chunks).map(|_| ChunkScratch::new(tables.n_vectors)).collect(),
            tables,
            layout,
            outer,
            at_once: inner.len() > 1 && inner.iter().map(InnerStep::work).sum::<usize>() >= MIN_CHUNK_VECTORS,
            inner,
        })
    }

    /// No respondents, in the layout of this step.
    pub fn zeros(&self) -> GroupCounts {
        GroupCounts { eliminated: vec![0.0; self.n_conditional()], ..GroupCounts::zeros(&self.layout) }
    }

    /// The layout of probabilities and counts.
    pub fn layout(&self) -> &NodeLayout {
        &self.layout
    }

    /// The layout of the outer problem; of the whole where nothing is eliminated.
    fn outer(&self) -> &NodeLayout {
        self.outer.as_ref().unwrap_or(&self.layout)
    }

    /// Nodes of all eliminated attributes crossed with their neighbours, in all classes.
    fn n_conditional(&self) -> usize {
        self.layout.n_segments() * self.inner.iter().map(|inner| inner.layout().n_joint()).sum::<usize>()
    }

    /// Expected counts at the given probabilities, written over `counts`. Runs on the current Rayon pool; a set
    /// `cancel` stops it soon.
    ///
    /// # Errors
    /// [`Stop`]; `counts` are then of no use.
    pub fn run(
        &mut self,
        patterns: &Patterns,
        input: NodeProbabilities,
        counts: &mut GroupCounts,
        cancel: &AtomicBool,
    ) -> Result<(), Stop> {
        self.build_tables(patterns, input)?;
        if counts.n_gl.len() != self.layout.n_nodes()
            || counts.n_glim.len() != self.layout.table_len()
            || counts.eliminated.len() != self.n_conditional()
        {
            return Err(Stop::Shape("the counts"));
        }
        let Self { tables, order, chunks, accumulators, scratch, .. } = self;
        let run = |((range, accumulator), scratch): ((&Range<usize>, &mut Vec<V>), &mut ChunkScratch)| {
            let (range, order) = (range.clone(), order.get(range.clone()).unwrap_or_default());
            Chunk { patterns, tables, range, order, accumulator, scratch, cancel }.run()
        };
        let logliks: Vec<_> = if chunks.len() == 1 {
            chunks.iter().zip(accumulators).zip(scratch).map(run).collect()
        } else {
            chunks.par_iter().zip(accumulators).zip(scratch).map(run).collect()
        };
        counts.loglik = 0.0;
        for loglik in logliks {
            counts.loglik += loglik?;
        }
        self.collect(patterns, counts);
        Ok(())
    }

    /// From accumulated posterior weights to counts.
    fn collect(&mut self, patterns: &Patterns, counts: &mut GroupCounts) {
        let Self { tables, layout, outer, inner, at_once, accumulators, .. } = self;
        let Some(outer) = outer else {
            return tables.collect(patterns, layout, accumulators, &mut counts.n_gl, &mut counts.n_glim);
        };
        let mut outer_counts = vec![0.0; outer.table_len()];
        tables.collect(patterns, outer, accumulators, &mut counts.n_gl, &mut outer_counts);
        for (k, &item) in patterns.outer_items().iter().enumerate() {
            for c in 0..layout.n_segments() {
                counts.n_glim[layout.range(item, c)].copy_from_slice(&outer_counts[outer.range(k, c)]);
            }
        }
        let mut n_glim: Vec<Option<&mut [f64]>> =
            layout.split_tables(&mut counts.n_glim).into_iter().map(Some).collect();
        let n_classes = layout.n_segments();
        let mut joint = counts.eliminated.as_mut_slice();
        let mut work = Vec::with_capacity(inner.len());
        let blocks = &patterns.blocks()[patterns.blocks().len() - inner.len()..];
        for (step, (patterns, block)) in inner.iter_mut().zip(patterns.inner().iter().zip(blocks)) {
            let (own_joint, rest) = std::mem::take(&mut joint).split_at_mut(step.layout().n_joint() * n_classes);
            joint = rest;
            let items = patterns.items().own.iter().chain(&patterns.items().cross);
            let cells = items.flat_map(|item| item * n_classes..(item + 1) * n_classes);
            let own_n_glim: Vec<&mut [f64]> = cells.filter_map(|at| n_glim[at].take()).collect();
            let (rows, n_vectors) = (block.rows.clone(), tables.n_vectors);
            let outer_rows = OuterRows {
                layout: outer,
                n_vectors,
                rows: &tables.rows[rows.start * n_vectors..rows.end * n_vectors],
                first: rows.start,
                accumulators,
            };
            work.push((step, patterns, outer_rows, own_n_glim, own_joint));
        }
        // Between two passes of the outer problem the attributes have nothing to do with one another.
        for_each(*at_once, work, |(step, patterns, rows, n_glim, joint)| {
            step.backward(patterns, &rows, n_glim, joint);
        });
    }

    fn build_tables(&mut self, patterns: &Patterns, input: NodeProbabilities) -> Result<(), Stop> {
        if patterns.n_rows() * self.tables.n_vectors != self.tables.rows.len()
            || patterns.n_categories() != self.layout.n_categories
            || self.chunks.last().is_none_or(|c| c.end != patterns.len())
        {
            return Err(Stop::Shape("the patterns"));
        }
        if input.prior.len() != self.layout.n_nodes() || input.probabilities.len() != self.layout.table_len() {
            return Err(Stop::Shape("the probabilities"));
        }
        if input.conditional.len() != self.n_conditional() || patterns.inner().len() != self.inner.len() {
            return Err(Stop::Shape("the priors of the eliminated attributes"));
        }
        let Self { tables, layout, outer, inner, at_once, .. } = self;
        let Some(outer) = outer else {
            tables.build(patterns, layout, input);
            return Ok(());
        };
        let mut conditional = input.conditional;
        let mut steps = Vec::with_capacity(inner.len());
        for (step, patterns) in inner.iter_mut().zip(patterns.inner()) {
            let (own, rest) = conditional.split_at(step.layout().n_joint() * layout.n_segments());
            conditional = rest;
            steps.push((step, patterns, own));
        }
        let pick = |&item: &usize| {
            let range = layout.range(item, 0).start..layout.range(item, layout.n_segments() - 1).end;
            &input.probabilities[range]
        };
        let probabilities = patterns.outer_items().iter().map(pick).collect::<Vec<_>>().concat();
        let outer_input = NodeProbabilities { probabilities: &probabilities, ..input };
        let steps = (*at_once, steps);
        tables.build_eliminating(patterns, outer, outer_input, steps, |(step, patterns, conditional), rows, state| {
            step.build_tables(patterns, (layout, input.probabilities), conditional);
            step.forward(patterns, outer, rows, state);
        });
        Ok(())
    }
}

/// Refuses tables that would take more than [`MAX_BYTES`], before any of them is made.
fn check_memory(
    patterns: &Patterns,
    layout: &NodeLayout,
    (outer, inner): (&NodeLayout, &[InnerLayout]),
) -> Result<(), Stop> {
    // Rows and an accumulator of each, and the items' tables and counts.
    let rows = |patterns: &Patterns, layout: &NodeLayout| {
        let n_items_rows = layout.n_categories.iter().sum::<usize>();
        (2.0 * patterns.n_rows() as f64 + n_items_rows as f64) * layout.n_nodes() as f64
    };
    let of_inner = |(patterns, layout): (&InnerPatterns, &InnerLayout)| {
        let (own, cross) = layout.parts();
        patterns.own().map_or(0.0, |patterns| rows(patterns, own)) + rows(patterns.cross(), cross)
    };
    let inner: f64 = patterns.inner().iter().zip(inner).map(of_inner).sum();
    let numbers = rows(patterns, outer) + inner * layout.n_segments() as f64 + 2.0 * layout.table_len() as f64;
    let bytes = numbers * size_of::<f64>() as f64;
    if bytes <= MAX_BYTES as f64 {
        return Ok(());
    }
    Err(Stop::Memory { n_nodes: outer.n_nodes(), gigabytes: (bytes / (1 << 30) as f64).ceil() as usize })
}
