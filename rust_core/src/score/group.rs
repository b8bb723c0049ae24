//! Scores of the respondents of one observed group, as they come.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::eliminated::Eliminated;
use super::estimate::Estimator;
use super::respondents::{Chunk, Respondents};
use super::{ScoresMut, Watch, axis};
use crate::e_step::{ReadyPosterior, pieces};
use crate::error::Result;
use crate::node_tables::NodeTables;
use crate::patterns::RowLists;

/// Respondents that are scored at a time: what is known of them meanwhile stays in the first caches.
pub(super) const CHUNK: usize = 512;

/// The tabulated posterior of an observed group.
pub(super) enum GroupScorer {
    /// On its whole grid.
    Whole(Box<ReadyPosterior>),
    /// With attributes eliminated.
    Eliminated(Box<Eliminated>),
}

impl GroupScorer {
    /// Tabulates the probabilities of all joint answers; with `known`, for respondents whose class may be known.
    ///
    /// # Errors
    /// None that a checked model could cause.
    pub fn new(estimator: &Estimator, known: bool) -> Result<Self> {
        let Estimator { model, observed, parameters, .. } = *estimator;
        let tables = NodeTables::new(model, observed, parameters);
        let structure = &model.structures[observed];
        if let Some(elimination) = &structure.elimination {
            let eliminated = Eliminated::new(estimator, (&structure.layout, elimination), tables.input(), known)?;
            return Ok(Self::Eliminated(Box::new(eliminated)));
        }
        let posterior = ReadyPosterior::new(&structure.layout, tables.input(), &functions(estimator), known)?;
        Ok(Self::Whole(Box::new(posterior)))
    }

    /// Scores all respondents that `scores` has room for. The log-probability of one who cannot occur is minus infinity; the
    /// first of them is returned.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], and those of reading the respondents.
    pub fn score(
        &self,
        estimator: &Estimator,
        respondents: Respondents,
        scores: ScoresMut,
        watch: Watch,
    ) -> Result<Option<usize>> {
        let (n, n_classes) = (estimator.model.spec.attributes.len(), estimator.model.spec.n_classes);
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
            self.score_chunk(estimator, &respondents.chunk(start..start + n)?, &mut scores, watch)?;
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
    pub fn score_chunk(
        &self,
        estimator: &Estimator,
        chunk: &Chunk,
        scores: &mut ScoresMut,
        watch: Watch,
    ) -> Result<()> {
        match self {
            Self::Whole(posterior) => score_chunk(posterior, estimator, chunk, scores, watch),
            Self::Eliminated(group) => group.score_chunk(estimator, chunk, scores, watch),
        }
    }
}

/// Scores the respondents of one chunk on a whole grid.
fn score_chunk(
    posterior: &ReadyPosterior,
    estimator: &Estimator,
    chunk: &Chunk,
    scores: &mut ScoresMut,
    watch: Watch,
) -> Result<()> {
    let Estimator { model, observed, parameters, .. } = *estimator;
    let placed = parameters.placed_of(model, observed);
    let n_respondents = scores.log_probability.len();
    let (mut ptr, mut ids) = (Vec::with_capacity(n_respondents + 1), Vec::new());
    ptr.push(0);
    chunk.push_rows(posterior.coder(), (&mut ptr, &mut ids));
    let modes = estimator.method != super::Method::Eap;
    let found = posterior.of(RowLists { ptr: &ptr, ids: &ids }, modes, watch.cancel)?;
    let (n, n_classes, n_functions) = (estimator.origin.len(), model.spec.n_classes, estimator.n_functions());
    let (mut theta, mut covariance) = (vec![0.0; n], vec![0.0; n * n]);
    for at in 0..n_respondents {
        watch.check()?;
        let expectations = &found.expectations[at * n_functions..(at + 1) * n_functions];
        let at_mode = |class: usize, theta: &mut [f64]| {
            let node = found.modes[at * n_classes + class] as usize;
            theta.iter_mut().enumerate().for_each(|(j, t)| *t = axis(&placed[class], j)[node]);
        };
        estimator.estimate(expectations, at_mode, || chunk.answers(at).1, (&mut theta, &mut covariance));
        let rest = (&expectations[..n_classes], found.log_probability[at]);
        estimator.write(at, (&theta, &covariance), rest, scores);
    }
    Ok(())
}

/// Functions of the nodes whose posterior expectations make a score: class indicators, attributes, and the lower
/// triangle of their products, both about the origin. `(F, L)`, the nodes of all classes in each row.
fn functions(estimator: &Estimator) -> Vec<f64> {
    let Estimator { model, observed, parameters, .. } = *estimator;
    let origin = &estimator.origin;
    let n_classes = model.spec.n_classes;
    let placed = parameters.placed_of(model, observed);
    let n_total: usize = placed.iter().map(|p| p.grid.n_nodes).sum();
    let mut functions = Vec::with_capacity(estimator.n_functions() * n_total);
    for class in 0..n_classes {
        for (other, placed) in placed.iter().enumerate() {
            functions.extend(std::iter::repeat_n(f64::from(u8::from(class == other)), placed.grid.n_nodes));
        }
    }
    for (j, origin) in origin.iter().enumerate() {
        for placed in placed {
            functions.extend(axis(placed, j).iter().map(|t| t - origin));
        }
    }
    for j in 0..origin.len() {
        for k in 0..=j {
            for placed in placed {
                let pairs = axis(placed, j).iter().zip(axis(placed, k));
                functions.extend(pairs.map(|(t, u)| (t - origin[j]) * (u - origin[k])));
            }
        }
    }
    functions
}
