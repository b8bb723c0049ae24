//! The directions in which the free parameters can move.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::params::Slot;
use crate::proportions::simplices;
use crate::spec::Model;

/// A basis of the feasible directions: one for every parameter that is not held by a bound, and one less than the
/// number of free proportions for every set that sums to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// `Z (n_free, n_directions)`.
    basis: DMatrix<f64>,
    /// Free parameters at a bound, or alone in a sum-to-one constraint.
    held: Vec<bool>,
}

impl Directions {
    /// The directions at `x`.
    pub fn new(model: &Model, x: &[f64]) -> Self {
        let table = &model.table;
        let mut held: Vec<bool> = table.free.iter().zip(x).map(|(f, &x)| x <= f.lower || x >= f.upper).collect();
        let mut constrained = vec![false; x.len()];
        let mut columns: Vec<Vec<(usize, f64)>> = Vec::new();
        for simplex in simplices(model) {
            let free: Vec<(usize, usize)> = simplex.free().into_iter().filter(|&(f, _)| !held[f]).collect();
            free.iter().for_each(|&(f, _)| constrained[f] = true);
            let Some((&(last, last_times), others)) = free.split_last() else { continue };
            if others.is_empty() {
                held[last] = true;
            }
            for &(f, times) in others {
                columns.push(vec![(f, 1.0), (last, -(times as f64) / last_times as f64)]);
            }
        }
        columns.extend((0..x.len()).filter(|&f| !held[f] && !constrained[f]).map(|f| vec![(f, 1.0)]));
        columns.sort_by_key(|column| column[0].0);
        let mut basis = DMatrix::zeros(x.len(), columns.len());
        for (d, column) in columns.iter().enumerate() {
            column.iter().for_each(|&(f, weight)| basis[(f, d)] = weight);
        }
        Self { basis, held }
    }

    /// Number of directions.
    pub fn len(&self) -> usize {
        self.basis.ncols()
    }

    /// Whether nothing can move.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Free parameters that cannot move.
    pub fn held(&self) -> &[bool] {
        &self.held
    }

    /// The free parameters that a direction moves.
    pub fn moves(&self, direction: usize) -> impl Iterator<Item = usize> {
        let column = self.basis.column(direction);
        (0..column.len()).filter(move |&f| column[f] != 0.0)
    }

    /// `x` moved along the directions: `x + Z along`.
    pub fn moved(&self, x: &[f64], along: &DVector<f64>) -> Vec<f64> {
        x.iter().zip((&self.basis * along).iter()).map(|(x, z)| x + z).collect()
    }

    /// `Z' g`: a gradient in the directions' coordinates.
    pub fn project(&self, gradient: &[f64]) -> DVector<f64> {
        let moving = gradient.iter().zip(&self.held).map(|(&g, &held)| if held { 0.0 } else { g });
        self.basis.tr_mul(&DVector::from_iterator(gradient.len(), moving))
    }

    /// The part of a gradient that points along the directions: zero at a maximum. Elements of parameters that cannot
    /// move stay as they are.
    pub fn along(&self, gradient: &[f64]) -> Vec<f64> {
        let gram = Cholesky::new(self.basis.tr_mul(&self.basis));
        let along = gram.map(|gram| &self.basis * gram.solve(&self.project(gradient)));
        let along = along.unwrap_or_else(|| DVector::zeros(gradient.len()));
        gradient.iter().zip(&along).zip(&self.held).map(|((&g, &a), &held)| if held { g } else { a }).collect()
    }

    /// `Z' A Z`: a second derivative in the directions' coordinates. What `A` says of parameters that cannot move is
    /// left out, even where it is no number.
    pub fn project_matrix(&self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.held.len();
        let moving = DMatrix::from_fn(n, n, |f, g| if self.held[f] || self.held[g] { 0.0 } else { matrix[(f, g)] });
        self.basis.tr_mul(&(moving * &self.basis))
    }

    /// `Z C Z'`: the covariance of the free parameters; NaN for those that cannot move, and everywhere without `C`.
    pub fn expand(&self, coordinates: Option<&DMatrix<f64>>) -> DMatrix<f64> {
        let n = self.held.len();
        let Some(coordinates) = coordinates else { return DMatrix::from_element(n, n, f64::NAN) };
        let mut covariance = &self.basis * coordinates * self.basis.transpose();
        for f in (0..n).filter(|&f| self.held[f]) {
            covariance.row_mut(f).fill(f64::NAN);
            covariance.column_mut(f).fill(f64::NAN);
        }
        covariance
    }

    /// The free parameters that take part in directions given in coordinates `(n_directions, k)`, most first.
    pub fn involved(&self, coordinates: &DMatrix<f64>) -> Vec<usize> {
        /// Smaller shares than this of the largest are not worth naming.
        const SHARE: f64 = 0.2;
        let weights: Vec<f64> = (&self.basis * coordinates).row_iter().map(|row| row.norm()).collect();
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let mut involved: Vec<usize> = (0..weights.len()).filter(|&f| weights[f] > SHARE * largest).collect();
        involved.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
        involved
    }
}

/// The free parameter of a slot.
pub(super) fn free_of(slot: Slot) -> Option<usize> {
    if let Slot::Free(f) = slot { Some(f) } else { None }
}
