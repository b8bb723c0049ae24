//! Prior densities on single parameters, for Bayes modal estimates.

use std::f64::consts::PI;

use libm::lgamma;

use crate::error::{Error, Result};

/// A prior on one free parameter. Normal and lognormal priors are on the scale on which the parameter is estimated
/// (guessing: the logit); a beta prior is on the guessing probability itself, its density taken there, so that the
/// mode does not depend on the scale the engine works on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// Of the parameter.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Of the logarithm of the parameter, which is positive.
    LogNormal {
        /// Mean of the logarithm.
        mean: f64,
        /// Standard deviation of the logarithm.
        sd: f64,
    },
    /// Of a probability `c`, with density proportional to `c^(a - 1) (1 - c)^(b - 1)`.
    Beta {
        /// The first shape parameter.
        a: f64,
        /// The second.
        b: f64,
    },
}

impl Prior {
    /// The prior of that name with its two numbers, checked.
    ///
    /// # Errors
    /// [`Error::Spec`] where the name is not known or a number is out of range.
    pub fn new(name: &str, first: f64, second: f64) -> Result<Self> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        match name {
            "normal" if first.is_finite() && positive(second) => Ok(Self::Normal { mean: first, sd: second }),
            "lognormal" if first.is_finite() && positive(second) => Ok(Self::LogNormal { mean: first, sd: second }),
            "beta" if positive(first) && positive(second) => Ok(Self::Beta { a: first, b: second }),
            "normal" | "lognormal" => Err(Error::Spec(format!(
                "a {name} prior takes a finite mean and a positive standard deviation; found {first} and {second}"
            ))),
            "beta" => Err(Error::Spec(format!(
                "a beta prior takes two positive shape parameters; found {first} and {second}"
            ))),
            _ => Err(Error::Spec(format!("unknown prior '{name}'; known: 'normal', 'lognormal', 'beta'"))),
        }
    }

    /// Log-density at `x` on the engine's scale; minus infinity outside the support.
    pub fn log_density(&self, x: f64) -> f64 {
        match *self {
            Self::Normal { mean, sd } => -0.5 * ((x - mean) / sd).powi(2) - (sd * (2.0 * PI).sqrt()).ln(),
            Self::LogNormal { .. } if x <= 0.0 => f64::NEG_INFINITY,
            Self::LogNormal { mean, sd } => Self::Normal { mean, sd }.log_density(x.ln()) - x.ln(),
            Self::Beta { a, b } => {
                // log c = -log(1 + e^-x), log(1 - c) = -log(1 + e^x), both without cancellation
                let log_c = -softplus(-x);
                let log_d = -softplus(x);
                (a - 1.0) * log_c + (b - 1.0) * log_d + lgamma(a + b) - lgamma(a) - lgamma(b)
            }
        }
    }

    /// First and second derivative of the log-density at `x` on the engine's scale.
    pub fn derivatives(&self, x: f64) -> (f64, f64) {
        match *self {
            Self::Normal { mean, sd } => (-(x - mean) / (sd * sd), -1.0 / (sd * sd)),
            Self::LogNormal { mean, sd } => {
                let u = (x.ln() - mean) / (sd * sd);
                (-(u + 1.0) / x, (u + 1.0 - 1.0 / (sd * sd)) / (x * x))
            }
            Self::Beta { a, b } => {
                let c = 1.0 / (1.0 + (-x).exp());
                ((a - 1.0) - (a + b - 2.0) * c, -(a + b - 2.0) * c * (1.0 - c))
            }
        }
    }
}

/// `log(1 + e^x)` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Prior; 3] = [
        Prior::Normal { mean: -1.1, sd: 0.5 },
        Prior::LogNormal { mean: 0.2, sd: 0.4 },
        Prior::Beta { a: 5.0, b: 17.0 },
    ];

    #[test]
    fn derivatives_agree_with_central_differences() {
        /// Central differences with this step are good to about 1e-9.
        const DIFFERENCE_TOLERANCE: f64 = 1e-7;
        let h = 1e-5;
        for prior in ALL {
            for x in [0.3, 0.9, 2.1] {
                let f = |x| prior.log_density(x);
                let (d1, d2) = prior.derivatives(x);
                assert!(
                    (d1 - (f(x + h) - f(x - h)) / (2.0 * h)).abs() < DIFFERENCE_TOLERANCE * (1.0 + d1.abs()),
                    "{prior:?} {x}"
                );
                let g = |x| prior.derivatives(x).0;
                assert!(
                    (d2 - (g(x + h) - g(x - h)) / (2.0 * h)).abs() < DIFFERENCE_TOLERANCE * (1.0 + d2.abs()),
                    "{prior:?} {x}"
                );
            }
        }
    }

    #[test]
    fn densities_integrate_to_one_on_their_own_scale() {
        let h = 1e-3;
        let normal: f64 = (-8000..8000).map(|i| ALL[0].log_density(f64::from(i) * h).exp() * h).sum();
        let lognormal: f64 = (1..20000).map(|i| ALL[1].log_density(f64::from(i) * h).exp() * h).sum();
        let beta: f64 = (1..1000)
            .map(|i| {
                let c = f64::from(i) * h;
                ALL[2].log_density((c / (1.0 - c)).ln()).exp() * h
            })
            .sum();
        for total in [normal, lognormal, beta] {
            assert!((total - 1.0).abs() < 1e-6, "{total}");
        }
    }

    #[test]
    fn bad_numbers_are_refused_by_name() {
        for (name, a, b) in
            [("normal", 0.0, 0.0), ("lognormal", f64::NAN, 1.0), ("beta", -1.0, 2.0), ("cauchy", 0.0, 1.0)]
        {
            let message = Prior::new(name, a, b).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
