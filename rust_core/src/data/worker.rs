//! E-steps over one data set.

use std::sync::atomic::AtomicBool;

use super::Data;
use crate::e_step::{EStep, GroupCounts, InstructionSet, Posterior, Stop};
use crate::em::CountSource;
use crate::error::{Error, Result};
use crate::expected::Placed;
use crate::grid::Grid;
use crate::node_tables::NodeTables;
use crate::plan::{Expectations, PlacedElimination};
use crate::spec::Model;

impl Data {
    /// A worker that makes E-steps over these data; several can work at once.
    ///
    /// # Errors
    /// [`Error::Spec`] where the data were made for another model (see [`Data::suited_to`]), or its tables would take too
    /// much memory.
    pub fn worker(&self, model: &Model) -> Result<Worker<'_>> {
        self.worker_on(InstructionSet::best(), model)
    }

    /// As [`Data::worker`], on a given instruction set (the baseline if the processor does not have it).
    ///
    /// # Errors
    /// As [`Data::worker`].
    pub fn worker_on(&self, isa: InstructionSet, model: &Model) -> Result<Worker<'_>> {
        let pairs = self.patterns.iter().zip(&model.structures);
        let steps = pairs.enumerate().map(|(observed, (patterns, structure))| {
            let layout = structure.layout.clone();
            let step = match &structure.elimination {
                Some(elimination) => EStep::eliminating(isa, patterns, layout, elimination.layout.clone()),
                None => EStep::on(isa, patterns, layout),
            };
            step.map_err(|stop| explain(model, observed, stop))
        });
        Ok(Worker { data: self, steps: steps.collect::<Result<_>>()? })
    }
}

/// Makes E-steps over one data set, keeping the memory it works in.
pub struct Worker<'a> {
    data: &'a Data,
    steps: Vec<EStep>,
}

/// Posterior expectations for the respondents of one observed group.
pub struct GroupPosterior<'a> {
    /// Rows of its respondents in the data.
    pub rows: &'a [u32],
    /// The pattern of each.
    pub pattern_of_respondent: &'a [u32],
    /// The posterior of each pattern.
    pub posterior: Posterior,
    /// `(P, C, J)`: the most probable node of each class, where attributes are eliminated; else empty.
    pub modes: Vec<f64>,
}

impl<'a> Worker<'a> {
    /// Posterior expectations of class indicators, attributes and the lower triangle of their products about `origin`,
    /// for an observed group of which attributes are eliminated.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Spec`] where nothing is eliminated. Respondents whose answers cannot occur have a
    /// log-probability of minus infinity.
    pub fn eliminated_posterior(
        &mut self,
        model: &Model,
        (observed, origin): (usize, &[f64]),
        placed: &[Placed],
        values: &[f64],
        cancel: &AtomicBool,
    ) -> Result<GroupPosterior<'a>> {
        let n_classes = model.spec.n_classes;
        let here = &placed[observed * n_classes..(observed + 1) * n_classes];
        let placed_here: Vec<(&Grid, &PlacedElimination)> =
            here.iter().filter_map(|p| Some((&p.grid, p.elimination.as_ref()?))).collect();
        let Some(elimination) = &model.structures[observed].elimination else {
            return Err(Error::Spec("nothing is eliminated in this group".into()));
        };
        let axes: Vec<&PlacedElimination> = placed_here.iter().map(|p| p.1).collect();
        let tables = NodeTables::new(model, observed, placed, values);
        let (data, step) = (self.data, &mut self.steps[observed]);
        let patterns = &data.patterns[observed];
        let functions = elimination.functions(&axes, origin);
        let summaries = step.inner_summaries(patterns, tables.input(), &functions)?;
        let layout = &model.structures[observed].layout;
        let indicator =
            |c: usize| (0..layout.n_nodes()).map(move |l| f64::from(u8::from(layout.segment(c).contains(&l))));
        let indicators: Vec<f64> = (0..n_classes).flat_map(indicator).collect();
        let mut posterior = step.posterior(patterns, tables.input(), &indicators, false, cancel)?;
        let expectations = Expectations { elimination, patterns, summaries: &summaries, placed: placed_here, origin };
        let add = |part: &mut Vec<_>, p: usize, _: f64, row: &[f64]| part.push(expectations.of_pattern(p, row));
        let parts = step.fold_posteriors(patterns, (tables.input(), false), Vec::new, add, cancel)?;
        let classes = std::mem::take(&mut posterior.expectations);
        let mut modes = Vec::new();
        for (pattern, classes) in parts.into_iter().flatten().zip(classes.chunks_exact(n_classes)) {
            posterior.expectations.extend(classes.iter().chain(&pattern.moments));
            modes.extend(pattern.modes);
        }
        let pattern_of_respondent = patterns.pattern_of_respondent();
        Ok(GroupPosterior { rows: &data.rows[observed], pattern_of_respondent, posterior, modes })
    }
}

/// Makes the parts of a fold, and adds a pattern with its weight and posterior to one of them.
pub struct Fold<P, F> {
    /// A part of nothing.
    pub part: P,
    /// `add(part, pattern, N_gp, posterior)`.
    pub add: F,
}

impl Worker<'_> {
    /// Folds every pattern of an observed group with its posterior over the nodes of all classes: the outer ones, then
    /// those of eliminated attributes and their neighbours, as [`EStep::fold_posteriors`] lays them out.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn fold_posteriors<A: Send, P: Fn() -> A + Sync, F: Fn(&mut A, usize, f64, &[f64]) + Sync>(
        &mut self,
        model: &Model,
        observed: usize,
        (placed, values): (&[Placed], &[f64]),
        fold: Fold<P, F>,
        cancel: &AtomicBool,
    ) -> Result<Vec<A>> {
        let tables = NodeTables::new(model, observed, placed, values);
        let patterns = &self.data.patterns[observed];
        Ok(self.steps[observed].fold_posteriors(patterns, (tables.input(), true), fold.part, fold.add, cancel)?)
    }
}

impl CountSource for Worker<'_> {
    fn counts(
        &mut self,
        model: &Model,
        placed: &[Placed],
        values: &[f64],
        cancel: &AtomicBool,
    ) -> Result<Vec<GroupCounts>> {
        let mut all = Vec::with_capacity(self.steps.len());
        for (observed, (step, patterns)) in self.steps.iter_mut().zip(&self.data.patterns).enumerate() {
            let tables = NodeTables::new(model, observed, placed, values);
            let mut counts = step.zeros();
            step.run(patterns, tables.input(), &mut counts, cancel).map_err(|stop| explain(model, observed, stop))?;
            all.push(counts);
        }
        Ok(all)
    }
}

/// Adds what the user can do to a stop of the E-step.
fn explain(model: &Model, observed: usize, stop: Stop) -> Error {
    match stop {
        Stop::Impossible { row } => Error::Estimation(format!(
            "the responses in row {row} (group '{}') have probability 0 under the current parameters: a category that \
             occurs has a probability fixed or bounded at 0, or fixed and start values lie too far out; free or change \
             them, or check the responses",
            model.spec.groups[observed].name
        )),
        Stop::Memory { .. } if model.spec.groups.len() > 1 => {
            Error::Spec(format!("group '{}': {stop}", model.spec.groups[observed].name))
        }
        other => other.into(),
    }
}
