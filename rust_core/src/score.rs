//! Attributes of respondents: posterior mean (EAP), posterior mode on the grid (the paper's MAP) and true posterior mode.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::data::{Data, GroupPosterior};
use crate::error::{Error, Result};
use crate::expected::{Placed, place};
use crate::posterior_mode::PosteriorMode;
use crate::spec::Model;

/// How an attribute vector is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Mean of the posterior distribution.
    Eap,
    /// The node with the largest posterior probability, within the most probable class.
    Map,
    /// The maximum of the posterior density, within the most probable class, by Newton's method.
    Mode,
}

/// Every scoring method by name.
pub static METHODS: &[(&str, Method)] = &[("eap", Method::Eap), ("map", Method::Map), ("mode", Method::Mode)];

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

/// Scores of all respondents, in the order of the data. An attribute that a respondent's group does not have is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Number of attributes `J` of the model.
    pub n_attributes: usize,
    /// Number of latent classes `C`.
    pub n_classes: usize,
    /// `(N, J)`: the estimates.
    pub theta: Vec<f64>,
    /// `(N, J, J)`: posterior covariance about the estimate; for the mode, the inverse of the negative Hessian.
    pub covariance: Vec<f64>,
    /// `(N, C)`: posterior class probabilities.
    pub class_probabilities: Vec<f64>,
    /// `(N)`: log-probability of the responses.
    pub log_probability: Vec<f64>,
}

/// Scores every respondent of `data` at the free parameters `x`.
///
/// # Errors
/// [`Error::Estimation`] naming the first respondent whose responses cannot occur; [`Error::Interrupted`].
pub fn score(model: &Model, data: &Data, x: &[f64], method: Method, cancel: &AtomicBool) -> Result<Scores> {
    let values = model.table.expand(x);
    let placed = place(model, &values);
    let mut worker = data.worker(model)?;
    let (n, n_attributes, n_classes) = (data.n_respondents(), model.spec.attributes.len(), model.spec.n_classes);
    let mut scores = Scores {
        n_attributes,
        n_classes,
        theta: vec![f64::NAN; n * n_attributes],
        covariance: vec![f64::NAN; n * n_attributes * n_attributes],
        class_probabilities: vec![0.0; n * n_classes],
        log_probability: vec![0.0; n],
    };
    for observed in 0..model.spec.groups.len() {
        let found = if model.structures[observed].elimination.is_some() {
            let origin = origin(model, observed, &placed);
            worker.eliminated_posterior(model, (observed, &origin), &placed, &values, cancel)?
        } else {
            let functions = functions(model, observed, &placed);
            worker.posterior(model, (observed, &functions), &placed, &values, cancel)?
        };
        let n_patterns = found.posterior.log_probability.len();
        let estimate = |p: usize| -> Result<PatternScore> {
            let mut score = PatternScore::new(model, (observed, &placed), &found, p, method);
            if method == Method::Mode {
                let answers = data.answers_of(observed, p);
                let mode = PosteriorMode::new(model, observed, score.class, &values)?;
                score.theta = mode.find(&answers, &score.theta, &mut score.covariance);
            }
            Ok(score)
        };
        let patterns: Vec<PatternScore> = (0..n_patterns).into_par_iter().map(estimate).collect::<Result<_>>()?;
        let attributes = &model.spec.groups[observed].attributes;
        for (&row, &p) in found.rows.iter().zip(found.pattern_of_respondent) {
            let pattern = &patterns[p as usize];
            if pattern.log_probability == f64::NEG_INFINITY {
                return Err(impossible(model, observed, row));
            }
            scores.write(row as usize, attributes, pattern);
        }
    }
    Ok(scores)
}

fn impossible(model: &Model, observed: usize, row: u32) -> Error {
    Error::Estimation(format!(
        "the responses in row {row} (group '{}') have probability 0 under the model, so there is no posterior \
         distribution; check the responses against the probabilities fixed at 0",
        model.spec.groups[observed].name
    ))
}

impl Scores {
    fn write(&mut self, row: usize, attributes: &[usize], pattern: &PatternScore) {
        let (n, n_own) = (self.n_attributes, attributes.len());
        for (j, &a) in attributes.iter().enumerate() {
            self.theta[row * n + a] = pattern.theta[j];
            for (k, &b) in attributes.iter().enumerate() {
                self.covariance[(row * n + a) * n + b] = pattern.covariance[j * n_own + k];
            }
        }
        let classes = &mut self.class_probabilities[row * self.n_classes..(row + 1) * self.n_classes];
        classes.copy_from_slice(&pattern.class_probabilities);
        self.log_probability[row] = pattern.log_probability;
    }
}

