//! The likelihood of one respondent's answers: its maximum, and the weighted likelihood estimate of Warm (1989).

use nalgebra::{Cholesky, DMatrix, DVector};

use super::along::{Along, FAR, LEVEL};
use super::line::crossing;
use crate::answer::ItemCurve;
use crate::item::AtPredictor;
use crate::spec::Model;

/// The longest step, in standard deviations.
const LONGEST: f64 = 4.0;

/// The largest variance of a finite estimate, in those of the attribute: far out, where it is larger, gradients are rounded
/// to 0.
const LARGEST: f64 = 1e10;

/// The likelihood in the attributes of one class of one observed group.
pub(super) struct Likelihood {
    items: Vec<ItemCurve>,
    mean: Vec<f64>,
    sd: Vec<f64>,
}

/// The likelihood in several attributes that answered items tie together, and that no answered item ties to others.
struct Part<'a> {
    answers: Vec<Given<'a>>,
    /// `(P)`, as all of a part's vectors.
    mean: Vec<f64>,
    sd: Vec<f64>,
    start: DVector<f64>,
}

/// An answer, and the slopes of its item on the part's attributes.
struct Given<'a> {
    item: &'a ItemCurve,
    code: u8,
    slopes: DVector<f64>,
}

/// Value, gradient, observed and expected information at a point.
struct Point {
    value: f64,
    gradient: DVector<f64>,
    observed: DMatrix<f64>,
    expected: DMatrix<f64>,
    /// Per answer `sum P' P'' / P` over its item's categories, in the linear predictor.
    skews: Vec<f64>,
}

/// The estimating equation of weighted likelihood at a point.
struct Weighted {
    /// Gradient and correction.
    score: DVector<f64>,
    /// Fisher's step from here.
    step: DVector<f64>,
    /// The inverse of the expected information.
    inverse: DMatrix<f64>,
}

/// Finds the estimate of an attribute by itself, and its variance.
type EstimateAlong = fn(&Along) -> Option<(f64, f64)>;

/// Finds the estimates of several attributes.
type EstimateWithin = fn(&Part) -> Option<Found>;

/// An estimate in a part's attributes, and its covariance matrix.
type Found = (DVector<f64>, DMatrix<f64>);

impl Likelihood {
    /// The likelihood when every cell has its value in `values`.
    pub fn new(model: &Model, observed: usize, class: usize, values: &[f64]) -> Self {
        let group = &model.classes_of(observed)[class];
        let n = model.spec.groups[observed].attributes.len();
        let delta = &values[group.latent_cells.clone()];
        let sd = (0..n).map(|j| delta[n + j * (j + 3) / 2].sqrt()).collect();
        Self { items: ItemCurve::all(model, group, values), mean: delta[..n].to_vec(), sd }
    }

    /// Writes the maximum for these answers (positions among the group's items, categories) over `theta (J)`, which holds a
    /// start, and the inverse of the expected information there to
    /// `covariance (J, J)`.
    ///
    /// Attributes that no answered item ties to others are maximised one by one. Of those, one is infinite, with infinite
    /// variance, where the likelihood rises without end. Attributes that hang together are no number where their
    /// likelihood has no finite maximum, and so is any that no answer informs of. Where items can be guessed, a likelihood may
    /// have several maxima: in one attribute the highest is taken, in several that hang together the one uphill of the start.
    pub fn maximum(&self, answers: &[(usize, u8)], theta: &mut [f64], covariance: &mut [f64]) {
        self.part_by_part(answers, (theta, covariance), (|one| one.maximum(), |several| several.maximum()));
    }

    /// Writes the weighted likelihood estimate for these answers over `theta (J)`, which holds a start, and the inverse of the expected
    /// information `I` there to `covariance (J, J)`.
    ///
    /// The estimate is the root, uphill of the start, of the gradient of the log-likelihood plus
    /// `A_r = 1/2 sum_i a_ir s_i a_i' I^-1 a_i`, with `s_i = sum P' P'' / P` in the linear predictor, over the categories of
    /// item `i`. This takes the first-order bias out of the maximum (Firth, 1993), and is Warm's (1989) `J / (2 I)` for one
    /// attribute, whatever the categories. Where all items are exponential families in the attributes (2PL, GPCM), `A` is the
    /// gradient of `log det I / 2`, and the estimate that of Wang (2015). It is finite for perfect scores too, and no number
    /// where the answers do not inform of all attributes that hang together.
    pub fn weighted(&self, answers: &[(usize, u8)], theta: &mut [f64], covariance: &mut [f64]) {
        self.part_by_part(answers, (theta, covariance), (|one| one.weighted(), |several| several.weighted()));
    }

