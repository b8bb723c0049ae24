//! The log-likelihood of a chunk of patterns.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use super::vector::{V, ln_scaled};
use crate::patterns::Patterns;

/// Patterns whose logarithms are taken together.
const BATCH: usize = 64;

/// Sums `N_gp log P_p`, taking many logarithms at a time.
pub(super) struct LogSum<'a> {
    patterns: &'a Patterns,
    cancel: &'a AtomicBool,
    pattern: [usize; BATCH],
    probability: [f64; BATCH],
    exponent: [f64; BATCH],
    n_gp: [f64; BATCH],
    len: usize,
    total: V,
}

impl<'a> LogSum<'a> {
    pub fn new(patterns: &'a Patterns, cancel: &'a AtomicBool) -> Self {
        Self {
            patterns,
            cancel,
            pattern: [0; BATCH],
            probability: [1.0; BATCH],
            exponent: [0.0; BATCH],
            n_gp: [0.0; BATCH],
            len: 0,
            total: V::ZERO,
        }
    }

    /// Adds a pattern with probability `probability * 2^exponent`.
    #[inline(always)]
    pub fn push(&mut self, pattern: usize, probability: f64, exponent: f64, n_gp: f64) -> Result<(), Stop> {
        self.pattern[self.len] = pattern;
        self.probability[self.len] = probability;
        self.exponent[self.len] = exponent;
        self.n_gp[self.len] = n_gp;
        self.len += 1;
        if self.len == BATCH { self.flush() } else { Ok(()) }
    }

    #[inline(always)]
    fn flush(&mut self) -> Result<(), Stop> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        let mut all_positive = true;
        for &probability in &self.probability[..self.len] {
            all_positive &= probability > 0.0;
        }
        if !all_positive {
            return Err(self.impossible());
        }
        for i in (0..BATCH).step_by(8) {
            for l in 0..8 {
                self.total.0[l] += self.n_gp[i + l] * ln_scaled(self.probability[i + l], self.exponent[i + l]);
            }
        }
        self.n_gp = [0.0; BATCH];
        self.len = 0;
        Ok(())
    }

    #[cold]
    fn impossible(&self) -> Stop {
        let at = self.probability.iter().position(|p| p.is_nan() || *p <= 0.0).unwrap_or(0);
        let row = self.patterns.first_respondent(self.pattern[at]);
        if self.probability[at].is_nan() { Stop::NotANumber { row } } else { Stop::Impossible { row } }
    }

    #[inline(always)]
    pub fn finish(mut self) -> Result<f64, Stop> {
        self.flush()?;
        Ok(self.total.sum())
    }
}
