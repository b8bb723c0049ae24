//! Attributes of respondents: posterior mean (EAP), posterior mode on the grid (the paper's MAP), true posterior mode,
//! maximum likelihood and weighted likelihood.

mod along;
mod draw;
mod eliminated;
mod estimate;
mod group;
mod likelihood;
mod line;
mod respondents;
mod scorer;
mod sum_scores;
mod sums;
mod watch;

use crate::data::Data;
use crate::error::{Error, Result};
use crate::expected::Parameters;
use crate::spec::Model;
use group::GroupScorer;
use respondents::Respondents;

pub use draw::{Drawer, Draws};
pub use scorer::Scorer;
pub use sum_scores::{SumScores, sum_scores};
pub use watch::Watch;

/// How an attribute vector is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Mean of the posterior distribution.
    Eap,
    /// The node with the largest posterior probability, within the most probable class.
    Map,
    /// The maximum of the posterior density, within the most probable class, by Newton's method.
    Mode,
    /// The maximum of the likelihood, within the most probable class.
    Ml,
    /// The weighted likelihood estimate of Warm (1989), within the most probable class; for several attributes, that of
    /// Firth (1993).
    Wle,
}

/// Every scoring method by name.
pub static METHODS: &[(&str, Method)] =
    &[("eap", Method::Eap), ("map", Method::Map), ("mode", Method::Mode), ("ml", Method::Ml), ("wle", Method::Wle)];

/// The method of that name.
///
/// # Errors
/// [`Error::Spec`] listing the known ones.
pub fn method(name: &str) -> Result<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method).ok_or_else(|| {
        let known: Vec<String> = METHODS.iter().map(|(name, _)| format!("'{name}'")).collect();
        Error::Spec(format!("unknown scoring method '{name}'; known: {}", known.join(", ")))
    })
}

/// Scores of respondents, in the order of the data. An attribute that a respondent's group does not have is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of attributes `J` of the model.
    pub n_attributes: usize,
    /// Number of latent classes `C`.
    pub n_classes: usize,
    /// `(N, J)`: the estimates.
    pub theta: Vec<f64>,
    /// `(N, J, J)`: posterior covariance about the estimate; for the mode, the inverse of the negative Hessian; for the
    /// likelihood methods, the inverse of the expected information.
    pub covariance: Vec<f64>,
    /// `(N, C)`: posterior class probabilities.
    pub class_probabilities: Vec<f64>,
    /// `(N)`: log-probability of the responses; minus infinity where they cannot occur, and the rest is no number.
    pub log_probability: Vec<f64>,
}

impl Scores {
    /// Room for `n` respondents.
    pub fn new(model: &Model, n: usize) -> Self {
        let (n_attributes, n_classes) = (model.spec.attributes.len(), model.spec.n_classes);
        Self {
            n_attributes,
            n_classes,
            theta: vec![0.0; n * n_attributes],
            covariance: vec![0.0; n * n_attributes * n_attributes],
            class_probabilities: vec![0.0; n * n_classes],
            log_probability: vec![0.0; n],
        }
    }

    /// To be written.
    pub fn as_mut(&mut self) -> ScoresMut<'_> {
        ScoresMut {
            theta: &mut self.theta,
            covariance: &mut self.covariance,
            class_probabilities: &mut self.class_probabilities,
            log_probability: &mut self.log_probability,
        }
    }

    /// Copies the scores of one respondent of other scores.
    fn copy(&mut self, row: usize, from: &Scores, at: usize) {
        let copy = |to: &mut [f64], from: &[f64], width: usize| {
            to[row * width..(row + 1) * width].copy_from_slice(&from[at * width..(at + 1) * width]);
        };
        let n = self.n_attributes;
        copy(&mut self.theta, &from.theta, n);
        copy(&mut self.covariance, &from.covariance, n * n);
        copy(&mut self.class_probabilities, &from.class_probabilities, self.n_classes);
        self.log_probability[row] = from.log_probability[at];
    }
}

/// Room for scores, in the layout of [`Scores`]; what it holds is written over.
#[derive(Debug)]
pub struct ScoresMut<'a> {
    /// `(N, J)`
    pub theta: &'a mut [f64],
    /// `(N, J, J)`
    pub covariance: &'a mut [f64],
    /// `(N, C)`
    pub class_probabilities: &'a mut [f64],
    /// `(N)`
    pub log_probability: &'a mut [f64],
}

/// Scores every respondent of `data` at the free parameters `x`.
///
/// # Errors
/// [`Error::Estimation`] naming the first respondent whose responses cannot occur; [`Error::Interrupted`].
pub fn score<'a>(model: &Model, data: &Data, x: &[f64], method: Method, watch: impl Into<Watch<'a>>) -> Result<Scores> {
    let watch = watch.into();
    let parameters = Parameters::at(model, x);
    let mut scores = Scores::new(model, data.n_respondents());
    for observed in 0..model.spec.groups.len() {
        let known = data.knows_classes(observed);
        let group = GroupScorer::new((model, observed, &parameters), method, known)?;
        let mut of_patterns = Scores::new(model, data.n_patterns_of(observed));
        group.score(Respondents::Patterns { data, observed, known }, of_patterns.as_mut(), watch)?;
        for (row, p) in data.respondents_of(observed) {
            if of_patterns.log_probability[p] == f64::NEG_INFINITY {
                return Err(impossible(model, observed, row));
            }
            scores.copy(row, &of_patterns, p);
        }
    }
    Ok(scores)
}

fn impossible(model: &Model, observed: usize, row: usize) -> Error {
    Error::Estimation(format!(
        "the responses in row {row} (group '{}') have probability 0 under the model, so there is no posterior \
         distribution; check the responses against the probabilities fixed at 0",
        model.spec.groups[observed].name
    ))
}

/// A point near the nodes, about which second moments are taken so that they do not cancel.
fn origin(model: &Model, observed: usize, parameters: &Parameters) -> Vec<f64> {
    let placed = &parameters.placed_of(model, observed)[0];
    if let Some(elimination) = &placed.elimination {
        return elimination.axes.iter().map(|axis| axis[axis.len() / 2]).collect();
    }
    let grid = &placed.grid;
    (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + grid.n_nodes / 2]).collect()
}
