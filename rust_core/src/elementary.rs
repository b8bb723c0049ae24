//! Exponential and logarithm of whole tables, with the same bits on every platform and instruction set.
//!
//! Those of the platform differ from one C library to the next, may use fused operations where the processor has them,
//! and take one number at a time. These are plain arithmetic without a branch, so that a loop over them is compiled to
//! vectors. Errors stay near one unit in the last place.

use crate::e_step::vector::{InstructionSet, Kernel, LN2, TWO_52, dispatch, exp2_integer, ln_scaled};

/// `exp(x)`: 0 below -745.14, subnormal numbers correctly rounded from there to -708.4, infinite above 709.79.
///
/// With the integer `k` nearest to `x / log 2` and `r = x - k log 2`, `exp(x) = 2^k exp(r)`, and Taylor's series of
/// `exp(r)` needs 13 terms for `|r| <= log(2) / 2`.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    /// `1.5 x 2^52`: adding and subtracting it rounds to an integer.
    const ROUND: f64 = 1.5 * TWO_52;
    /// `1 / n!` from `n = 2`.
    const TAYLOR: [f64; 12] = [
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    // Beyond these the result is 0 or infinite; what is not a number passes.
    let x = if x < -746.0 { -746.0 } else { x };
    let x = if x > 710.0 { 710.0 } else { x };
    let k = (x * std::f64::consts::LOG2_E + ROUND) - ROUND;
    let (high, low) = (x - k * LN2[0], k * LN2[1]);
    let r = high - low;
    let r2 = r * r;
    let r4 = r2 * r2;
    let pair = |i: usize| TAYLOR[i] + r * TAYLOR[i + 1];
    let first = pair(0) + r2 * pair(2);
    let second = pair(4) + r2 * pair(6);
    let third = pair(8) + r2 * pair(10);
    let y = 1.0 + (high + (r2 * (first + r4 * (second + r4 * third)) - low));
    // In two steps, neither of which leaves the normal range before the last multiplication.
    let half = (0.5 * k + ROUND) - ROUND;
    y * exp2_integer(half) * exp2_integer(k - half)
}

/// `log(1 + x)` for `x` from 0 to 1: the logarithm of the rounded sum, and what the rounding took.
#[inline(always)]
pub(crate) fn ln_1p(x: f64) -> f64 {
    let sum = 1.0 + x;
    ln_scaled(sum, 0.0) + (x - (sum - 1.0)) / sum
}

/// Applies a function to every element, on the fastest instruction set of the processor.
struct Map<'a, F>(&'a mut [f64], F);

impl<F: Fn(f64) -> f64> Kernel for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.0 {
            *x = self.1(*x);
        }
    }
}

/// [`exp`] of every element.
pub(crate) fn exp_all(x: &mut [f64]) {
    dispatch(InstructionSet::best(), Map(x, exp));
}

/// Natural logarithm of every element; each normal and positive.
pub(crate) fn ln_all(x: &mut [f64]) {
    dispatch(
        InstructionSet::best(),
        Map(
            x,
            #[inline(always)]
            |x| ln_scaled(x, 0.0),
        ),
    );
}

/// [`ln_1p`] of every element.
pub(crate) fn ln_1p_all(x: &mut [f64]) {
    dispatch(InstructionSet::best(), Map(x, ln_1p));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units in the last place by which a result may miss the system's, which has an error of its own below one.
    const ULPS: f64 = 2.0;

    /// Distance in units in the last place of the expected number.
    fn ulps(actual: f64, expected: f64) -> f64 {
        if actual == expected {
            return 0.0;
        }
        (actual - expected).abs() / (f64::from_bits(expected.abs().to_bits() + 1) - expected.abs())
    }

    #[test]
    fn exponential_agrees_with_the_system() {
        let n = 400_000;
        for i in 0..=n {
            let x = -746.0 + 1456.0 * f64::from(i) / f64::from(n);
            let error = ulps(exp(x), x.exp());
            assert!(error <= ULPS, "exp({x}) is off by {error} units");
            let near_zero = (x / 710.0).powi(9);
            let error = ulps(exp(near_zero), near_zero.exp());
            assert!(error <= ULPS, "exp({near_zero}) is off by {error} units");
        }
    }

    #[test]
    fn exponential_ends_where_doubles_end() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(-745.2), 0.0);
        assert_eq!(exp(-745.1), f64::from_bits(1));
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert_eq!(exp(709.8), f64::INFINITY);
        assert!(exp(709.7).is_finite());
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(exp(f64::MIN_POSITIVE), 1.0);
        assert_eq!(exp(f64::MIN), 0.0);
        assert_eq!(exp(f64::MAX), f64::INFINITY);
    }

    #[test]
    fn logarithm_of_one_and_a_little_agrees_with_the_system() {
        let mut x = 1.0;
        while x > 1e-300 {
            let error = ulps(ln_1p(x), x.ln_1p());
            assert!(error <= ULPS, "log(1 + {x}) is off by {error} units");
            x *= 0.997;
        }
        assert_eq!(ln_1p(0.0), 0.0);
    }

    #[test]
    fn instruction_sets_give_the_same_bits() {
        let x: Vec<f64> = (0..1003).map(|i| -760.0 + 1.47 * f64::from(i)).collect();
        let expected: Vec<u64> = x.iter().map(|&x| exp(x).to_bits()).collect();
        for isa in InstructionSet::available() {
            let mut out = x.clone();
            dispatch(isa, Map(&mut out, exp));
            assert_eq!(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), expected, "{isa:?}");
        }
    }
}
