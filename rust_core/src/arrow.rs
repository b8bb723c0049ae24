//! Gradients and Hessians whose parameters fall into clusters that only a few shared parameters couple.
//!
//! A common slope over a thousand items gives a Hessian with a thousand small diagonal blocks and one border. Solving
//! it cluster by cluster costs what the items cost; an ordinary small dense system is the case of one cluster and no
//! shared parameter.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Value, gradient and Hessian of a block of parameters: cluster by cluster, then the shared ones.
#[derive(Debug, Clone)]
pub struct ArrowDerivatives {
    /// The function itself.
    pub value: f64,
    /// First derivatives, in block order.
    pub gradient: Vec<f64>,
    /// Second derivatives within each cluster.
    pub own: Vec<DMatrix<f64>>,
    /// Second derivatives between each cluster (rows) and the shared parameters (columns).
    pub border: Vec<DMatrix<f64>>,
    /// Second derivatives among the shared parameters.
    pub core: DMatrix<f64>,
}

impl ArrowDerivatives {
    /// All zero.
    pub fn zeros(cluster_sizes: &[usize], n_shared: usize) -> Self {
        let n = cluster_sizes.iter().sum::<usize>() + n_shared;
        Self {
            value: 0.0,
            gradient: vec![0.0; n],
            own: cluster_sizes.iter().map(|&k| DMatrix::zeros(k, k)).collect(),
            border: cluster_sizes.iter().map(|&k| DMatrix::zeros(k, n_shared)).collect(),
            core: DMatrix::zeros(n_shared, n_shared),
        }
    }

    /// Back to zero, keeping the memory.
    pub fn clear(&mut self) {
        self.value = 0.0;
        self.gradient.fill(0.0);
        for matrix in self.own.iter_mut().chain(&mut self.border) {
            matrix.fill(0.0);
        }
        self.core.fill(0.0);
    }

    /// The whole Hessian as one matrix, in block order.
    pub fn dense_hessian(&self) -> DMatrix<f64> {
        let n = self.gradient.len();
        let shared = n - self.core.nrows();
        let mut dense = DMatrix::zeros(n, n);
        let mut first = 0;
        for (own, border) in self.own.iter().zip(&self.border) {
            let k = own.nrows();
            dense.view_mut((first, first), (k, k)).copy_from(own);
            dense.view_mut((first, shared), border.shape()).copy_from(border);
            dense.view_mut((shared, first), (border.ncols(), k)).copy_from(&border.transpose());
            first += k;
        }
        dense.view_mut((shared, shared), self.core.shape()).copy_from(&self.core);
        dense
    }

    /// Takes the parameters marked in `held` out of the system: their steps will be 0.
    pub fn hold(&mut self, held: &[bool]) {
        let mut first = 0;
        for (own, border) in self.own.iter_mut().zip(&mut self.border) {
            for i in (0..own.nrows()).filter(|i| held[first + i]) {
                own.row_mut(i).fill(0.0);
                own.column_mut(i).fill(0.0);
                own[(i, i)] = -1.0;
                border.row_mut(i).fill(0.0);
                self.gradient[first + i] = 0.0;
            }
            first += own.nrows();
        }
        for s in (0..self.core.nrows()).filter(|s| held[first + s]) {
            self.border.iter_mut().for_each(|border| border.column_mut(s).fill(0.0));
            self.core.row_mut(s).fill(0.0);
            self.core.column_mut(s).fill(0.0);
            self.core[(s, s)] = -1.0;
            self.gradient[first + s] = 0.0;
        }
    }