/// The score of one response pattern, over its group's own attributes.
struct PatternScore {
    theta: Vec<f64>,
    covariance: Vec<f64>,
    class_probabilities: Vec<f64>,
    class: usize,
    log_probability: f64,
}

/// A point near the nodes, about which second moments are taken so that they do not cancel.
fn origin(model: &Model, observed: usize, placed: &[Placed]) -> Vec<f64> {
    let placed = &placed[observed * model.spec.n_classes];
    if let Some(elimination) = &placed.elimination {
        return elimination.axes.iter().map(|axis| axis[axis.len() / 2]).collect();
    }
    let grid = &placed.grid;
    (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + grid.n_nodes / 2]).collect()
}

/// Functions of the nodes whose posterior expectations make a score: class indicators, attributes, and the lower
/// triangle of their products, both about [`origin`]. `(F, L)`, the nodes of all classes in each row.
fn functions(model: &Model, observed: usize, placed: &[Placed]) -> Vec<f64> {
    let n_classes = model.spec.n_classes;
    let placed_here = &placed[observed * n_classes..(observed + 1) * n_classes];
    let origin = origin(model, observed, placed);
    let n_total: usize = placed_here.iter().map(|p| p.grid.n_nodes).sum();
    let mut functions = Vec::with_capacity((n_classes + origin.len() * (origin.len() + 3) / 2) * n_total);
    for class in 0..n_classes {
        for (other, placed) in placed_here.iter().enumerate() {
            functions.extend(std::iter::repeat_n(f64::from(u8::from(class == other)), placed.grid.n_nodes));
        }
    }
    for (j, origin) in origin.iter().enumerate() {
        for placed in placed_here {
            functions.extend(axis(placed, j).iter().map(|t| t - origin));
        }
    }
    for j in 0..origin.len() {
        for k in 0..=j {
            for placed in placed_here {
                let pairs = axis(placed, j).iter().zip(axis(placed, k));
                functions.extend(pairs.map(|(t, u)| (t - origin[j]) * (u - origin[k])));
            }
        }
    }
    functions
}

fn axis(placed: &Placed, j: usize) -> &[f64] {
    &placed.grid.theta[j * placed.grid.n_nodes..(j + 1) * placed.grid.n_nodes]
}

impl PatternScore {
    fn new(
        model: &Model,
        (observed, placed): (usize, &[Placed]),
        found: &GroupPosterior,
        pattern: usize,
        method: Method,
    ) -> Self {
        let n_classes = model.spec.n_classes;
        let origin = origin(model, observed, placed);
        let n = origin.len();
        let n_functions = n_classes + n * (n + 3) / 2;
        let expectations = &found.posterior.expectations[pattern * n_functions..(pattern + 1) * n_functions];
        let (classes, moments) = expectations.split_at(n_classes);
        let (first, second) = moments.split_at(n);
        let class = (0..n_classes).rev().max_by(|&a, &b| classes[a].total_cmp(&classes[b])).unwrap_or_default();
        let theta: Vec<f64> = match method {
            Method::Eap => first.iter().zip(&origin).map(|(f, o)| f + o).collect(),
            Method::Map | Method::Mode if !found.modes.is_empty() => {
                found.modes[(pattern * n_classes + class) * n..][..n].to_vec()
            }
            Method::Map | Method::Mode => {
                let node = found.posterior.modes[pattern * n_classes + class] as usize;
                let grid = &placed[observed * n_classes + class];
                (0..n).map(|j| axis(grid, j)[node]).collect()
            }
        };
        // E (theta - t)(theta - t)' = second - f d' - d f' + d d' with d = t - origin
        let d: Vec<f64> = theta.iter().zip(&origin).map(|(t, o)| t - o).collect();
        let about = |j: usize, k: usize| {
            let (high, low) = (j.max(k), j.min(k));
            second[high * (high + 1) / 2 + low] - first[j] * d[k] - d[j] * first[k] + d[j] * d[k]
        };
        let covariance = (0..n * n).map(|at| about(at / n, at % n)).collect();
        let log_probability = found.posterior.log_probability[pattern];
        Self { theta, covariance, class_probabilities: classes.to_vec(), class, log_probability }
    }
}
