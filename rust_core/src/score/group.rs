//! Scores of the respondents of one observed group, as they come.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::eliminated::Eliminated;
use super::estimate::Estimator;
use super::respondents::{Chunk, Respondents};
use super::{Method, ScoresMut, Watch};
use crate::e_step::{ReadyPosterior, pieces};
use crate::error::Result;
use crate::expected::Parameters;
use crate::grid::Grid;
use crate::node_tables::NodeTables;
use crate::patterns::RowLists;
use crate::spec::Model;

/// Respondents that are scored at a time: what is known of them meanwhile stays in the first caches.
pub(super) const CHUNK: usize = 512;

/// What scores the respondents of an observed group.
pub(super) struct GroupScorer {
    estimator: Estimator,
    pub posterior: GroupPosterior,
    /// Attributes that the items measure, each counted with each item.
    n_slopes: usize,
}

/// The tabulated posterior of an observed group.
pub(super) enum GroupPosterior {
    /// On its whole grid, whose nodes `(J, L)` come with it, class by class.
    Whole(Box<ReadyPosterior>, Vec<Grid>),
    /// With attributes eliminated.
    Eliminated(Box<Eliminated>),
}

impl GroupScorer {
    /// Tabulates the probabilities of all joint answers; with `known`, for respondents whose class may be known.
    ///
    /// # Errors
    /// None that a checked model could cause.
    pub fn new(
        (model, observed, parameters): (&Model, usize, &Parameters),
        method: Method,
        known: bool,
    ) -> Result<Self> {
        let estimator = Estimator::new(model, observed, parameters, method)?;
        let (structure, placed) = (&model.structures[observed], parameters.placed_of(model, observed));
        let (tables, layout) = (NodeTables::new(model, observed, parameters), &structure.layout);
        let posterior = match &structure.elimination {
            Some(elimination) => {
                let origin = &estimator.origin;
                let eliminated = Eliminated::new((layout, elimination), placed, origin, tables.input(), known)?;
                GroupPosterior::Eliminated(Box::new(eliminated))
            }
            None => {
                let grids: Vec<Grid> = placed.iter().map(|placed| placed.grid.clone()).collect();
                let functions = functions(&estimator, &grids);
                let ready = ReadyPosterior::new(layout, tables.input(), &functions, known)?;
                GroupPosterior::Whole(Box::new(ready), grids)
            }
        };
        let items = &model.spec.groups[observed].items;
        let n_slopes = items.iter().map(|&item| model.spec.items[item].attributes.len()).sum();
        Ok(Self { estimator, posterior, n_slopes })
    }

    /// Whether one respondent takes no more than some fifteen microseconds: the posterior over a grid that is not large, and
    /// no long search for a maximum.
    pub fn is_brief(&self) -> bool {
        /// Each takes some three nanoseconds.
        const MAX_VECTORS: usize = 1 << 12;
        /// As many take the time of a search, for each attribute of each item.
        const VECTORS_OF_SEARCH: usize = 64;
        let n_vectors = match &self.posterior {
            GroupPosterior::Whole(ready, _) => ready.n_vectors(),
            GroupPosterior::Eliminated(eliminated) => eliminated.ready().n_vectors(),
        };
        let searches = !matches!(self.estimator.method, Method::Eap | Method::Map);
        n_vectors + if searches { VECTORS_OF_SEARCH * self.n_slopes } else { 0 } <= MAX_VECTORS
    }

