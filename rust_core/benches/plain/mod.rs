//! The plain kernel that the benches measure against.

/// The yardstick: patterns x items x nodes in logarithms, with an exponential per pattern and node.
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
    /// One E-step; returns the log-likelihood.
    pub fn run(&self, n_gp: &[f64], n_gl: &mut [f64], n_glim: &mut [f64]) -> f64 {
        let n = self.log_prior.len();
        let at = |i: usize, code: u8| (i * self.max_categories + code as usize) * n;
        let mut logs = vec![0.0; n];
        let mut loglik = 0.0;
        n_gl.fill(0.0);
        n_glim.fill(0.0);
        for (codes, n_gp) in self.codes.chunks(self.n_items).zip(n_gp) {
            logs.copy_from_slice(&self.log_prior);
            for (i, &code) in codes.iter().enumerate() {
                let row = &self.log_probabilities[at(i, code)..][..n];
                logs.iter_mut().zip(row).for_each(|(a, b)| *a += b);
            }
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            logs.iter_mut().for_each(|x| *x = (*x - largest).exp());
            let sum: f64 = logs.iter().sum();
            loglik += n_gp * (largest + sum.ln());
            logs.iter_mut().for_each(|x| *x *= n_gp / sum);
            n_gl.iter_mut().zip(&logs).for_each(|(a, b)| *a += b);
            for (i, &code) in codes.iter().enumerate() {
                let row = &mut n_glim[at(i, code)..][..n];
                row.iter_mut().zip(&logs).for_each(|(a, b)| *a += b);
            }
        }
        loglik
    }
}