    /// The ascent step `(-H + ridge D)^-1 gradient`, with the smallest ridge out of a growing sequence that makes the
    /// matrix positive definite; `None` when the derivatives are not finite. `D` holds the sizes of the diagonal of `H`,
    /// so that the ridge is no heavier on parameters measured in large units.
    pub fn ascent_step(&self) -> Option<Vec<f64>> {
        /// First ridge tried and the factor to the next.
        const FIRST_RIDGE: f64 = 1e-4;
        const RIDGE_FACTOR: f64 = 10.0;
        const MAX_TRIES: usize = 16;
        /// A diagonal element counts for at least this share of the largest.
        const SMALLEST_DIAGONAL: f64 = 1e-10;

        let matrices = || self.own.iter().chain([&self.core]);
        let largest = matrices().flat_map(|m| (0..m.nrows()).map(|i| m[(i, i)].abs())).fold(0.0, f64::max);
        let is_finite = |m: &DMatrix<f64>| m.iter().all(|h| h.is_finite());
        if !matrices().chain(&self.border).all(is_finite) || self.gradient.iter().any(|g| !g.is_finite()) {
            return None;
        }
        let floor = (SMALLEST_DIAGONAL * largest).max(f64::MIN_POSITIVE);
        let mut ridge = 0.0;
        for _ in 0..MAX_TRIES {
            if let Some(step) = self.solve(ridge, floor)
                && step.iter().all(|d| d.is_finite())
            {
                return Some(step);
            }
            ridge = if ridge == 0.0 { FIRST_RIDGE } else { ridge * RIDGE_FACTOR };
        }
        None
    }

    /// Solves by eliminating every cluster into the shared parameters (Schur complement).
    fn solve(&self, ridge: f64, floor: f64) -> Option<Vec<f64>> {
        let n_shared = self.core.nrows();
        let first_shared = self.gradient.len() - n_shared;
        let mut schur = negated_with_ridge(&self.core, ridge, floor);
        let mut shared_rhs = DVector::from_column_slice(&self.gradient[first_shared..]);
        let mut factors: Vec<Cholesky<f64, Dyn>> = Vec::with_capacity(self.own.len());
        let mut steps: Vec<DVector<f64>> = Vec::with_capacity(self.own.len());
        let mut first = 0;
        for (own, border) in self.own.iter().zip(&self.border) {
            let factor = well_conditioned(negated_with_ridge(own, ridge, floor))?;
            let step = factor.solve(&DVector::from_column_slice(&self.gradient[first..first + own.nrows()]));
            if n_shared > 0 {
                // -H_ls = -border, twice negated below: the products keep their sign.
                schur -= border.tr_mul(&factor.solve(border));
                shared_rhs += border.tr_mul(&step);
            }
            first += own.nrows();
            factors.push(factor);
            steps.push(step);
        }
        let shared = if n_shared > 0 { well_conditioned(schur)?.solve(&shared_rhs) } else { shared_rhs };
        let mut result = Vec::with_capacity(self.gradient.len());
        for ((mut step, factor), border) in steps.into_iter().zip(&factors).zip(&self.border) {
            if n_shared > 0 {
                step += factor.solve(&(border * &shared));
            }
            result.extend(step.iter());
        }
        result.extend(shared.iter());
        Some(result)
    }
}

/// `-H + ridge D`, no element of `D` below `floor`.
fn negated_with_ridge(matrix: &DMatrix<f64>, ridge: f64, floor: f64) -> DMatrix<f64> {
    let mut negated = -matrix;
    for i in 0..negated.nrows() {
        negated[(i, i)] += ridge * matrix[(i, i)].abs().max(floor);
    }
    negated
}