    /// Scores all respondents that `scores` has room for. The log-probability of one who cannot occur is minus infinity; the
    /// first of them is returned.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], and those of reading the respondents.
    pub fn score(&self, respondents: Respondents, scores: ScoresMut, watch: Watch) -> Result<Option<usize>> {
        let (n, n_classes) = (self.estimator.n_attributes, self.estimator.n_classes);
        let first_impossible = AtomicUsize::new(usize::MAX);
        let ScoresMut { theta, covariance, class_probabilities, log_probability } = scores;
        let theta = pieces(theta, CHUNK * n);
        let covariance = pieces(covariance, CHUNK * n * n);
        let classes = pieces(class_probabilities, CHUNK * n_classes);
        let parts = log_probability.chunks_mut(CHUNK).zip(theta).zip(covariance.zip(classes)).enumerate();
        let work: Vec<(usize, ScoresMut)> = parts
            .map(|(c, ((log_probability, theta), (covariance, class_probabilities)))| {
                (c * CHUNK, ScoresMut { theta, covariance, class_probabilities, log_probability })
            })
            .collect();
        let run = |(start, mut scores): (usize, ScoresMut)| -> Result<()> {
            let n = scores.log_probability.len();
            self.score_chunk(&respondents.chunk(start..start + n)?, &mut scores, watch)?;
            if let Some(at) = scores.log_probability.iter().position(|p| *p == f64::NEG_INFINITY) {
                first_impossible.fetch_min(start + at, Ordering::Relaxed);
            }
            (watch.done)(n);
            Ok(())
        };
        if work.len() > 1 {
            work.into_par_iter().try_for_each(run)?;
        } else {
            work.into_iter().try_for_each(run)?;
        }
        Ok(Some(first_impossible.into_inner()).filter(|&row| row < usize::MAX))
    }

    /// Scores the respondents of one chunk.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub fn score_chunk(&self, chunk: &Chunk, scores: &mut ScoresMut, watch: Watch) -> Result<()> {
        match &self.posterior {
            GroupPosterior::Whole(ready, grids) => score_whole((ready, grids), &self.estimator, chunk, scores, watch),
            GroupPosterior::Eliminated(group) => group.score_chunk(&self.estimator, chunk, scores, watch),
        }
    }
}

/// Scores the respondents of one chunk on a whole grid.
fn score_whole(
    (ready, grids): (&ReadyPosterior, &[Grid]),
    estimator: &Estimator,
    chunk: &Chunk,
    scores: &mut ScoresMut,
    watch: Watch,
) -> Result<()> {
    let n_respondents = scores.log_probability.len();
    let (mut ptr, mut ids) = (Vec::with_capacity(n_respondents + 1), Vec::new());
    ptr.push(0);
    chunk.push_rows(ready.coder(), (&mut ptr, &mut ids));
    let modes = estimator.method != Method::Eap;
    let found = ready.of(RowLists { ptr: &ptr, ids: &ids }, modes, watch.cancel)?;
    let (n, n_classes, n_functions) = (estimator.origin.len(), estimator.n_classes, estimator.n_functions());
    let (mut theta, mut covariance) = (vec![0.0; n], vec![0.0; n * n]);
    for at in 0..n_respondents {
        watch.check()?;
        let expectations = &found.expectations[at * n_functions..(at + 1) * n_functions];
        let at_mode = |class: usize, theta: &mut [f64]| {
            let node = found.modes[at * n_classes + class] as usize;
            theta.iter_mut().enumerate().for_each(|(j, t)| *t = grids[class].attribute(j)[node]);
        };
        estimator.estimate(expectations, at_mode, || chunk.answers(at).1, (&mut theta, &mut covariance));
        let rest = (&expectations[..n_classes], found.log_probability[at]);
        estimator.write(at, (&theta, &covariance), rest, scores);
    }
    Ok(())
}

/// Functions of the nodes whose posterior expectations make a score: class indicators, attributes, and the lower
/// triangle of their products, both about the origin. `(F, L)`, the nodes of all classes in each row.
fn functions(estimator: &Estimator, grids: &[Grid]) -> Vec<f64> {
    let origin = &estimator.origin;
    let n_total: usize = grids.iter().map(|grid| grid.n_nodes).sum();
    let mut functions = Vec::with_capacity(estimator.n_functions() * n_total);
    for class in 0..grids.len() {
        for (other, grid) in grids.iter().enumerate() {
            functions.extend(std::iter::repeat_n(f64::from(u8::from(class == other)), grid.n_nodes));
        }
    }
    for (j, origin) in origin.iter().enumerate() {
        for grid in grids {
            functions.extend(grid.attribute(j).iter().map(|t| t - origin));
        }
    }
    for j in 0..origin.len() {
        for k in 0..=j {
            for grid in grids {
                let pairs = grid.attribute(j).iter().zip(grid.attribute(k));
                functions.extend(pairs.map(|(t, u)| (t - origin[j]) * (u - origin[k])));
            }
        }
    }
    functions
}
