//! E-steps over one data set.

use std::sync::atomic::AtomicBool;

use super::Data;
use crate::e_step::{EStep, GroupCounts, InstructionSet, Stop};
use crate::em::CountSource;
use crate::error::{Error, Result};
use crate::expected::Parameters;
use crate::node_tables::NodeTables;
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
        parameters: &Parameters,
        fold: Fold<P, F>,
        cancel: &AtomicBool,
    ) -> Result<Vec<A>> {
        let tables = NodeTables::new(model, observed, parameters);
        let patterns = &self.data.patterns[observed];
        Ok(self.steps[observed].fold_posteriors(patterns, tables.input(), fold.part, fold.add, cancel)?)
    }
}

impl CountSource for Worker<'_> {
    fn counts(&mut self, model: &Model, parameters: &Parameters, cancel: &AtomicBool) -> Result<Vec<GroupCounts>> {
        let mut all = Vec::with_capacity(self.steps.len());
        for (observed, (step, patterns)) in self.steps.iter_mut().zip(&self.data.patterns).enumerate() {
            let tables = NodeTables::new(model, observed, parameters);
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
