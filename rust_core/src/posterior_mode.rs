//! The mode of a respondent's posterior density, by Newton's method.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::answer::ItemCurve;
use crate::error::{Error, Result};
use crate::item::AtPredictor;
use crate::spec::Model;

/// What rounding may take from a log posterior density, relative to one plus its size: some times the error of a sum over
/// items.
const ROUNDING: f64 = 1e-13;

/// The log posterior density of the attributes of one class of one observed group: up to a constant
/// `sum_i log p_i(x_i | theta) - (theta - mu)' Sigma^-1 (theta - mu) / 2`, with `i` over the answered items and `x_i` the
/// answers.
pub(crate) struct PosteriorMode {
    items: Vec<ItemCurve>,
    /// `mu`
    mean: DVector<f64>,
    /// `Sigma^-1`
    precision: DMatrix<f64>,
}

/// Value, gradient and negative Hessian at a point.
struct Density {
    value: f64,
    gradient: DVector<f64>,
    information: DMatrix<f64>,
}

impl PosteriorMode {
    /// The posterior of a class of an observed group when every cell has its value in `values`.
    ///
    /// # Errors
    /// [`Error::Estimation`] where the attributes' covariance matrix is not positive definite.
    pub(crate) fn new(model: &Model, observed: usize, class: usize, values: &[f64]) -> Result<Self> {
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
        let items = ItemCurve::all(model, group, values);
        Ok(Self { items, mean: DVector::from_column_slice(&delta[..n]), precision })
    }

    /// Writes the mode for these answers (positions among the group's items, categories) over `theta (J)`, which holds a
    /// start near it, and the inverse of the negative Hessian there to `covariance (J, J)`.
    pub(crate) fn find(&self, answers: &[(usize, u8)], theta: &mut [f64], covariance: &mut [f64]) {
        /// From a grid node Newton needs a handful of steps; the rest is for flat 3PL posteriors.
        const MAX_ITERATIONS: usize = 100;
        const TOLERANCE: f64 = 1e-12;
        let mut at = DVector::from_column_slice(theta);
        let mut here = self.density(answers, &at);
        for _ in 0..MAX_ITERATIONS {
            let step = self.ascent(&here);
            let Some((next, density)) = self.shorten(answers, &at, &step, here.value) else { break };
            let moved = next.iter().zip(&at).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs() / (1.0 + b.abs())));
            (at, here) = (next, density);
            if moved < TOLERANCE {
                break;
            }
        }
        theta.copy_from_slice(at.as_slice());
        match Cholesky::new(here.information) {
            Some(factor) => covariance.copy_from_slice(factor.inverse().as_slice()),
            None => covariance.fill(f64::NAN),
        }
    }

    /// The log posterior density at `theta (J)` up to a constant of the class, for these answers.
    pub fn log_density(&self, answers: &[(usize, u8)], theta: &[f64]) -> f64 {
        let deviation = DVector::from_column_slice(theta) - &self.mean;
        let mut at = AtPredictor::default();
        let of = |&(index, code): &(usize, u8)| {
            let item = &self.items[index];
            item.work_out(code, item.predictor(theta), &mut at)
        };
        -0.5 * deviation.dot(&(&self.precision * &deviation)) + answers.iter().map(of).sum::<f64>()
    }

    /// A bound of the curvature of the log posterior density for these answers, along each attribute (`J`).
    pub fn curvature_bounds(&self, answers: &[(usize, u8)]) -> Vec<f64> {
        let mut bounds: Vec<f64> = (0..self.mean.len()).map(|j| self.precision[(j, j)]).collect();
        for &(index, _) in answers {
            let item = &self.items[index];
            let bound = item.curvature_bound();
            item.slopes.iter().for_each(|(j, slope)| bounds[*j] += slope * slope * bound);
        }
        bounds
    }

    /// The Newton step, or one along the prior's information where the density is not concave.
    fn ascent(&self, here: &Density) -> DVector<f64> {
        match Cholesky::new(here.information.clone()).or_else(|| Cholesky::new(self.precision.clone())) {
            Some(factor) => factor.solve(&here.gradient),
            None => here.gradient.clone(),
        }
    }

    /// The first point along the step, halved again and again, where the density is no smaller than `value`, less what
    /// rounding may take.
    fn shorten(
        &self,
        answers: &[(usize, u8)],
        theta: &DVector<f64>,
        step: &DVector<f64>,
        value: f64,
    ) -> Option<(DVector<f64>, Density)> {
        const MAX_HALVINGS: i32 = 40;
        let level = value - ROUNDING * (1.0 + value.abs());
        (0..MAX_HALVINGS).find_map(|halvings| {
            let next = theta + step * 0.5_f64.powi(halvings);
            let density = self.density(answers, &next);
            (density.value >= level).then_some((next, density))
        })
    }

    fn density(&self, answers: &[(usize, u8)], theta: &DVector<f64>) -> Density {
        let deviation = theta - &self.mean;
        let pull = &self.precision * &deviation;
        let mut value = -0.5 * deviation.dot(&pull);
        let mut gradient = -pull;
        let mut information = self.precision.clone();
        let mut at = AtPredictor::default();
        for &(index, code) in answers {
            let item = &self.items[index];
            value += item.work_out(code, item.predictor(theta.as_slice()), &mut at);
            let (first, second) = (at.first[usize::from(code)], at.second[usize::from(code)]);
            for &(j, a) in &item.slopes {
                gradient[j] += a * first;
                for &(k, b) in &item.slopes {
                    information[(j, k)] -= a * b * second;
                }
            }
        }
        Density { value, gradient, information }
    }
}
