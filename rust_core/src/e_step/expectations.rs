//! What the E-step says of single patterns: expectations over their posteriors, and the posteriors themselves.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::division::MAX_CHUNKS;
use super::inner::{InnerStep, JointScratch};
use super::posterior::{PosteriorChunk, PosteriorRows};
use super::vector::{V, dispatch, flat_mut};
use super::{EStep, NodeProbabilities, Posterior, Stop};
use crate::patterns::{Patterns, RowLists};

/// Patterns whose posteriors are held at a time while they are folded.
const FOLDED_ROWS: usize = 64;
/// Patterns in a chunk of the posterior.
const POSTERIOR_CHUNK: usize = 1024;

impl EStep {
    /// Posterior expectations of `functions (F, L)`, each a row over the nodes of all classes, for every pattern; with
    /// `modes`, also the most probable node of each class.
    ///
    /// # Errors
    /// [`Stop::Shape`] and [`Stop::Interrupted`]. A pattern that cannot occur is no error here: see [`Posterior`].
    pub fn posterior(
        &mut self,
        patterns: &Patterns,
        input: NodeProbabilities,
        functions: &[f64],
        modes: bool,
        cancel: &AtomicBool,
    ) -> Result<Posterior, Stop> {
        self.build_tables(patterns, input)?;
        let functions = self.padded(functions)?;
        self.expectations(patterns.row_lists(), &functions, modes, cancel)
    }

    /// Functions `(F, L)` filled up to whole vectors.
    pub(super) fn padded(&self, functions: &[f64]) -> Result<Vec<V>, Stop> {
        let (n_nodes, n_vectors) = (self.outer().n_nodes(), self.tables.n_vectors);
        if !functions.len().is_multiple_of(n_nodes) {
            return Err(Stop::Shape("the functions"));
        }
        let mut padded = vec![V::ZERO; functions.len() / n_nodes * n_vectors];
        for (to, from) in padded.chunks_exact_mut(n_vectors).zip(functions.chunks_exact(n_nodes)) {
            flat_mut(to)[..n_nodes].copy_from_slice(from);
        }
        Ok(padded)
    }

    /// As [`EStep::posterior`], at the probabilities tabulated last.
    pub(super) fn expectations(
        &self,
        rows: RowLists,
        functions: &[V],
        modes: bool,
        cancel: &AtomicBool,
    ) -> Result<Posterior, Stop> {
        let (n_patterns, n_functions) = (rows.len(), functions.len() / self.tables.n_vectors);
        let n_segments = if modes { self.outer().n_segments() } else { 0 };
        let mut posterior = Posterior {
            log_probability: vec![0.0; n_patterns],
            expectations: vec![0.0; n_patterns * n_functions],
            modes: vec![0; n_patterns * n_segments],
        };
        let (layout, Self { tables, isa, .. }) = (self.outer(), self);
        let Posterior { log_probability, expectations, modes } = &mut posterior;
        let expectations = pieces(expectations, POSTERIOR_CHUNK * n_functions);
        let modes = pieces(modes, POSTERIOR_CHUNK * n_segments);
        let work: Vec<_> = log_probability
            .chunks_mut(POSTERIOR_CHUNK)
            .zip(expectations.zip(modes))
            .enumerate()
            .map(|(c, (log_probability, (expectations, modes)))| PosteriorChunk {
                rows,
                tables,
                layout,
                functions,
                start: c * POSTERIOR_CHUNK,
                log_probability,
                expectations,
                modes,
                cancel,
            })
            .collect();
        if work.len() <= 1 {
            work.into_iter().try_for_each(|chunk| dispatch(*isa, chunk))?;
        } else {
            work.into_par_iter().try_for_each(|chunk| dispatch(*isa, chunk))?;
        }
        Ok(posterior)
    }

    /// Folds every pattern with its posterior: `fold(part, pattern, N_gp, posterior)`. That is `(L)` over the outer nodes,
    /// and after it that over each eliminated attribute and its neighbours, laid out as
    /// [`GroupCounts::eliminated`](super::GroupCounts::eliminated). There is one part for each of a number of chunks that
    /// depends on the data alone; the caller adds them in order.
    ///
    /// # Errors
    /// [`Stop::Shape`] and [`Stop::Interrupted`].
    pub fn fold_posteriors<A: Send>(
        &mut self,
        patterns: &Patterns,
        input: NodeProbabilities,
        part: impl Fn() -> A + Sync,
        fold: impl Fn(&mut A, usize, f64, &[f64]) + Sync,
        cancel: &AtomicBool,
    ) -> Result<Vec<A>, Stop> {
        self.build_tables(patterns, input)?;
        self.inner.iter_mut().for_each(InnerStep::keep_exponents);
        let chunk = patterns.len().div_ceil(MAX_CHUNKS).max(1);
        let n_chunks = patterns.len().div_ceil(chunk);
        let step = &*self;
        let work = (0..n_chunks).into_par_iter().map(|c| {
            let mut part = part();
            let range = c * chunk..((c + 1) * chunk).min(patterns.len());
            step.fold_range(patterns, range, |p, row| fold(&mut part, p, patterns.n_gp()[p], row), cancel)?;
            Ok(part)
        });
        work.collect()
    }

    /// Calls `fold` with the posterior of each pattern of a range.
    fn fold_range(
        &self,
        patterns: &Patterns,
        range: Range<usize>,
        mut fold: impl FnMut(usize, &[f64]),
        cancel: &AtomicBool,
    ) -> Result<(), Stop> {
        let n_nodes = self.outer().n_nodes();
        let mut rows = vec![0.0; FOLDED_ROWS.min(range.len()) * n_nodes];
        let mut all = vec![0.0; n_nodes + self.n_conditional()];
        let mut scratch: Vec<JointScratch> = self.inner.iter().map(InnerStep::joint_scratch).collect();
        for start in range.clone().step_by(FOLDED_ROWS) {
            if cancel.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            let range = start..(start + FOLDED_ROWS).min(range.end);
            let (tables, rows) = (&self.tables, &mut rows[..range.len() * n_nodes]);
            let work = PosteriorRows { patterns, tables, range: range.clone(), n_nodes, rows: &mut *rows };
            dispatch(self.isa, work);
            for (p, row) in range.zip(rows.chunks_exact(n_nodes)) {
                if self.inner.is_empty() {
                    fold(p, row);
                    continue;
                }
                let (outer, mut joint) = all.split_at_mut(n_nodes);
                outer.copy_from_slice(row);
                for (e, (step, scratch)) in self.inner.iter().zip(&mut scratch).enumerate() {
                    let own = joint.split_off_mut(..step.layout().n_joint() * self.layout.n_segments());
                    let inner = (&patterns.inner()[e], patterns.inner_code(p, e));
                    step.joint_posterior(inner, (self.outer(), row), scratch, own.unwrap_or_default());
                }
                fold(p, &all);
            }
        }
        Ok(())
    }
}

/// An array cut into pieces of some length; empty ones without end after it.
pub(crate) fn pieces<T>(array: &mut [T], length: usize) -> impl Iterator<Item = &mut [T]> {
    let mut rest = Some(array);
    std::iter::from_fn(move || {
        let array = rest.take().unwrap_or_default();
        let (piece, tail) = array.split_at_mut(length.min(array.len()));
        rest = Some(tail);
        Some(piece)
    })
}
