//! Scores of the respondents of one observed group of which attributes are eliminated.

use std::sync::Mutex;

use super::estimate::Estimator;
use super::respondents::Chunk;
use super::{Method, ScoresMut, Watch};
use crate::e_step::{NodeLayout, NodeProbabilities, ReadyElimination, Respondent};
use crate::error::Result;
use crate::expected::Placed;
use crate::grid::Grid;
use crate::patterns::RowLists;
use crate::plan::{Elimination, Expectations, PlacedElimination, mode};

/// The tabulated posterior of an observed group of which attributes are eliminated.
pub(super) struct Eliminated {
    elimination: Elimination,
    /// Per class: the outer grid, and the rest of its nodes.
    placed: Vec<(Grid, PlacedElimination)>,
    ready: ReadyElimination,
    expectations: Expectations,
    /// Memory that is not in use.
    spare: Mutex<Vec<Respondent>>,
}

impl Eliminated {
    /// Tabulates the probabilities of all joint answers; with `known`, for respondents whose class may be known.
    ///
    /// # Errors
    /// None that a checked model could cause.
    pub fn new(
        (layout, elimination): (&NodeLayout, &Elimination),
        placed: &[Placed],
        origin: &[f64],
        input: NodeProbabilities,
        known: bool,
    ) -> Result<Self> {
        let placed: Vec<(Grid, PlacedElimination)> =
            placed.iter().filter_map(|p| Some((p.grid.clone(), p.elimination.clone()?))).collect();
        let (grids, axes): (Vec<&Grid>, Vec<&PlacedElimination>) = placed.iter().map(|(g, p)| (g, p)).unzip();
        let functions = elimination.functions(&axes, origin);
        let expectations = Expectations::new(elimination, &grids, origin);
        let layouts = (layout, &elimination.layout);
        let ready = ReadyElimination::new(layouts, &elimination.items, input, functions, known)?;
        Ok(Self { elimination: elimination.clone(), placed, ready, expectations, spare: Mutex::default() })
    }

    /// The tabulated probabilities.
    pub fn ready(&self) -> &ReadyElimination {
        &self.ready
    }

    /// Memory to work in, from an earlier call if there was one. Never waits: a fork may have copied a lock that is held.
    pub fn borrow(&self) -> Respondent {
        let spare = self.spare.try_lock().ok().and_then(|mut spare| spare.pop());
        spare.unwrap_or_else(|| self.ready.respondent())
    }

    /// Keeps memory for later calls.
    pub fn give_back(&self, respondent: Respondent) {
        if let Ok(mut spare) = self.spare.try_lock() {
            spare.push(respondent);
        }
    }

    /// Scores the respondents of one chunk.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub fn score_chunk(
        &self,
        estimator: &Estimator,
        chunk: &Chunk,
        scores: &mut ScoresMut,
        watch: Watch,
    ) -> Result<()> {
        let (n, n_classes) = (estimator.origin.len(), estimator.n_classes);
        let (mut theta, mut covariance) = (vec![0.0; n], vec![0.0; n * n]);
        let (mut expectations, mut weighted) = (Vec::new(), Vec::new());
        let (mut ptr, mut ids, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = self.borrow();
        for at in 0..scores.log_probability.len() {
            watch.check()?;
            let (known_class, answers) = chunk.answers(at);
            ptr.clear();
            ids.clear();
            ptr.push(0);
            self.ready.coder().push(known_class, answers.iter().copied(), (&mut ptr, &mut ids), &mut parts);
            let rows = RowLists { ptr: &ptr, ids: &ids };
            self.ready.work_out(rows, estimator.method != Method::Eap, &mut found);
            self.expectations.of_respondent(&found, &mut weighted, &mut expectations);
            let at_mode = |class: usize, theta: &mut [f64]| {
                let (grid, placed) = &self.placed[class];
                mode(&self.elimination, grid, placed, &self.ready, &found, class, theta);
            };
            estimator.estimate(&expectations, at_mode, || answers, (&mut theta, &mut covariance));
            let rest = (&expectations[..n_classes], found.log_probability);
            estimator.write(at, (&theta, &covariance), rest, scores);
        }
        self.give_back(found);
        Ok(())
    }
}