    /// Estimates every set of attributes that answered items tie together by itself: `(along, within)` one attribute and
    /// several.
    fn part_by_part(
        &self,
        answers: &[(usize, u8)],
        (theta, covariance): (&mut [f64], &mut [f64]),
        (along, within): (EstimateAlong, EstimateWithin),
    ) {
        let n = theta.len();
        covariance.fill(0.0);
        let part_of = self.parts(answers);
        for part in 0..n {
            let dims: Vec<usize> = (0..n).filter(|&j| part_of[j] == part).collect();
            if let [j] = dims[..] {
                (theta[j], covariance[j * n + j]) =
                    along(&self.along(j, answers, theta[j])).unwrap_or((f64::NAN, f64::NAN));
                continue;
            }
            let found = if dims.is_empty() { None } else { within(&self.part(&dims, answers, theta)) };
            for (p, &j) in dims.iter().enumerate() {
                theta[j] = found.as_ref().map_or(f64::NAN, |(estimate, _)| estimate[p]);
                for (q, &k) in dims.iter().enumerate() {
                    covariance[j * n + k] = found.as_ref().map_or(f64::NAN, |(_, matrix)| matrix[(p, q)]);
                }
            }
        }
        for j in (0..n).filter(|&j| theta[j].is_nan()) {
            for k in 0..n {
                (covariance[j * n + k], covariance[k * n + j]) = (f64::NAN, f64::NAN);
            }
        }
    }

    /// `(J)`: the first attribute of the set that answered items tie each one to.
    fn parts(&self, answers: &[(usize, u8)]) -> Vec<usize> {
        let mut part_of: Vec<usize> = (0..self.mean.len()).collect();
        for (index, _) in answers {
            let Some(least) = self.items[*index].measured().map(|(j, _)| part_of[j]).min() else { continue };
            for (j, _) in self.items[*index].measured() {
                let part = part_of[j];
                part_of.iter_mut().filter(|p| **p == part).for_each(|p| *p = least);
            }
        }
        part_of
    }

    /// The likelihood along an attribute that is tied to no other.
    fn along(&self, j: usize, answers: &[(usize, u8)], start: f64) -> Along<'_> {
        let given = |&(index, code): &(usize, u8)| {
            let item = &self.items[index];
            let (_, slope) = item.measured().find(|(k, _)| *k == j)?;
            Some((item, code, slope))
        };
        let answers = answers.iter().filter_map(given).collect();
        Along { answers, start, mean: self.mean[j], sd: self.sd[j] }
    }

    fn part(&self, dims: &[usize], answers: &[(usize, u8)], start: &[f64]) -> Part<'_> {
        let given = |&(index, code): &(usize, u8)| {
            let item = &self.items[index];
            let slope = |j: &usize| item.measured().find(|(k, _)| k == j).map_or(0.0, |(_, slope)| slope);
            let slopes = DVector::from_iterator(dims.len(), dims.iter().map(slope));
            slopes.iter().any(|slope| *slope != 0.0).then_some(Given { item, code, slopes })
        };
        Part {
            answers: answers.iter().filter_map(given).collect(),
            mean: dims.iter().map(|&j| self.mean[j]).collect(),
            sd: dims.iter().map(|&j| self.sd[j]).collect(),
            start: DVector::from_iterator(dims.len(), dims.iter().map(|&j| start[j])),
        }
    }
}

