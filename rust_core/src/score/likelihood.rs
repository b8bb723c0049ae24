//! The likelihood of one respondent's answers: its maximum, and the weighted likelihood estimate of Warm (1989).

use nalgebra::{Cholesky, DMatrix, DVector};

use super::line::crossing;
use crate::answer::{Answer, ItemCurve};
use crate::spec::Model;

/// An estimate farther than this from the mean, in standard deviations of the attribute, counts as infinite.
const FAR: f64 = 50.0;

/// First stride of a search, in standard deviations.
const STRIDE: f64 = 0.1;

/// The longest step, in standard deviations.
const LONGEST: f64 = 4.0;

/// Within this of the largest value found, relative to one plus its size, a likelihood has not come down again: that is
/// some times what rounding does to a sum over items.
const LEVEL: f64 = 1e-12;

/// The largest variance of a finite estimate, in those of the attribute: far out, where it is larger, gradients are rounded
/// to 0.
const LARGEST: f64 = 1e10;

/// Answers (positions among the group's items, categories) of a respondent in a class of an observed group.
pub(super) struct Likelihood<'a> {
    answers: Vec<(ItemCurve<'a>, u8)>,
    mean: &'a [f64],
    sd: Vec<f64>,
}

/// The likelihood in some attributes that answered items tie together, and that no answered item ties to others.
struct Part<'a> {
    /// The attributes, ascending.
    dims: Vec<usize>,
    answers: Vec<Given<'a>>,
    /// `(P)`, as all of a part's vectors.
    mean: Vec<f64>,
    sd: Vec<f64>,
    start: DVector<f64>,
    /// `(J)`: the others stay there.
    elsewhere: Vec<f64>,
}

/// An answer, and the slopes of its item on the part's attributes.
struct Given<'a> {
    item: ItemCurve<'a>,
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

/// An estimate in a part's attributes, and its covariance matrix.
type Found = (DVector<f64>, DMatrix<f64>);

impl<'a> Likelihood<'a> {
    /// The likelihood when every cell has its value in `values`.
    pub fn new(model: &'a Model, observed: usize, class: usize, values: &'a [f64], answers: &[(usize, u8)]) -> Self {
        let group = &model.classes_of(observed)[class];
        let n = model.spec.groups[observed].attributes.len();
        let delta = &values[group.latent_cells.clone()];
        let sd = (0..n).map(|j| delta[n + j * (j + 3) / 2].sqrt()).collect();
        let answers = answers.iter().map(|&(index, code)| (ItemCurve::new(model, group, values, index), code));
        Self { answers: answers.collect(), mean: &delta[..n], sd }
    }

    /// Writes the maximum over `theta (J)`, which holds a start, and the inverse of the expected information there to
    /// `covariance (J, J)`.
    ///
    /// Attributes that no answered item ties to others are maximised one by one. Of those, one is infinite, with infinite
    /// variance, where the likelihood rises without end. Attributes that hang together are no number where their
    /// likelihood has no finite maximum, and so is any that no answer informs of. Where items can be guessed, a likelihood may
    /// have several maxima: in one attribute the highest is taken, in several that hang together the one uphill of the start.
    pub fn maximum(&self, theta: &mut [f64], covariance: &mut [f64]) {
        self.part_by_part(theta, covariance, |part| match part.dims.len() {
            1 => part.maximum_along(),
            _ => part.maximum_within(),
        });
    }

    /// Writes the weighted likelihood estimate over `theta (J)`, which holds a start, and the inverse of the expected
    /// information `I` there to `covariance (J, J)`.
    ///
    /// The estimate is the root, uphill of the start, of the gradient of the log-likelihood plus
    /// `A_r = 1/2 sum_i a_ir s_i a_i' I^-1 a_i`, with `s_i = sum P' P'' / P` in the linear predictor, over the categories of
    /// item `i`. This takes the first-order bias out of the maximum (Firth, 1993), and is Warm's (1989) `J / (2 I)` for one
    /// attribute, whatever the categories. Where all items are exponential families in the attributes (2PL, GPCM), `A` is the
    /// gradient of `log det I / 2`, and the estimate that of Wang (2015). It is finite for perfect scores too, and no number
    /// where the answers do not inform of all attributes that hang together.
    pub fn weighted(&self, theta: &mut [f64], covariance: &mut [f64]) {
        self.part_by_part(theta, covariance, |part| match part.dims.len() {
            1 => part.weighted_along(),
            _ => part.weighted_within(),
        });
    }

