//! The scales on which steps of bounded intercepts, of guessing and of variances are measured and accelerated.
//!
//! In a latent class a category may have no members: its probability goes to 0 and its intercept to minus infinity, by
//! a constant amount a cycle, which is slow and never converges. The probability itself shrinks by a constant factor,
//! and that is what an accelerator can see the end of. Intercepts that have bounds far out are therefore compressed
//! beyond [`LINEAR`]: the scale is the parameter's own near 0, and has a limit like that of a probability in its tails.
//!
//! Guessing is accelerated as a probability: its logit bends most where the data say least about it.
//!
//! The EM step of a small variance `v` is `2 v^2 / N` times the slope of the log-likelihood. On its own scale it is lost
//! among the steps of other parameters long before the slope is 0, and neither a criterion nor an accelerator can see
//! it. Variances below 1 are therefore measured by their logarithm.

use std::f64::consts::E;

use crate::params::{Kind, Slot};
use crate::spec::Model;

/// Up to here the scale is the parameter's own: probabilities from .007 to .993.
const LINEAR: f64 = 5.0;
/// Bounds nearer to 0 than this are the user's own, not the end of a tail.
const FAR: f64 = 20.0;

/// How far beyond the EM image an accelerated point may go in a tail.
const LEAP: f64 = 4.0;

/// How many times a probability changes as fast as its logit, at .5.
const PROBABILITY_UNIT: f64 = 4.0;

/// The scale of one free parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// Its own.
    Own,
    /// Its own, compressed far out.
    Tail,
    /// The probability of which it is the logit, times [`PROBABILITY_UNIT`].
    Probability,
    /// Its logarithm below 1, continued there without a bend: a variance.
    Variance,
}

/// The scales of all free parameters.
pub(crate) struct Scales(Vec<Scale>);

impl Scales {
    pub(crate) fn new(model: &Model) -> Self {
        let table = &model.table;
        let mut scales = vec![Scale::Own; table.free.len()];
        for (cell, slot) in table.cells.iter().zip(&table.slots) {
            let Slot::Free(f) = *slot else { continue };
            let (lower, upper) = (table.free[f].lower, table.free[f].upper);
            let is_bounded_far_out = lower.is_finite() && lower <= -FAR && upper.is_finite() && upper >= FAR;
            scales[f] = match cell.kind {
                Kind::Intercept if is_bounded_far_out => Scale::Tail,
                Kind::Guessing => Scale::Probability,
                Kind::Covariance if cell.is_variance() => Scale::Variance,
                _ => Scale::Own,
            };
        }
        Self(scales)
    }

    /// Parameters to the scales.
    pub(crate) fn compress(&self, x: &[f64]) -> Vec<f64> {
        let value = |(&x, &scale): (&f64, &Scale)| match scale {
            Scale::Own => x,
            Scale::Tail => compressed(x),
            Scale::Probability => PROBABILITY_UNIT / (1.0 + (-x).exp()),
            Scale::Variance => log_below_one(x),
        };
        x.iter().zip(&self.0).map(value).collect()
    }

    /// Keeps an accelerated point from going too far out into a tail: not beyond the EM image where that is on its way
    /// back, and otherwise at most [`LEAP`] beyond it, so that the next cycle can tell whether the tail is right. A small
    /// variance goes the way of its EM step, up to a factor of e beyond the image: as far as Newton's step goes where the
    /// maximum is at 0. From further down, the way back would be long.
    pub(crate) fn restrain(&self, x: &[f64], image: &[f64], proposal: &mut [f64]) {
        for ((&x, &image), (p, &scale)) in x.iter().zip(image).zip(proposal.iter_mut().zip(&self.0)) {
            let farthest = if image.abs() < x.abs() { image.abs() } else { image.abs() + LEAP };
            match scale {
                Scale::Own => {}
                Scale::Tail | Scale::Probability if p.abs() > LINEAR.max(farthest) => {
                    *p = LINEAR.max(farthest).copysign(*p);
                }
                Scale::Tail | Scale::Probability => {}
                Scale::Variance if x >= 1.0 => {}
                Scale::Variance if (*p - x) * (image - x) < 0.0 => *p = image,
                Scale::Variance => *p = p.clamp(image / E, image * E),
            }
        }
    }

    /// The largest step from an EM image to an accelerated point, but for variances: these are restrained, and their EM
    /// steps are so much shorter than their ways that no leap is too long to trust.
    pub(crate) fn largest_leap(&self, image: &[f64], proposal: &[f64]) -> f64 {
        let kept = (0..image.len()).filter(|&f| self.0[f] != Scale::Variance);
        kept.map(|f| self.change(f, image[f], proposal[f])).fold(0.0, f64::max)
    }