/// The Cholesky factor, unless a pivot says that the matrix is singular to working precision.
fn well_conditioned(matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    /// A pivot this small relative to its diagonal element is rounding error.
    const SINGULAR: f64 = 1e-13;
    let diagonal = matrix.diagonal();
    let factor = Cholesky::new(matrix)?;
    let l = factor.l_dirty();
    let sound = (0..diagonal.len()).all(|i| l[(i, i)] * l[(i, i)] > SINGULAR * diagonal[i]);
    sound.then_some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding in the solution of well-conditioned systems of eight equations.
    const SOLUTION_TOLERANCE: f64 = 1e-13;

    /// A negative definite arrow of three clusters and two shared parameters, and the same as one dense matrix.
    fn example() -> (ArrowDerivatives, DMatrix<f64>) {
        let sizes = [2, 1, 3];
        let mut arrow = ArrowDerivatives::zeros(&sizes, 2);
        let mut dense = DMatrix::zeros(8, 8);
        let mut first = 0;
        for (c, &k) in sizes.iter().enumerate() {
            for i in 0..k {
                for j in 0..k {
                    let v = if i == j { -3.0 - i as f64 - c as f64 } else { 0.3 };
                    arrow.own[c][(i, j)] = v;
                    dense[(first + i, first + j)] = v;
                }
                for s in 0..2 {
                    let v = 0.2 * (i as f64 + 1.0) - 0.1 * s as f64;
                    arrow.border[c][(i, s)] = v;
                    dense[(first + i, 6 + s)] = v;
                    dense[(6 + s, first + i)] = v;
                }
            }
            first += k;
        }
        for s in 0..2 {
            for t in 0..2 {
                let v = if s == t { -4.0 } else { 0.5 };
                arrow.core[(s, t)] = v;
                dense[(6 + s, 6 + t)] = v;
            }
        }
        for (i, g) in arrow.gradient.iter_mut().enumerate() {
            *g = (i as f64 - 2.5) * 0.7;
        }
        (arrow, dense)
    }

    #[test]
    fn the_step_is_that_of_the_dense_system() {
        let (arrow, dense) = example();
        let expected = (-dense).lu().solve(&DVector::from_column_slice(&arrow.gradient)).unwrap();
        let step = arrow.ascent_step().unwrap();
        for (a, b) in step.iter().zip(expected.iter()) {
            assert!((a - b).abs() < SOLUTION_TOLERANCE, "{a} {b}");
        }
    }

    #[test]
    fn held_parameters_do_not_move_and_the_others_solve_the_reduced_system() {
        let (mut arrow, dense) = example();
        let held = [false, true, false, false, false, true, true, false];
        let rows: Vec<usize> = (0..8).filter(|&i| !held[i]).collect();
        let reduced = DMatrix::from_fn(rows.len(), rows.len(), |i, j| -dense[(rows[i], rows[j])]);
        let rhs = DVector::from_fn(rows.len(), |i, _| arrow.gradient[rows[i]]);
        let expected = reduced.lu().solve(&rhs).unwrap();
        arrow.hold(&held);
        let step = arrow.ascent_step().unwrap();
        for (k, &i) in rows.iter().enumerate() {
            assert!((step[i] - expected[k]).abs() < SOLUTION_TOLERANCE);
        }
        assert!((0..8).filter(|&i| held[i]).all(|i| step[i] == 0.0));
    }

    #[test]
    fn an_indefinite_hessian_still_gives_an_ascent_direction() {
        let mut arrow = ArrowDerivatives::zeros(&[2], 0);
        arrow.own[0] = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, -1.0]);
        arrow.gradient = vec![0.5, 0.25];
        let step = arrow.ascent_step().unwrap();
        assert!(step.iter().zip(&arrow.gradient).map(|(d, g)| d * g).sum::<f64>() > 0.0);
        arrow.gradient[0] = f64::NAN;
        assert!(arrow.ascent_step().is_none());
    }

    #[test]
    fn the_ridge_does_not_depend_on_units() {
        let mut arrow = ArrowDerivatives::zeros(&[2], 0);
        arrow.own[0] = DMatrix::from_row_slice(2, 2, &[-1.0, 1.5, 1.5, -1.0]);
        arrow.gradient = vec![0.5, 0.25];
        let step = arrow.ascent_step().unwrap();
        // The first parameter in units 1024 times as large: exact in binary.
        let unit = 1024.0;
        arrow.own[0] = DMatrix::from_row_slice(2, 2, &[-unit * unit, 1.5 * unit, 1.5 * unit, -1.0]);
        arrow.gradient[0] *= unit;
        let scaled = arrow.ascent_step().unwrap();
        assert!(
            (scaled[0] * unit - step[0]).abs() < SOLUTION_TOLERANCE && (scaled[1] - step[1]).abs() < SOLUTION_TOLERANCE,
            "{step:?} {scaled:?}"
        );
    }
}
