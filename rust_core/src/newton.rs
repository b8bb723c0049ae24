//! Damped Newton-Raphson for a block of parameters (the paper's equation 9).

use crate::arrow::ArrowDerivatives;

/// A function to be maximised over a box.
pub trait Objective {
    /// The function; minus infinity where it is not defined.
    fn value(&self, x: &[f64]) -> f64;
    /// Value and derivatives, written over `out`.
    fn derivatives(&self, x: &[f64], out: &mut ArrowDerivatives);
    /// Smallest values allowed.
    fn lower(&self) -> &[f64];
    /// Largest values allowed.
    fn upper(&self) -> &[f64];
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewtonOptions {
    /// Iterations at the most.
    pub max_iterations: usize,
    /// Stop once no parameter moves by more than this (relative to `1 + |x|`).
    pub tolerance: f64,
}

/// Halvings before a step is given up: the last one tried is 1e-9 of the first.
const MAX_HALVINGS: usize = 30;
/// A value is not lower while the difference is within rounding error of the sums behind it.
const ROUNDING: f64 = 1e-12;

/// Moves `x` uphill; the value never falls by more than rounding error. `scratch` must have the block's shape. Returns how
/// often a step was halved; one that is given up at a maximum, where no step raises the value, counts too.
pub fn maximise<O: Objective>(
    objective: &O,
    x: &mut Vec<f64>,
    options: NewtonOptions,
    scratch: &mut ArrowDerivatives,
) -> usize {
    let mut n_halvings = 0;
    for _ in 0..options.max_iterations {
        objective.derivatives(x, scratch);
        scratch.hold(&held(objective, x, &scratch.gradient));
        let Some(step) = scratch.ascent_step() else { break };
        let Some((next, halvings)) = shorten(objective, x, &step, scratch.value) else {
            n_halvings += MAX_HALVINGS;
            break;
        };
        n_halvings += halvings;
        let moved = next.iter().zip(x.iter()).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs() / (1.0 + b.abs())));
        *x = next;
        if moved <= options.tolerance {
            break;
        }
    }
    n_halvings
}

/// Parameters at a bound that the gradient pushes against.
fn held<O: Objective>(objective: &O, x: &[f64], gradient: &[f64]) -> Vec<bool> {
    let bounds = objective.lower().iter().zip(objective.upper());
    x.iter()
        .zip(gradient)
        .zip(bounds)
        .map(|((&x, &g), (&lower, &upper))| (x <= lower && g <= 0.0) || (x >= upper && g >= 0.0))
        .collect()
}

/// The longest of the steps 1, 1/2, 1/4 ... that stays in the box, is feasible and does not lower the value.
fn shorten<O: Objective>(objective: &O, x: &[f64], step: &[f64], value: f64) -> Option<(Vec<f64>, usize)> {
    let floor = value - ROUNDING * (1.0 + value.abs());
    let mut length = 1.0;
    for halvings in 0..MAX_HALVINGS {
        let bounds = objective.lower().iter().zip(objective.upper());
        let next: Vec<f64> = x
            .iter()
            .zip(step)
            .zip(bounds)
            .map(|((x, d), (&lower, &upper))| (x + length * d).clamp(lower, upper))
            .collect();
        if objective.value(&next) >= floor {
            return Some((next, halvings));
        }
        length *= 0.5;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-(x - 1)^4 - (y + 2)^2`, defined for `x > -5`.
    struct Quartic {
        lower: [f64; 2],
        upper: [f64; 2],
    }

    impl Objective for Quartic {
        fn value(&self, x: &[f64]) -> f64 {
            if x[0] > -5.0 { -(x[0] - 1.0).powi(4) - (x[1] + 2.0).powi(2) } else { f64::NEG_INFINITY }
        }
        fn derivatives(&self, x: &[f64], out: &mut ArrowDerivatives) {
            out.clear();
            out.value = self.value(x);
            out.gradient = vec![-4.0 * (x[0] - 1.0).powi(3), -2.0 * (x[1] + 2.0)];
            out.own[0][(0, 0)] = -12.0 * (x[0] - 1.0).powi(2);
            out.own[0][(1, 1)] = -2.0;
        }
        fn lower(&self) -> &[f64] {
            &self.lower
        }
        fn upper(&self) -> &[f64] {
            &self.upper
        }
    }

    const FREE: Quartic = Quartic { lower: [f64::NEG_INFINITY; 2], upper: [f64::INFINITY; 2] };

    #[test]
    fn it_finds_the_maximum() {
        let mut x = vec![4.0, 3.0];
        let options = NewtonOptions { max_iterations: 100, tolerance: 1e-10 };
        maximise(&FREE, &mut x, options, &mut ArrowDerivatives::zeros(&[2], 0));
        // The quartic is flat at its maximum: Newton converges linearly there, so its own tolerance is what can be asked.
        assert!((x[0] - 1.0).abs() < 1e-3 && (x[1] + 2.0).abs() < 1e-9, "{x:?}");
    }

    #[test]
    fn one_iteration_is_one_newton_step() {
        let mut x = vec![4.0, 3.0];
        let options = NewtonOptions { max_iterations: 1, tolerance: 0.0 };
        maximise(&FREE, &mut x, options, &mut ArrowDerivatives::zeros(&[2], 0));
        assert!((x[0] - 3.0).abs() < 1e-12 && (x[1] + 2.0).abs() < 1e-12, "{x:?}");
    }

    #[test]
    fn bounds_hold_a_parameter_and_leave_the_other_free() {
        let boxed = Quartic { lower: [2.0, -1.0], upper: [9.0, 9.0] };
        let mut x = vec![2.0, 3.0];
        let options = NewtonOptions { max_iterations: 50, tolerance: 1e-12 };
        maximise(&boxed, &mut x, options, &mut ArrowDerivatives::zeros(&[2], 0));
        assert_eq!(x, [2.0, -1.0]);
    }
}
