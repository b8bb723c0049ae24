//! The logistic function, its logarithm and sums over nodes, written so that no argument overflows or cancels.

use crate::elementary::{exp, exp_all, ln_1p, ln_1p_all};

/// The logistic function at one point, all from a single exponential.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logistic {
    /// `sigma(x)`.
    pub upper: f64,
    /// `sigma(-x) = 1 - sigma(x)`, without the subtraction.
    pub lower: f64,
    /// `exp(-|x|)`, for [`Logistic::log_rest`].
    tail: f64,
}

impl Logistic {
    /// The function at `x`, which may be infinite.
    #[inline]
    pub fn at(x: f64) -> Self {
        Self::of(x, exp(-x.abs()))
    }

    /// The function at `x`, given `exp(-|x|)` from [`Tails`].
    #[inline]
    pub fn of(x: f64, tail: f64) -> Self {
        let large = 1.0 / (1.0 + tail);
        let small = tail * large;
        if x >= 0.0 { Self { upper: large, lower: small, tail } } else { Self { upper: small, lower: large, tail } }
    }

    /// The derivative of `sigma` at the point: `sigma(x) sigma(-x)`.
    #[inline]
    pub fn slope(self) -> f64 {
        self.upper * self.lower
    }

    /// `log(1 + exp(-|x|))`: with it `log sigma(x) = min(x, 0) - log_rest` and `log sigma(-x) = -max(x, 0) - log_rest`.
    #[inline]
    pub fn log_rest(self) -> f64 {
        ln_1p(self.tail)
    }

    /// `log sigma(x)` and `log sigma(-x)` at the point, which is `x`.
    pub fn logs(self, x: f64) -> (f64, f64) {
        let rest = self.log_rest();
        (x.min(0.0) - rest, -x.max(0.0) - rest)
    }
}

/// The tails of a curve at all nodes, from which everything else follows by a division.
#[derive(Debug, Default)]
pub(super) struct Tails {
    /// `exp(-|x_l|) (K)`.
    pub tail: Vec<f64>,
    /// `log(1 + exp(-|x_l|)) (K)`; empty unless asked for.
    pub log_rest: Vec<f64>,
}

impl Tails {
    /// The tails at `x_l = b + z_l`.
    pub fn at(&mut self, b: f64, z: &[f64]) {
        self.tail.clear();
        self.tail.extend(z.iter().map(|z| -(b + z).abs()));
        exp_all(&mut self.tail);
    }

    /// As [`Tails::at`], with their logarithms.
    pub fn with_logs(&mut self, b: f64, z: &[f64]) {
        self.at(b, z);
        self.log_rest.clone_from(&self.tail);
        ln_1p_all(&mut self.log_rest);
    }
}

/// `n_above log sigma(x) + n_below log sigma(-x)`, given `log(1 + exp(-|x|))`.
#[inline]
pub(super) fn boundary_loglik(x: f64, log_rest: f64, n_below: f64, n_above: f64) -> f64 {
    n_above * x.min(0.0) - n_below * x.max(0.0) - (n_above + n_below) * log_rest
}

/// `log(1 - exp(x))` for `x < 0` (Maechler 2012): either form cancels on the other's side of `-log 2`.
pub(super) fn log_one_minus_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// How much a normal attribute flattens a logistic curve: `sqrt(1 + |a|^2 / 1.7^2)`, the factor between an intercept
/// and the logit of the proportion it gives in a standard normal population. The logistic curve is taken for a normal
/// one of scale 1.7.
pub(super) fn attenuation(slopes: &[f64]) -> f64 {
    (1.0 + slopes.iter().map(|a| a * a).sum::<f64>() / 2.89).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few roundings.
    const ROUNDING: f64 = 4.0 * f64::EPSILON;

    #[test]
    fn logistic_keeps_both_tails() {
        for x in [-700.0f64, -40.0, -1.0, 0.0, 0.3, 36.0, 700.0] {
            let at = Logistic::at(x);
            let upper = 1.0 / (1.0 + (-x).exp());
            let lower = 1.0 / (1.0 + x.exp());
            assert!((at.upper / upper - 1.0).abs() <= ROUNDING, "{x}");
            assert!((at.lower / lower - 1.0).abs() <= ROUNDING, "{x}");
        }
        assert_eq!(Logistic::at(f64::INFINITY).upper, 1.0);
        assert_eq!(Logistic::at(f64::NEG_INFINITY).upper, 0.0);
    }

    #[test]
    fn logarithms_are_linear_in_the_tails() {
        let log = |x: f64| Logistic::at(x).logs(x);
        assert_eq!(log(-800.0), (-800.0, 0.0));
        assert_eq!(log(0.0), (-std::f64::consts::LN_2, -std::f64::consts::LN_2));
        assert!((log(50.0).0 / -(-50f64).exp() - 1.0).abs() <= ROUNDING);
        assert_eq!(log(50.0), (log(-50.0).1, log(-50.0).0));
        assert_eq!(log(f64::NEG_INFINITY), (f64::NEG_INFINITY, 0.0));
    }

    #[test]
    fn log_one_minus_exp_keeps_both_ends() {
        assert!((log_one_minus_exp(-1e-300) - 1e-300f64.ln()).abs() <= 1e-12);
        assert_eq!(log_one_minus_exp(-50.0), -(-50f64).exp());
        assert!((log_one_minus_exp(-1.0) - (1.0 - (-1f64).exp()).ln()).abs() <= ROUNDING);
    }
}
