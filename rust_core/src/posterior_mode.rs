//! The mode of a respondent's posterior density, by Newton's method.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::answer::{Answer, ItemCurve};
use crate::error::{Error, Result};
use crate::spec::{Group, Model};

/// The log posterior density of the attributes of one class of one observed group.
pub(crate) struct PosteriorMode<'a> {
    model: &'a Model,
    group: &'a Group,
    values: &'a [f64],
    mean: Vec<f64>,
    precision: DMatrix<f64>,
}

/// Value, gradient and negative Hessian at a point.
struct Density {
    value: f64,
    gradient: DVector<f64>,
    information: DMatrix<f64>,
}

impl<'a> PosteriorMode<'a> {
    /// The posterior of a class of an observed group when every cell has its value in `values`.
    ///
    /// # Errors
    /// [`Error::Estimation`] where the attributes' covariance matrix is not positive definite.
    pub(crate) fn new(model: &'a Model, observed: usize, class: usize, values: &'a [f64]) -> Result<Self> {
        let group = &model.classes_of(observed)[class];
        let n = model.spec.groups[observed].attributes.len();
        let delta = &values[group.latent_cells.clone()];
        let covariance = DMatrix::from_fn(n, n, |j, k| {
            let (high, low) = (j.max(k), j.min(k));
            delta[n + high * (high + 1) / 2 + low]
        });
        let precision = Cholesky::new(covariance).map(|c| c.inverse()).ok_or_else(|| {
            Error::Estimation(format!(
                "the covariance matrix of group '{}' is not positive definite",
                model.spec.groups[observed].name
            ))
        })?;
        Ok(Self { model, group, values, mean: delta[..n].to_vec(), precision })
    }

    /// The mode for these answers (positions among the group's items, categories), from a start near it; writes the inverse
    /// of the negative Hessian there to `covariance (J, J)`.
    pub(crate) fn find(&self, answers: &[(usize, u8)], start: &[f64], covariance: &mut [f64]) -> Vec<f64> {
        /// From a grid node Newton needs a handful of steps; the rest is for flat 3PL posteriors.
        const MAX_ITERATIONS: usize = 100;
        const TOLERANCE: f64 = 1e-12;
        let mut theta = start.to_vec();
        let mut here = self.density(answers, &theta);
        for _ in 0..MAX_ITERATIONS {
            let step = self.ascent(&here);
            let Some((next, density)) = self.shorten(answers, &theta, &step, here.value) else { break };
            let moved = next.iter().zip(&theta).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs() / (1.0 + b.abs())));
            (theta, here) = (next, density);
            if moved < TOLERANCE {
                break;
            }
        }
        match Cholesky::new(here.information) {
            Some(factor) => covariance.copy_from_slice(factor.inverse().as_slice()),
            None => covariance.fill(f64::NAN),
        }
        theta
    }

    /// The log posterior density `(J)` up to a constant of the class, for these answers.
    pub fn log_density(&self, answers: &[(usize, u8)], theta: &[f64]) -> f64 {
        let n = theta.len();
        let deviation = |j: usize| theta[j] - self.mean[j];
        let pull = |j: usize| (0..n).map(|k| self.precision[(j, k)] * deviation(k)).sum::<f64>();
        let prior = -0.5 * (0..n).map(|j| deviation(j) * pull(j)).sum::<f64>();
        let mut answer = Answer::default();
        let of = |&(index, code): &(usize, u8)| self.item(index).log_probability(code, theta, &mut answer);
        prior + answers.iter().map(of).sum::<f64>()
    }

    /// A bound of the curvature of the log posterior density for these answers, along each attribute (`J`).
    pub fn curvature_bounds(&self, answers: &[(usize, u8)]) -> Vec<f64> {
        let mut bounds: Vec<f64> = (0..self.mean.len()).map(|j| self.precision[(j, j)]).collect();
        for &(index, _) in answers {
            let item = self.item(index);
            let bound = item.curvature_bound();
            item.slopes().for_each(|(j, slope)| bounds[j] += slope * slope * bound);
        }
        bounds
    }

    fn item(&self, index: usize) -> ItemCurve<'a> {
        ItemCurve::new(self.model, self.group, self.values, index)
    }

    /// The Newton step, or one along the prior's information where the density is not concave.
    fn ascent(&self, here: &Density) -> DVector<f64> {
        match Cholesky::new(here.information.clone()).or_else(|| Cholesky::new(self.precision.clone())) {
            Some(factor) => factor.solve(&here.gradient),
            None => here.gradient.clone(),
        }
    }

    fn shorten(
        &self,
        answers: &[(usize, u8)],
        theta: &[f64],
        step: &DVector<f64>,
        value: f64,
    ) -> Option<(Vec<f64>, Density)> {
        const MAX_HALVINGS: i32 = 40;
        (0..MAX_HALVINGS).find_map(|halvings| {
            let length = 0.5_f64.powi(halvings);
            let next: Vec<f64> = theta.iter().zip(step.iter()).map(|(t, d)| t + length * d).collect();
            let density = self.density(answers, &next);
            (density.value >= value).then_some((next, density))
        })
    }

    fn density(&self, answers: &[(usize, u8)], theta: &[f64]) -> Density {
        let n = theta.len();
        let deviation = DVector::from_fn(n, |j, _| theta[j] - self.mean[j]);
        let pull = &self.precision * &deviation;
        let mut value = -0.5 * deviation.dot(&pull);
        let mut gradient = -pull;
        let mut information = self.precision.clone();
        let mut answer = Answer::default();
        for &(index, code) in answers {
            let item = self.item(index);
            item.work_out(code, theta, &mut answer);
            let (first, second) = (answer.first[usize::from(code)], answer.second[usize::from(code)]);
            value += answer.log_probability;
            for (j, a) in item.slopes() {
                gradient[j] += a * first;
                for (k, b) in item.slopes() {
                    information[(j, k)] -= a * b * second;
                }
            }
        }
        Density { value, gradient, information }
    }
}