    fn part_by_part(&self, theta: &mut [f64], covariance: &mut [f64], find: impl Fn(&Part) -> Option<Found>) {
        let n = theta.len();
        covariance.fill(0.0);
        for part in self.parts(theta) {
            let found = find(&part);
            for (p, &j) in part.dims.iter().enumerate() {
                theta[j] = found.as_ref().map_or(f64::NAN, |(estimate, _)| estimate[p]);
                for (q, &k) in part.dims.iter().enumerate() {
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

    /// The attributes that answered items tie together, in sets.
    fn parts(&self, start: &[f64]) -> Vec<Part<'a>> {
        let mut part_of: Vec<usize> = (0..start.len()).collect();
        for (item, _) in &self.answers {
            let measured: Vec<usize> = measured(item).map(|j| part_of[j]).collect();
            let Some(&least) = measured.iter().min() else { continue };
            part_of.iter_mut().filter(|p| measured.contains(p)).for_each(|p| *p = least);
        }
        let members = |part| (0..start.len()).filter(|&j| part_of[j] == part).collect::<Vec<_>>();
        let sets = (0..start.len()).map(members).filter(|dims| !dims.is_empty());
        sets.map(|dims| self.part(dims, start)).collect()
    }

    fn part(&self, dims: Vec<usize>, start: &[f64]) -> Part<'a> {
        let own = |item: &ItemCurve| measured(item).any(|j| dims.contains(&j));
        let given = |&(item, code): &(ItemCurve<'a>, u8)| {
            let slope = |&j: &usize| item.slopes().find(|(k, _)| *k == j).map_or(0.0, |(_, slope)| slope);
            Given { item, code, slopes: DVector::from_iterator(dims.len(), dims.iter().map(slope)) }
        };
        Part {
            answers: self.answers.iter().filter(|(item, _)| own(item)).map(given).collect(),
            mean: dims.iter().map(|&j| self.mean[j]).collect(),
            sd: dims.iter().map(|&j| self.sd[j]).collect(),
            start: DVector::from_iterator(dims.len(), dims.iter().map(|&j| start[j])),
            elsewhere: start.to_vec(),
            dims,
        }
    }
}

/// The attributes that an item depends on.
fn measured(item: &ItemCurve) -> impl Iterator<Item = usize> {
    item.slopes().filter(|(_, slope)| *slope != 0.0).map(|(j, _)| j)
}

impl Part<'_> {
    /// The maximum along the only attribute; nothing without answers.
    fn maximum_along(&self) -> Option<Found> {
        if self.answers.is_empty() {
            return None;
        }
        let (start, mean, sd) = (self.start[0], self.mean[0], self.sd[0]);
        let slope = |t: f64| self.at_one(t).gradient[0];
        let climb = |start: f64| crossing(slope, start, self.strides(), self.bounds());
        let found = if self.answers.iter().all(|given| given.item.is_concave()) {
            climb(start).unwrap_or(if slope(start) >= 0.0 { f64::INFINITY } else { f64::NEG_INFINITY })
        } else {
            highest(|t| self.at_one(t).value, climb, (mean, sd))
        };
        let variance = if found.is_finite() { 1.0 / self.at_one(found).expected[(0, 0)] } else { found.abs() };
        Some((DVector::from_element(1, found), DMatrix::from_element(1, 1, variance)))
    }

    /// Warm's estimate of the only attribute.
    fn weighted_along(&self) -> Option<Found> {
        let slope = |t: f64| self.weighted_at(&DVector::from_element(1, t)).map_or(f64::NAN, |here| here.score[0]);
        let found = crossing(slope, self.start[0], self.strides(), self.bounds())?;
        let at = DVector::from_element(1, found);
        self.weighted_at(&at).map(|here| (at, here.inverse))
    }

    /// First stride of a search along the only attribute, and the slope that rounding may cause.
    fn strides(&self) -> (f64, f64) {
        (STRIDE * self.sd[0], LEVEL / self.sd[0])
    }

    fn bounds(&self) -> (f64, f64) {
        (self.mean[0] - FAR * self.sd[0], self.mean[0] + FAR * self.sd[0])
    }

    /// The maximum in several attributes, by Newton's method.
    fn maximum_within(&self) -> Option<Found> {
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
    fn weighted_within(&self) -> Option<Found> {
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

    fn at_one(&self, t: f64) -> Point {
        self.at(&DVector::from_element(1, t))
    }

    fn at(&self, own: &DVector<f64>) -> Point {
        let n = own.len();
        let mut theta = self.elsewhere.clone();
        self.dims.iter().zip(own.iter()).for_each(|(&j, t)| theta[j] = *t);
        let mut point = Point {
            value: 0.0,
            gradient: DVector::zeros(n),
            observed: DMatrix::zeros(n, n),
            expected: DMatrix::zeros(n, n),
            skews: Vec::with_capacity(self.answers.len()),
        };
        let (mut answer, mut probabilities) = (Answer::default(), Vec::new());
        for Given { item, code, slopes } in &self.answers {
            item.work_out(*code, &theta, &mut answer);
            item.probabilities(&answer, &mut probabilities);
            let code = usize::from(*code);
            let (mut information, mut skew) = (0.0, 0.0);
            for ((p, u), v) in probabilities.iter().zip(&answer.first).zip(&answer.second) {
                // P' = P u and P'' = P (v + u^2) in the linear predictor.
                information += p * u * u;
                skew += p * u * (v + u * u);
            }
            point.value += answer.log_probability;
            point.gradient.axpy(answer.first[code], slopes, 1.0);
            point.observed.ger(-answer.second[code], slopes, slopes, 1.0);
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
