//! The log-likelihood of a chunk of patterns.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use super::vector::{V, ln_scaled};
use crate::patterns::Patterns;

/// Patterns whose logarithms are taken together.
pub(super) const LOT: usize = 64;

/// Probabilities of some patterns and their numbers of respondents; those that are not there have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lot {
    pub probability: [f64; LOT],
    pub n_gp: [f64; LOT],
}

impl Default for Lot {
    fn default() -> Self {
        Self { probability: [1.0; LOT], n_gp: [0.0; LOT] }
    }
}

/// Sums `N_gp log P_p`, taking many logarithms at a time.
pub(super) struct LogSum<'a> {
    patterns: &'a Patterns,
    cancel: &'a AtomicBool,
    /// Patterns that came one by one.
    lot: Lot,
    pattern: [usize; LOT],
    exponent: [f64; LOT],
    len: usize,
    total: V,
}

impl<'a> LogSum<'a> {
    pub fn new(patterns: &'a Patterns, cancel: &'a AtomicBool) -> Self {
        Self { patterns, cancel, lot: Lot::default(), pattern: [0; LOT], exponent: [0.0; LOT], len: 0, total: V::ZERO }
    }

    /// Whether to go on.
    #[inline(always)]
    pub fn check(&self) -> Result<(), Stop> {
        if self.cancel.load(Ordering::Relaxed) { Err(Stop::Interrupted) } else { Ok(()) }
    }

    /// Adds some patterns, given by their position in the lot.
    #[inline(always)]
    pub fn add(&mut self, lot: &Lot, pattern: impl Fn(usize) -> usize) -> Result<(), Stop> {
        self.add_scaled(lot, &[0.0; LOT], pattern)
    }

    /// Adds a pattern with probability `probability * 2^exponent`.
    #[inline(always)]
    pub fn push(&mut self, pattern: usize, probability: f64, exponent: f64, n_gp: f64) -> Result<(), Stop> {
        self.pattern[self.len] = pattern;
        self.lot.probability[self.len] = probability;
        self.exponent[self.len] = exponent;
        self.lot.n_gp[self.len] = n_gp;
        self.len += 1;
        if self.len == LOT { self.flush() } else { Ok(()) }
    }

    #[inline(always)]
    fn flush(&mut self) -> Result<(), Stop> {
        let (lot, exponent, pattern) = (self.lot, self.exponent, self.pattern);
        (self.lot, self.len) = (Lot::default(), 0);
        self.add_scaled(&lot, &exponent, |at| pattern[at])
    }

    #[inline(always)]
    fn add_scaled(&mut self, lot: &Lot, exponent: &[f64; LOT], pattern: impl Fn(usize) -> usize) -> Result<(), Stop> {
        self.check()?;
        let mut all_positive = true;
        for &probability in &lot.probability {
            all_positive &= probability > 0.0;
        }
        if !all_positive {
            return Err(self.impossible(lot, pattern));
        }
        for i in (0..LOT).step_by(8) {
            for l in 0..8 {
                self.total.0[l] += lot.n_gp[i + l] * ln_scaled(lot.probability[i + l], exponent[i + l]);
            }
        }
        Ok(())
    }

    #[cold]
    fn impossible(&self, lot: &Lot, pattern: impl Fn(usize) -> usize) -> Stop {
        let at = lot.probability.iter().position(|p| p.is_nan() || *p <= 0.0).unwrap_or(0);
        let row = self.patterns.first_respondent(pattern(at));
        if lot.probability[at].is_nan() { Stop::NotANumber { row } } else { Stop::Impossible { row } }
    }

    #[inline(always)]
    pub fn finish(mut self) -> Result<f64, Stop> {
        self.flush()?;
        Ok(self.total.sum())
    }
}
