//! The yardsticks: what a program does that computes patterns x items x nodes in logarithms.

use std::collections::HashMap;

use mixirt_core::patterns::MISSING;

/// The plain log-domain kernel: patterns x items x nodes, with an exponential per pattern and node. Missing answers are
/// skipped, as in every program.
pub struct PlainKernel {
    /// `(P, I)`
    pub codes: Vec<u8>,
    /// `(L)`
    pub log_prior: Vec<f64>,
    /// `(I, M, L)` with the largest `M` for all.
    pub log_probabilities: Vec<f64>,
    pub n_items: usize,
    pub max_categories: usize,
}

impl PlainKernel {
    fn at(&self, item: usize, code: u8) -> usize {
        (item * self.max_categories + code as usize) * self.log_prior.len()
    }

    /// The posterior of a pattern, written over `row (L)`; returns the log-probability.
    fn posterior(&self, codes: &[u8], row: &mut [f64]) -> f64 {
        let n = self.log_prior.len();
        row.copy_from_slice(&self.log_prior);
        for (i, &code) in answered(codes) {
            let log_p = &self.log_probabilities[self.at(i, code)..][..n];
            row.iter_mut().zip(log_p).for_each(|(a, b)| *a += b);
        }
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|x| *x = (*x - largest).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= sum);
        largest + sum.ln()
    }

    /// One E-step; returns the log-likelihood.
    pub fn e_step(&self, n_gp: &[f64], n_gl: &mut [f64], n_glim: &mut [f64]) -> f64 {
        let n = self.log_prior.len();
        let mut row = vec![0.0; n];
        let mut loglik = 0.0;
        n_gl.fill(0.0);
        n_glim.fill(0.0);
        for (codes, n_gp) in self.codes.chunks(self.n_items).zip(n_gp) {
            loglik += n_gp * self.posterior(codes, &mut row);
            row.iter_mut().for_each(|x| *x *= n_gp);
            n_gl.iter_mut().zip(&row).for_each(|(a, b)| *a += b);
            for (i, &code) in answered(codes) {
                let to = &mut n_glim[self.at(i, code)..][..n];
                to.iter_mut().zip(&row).for_each(|(a, b)| *a += b);
            }
        }
        loglik
    }

    /// Posterior mean and standard deviation of every pattern on the nodes `theta (L)`.
    pub fn eap(&self, theta: &[f64]) -> Vec<[f64; 2]> {
        let mut row = vec![0.0; self.log_prior.len()];
        let score = |codes: &[u8]| {
            self.posterior(codes, &mut row);
            let mean: f64 = row.iter().zip(theta).map(|(p, t)| p * t).sum();
            let variance: f64 = row.iter().zip(theta).map(|(p, t)| p * (t - mean) * (t - mean)).sum();
            [mean, variance.sqrt()]
        };
        self.codes.chunks(self.n_items).map(score).collect()
    }
}

/// The items that were answered, with the answers.
fn answered(codes: &[u8]) -> impl Iterator<Item = (usize, &u8)> {
    codes.iter().enumerate().filter(|(_, code)| **code != MISSING)
}

/// Unique rows of codes by hashing them whole, with their frequencies.
pub fn unique_rows(codes: &[u8], n_items: usize) -> Vec<(&[u8], f64)> {
    let mut position = HashMap::new();
    let mut unique: Vec<(&[u8], f64)> = Vec::new();
    for row in codes.chunks(n_items) {
        let at = *position.entry(row).or_insert(unique.len());
        if at == unique.len() {
            unique.push((row, 0.0));
        }
        unique[at].1 += 1.0;
    }
    unique
}

/// Codes of floating-point answers, cell by cell; the first that is no category ends it.
pub fn codes_of(values: &[f64], n_categories: usize) -> Option<Vec<u8>> {
    let code = |&x: &f64| {
        let is_category = x >= 0.0 && x < n_categories as f64 && x.fract() == 0.0;
        if x.is_nan() { Some(255) } else { is_category.then_some(x as u8) }
    };
    values.iter().map(code).collect()
}

/// Probabilities `(M, K)` of a generalised partial credit item: a softmax at every node.
pub fn gpcm_table(slope: f64, intercepts: &[f64], theta: &[f64], table: &mut [f64]) {
    let n = theta.len();
    for (l, t) in theta.iter().enumerate() {
        let logit = |m: usize| if m == 0 { 0.0 } else { intercepts[m - 1] + m as f64 * slope * t };
        let largest = (0..=intercepts.len()).map(logit).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..=intercepts.len()).map(|m| (logit(m) - largest).exp()).sum();
        (0..=intercepts.len()).for_each(|m| table[m * n + l] = (logit(m) - largest).exp() / sum);
    }
}
