//! The likelihood of one respondent's answers: its maximum, and the weighted likelihood estimate of Warm (1989).

use nalgebra::{Cholesky, DMatrix, DVector};

use super::line::crossing;
use crate::answer::Answer;
use crate::spec::{Group, Model};

/// An estimate farther than this from the mean, in standard deviations of the attribute, counts as infinite.
const FAR: f64 = 50.0;

/// First stride of a search, in standard deviations.
const STRIDE: f64 = 0.1;

/// Within this of the largest value found, relative to one plus its size, a likelihood has not come down again: that is
/// some times what rounding does to a sum over items.
const LEVEL: f64 = 1e-12;

/// The log-likelihood of some answers in the attributes of a class of an observed group.
pub(super) struct Likelihood<'a> {
    model: &'a Model,
    group: &'a Group,
    values: &'a [f64],
    answers: &'a [(usize, u8)],
    mean: &'a [f64],
    sd: Vec<f64>,
}

/// Value, gradient, observed and expected information at a point.
struct Point {
    value: f64,
    gradient: DVector<f64>,
    observed: DMatrix<f64>,
    expected: DMatrix<f64>,
    /// `J = sum P' P'' / P` of Warm's correction `J / (2 I)`, along the only attribute.
    skew: f64,
}

impl<'a> Likelihood<'a> {
    /// The likelihood when every cell has its value in `values`; answers are positions among the group's items with
    /// categories.
    pub fn new(model: &'a Model, observed: usize, class: usize, values: &'a [f64], answers: &'a [(usize, u8)]) -> Self {
        let group = &model.classes_of(observed)[class];
        let n = model.spec.groups[observed].attributes.len();
        let delta = &values[group.latent_cells.clone()];
        let sd = (0..n).map(|j| delta[n + j * (j + 3) / 2].sqrt()).collect();
        Self { model, group, values, answers, mean: &delta[..n], sd }
    }

    /// Writes the maximum over `theta (J)`, which holds a start, and the inverse of the expected information there to
    /// `covariance (J, J)`.
    ///
    /// Attributes that no answered item ties to others are maximised one by one. Of those, one is infinite, with infinite
    /// variance, where the likelihood rises without end. Attributes that hang together are no number where their
    /// likelihood has no finite maximum, and so is any that no answer informs of.
    pub fn maximum(&self, theta: &mut [f64], covariance: &mut [f64]) {
        covariance.fill(0.0);
        let n = theta.len();
        for part in self.parts(theta) {
            match part[..] {
                [j] => (theta[j], covariance[j * n + j]) = self.maximum_along(j, theta),
                _ => self.maximum_within(&part, theta, covariance),
            }
        }
        for j in (0..n).filter(|&j| theta[j].is_nan()) {
            for k in 0..n {
                (covariance[j * n + k], covariance[k * n + j]) = (f64::NAN, f64::NAN);
            }
        }
    }

    /// Writes Warm's estimate of the only attribute over `theta`, which holds a start, and the inverse of the expected
    /// information there to `covariance`.
    ///
    /// The estimate is the root of `l'(theta) + J / (2 I)`, `I = sum P'^2 / P`, `J = sum P' P'' / P` over the categories
    /// of the answered items (Warm, 1989, for two categories). It is no number where no answer informs of the attribute.
    pub fn weighted(&self, theta: &mut [f64], covariance: &mut [f64]) {
        if theta.is_empty() {
            return;
        }
        let slope = |t: f64| {
            let here = self.at(&[t]);
            here.gradient[0] + here.skew / (2.0 * here.expected[(0, 0)])
        };
        theta[0] = crossing(slope, theta[0], self.steps(0), self.bounds(0)).unwrap_or(f64::NAN);
        covariance[0] = if theta[0].is_nan() { f64::NAN } else { 1.0 / self.at(theta).expected[(0, 0)] };
    }

    /// First stride of a search along an attribute, and the slope that rounding may cause.
    fn steps(&self, j: usize) -> (f64, f64) {
        (STRIDE * self.sd[j], LEVEL / self.sd[j])
    }

    fn bounds(&self, j: usize) -> (f64, f64) {
        (self.mean[j] - FAR * self.sd[j], self.mean[j] + FAR * self.sd[j])
    }

