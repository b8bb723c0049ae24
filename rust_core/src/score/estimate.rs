//! From posterior expectations to an estimate with its covariance.

use super::likelihood::Likelihood;
use super::{Method, ScoresMut, origin};
use crate::error::Result;
use crate::expected::Parameters;
use crate::posterior_mode::PosteriorMode;
use crate::spec::Model;

/// What the estimates of the respondents of one observed group have in common.
pub(super) struct Estimator {
    pub method: Method,
    pub n_classes: usize,
    /// See [`origin`].
    pub origin: Vec<f64>,
    /// Number of the model's attributes, and which of them are the group's.
    pub n_attributes: usize,
    attributes: Vec<usize>,
    /// Per class; for the posterior mode only.
    densities: Vec<PosteriorMode>,
    /// Per class; for the likelihood methods only.
    likelihoods: Vec<Likelihood>,
}

impl Estimator {
    /// # Errors
    /// None that a checked model at its estimates could cause.
    pub fn new(model: &Model, observed: usize, parameters: &Parameters, method: Method) -> Result<Self> {
        let (n_classes, values) = (model.spec.n_classes, &parameters.values);
        let classes = |wanted: bool| 0..if wanted { n_classes } else { 0 };
        let densities = classes(method == Method::Mode).map(|c| PosteriorMode::new(model, observed, c, values));
        let likelihoods = classes(matches!(method, Method::Ml | Method::Wle));
        Ok(Self {
            method,
            n_classes,
            origin: origin(model, observed, parameters),
            n_attributes: model.spec.attributes.len(),
            attributes: model.spec.groups[observed].attributes.clone(),
            densities: densities.collect::<Result<_>>()?,
            likelihoods: likelihoods.map(|c| Likelihood::new(model, observed, c, values)).collect(),
        })
    }

    /// Number of functions whose expectations make a score: class indicators, attributes and their products.
    pub fn n_functions(&self) -> usize {
        let n = self.origin.len();
        self.n_classes + n * (n + 3) / 2
    }

    /// The estimate `(J_g)` and its covariance `(J_g, J_g)`, over the group's own attributes. `at_mode` writes the most
    /// probable node of a class.
    pub fn estimate(
        &self,
        expectations: &[f64],
        at_mode: impl FnOnce(usize, &mut [f64]),
        answers: impl FnOnce() -> Vec<(usize, u8)>,
        (theta, covariance): (&mut [f64], &mut [f64]),
    ) {
        let n = self.origin.len();
        let (classes, moments) = expectations.split_at(self.n_classes);
        let (first, second) = moments.split_at(n);
        let class = (0..classes.len()).rev().max_by(|&a, &b| classes[a].total_cmp(&classes[b])).unwrap_or_default();
        match self.method {
            Method::Eap => theta.iter_mut().zip(first).zip(&self.origin).for_each(|((t, f), o)| *t = f + o),
            Method::Map | Method::Mode | Method::Ml | Method::Wle => at_mode(class, theta),
        }
        match self.method {
            Method::Mode => return self.densities[class].find(&answers(), theta, covariance),
            Method::Ml => return self.likelihoods[class].maximum(&answers(), theta, covariance),
            Method::Wle => return self.likelihoods[class].weighted(&answers(), theta, covariance),
            Method::Eap | Method::Map => {}
        }
        // E (theta - t)(theta - t)' = second - f d' - d f' + d d' with d = t - origin
        let d = |j: usize| theta[j] - self.origin[j];
        for j in 0..n {
            for k in 0..n {
                let (high, low) = (j.max(k), j.min(k));
                covariance[j * n + k] =
                    second[high * (high + 1) / 2 + low] - first[j] * d(k) - d(j) * first[k] + d(j) * d(k);
            }
        }
    }

    /// Writes the score of the respondent at `row`, over the model's attributes.
    pub fn write(
        &self,
        row: usize,
        (theta, covariance): (&[f64], &[f64]),
        (classes, log_probability): (&[f64], f64),
        scores: &mut ScoresMut,
    ) {
        let (n, n_own, attributes) = (self.n_attributes, self.attributes.len(), &self.attributes);
        if n_own < n {
            scores.theta[row * n..(row + 1) * n].fill(f64::NAN);
            scores.covariance[row * n * n..(row + 1) * n * n].fill(f64::NAN);
        }
        for (j, &a) in attributes.iter().enumerate() {
            scores.theta[row * n + a] = theta[j];
            for (k, &b) in attributes.iter().enumerate() {
                scores.covariance[(row * n + a) * n + b] = covariance[j * n_own + k];
            }
        }
        scores.class_probabilities[row * classes.len()..(row + 1) * classes.len()].copy_from_slice(classes);
        scores.log_probability[row] = log_probability;
    }
}