    /// The largest step of a parameter: on the compressed scale where it goes out into a tail. Back from there it is
    /// the parameter's own, since a probability that was lost returns by a constant factor. Guessing is measured by its
    /// logit.
    pub(crate) fn largest_change(&self, from: &[f64], to: &[f64]) -> f64 {
        (0..from.len()).map(|f| self.change(f, from[f], to[f])).fold(0.0, f64::max)
    }

    /// The step of one free parameter.
    fn change(&self, free: usize, from: f64, to: f64) -> f64 {
        let goes_out = to.abs() > from.abs() && from * to >= 0.0;
        match self.0[free] {
            Scale::Tail if goes_out => (compressed(to) - compressed(from)).abs(),
            Scale::Variance => (log_below_one(to) - log_below_one(from)).abs(),
            _ => (to - from).abs(),
        }
    }

    /// The inverse of [`Scales::compress`]; infinite where a scale has ended.
    pub(crate) fn expand(&self, y: &[f64]) -> Vec<f64> {
        let value = |(&y, &scale): (&f64, &Scale)| match scale {
            Scale::Tail if y.abs() > LINEAR => {
                let rest = LINEAR + 1.0 - y.abs();
                (if rest > 0.0 { LINEAR - rest.ln() } else { f64::INFINITY }).copysign(y)
            }
            Scale::Probability if y <= 0.0 => f64::NEG_INFINITY,
            Scale::Probability if y >= PROBABILITY_UNIT => f64::INFINITY,
            Scale::Probability => (y / (PROBABILITY_UNIT - y)).ln(),
            Scale::Variance if y < 1.0 => (y - 1.0).exp(),
            Scale::Own | Scale::Tail | Scale::Variance => y,
        };
        y.iter().zip(&self.0).map(value).collect()
    }
}

fn compressed(x: f64) -> f64 {
    if x.abs() > LINEAR { (LINEAR + 1.0 - (LINEAR - x.abs()).exp()).copysign(x) } else { x }
}

fn log_below_one(x: f64) -> f64 {
    if x < 1.0 { 1.0 + x.ln() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expanding_undoes_compressing() {
        let tails = Scales(vec![Scale::Tail, Scale::Tail, Scale::Tail, Scale::Tail, Scale::Own]);
        let x = [-18.0, -5.0, 0.3, 7.5, 400.0];
        let back = tails.expand(&tails.compress(&x));
        // At -18 the scale has lost 13 of the 37 digits (in nats) that it has near 0.
        assert!(x.iter().zip(&back).all(|(x, b)| (x - b).abs() < 1e-8), "{back:?}");
        assert_eq!(
            tails.largest_change(&[-20.0, 0.0, 0.0, 0.0, 0.0], &[-19.0, 0.0, 0.0, 0.0, 0.0]),
            1.0,
            "on the way back"
        );
        assert!(
            tails.largest_change(&[-20.0, 0.0, 0.0, 0.0, 0.0], &[-21.0, 0.0, 0.0, 0.0, 0.0]) < 1e-6,
            "on the way out"
        );
        assert_eq!(
            tails.expand(&[-6.5, 6.5, 1.0, 6.0, 6.5]),
            [f64::NEG_INFINITY, f64::INFINITY, 1.0, f64::INFINITY, 6.5]
        );
    }

    #[test]
    fn a_small_variance_is_its_logarithm() {
        let variances = Scales(vec![Scale::Variance; 4]);
        let x = [1e-6, 0.25, 1.0, 40.0];
        let y = variances.compress(&x);
        assert_eq!(y[2..], x[2..], "large variances are their own");
        assert!(variances.expand(&y).iter().zip(&x).all(|(back, x)| (back / x - 1.0).abs() < 1e-14));
        let halved = variances.largest_change(&[1e-4, 40.0, 2.0, 1.0], &[5e-5, 40.0, 2.0, 1.0]);
        assert!((halved - 2.0_f64.ln()).abs() < 1e-14, "{halved}");
    }

    #[test]
    fn guessing_is_a_probability() {
        let guessing = Scales(vec![Scale::Probability; 3]);
        let x = [-12.0, -1.4, 0.0];
        let back = guessing.expand(&guessing.compress(&x));
        // The logit of 6e-6 is that of a difference from 0 with 11 digits.
        assert!(x.iter().zip(&back).all(|(x, b)| (x - b).abs() < 1e-9), "{back:?}");
        // Below 0 the scale has ended: the point goes no further out than a leap beyond the image.
        let mut proposal = guessing.expand(&[-0.1, 4.1, 0.8]);
        assert_eq!(&proposal[..2], [f64::NEG_INFINITY, f64::INFINITY]);
        guessing.restrain(&[-4.0, 0.0, -1.4], &[-4.5, 0.1, -1.5], &mut proposal);
        assert_eq!(&proposal[..2], [-4.5 - LEAP, LINEAR]);
    }
}