    /// The attributes that answered items tie together, in sets.
    fn parts(&self, theta: &[f64]) -> Vec<Vec<usize>> {
        let mut part_of: Vec<usize> = (0..theta.len()).collect();
        for &given in self.answers {
            let answer = Answer::at(self.model, self.group, self.values, given, theta);
            let measured = answer.dims.iter().zip(answer.eta).filter(|(_, slope)| **slope != 0.0);
            let measured: Vec<usize> = measured.map(|(&j, _)| part_of[j]).collect();
            let Some(&least) = measured.iter().min() else { continue };
            part_of.iter_mut().filter(|p| measured.contains(p)).for_each(|p| *p = least);
        }
        let members = |part| (0..theta.len()).filter(|&j| part_of[j] == part).collect::<Vec<_>>();
        (0..theta.len()).map(members).filter(|part| !part.is_empty()).collect()
    }

    /// The maximum along attribute `j` and its variance.
    fn maximum_along(&self, j: usize, theta: &[f64]) -> (f64, f64) {
        let at = |t: f64| {
            let mut theta = theta.to_vec();
            theta[j] = t;
            self.at(&theta)
        };
        let informs = |given: &(usize, u8)| {
            let answer = Answer::at(self.model, self.group, self.values, *given, theta);
            answer.dims.iter().zip(answer.eta).any(|(&k, slope)| k == j && *slope != 0.0)
        };
        if !self.answers.iter().any(informs) {
            return (f64::NAN, f64::NAN);
        }
        let climb = |start: f64| crossing(|t| at(t).gradient[j], start, self.steps(j), self.bounds(j));
        let concave = |given: &(usize, u8)| Answer::at(self.model, self.group, self.values, *given, theta).is_concave();
        let found = if self.answers.iter().all(concave) {
            let uphill = if at(theta[j]).gradient[j] >= 0.0 { f64::INFINITY } else { f64::NEG_INFINITY };
            climb(theta[j]).unwrap_or(uphill)
        } else {
            highest(|t| at(t).value, climb, (self.mean[j], self.sd[j]))
        };
        let variance = if found.is_finite() { 1.0 / at(found).expected[(j, j)] } else { found.abs() };
        (found, variance)
    }

    /// The maximum in the attributes of `part`, by Newton's method; the others stay.
    fn maximum_within(&self, part: &[usize], theta: &mut [f64], covariance: &mut [f64]) {
        const MAX_ITERATIONS: usize = 200;
        const TOLERANCE: f64 = 1e-12;
        /// What a last step may be that rounding keeps from rising: larger ones are those of a likelihood that flattens.
        const LAST: f64 = 1e-5;
        /// The largest variance of a finite maximum, in those of the attribute: far out, where it is larger, gradients are
        /// rounded to 0.
        const LARGEST: f64 = 1e10;
        let n = theta.len();
        let mut here = self.at(theta);
        let mut moved = f64::INFINITY;
        for _ in 0..MAX_ITERATIONS {
            let Some(step) = self.ascent(&here, part) else { break };
            moved = part.iter().zip(step.iter()).fold(0.0_f64, |m, (&j, d)| m.max(d.abs() / self.sd[j]));
            let Some((next, point)) = self.shorten(theta, part, &step, here.value) else { break };
            theta.copy_from_slice(&next);
            here = point;
            let beyond = part.iter().any(|&j| (theta[j] - self.mean[j]).abs() > FAR * self.sd[j]);
            if moved < TOLERANCE || beyond {
                break;
            }
        }
        let inverse = Cholesky::new(restricted(&here.expected, part)).map(|factor| factor.inverse());
        let informed = |inverse: &DMatrix<f64>| {
            part.iter().enumerate().all(|(p, &j)| inverse[(p, p)] < LARGEST * self.sd[j] * self.sd[j])
        };
        match inverse.filter(informed) {
            Some(inverse) if moved < LAST => {
                for (p, &j) in part.iter().enumerate() {
                    part.iter().enumerate().for_each(|(q, &k)| covariance[j * n + k] = inverse[(p, q)]);
                }
            }
            _ => part.iter().for_each(|&j| theta[j] = f64::NAN),
        }
    }

