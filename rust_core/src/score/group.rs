//! Scores of the respondents of one observed group, as they come.

use rayon::prelude::*;

use super::eliminated::Eliminated;
use super::estimate::Estimator;
use super::{Scores, ScoresMut, Watch, axis};
use crate::e_step::{ReadyPosterior, pieces};
use crate::error::Result;
use crate::node_tables::NodeTables;
use crate::patterns::RowLists;

/// Respondents that are scored at a time: what is known of them meanwhile stays in the first caches.
const CHUNK: usize = 512;

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

    /// Scores all respondents that `scores` has room for; `respondent(n)` gives the known class of the n-th, and the
    /// answers: positions among the group's items, ascending, with categories. The log-probability of one who cannot
    /// occur is minus infinity.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub fn score<I: Iterator<Item = (usize, u8)>>(
        &self,
        estimator: &Estimator,
        respondent: impl Fn(usize) -> (u16, I) + Sync,
        scores: &mut Scores,
        watch: Watch,
    ) -> Result<()> {
        let (n, n_classes) = (scores.n_attributes, scores.n_classes);
        let ScoresMut { theta, covariance, class_probabilities, log_probability } = scores.slices();
        let theta = pieces(theta, CHUNK * n);
        let covariance = pieces(covariance, CHUNK * n * n);
        let classes = pieces(class_probabilities, CHUNK * n_classes);
        let parts = log_probability.chunks_mut(CHUNK).zip(theta).zip(covariance.zip(classes)).enumerate();
        let work: Vec<(usize, ScoresMut)> = parts
            .map(|(c, ((log_probability, theta), (covariance, class_probabilities)))| {
                (c * CHUNK, ScoresMut { theta, covariance, class_probabilities, log_probability })
            })
            .collect();
        let run = |(start, mut scores): (usize, ScoresMut)| {
            match self {
                Self::Whole(posterior) => score_chunk(posterior, estimator, (start, &respondent), &mut scores, watch)?,
                Self::Eliminated(group) => group.score_chunk(estimator, (start, &respondent), &mut scores, watch)?,
            }
            (watch.done)(scores.log_probability.len());
            Ok(())
        };
        if work.len() > 1 { work.into_par_iter().try_for_each(run) } else { work.into_iter().try_for_each(run) }
    }
}

/// Scores consecutive respondents, the first of which is `start`.
fn score_chunk<I: Iterator<Item = (usize, u8)>>(
    posterior: &ReadyPosterior,
    estimator: &Estimator,
    (start, respondent): (usize, &impl Fn(usize) -> (u16, I)),
    scores: &mut ScoresMut,
    watch: Watch,
) -> Result<()> {
    let Estimator { model, observed, parameters, .. } = *estimator;
    let placed = parameters.placed_of(model, observed);
    let n_respondents = scores.log_probability.len();
    let (mut ptr, mut ids) = (Vec::with_capacity(n_respondents + 1), Vec::new());
    ptr.push(0);
    for n in start..start + n_respondents {
        let (known_class, answers) = respondent(n);
        posterior.coder().push(known_class, answers, &mut ids);
        ptr.push(ids.len());
    }
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
        let answers = || respondent(start + at).1.collect();
        estimator.estimate(expectations, at_mode, answers, (&mut theta, &mut covariance));
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
