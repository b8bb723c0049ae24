//! Posterior expectations at fixed probabilities, for respondents as they come.

use std::sync::atomic::AtomicBool;

use super::posterior::PosteriorRow;
use super::vector::{V, dispatch};
use super::{EStep, NodeLayout, NodeProbabilities, Posterior, Stop};
use crate::patterns::{Patterns, RowCoder, RowLists};

/// The probability rows of every joint answer there can be, tabulated once. Can be shared by threads.
///
/// A respondent's posterior has the same bits whoever else is asked for, because products are formed block by block and
/// the blocks depend on the items alone.
#[derive(Debug)]
pub struct ReadyPosterior {
    step: EStep,
    coder: RowCoder,
    /// `(F, n_vectors)`
    functions: Vec<V>,
}

impl ReadyPosterior {
    /// Tabulates the probabilities; `functions (F, L)` are those whose expectations will be asked for. With `known`,
    /// respondents may be known to be in a class.
    ///
    /// # Errors
    /// [`Stop::Shape`] where the arrays do not fit the layout.
    pub fn new(layout: &NodeLayout, input: NodeProbabilities, functions: &[f64], known: bool) -> Result<Self, Stop> {
        let n_known = if known { layout.n_segments() } else { 0 };
        let (patterns, coder) = Patterns::complete(&layout.n_categories, layout.n_nodes(), n_known);
        let mut step = EStep::new(&patterns, layout.clone())?;
        step.build_tables(&patterns, input)?;
        let functions = step.padded(functions)?;
        // Nothing is ever accumulated.
        step.accumulators = Vec::new();
        Ok(Self { step, coder, functions })
    }

    /// Finds the rows of respondents.
    pub fn coder(&self) -> &RowCoder {
        &self.coder
    }

    /// Vectors of eight nodes that one respondent who answers everything takes.
    pub fn n_vectors(&self) -> usize {
        self.coder.n_blocks() * self.step.tables.n_vectors + self.functions.len()
    }

    /// Writes the posterior of one respondent over the nodes of all classes over `to (L)`; gives the log-probability of the
    /// answers, minus infinity where they cannot occur.
    pub fn posterior(&self, rows: &[u32], to: &mut [f64]) -> f64 {
        dispatch(self.step.isa, PosteriorRow { tables: &self.step.tables, rows, posterior: to })
    }

    /// The expectations for some respondents; with `modes`, also the most probable node of each class.
    ///
    /// # Errors
    /// [`Stop::Interrupted`]. A respondent who cannot occur is no error here: see [`Posterior`].
    pub fn of(&self, respondents: RowLists, modes: bool, cancel: &AtomicBool) -> Result<Posterior, Stop> {
        self.step.expectations(respondents, &self.functions, modes, cancel)
    }
}
