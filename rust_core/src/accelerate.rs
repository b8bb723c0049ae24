//! Acceleration of the EM map.
//!
//! An accelerator sees the point `x` at which the last E-step was made and its EM image `F(x)`, and proposes where to go
//! next. It knows nothing of the model: the loop checks that a proposal is feasible, and falls back to the EM image
//! when the log-likelihood there turns out lower.

use std::collections::VecDeque;

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::error::{Error, Result};

/// Proposes the next point.
pub trait Accelerator: Send {
    /// A point to try instead of `image = F(x)`; `None` to take the image.
    fn propose(&mut self, x: &[f64], image: &[f64]) -> Option<Vec<f64>>;
    /// Forgets what was learnt: the last proposal was worse than the image.
    fn reset(&mut self);
}

/// An accelerator by name.
pub struct Acceleration {
    /// The name users know it by.
    pub name: &'static str,
    /// Makes a fresh one.
    pub make: fn() -> Box<dyn Accelerator>,
}

/// Every acceleration; the first is the default.
pub static ACCELERATIONS: &[Acceleration] = &[
    Acceleration { name: "anderson", make: || Box::new(Anderson::default()) },
    Acceleration { name: "squarem", make: || Box::new(Squarem::default()) },
    Acceleration { name: "none", make: || Box::new(Plain) },
];

/// The acceleration of that name.
///
/// # Errors
/// [`Error::Spec`] listing the known ones.
pub fn acceleration(name: &str) -> Result<&'static Acceleration> {
    ACCELERATIONS.iter().find(|a| a.name == name).ok_or_else(|| {
        let known: Vec<String> = ACCELERATIONS.iter().map(|a| format!("'{}'", a.name)).collect();
        Error::Spec(format!("unknown acceleration '{name}'; known: {}", known.join(", ")))
    })
}

/// The EM algorithm as it is.
struct Plain;

impl Accelerator for Plain {
    fn propose(&mut self, _: &[f64], _: &[f64]) -> Option<Vec<f64>> {
        None
    }
    fn reset(&mut self) {}
}

/// A point that an accelerator remembers.
struct Visited {
    /// The point, or its image.
    at: Vec<f64>,
    /// `F(x) - x`.
    residual: Vec<f64>,
}

/// Anderson mixing (Walker & Ni, 2011): the combination of the last images whose residual is smallest.
///
/// The weights of a combination sum to one, so linear constraints (proportions summing to one) stay satisfied.
#[derive(Default)]
struct Anderson {
    /// The last image and its residual.
    previous: Option<Visited>,
    /// Differences of successive residuals `F(x) - x`, oldest first.
    residual_steps: VecDeque<Vec<f64>>,
    /// Differences of successive images.
    image_steps: VecDeque<Vec<f64>>,
}

impl Anderson {
    /// Differences remembered.
    const DEPTH: usize = 8;
    /// Ridge of the least-squares problem, its columns scaled to length one.
    const RIDGE: f64 = 1e-12;

    /// Least-squares weights of the remembered residual steps.
    fn weights(&self, residual: &[f64]) -> Option<Vec<f64>> {
        let m = self.residual_steps.len();
        let norms: Vec<f64> = self.residual_steps.iter().map(|s| dot(s, s).sqrt()).collect();
        if norms.iter().any(|&norm| norm == 0.0 || !norm.is_finite()) {
            return None;
        }
        let mut gram = DMatrix::from_fn(m, m, |i, j| {
            dot(&self.residual_steps[i], &self.residual_steps[j]) / (norms[i] * norms[j])
        });
        for i in 0..m {
            gram[(i, i)] += Self::RIDGE;
        }
        let rhs = DVector::from_fn(m, |i, _| dot(&self.residual_steps[i], residual) / norms[i]);
        let solution = Cholesky::new(gram)?.solve(&rhs);
        Some(solution.iter().zip(norms).map(|(w, norm)| w / norm).collect())
    }
}

impl Accelerator for Anderson {
    fn propose(&mut self, x: &[f64], image: &[f64]) -> Option<Vec<f64>> {
        let residual = difference(image, x);
        let now = Visited { at: image.to_vec(), residual: residual.clone() };
        if let Some(last) = self.previous.replace(now) {
            if self.residual_steps.len() == Self::DEPTH {
                self.residual_steps.pop_front();
                self.image_steps.pop_front();
            }
            self.residual_steps.push_back(difference(&residual, &last.residual));
            self.image_steps.push_back(difference(image, &last.at));
        }
        if self.residual_steps.is_empty() {
            return None;
        }
        let Some(weights) = self.weights(&residual) else {
            self.reset();
            return None;
        };
        let mut proposal = image.to_vec();
        for (weight, step) in weights.iter().zip(&self.image_steps) {
            for (p, s) in proposal.iter_mut().zip(step) {
                *p -= weight * s;
            }
        }
        Some(proposal)
    }

    fn reset(&mut self) {
        self.previous = None;
        self.residual_steps.clear();
        self.image_steps.clear();
    }
}

/// Squared extrapolation (Varadhan & Roland, 2008, scheme S3): two EM steps, then one long step along both.
#[derive(Default)]
struct Squarem {
    /// Where the pair of steps under way began.
    first: Option<Visited>,
}

impl Accelerator for Squarem {
    fn propose(&mut self, x: &[f64], image: &[f64]) -> Option<Vec<f64>> {
        let residual = difference(image, x);
        let Some(Visited { at: origin, residual: r }) = self.first.take() else {
            self.first = Some(Visited { at: x.to_vec(), residual });
            return None;
        };
        let v = difference(&residual, &r);
        let length = dot(&v, &v).sqrt();
        if length == 0.0 {
            return None;
        }
        // A step length of -1 is the second EM image itself.
        let alpha = (-dot(&r, &r).sqrt() / length).min(-1.0);
        Some(origin.iter().zip(&r).zip(&v).map(|((x, r), v)| x - 2.0 * alpha * r + alpha * alpha * v).collect())
    }

    fn reset(&mut self) {
        self.first = None;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A linear map with fixed point (1, -2, 3) and rates .99, .9 and .5.
    fn map(x: &[f64]) -> Vec<f64> {
        [(1.0, 0.99), (-2.0, 0.9), (3.0, 0.5)].iter().zip(x).map(|((p, rate), x)| p + rate * (x - p)).collect()
    }

    fn cycles(name: &str) -> usize {
        let mut accelerator = (acceleration(name).unwrap().make)();
        let mut x = vec![0.0; 3];
        for cycle in 0..5000 {
            let image = map(&x);
            if dot(&difference(&image, &[1.0, -2.0, 3.0]), &difference(&image, &[1.0, -2.0, 3.0])) < 1e-16 {
                return cycle;
            }
            x = accelerator.propose(&x, &image).unwrap_or(image);
        }
        5000
    }

    #[test]
    fn each_reaches_the_fixed_point_and_acceleration_pays() {
        let plain = cycles("none");
        assert!(plain > 1000 && plain < 5000, "{plain}");
        // Anderson solves a linear map in three dimensions with four images.
        assert!(cycles("anderson") <= 6, "{}", cycles("anderson"));
        assert!(cycles("squarem") < plain / 5, "{}", cycles("squarem"));
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let Err(error) = acceleration("ramsay") else { panic!("known") };
        assert!(error.to_string().contains("'squarem'"), "{error}");
    }
}
