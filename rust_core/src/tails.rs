//! The scale on which steps of bounded intercepts are measured and accelerated.
//!
//! In a latent class a category may have no members: its probability goes to 0 and its intercept to minus infinity, by
//! a constant amount a cycle, which is slow and never converges. The probability itself shrinks by a constant factor,
//! and that is what an accelerator can see the end of. Intercepts that have bounds far out are therefore compressed
//! beyond [`LINEAR`]: the scale is the parameter's own near 0, and has a limit like that of a probability in its tails.

use crate::params::{Kind, Slot};
use crate::spec::Model;

/// Up to here the scale is the parameter's own: probabilities from .007 to .993.
const LINEAR: f64 = 5.0;
/// Bounds nearer to 0 than this are the user's own, not the end of a tail.
const FAR: f64 = 20.0;

/// How far beyond the EM image an accelerated point may go in a tail.
const LEAP: f64 = 4.0;

/// Which free parameters have tails.
pub(crate) struct Tails(Vec<bool>);

impl Tails {
    pub(crate) fn new(model: &Model) -> Self {
        let table = &model.table;
        let mut has_tails = vec![false; table.free.len()];
        for (cell, slot) in table.cells.iter().zip(&table.slots) {
            if let (Kind::Intercept, Slot::Free(f)) = (cell.kind, *slot) {
                let (lower, upper) = (table.free[f].lower, table.free[f].upper);
                has_tails[f] = lower.is_finite() && lower <= -FAR && upper.is_finite() && upper >= FAR;
            }
        }
        Self(has_tails)
    }

    /// Parameters to the compressed scale.
    pub(crate) fn compress(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.0).map(|(&x, &tail)| if tail { compressed(x) } else { x }).collect()
    }

    /// Keeps an accelerated point from going too far out into a tail: not beyond the EM image where that is on its way
    /// back, and otherwise at most [`LEAP`] beyond it, so that the next cycle can tell whether the tail is right.
    pub(crate) fn restrain(&self, x: &[f64], image: &[f64], proposal: &mut [f64]) {
        for ((&x, &image), (p, &tail)) in x.iter().zip(image).zip(proposal.iter_mut().zip(&self.0)) {
            let farthest = if image.abs() < x.abs() { image.abs() } else { image.abs() + LEAP };
            if tail && p.abs() > LINEAR.max(farthest) {
                *p = LINEAR.max(farthest).copysign(*p);
            }
        }
    }

    /// The largest step of a parameter: on the compressed scale where it goes out into a tail. Back from there it is
    /// the parameter's own, since a probability that was lost returns by a constant factor.
    pub(crate) fn largest_change(&self, from: &[f64], to: &[f64]) -> f64 {
        let change = |((&from, &to), &tail): ((&f64, &f64), &bool)| {
            let goes_out = to.abs() > from.abs() && from * to >= 0.0;
            if tail && goes_out { (compressed(to) - compressed(from)).abs() } else { (to - from).abs() }
        };
        from.iter().zip(to).zip(&self.0).map(change).fold(0.0, f64::max)
    }

    /// The inverse of [`Tails::compress`]; infinite where the scale has ended.
    pub(crate) fn expand(&self, y: &[f64]) -> Vec<f64> {
        let value = |(&y, &tail): (&f64, &bool)| {
            if !tail || y.abs() <= LINEAR {
                return y;
            }
            let rest = LINEAR + 1.0 - y.abs();
            (if rest > 0.0 { LINEAR - rest.ln() } else { f64::INFINITY }).copysign(y)
        };
        y.iter().zip(&self.0).map(value).collect()
    }
}

fn compressed(x: f64) -> f64 {
    if x.abs() > LINEAR { (LINEAR + 1.0 - (LINEAR - x.abs()).exp()).copysign(x) } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expanding_undoes_compressing() {
        let tails = Tails(vec![true, true, true, true, false]);
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
}