impl Part<'_> {
    /// The maximum in several attributes, by Newton's method.
    fn maximum(&self) -> Option<Found> {
        const MAX_ITERATIONS: usize = 200;
        const TOLERANCE: f64 = 1e-12;
        /// What a last step may be that rounding keeps from rising: larger ones are those of a likelihood that flattens.
        const LAST: f64 = 1e-5;
        let mut theta = self.start.clone();
        let mut here = self.at(&theta);
        let mut moved = f64::INFINITY;
        for _ in 0..MAX_ITERATIONS {
            let Some(step) = self.ascent(&here) else { break };
            moved = self.length(&step);
            let Some((next, point)) = self.shorten(&theta, &step, here.value) else { break };
            (theta, here) = (next, point);
            if moved < TOLERANCE || self.is_far(&theta) {
                break;
            }
        }
        let inverse = Cholesky::new(here.expected)?.inverse();
        (moved < LAST && self.informs(&inverse)).then_some((theta, inverse))
    }

    /// The root of the weighted estimating equation in several attributes, by Fisher's steps; where one does not bring it
    /// nearer, to where the equation changes its sign along the step.
    fn weighted(&self) -> Option<Found> {
        const MAX_ITERATIONS: usize = 200;
        const TOLERANCE: f64 = 1e-12;
        /// Steps that small that bring it no nearer are those of rounding.
        const LAST: f64 = 1e-7;
        /// A step that leaves more than this of the squared distance is not good enough.
        const GOOD: f64 = 0.25;
        let mut theta = self.start.clone();
        let mut here = self.weighted_at(&theta)?;
        let mut moved = f64::INFINITY;
        for _ in 0..MAX_ITERATIONS {
            moved = self.length(&here.step);
            if moved < TOLERANCE {
                break;
            }
            let step = &here.step * (LONGEST / moved).min(1.0);
            let ahead = self.weighted_at(&(&theta + &step));
            let is_good = |next: &Weighted| next.score.dot(&next.step) <= GOOD * here.score.dot(&here.step);
            (theta, here) = match ahead.filter(is_good) {
                Some(next) => (&theta + &step, next),
                None if moved < LAST => break,
                None => {
                    let along =
                        |t: f64| self.weighted_at(&(&theta + &step * t)).map_or(f64::NAN, |next| next.score.dot(&step));
                    let level = LEVEL * here.score.dot(&step);
                    let t = crossing(along, 0.0, (0.5, level), (-FAR, FAR))?;
                    let next = &theta + &step * t;
                    let there = self.weighted_at(&next)?;
                    (next, there)
                }
            };
            if self.is_far(&theta) {
                return None;
            }
        }
        (moved < LAST && self.informs(&here.inverse)).then_some((theta, here.inverse))
    }

    /// The Newton step, or Fisher's where the likelihood is not concave, at most [`LONGEST`] standard deviations; `None`
    /// where no direction is informed of.
    fn ascent(&self, here: &Point) -> Option<DVector<f64>> {
        let factor = Cholesky::new(here.observed.clone()).or_else(|| Cholesky::new(here.expected.clone()))?;
        let step = factor.solve(&here.gradient);
        let length = self.length(&step);
        Some(if length > LONGEST { step * (LONGEST / length) } else { step })
    }

    fn shorten(&self, theta: &DVector<f64>, step: &DVector<f64>, value: f64) -> Option<(DVector<f64>, Point)> {
        const MAX_HALVINGS: i32 = 40;
        (0..MAX_HALVINGS).find_map(|halvings| {
            let next = theta + step * 0.5_f64.powi(halvings);
            let point = self.at(&next);
            (point.value >= value).then_some((next, point))
        })
    }

    /// The largest element, in standard deviations.
    fn length(&self, step: &DVector<f64>) -> f64 {
        step.iter().zip(&self.sd).fold(0.0_f64, |m, (d, sd)| m.max(d.abs() / sd))
    }

    fn is_far(&self, theta: &DVector<f64>) -> bool {
        theta.iter().zip(&self.mean).zip(&self.sd).any(|((t, mean), sd)| (t - mean).abs() > FAR * sd)
    }

    fn informs(&self, inverse: &DMatrix<f64>) -> bool {
        self.sd.iter().enumerate().all(|(p, sd)| inverse[(p, p)] < LARGEST * sd * sd)
    }

    fn at(&self, theta: &DVector<f64>) -> Point {
        let n = theta.len();
        let mut point = Point {
            value: 0.0,
            gradient: DVector::zeros(n),
            observed: DMatrix::zeros(n, n),
            expected: DMatrix::zeros(n, n),
            skews: Vec::with_capacity(self.answers.len()),
        };
        let mut at = AtPredictor::default();
        for Given { item, code, slopes } in &self.answers {
            point.value += item.work_out(*code, slopes.dot(theta), &mut at);
            let code = usize::from(*code);
            let (information, skew) = at.moments();
            point.gradient.axpy(at.first[code], slopes, 1.0);
            point.observed.ger(-at.second[code], slopes, slopes, 1.0);
            point.expected.ger(information, slopes, slopes, 1.0);
            point.skews.push(skew);
        }
        point
    }

    /// The weighted estimating equation; `None` where the answers do not inform of all attributes.
    fn weighted_at(&self, own: &DVector<f64>) -> Option<Weighted> {
        let here = self.at(own);
        let inverse = Cholesky::new(here.expected)?.inverse();
        let mut score = here.gradient;
        for (Given { slopes, .. }, skew) in self.answers.iter().zip(&here.skews) {
            score.axpy(0.5 * skew * slopes.dot(&(&inverse * slopes)), slopes, 1.0);
        }
        let step = &inverse * &score;
        Some(Weighted { score, step, inverse })
    }
}