    /// The Newton step, or Fisher's where the likelihood is not concave, at most [`LONGEST`](Self::LONGEST) standard
    /// deviations; `None` where no direction is informed of.
    fn ascent(&self, here: &Point, part: &[usize]) -> Option<DVector<f64>> {
        let gradient = DVector::from_iterator(part.len(), part.iter().map(|&j| here.gradient[j]));
        let factor = Cholesky::new(restricted(&here.observed, part))
            .or_else(|| Cholesky::new(restricted(&here.expected, part)))?;
        let step = factor.solve(&gradient);
        let length = part.iter().zip(step.iter()).fold(0.0_f64, |m, (&j, d)| m.max(d.abs() / self.sd[j]));
        Some(if length > Self::LONGEST { step * (Self::LONGEST / length) } else { step })
    }

    /// The longest step, in standard deviations.
    const LONGEST: f64 = 4.0;

    fn shorten(&self, theta: &[f64], part: &[usize], step: &DVector<f64>, value: f64) -> Option<(Vec<f64>, Point)> {
        const MAX_HALVINGS: i32 = 40;
        (0..MAX_HALVINGS).find_map(|halvings| {
            let length = 0.5_f64.powi(halvings);
            let mut next = theta.to_vec();
            part.iter().zip(step.iter()).for_each(|(&j, d)| next[j] += length * d);
            let point = self.at(&next);
            (point.value >= value).then_some((next, point))
        })
    }

    fn at(&self, theta: &[f64]) -> Point {
        let n = theta.len();
        let mut point = Point {
            value: 0.0,
            gradient: DVector::zeros(n),
            observed: DMatrix::zeros(n, n),
            expected: DMatrix::zeros(n, n),
            skew: 0.0,
        };
        for &given in self.answers {
            let answer = Answer::at(self.model, self.group, self.values, given, theta);
            let code = given.1 as usize;
            let (mut information, mut skew) = (0.0, 0.0);
            for ((p, u), v) in answer.probabilities().iter().zip(&answer.first).zip(&answer.second) {
                // P' = P u and P'' = P (v + u^2) in the linear predictor.
                information += p * u * u;
                skew += p * u * (v + u * u);
            }
            point.value += answer.log_probability;
            for (&j, a) in answer.dims.iter().zip(answer.eta) {
                point.gradient[j] += a * answer.first[code];
                point.skew += a * a * a * skew;
                for (&k, b) in answer.dims.iter().zip(answer.eta) {
                    point.observed[(j, k)] -= a * b * answer.second[code];
                    point.expected[(j, k)] += a * b * information;
                }
            }
        }
        point
    }
}

/// The highest of a likelihood's maxima on a line: the best of those uphill of the peaks among points a quarter of a
/// standard deviation apart, or infinity where it comes as near the highest value in the distance; no number where it
/// does so on both sides, which is a likelihood without slope.
fn highest(value: impl Fn(f64) -> f64, climb: impl Fn(f64) -> Option<f64>, (mean, sd): (f64, f64)) -> f64 {
    const SPACING: f64 = 0.25;
    const REACH: i32 = 40;
    let points: Vec<f64> = (-REACH..=REACH).map(|i| mean + sd * SPACING * f64::from(i)).collect();
    let values: Vec<f64> = points.iter().map(|&t| value(t)).collect();
    let neighbour = |k: usize| values.get(k).copied().unwrap_or(f64::NEG_INFINITY);
    let is_peak = |k: &usize| values[*k] > neighbour(k.wrapping_sub(1)) && values[*k] >= neighbour(k + 1);
    let maxima = (0..points.len()).filter(is_peak).filter_map(|k| climb(points[k])).map(|t| (t, value(t)));
    let (best, top) = maxima.fold((f64::NAN, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
    let (low, high) = (value(mean - FAR * sd), value(mean + FAR * sd));
    let level = top.max(low).max(high);
    let level = level - LEVEL * (1.0 + level.abs());
    match (low >= level, high >= level) {
        (true, true) => f64::NAN,
        (true, false) => f64::NEG_INFINITY,
        (false, true) => f64::INFINITY,
        (false, false) => best,
    }
}

fn restricted(matrix: &DMatrix<f64>, part: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(part.len(), part.len(), |p, q| matrix[(part[p], part[q])])
}
