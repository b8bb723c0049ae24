//! The likelihood of a respondent's answers along one attribute: its maximum, and the weighted likelihood estimate.

use super::line::crossing;
use crate::answer::ItemCurve;
use crate::item::AtPredictor;

/// An estimate farther than this from the mean, in standard deviations of the attribute, counts as infinite.
pub(super) const FAR: f64 = 50.0;

/// First stride of a search, in standard deviations.
const STRIDE: f64 = 0.1;

/// Within this of the largest value found, relative to one plus its size, a likelihood has not come down again: that is
/// some times what rounding does to a sum over items.
pub(super) const LEVEL: f64 = 1e-12;

/// The likelihood in an attribute that no answered item ties to others.
pub(super) struct Along<'a> {
    /// Each answer's item, category and slope.
    pub answers: Vec<(&'a ItemCurve, u8, f64)>,
    pub start: f64,
    pub mean: f64,
    pub sd: f64,
}

/// The estimating equation of weighted likelihood, less its correction, at a point.
struct Point {
    slope: f64,
    /// Expected information.
    information: f64,
    /// `sum_i a_i^3 s_i`, with `s_i = sum P' P'' / P` in the linear predictor over the item's categories.
    skew: f64,
}

impl Along<'_> {
    /// The maximum and the inverse of the expected information there; nothing without answers.
    pub fn maximum(&self) -> Option<(f64, f64)> {
        if self.answers.is_empty() {
            return None;
        }
        let slope = |t: f64| self.slope(t);
        let climb = |start: f64| crossing(slope, start, self.strides(), self.bounds());
        let found = if self.answers.iter().all(|(item, ..)| item.is_concave()) {
            climb(self.start).unwrap_or(if slope(self.start) >= 0.0 { f64::INFINITY } else { f64::NEG_INFINITY })
        } else {
            self.highest(climb)
        };
        Some((found, if found.is_finite() { 1.0 / self.point(found).information } else { found.abs() }))
    }

    /// Warm's estimate and the inverse of the expected information there.
    pub fn weighted(&self) -> Option<(f64, f64)> {
        let equation = |t: f64| {
            let here = self.point(t);
            // What cannot be inverted informs of nothing.
            if here.information > 0.0 { here.slope + 0.5 * here.skew / here.information } else { f64::NAN }
        };
        let found = crossing(equation, self.start, self.strides(), self.bounds())?;
        Some((found, 1.0 / self.point(found).information))
    }

    /// First stride of a search, and the slope that rounding may cause.
    fn strides(&self) -> (f64, f64) {
        (STRIDE * self.sd, LEVEL / self.sd)
    }

    fn bounds(&self) -> (f64, f64) {
        (self.mean - FAR * self.sd, self.mean + FAR * self.sd)
    }

    fn value(&self, t: f64) -> f64 {
        let mut at = AtPredictor::default();
        self.answers.iter().map(|(item, code, a)| item.work_out(*code, a * t, &mut at)).sum()
    }

    fn slope(&self, t: f64) -> f64 {
        let mut at = AtPredictor::default();
        let term = |(item, code, a): &(&ItemCurve, u8, f64)| {
            item.work_out(*code, a * t, &mut at);
            a * at.first[usize::from(*code)]
        };
        self.answers.iter().map(term).sum()
    }

    fn point(&self, t: f64) -> Point {
        let mut point = Point { slope: 0.0, information: 0.0, skew: 0.0 };
        let mut at = AtPredictor::default();
        for (item, code, a) in &self.answers {
            item.work_out(*code, a * t, &mut at);
            let (information, skew) = at.moments();
            point.slope += a * at.first[usize::from(*code)];
            point.information += a * a * information;
            point.skew += a * a * a * skew;
        }
        point
    }

    /// The highest maximum: the best of those uphill of the peaks among points a quarter of a standard deviation apart, or
    /// infinity where the likelihood comes as near the highest value in the distance; no number where it does so on both
    /// sides, which is a likelihood without slope.
    fn highest(&self, climb: impl Fn(f64) -> Option<f64>) -> f64 {
        const SPACING: f64 = 0.25;
        const REACH: i32 = 40;
        let points: Vec<f64> = (-REACH..=REACH).map(|i| self.mean + self.sd * SPACING * f64::from(i)).collect();
        let values: Vec<f64> = points.iter().map(|&t| self.value(t)).collect();
        let neighbour = |k: usize| values.get(k).copied().unwrap_or(f64::NEG_INFINITY);
        let is_peak = |k: &usize| values[*k] > neighbour(k.wrapping_sub(1)) && values[*k] >= neighbour(k + 1);
        let maxima = (0..points.len()).filter(is_peak).filter_map(|k| climb(points[k])).map(|t| (t, self.value(t)));
        let (best, top) = maxima.fold((f64::NAN, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
        let (lower, upper) = self.bounds();
        let (low, high) = (self.value(lower), self.value(upper));
        let level = top.max(low).max(high);
        let level = level - LEVEL * (1.0 + level.abs());
        match (low >= level, high >= level) {
            (true, true) => f64::NAN,
            (true, false) => f64::NEG_INFINITY,
            (false, true) => f64::INFINITY,
            (false, false) => best,
        }
    }
}
