//! From posterior expectations to an estimate with its covariance.

use super::likelihood::Likelihood;
use super::{Method, ScoresMut, origin};
use crate::error::Result;
use crate::expected::Parameters;
use crate::posterior_mode::PosteriorMode;
use crate::spec::Model;

/// What the estimates of the respondents of one observed group have in common.
pub(super) struct Estimator<'a> {
    pub model: &'a Model,
    pub observed: usize,
    pub parameters: &'a Parameters,
    pub method: Method,
    /// See [`origin`].
    pub origin: Vec<f64>,
    /// Per class; for the posterior mode only.
    densities: Vec<PosteriorMode<'a>>,
}

impl<'a> Estimator<'a> {
    /// # Errors
    /// None that a checked model at its estimates could cause.
    pub fn new(model: &'a Model, observed: usize, parameters: &'a Parameters, method: Method) -> Result<Self> {
        let n_densities = if method == Method::Mode { model.spec.n_classes } else { 0 };
        let densities = (0..n_densities).map(|class| PosteriorMode::new(model, observed, class, &parameters.values));
        let (densities, origin) = (densities.collect::<Result<_>>()?, origin(model, observed, parameters));
        Ok(Self { model, observed, parameters, method, origin, densities })
    }

    /// Number of functions whose expectations make a score: class indicators, attributes and their products.
    pub fn n_functions(&self) -> usize {
        let n = self.origin.len();
        self.model.spec.n_classes + n * (n + 3) / 2
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
        let (classes, moments) = expectations.split_at(self.model.spec.n_classes);
        let (first, second) = moments.split_at(n);
        let class = (0..classes.len()).rev().max_by(|&a, &b| classes[a].total_cmp(&classes[b])).unwrap_or_default();
        match self.method {
            Method::Eap => theta.iter_mut().zip(first).zip(&self.origin).for_each(|((t, f), o)| *t = f + o),
            Method::Map | Method::Mode | Method::Ml | Method::Wle => at_mode(class, theta),
        }
        match self.method {
            Method::Mode => {
                let mode = self.densities[class].find(&answers(), theta, covariance);
                return theta.copy_from_slice(&mode);
            }
            Method::Ml => return self.likelihood(class, &answers()).maximum(theta, covariance),
            Method::Wle => return self.likelihood(class, &answers()).weighted(theta, covariance),
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

    fn likelihood(&self, class: usize, answers: &[(usize, u8)]) -> Likelihood<'a> {
        Likelihood::new(self.model, self.observed, class, &self.parameters.values, answers)
    }

    /// Writes the score of the respondent at `row`, over the model's attributes.
    pub fn write(
        &self,
        row: usize,
        (theta, covariance): (&[f64], &[f64]),
        (classes, log_probability): (&[f64], f64),
        scores: &mut ScoresMut,
    ) {
        let attributes = &self.model.spec.groups[self.observed].attributes;
        let (n, n_own) = (self.model.spec.attributes.len(), attributes.len());
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
