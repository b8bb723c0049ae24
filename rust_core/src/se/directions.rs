//! The directions in which the free parameters can move.

use nalgebra::{DMatrix, DVector};

use crate::params::Slot;
use crate::proportions::{FreeProportion, simplices};
use crate::spec::Model;

/// A basis of the feasible directions: one for every parameter that is not held by a bound, and one less than the
/// number of free proportions for every set that sums to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// The columns of `Z (n_free, n_directions)`: free parameters, none of them held, and how far each moves. A direction
    /// moves one or two.
    columns: Vec<Vec<(usize, f64)>>,
    /// The proportions that can move, of every set that sums to one.
    sums: Vec<Vec<FreeProportion>>,
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
        let mut sums: Vec<Vec<FreeProportion>> = Vec::new();
        for simplex in simplices(model) {
            let free: Vec<FreeProportion> = simplex.free().into_iter().filter(|own| !held[own.parameter]).collect();
            free.iter().for_each(|own| constrained[own.parameter] = true);
            let Some((last, others)) = free.split_last() else { continue };
            if others.is_empty() {
                held[last.parameter] = true;
            }
            let against_last = |own: &FreeProportion| (last.parameter, -own.n_classes / last.n_classes);
            columns.extend(others.iter().map(|own| vec![(own.parameter, 1.0), against_last(own)]));
            sums.push(free);
        }
        columns.extend((0..x.len()).filter(|&f| !held[f] && !constrained[f]).map(|f| vec![(f, 1.0)]));
        columns.sort_by_key(|column| column[0].0);
        Self { columns, sums, held }
    }

    /// Number of directions.
    pub fn len(&self) -> usize {
        self.columns.len()
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
        self.columns[direction].iter().map(|&(f, _)| f)
    }

    /// `x` moved along the directions: `x + Z along`.
    pub fn moved(&self, x: &[f64], along: &DVector<f64>) -> Vec<f64> {
        let mut moved = x.to_vec();
        for (column, along) in self.columns.iter().zip(along) {
            column.iter().for_each(|&(f, weight)| moved[f] += weight * along);
        }
        moved
    }

    /// `Z' g`: a gradient in the directions' coordinates.
    pub fn project(&self, gradient: &[f64]) -> DVector<f64> {
        let along = |column: &Vec<(usize, f64)>| column.iter().map(|&(f, weight)| weight * gradient[f]).sum();
        DVector::from_iterator(self.len(), self.columns.iter().map(along))
    }

    /// The part of a gradient that points along the directions: zero at a maximum. Elements of parameters that cannot
    /// move stay as they are.
    pub fn along(&self, gradient: &[f64]) -> Vec<f64> {
        let mut along = gradient.to_vec();
        // A direction keeps the weighted sum of each set of proportions, and nothing else.
        for sum in self.sums.iter().filter(|sum| sum.len() > 1) {
            let across: f64 = sum.iter().map(|own| own.n_classes * gradient[own.parameter]).sum();
            let share = across / sum.iter().map(|own| own.n_classes * own.n_classes).sum::<f64>();
            sum.iter().for_each(|own| along[own.parameter] -= own.n_classes * share);
        }
        along
    }

    /// `Z' A Z`: a second derivative in the directions' coordinates. What `A` says of parameters that cannot move is
    /// left out, even where it is no number.
    pub fn project_matrix(&self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(self.len(), self.len(), |d, e| {
            let pairs =
                self.columns[d].iter().flat_map(|first| self.columns[e].iter().map(move |second| (first, second)));
            pairs.map(|(&(f, left), &(g, right))| left * right * matrix[(f, g)]).sum()
        })
    }

    /// `Z C Z'`: the covariance of the free parameters; NaN for those that cannot move, and everywhere without `C`.
    pub fn expand(&self, coordinates: Option<&DMatrix<f64>>) -> DMatrix<f64> {
        let n = self.held.len();
        let Some(coordinates) = coordinates else { return DMatrix::from_element(n, n, f64::NAN) };
        let mut covariance = self.combine(&self.combine(coordinates).transpose());
        for f in (0..n).filter(|&f| self.held[f]) {
            covariance.row_mut(f).fill(f64::NAN);
            covariance.column_mut(f).fill(f64::NAN);
        }
        covariance
    }

    /// `Z C` for `C (n_directions, k)`.
    fn combine(&self, coordinates: &DMatrix<f64>) -> DMatrix<f64> {
        let mut combined = DMatrix::zeros(self.held.len(), coordinates.ncols());
        for (from, mut to) in coordinates.column_iter().zip(combined.column_iter_mut()) {
            for (column, along) in self.columns.iter().zip(&from) {
                column.iter().for_each(|&(f, weight)| to[f] += weight * along);
            }
        }
        combined
    }

    /// The free parameters that take part in directions given in coordinates `(n_directions, k)`, most first.
    pub fn involved(&self, coordinates: &DMatrix<f64>) -> Vec<usize> {
        /// Smaller shares than this of the largest are not worth naming.
        const SHARE: f64 = 0.2;
        let weights: Vec<f64> = self.combine(coordinates).row_iter().map(|row| row.norm()).collect();
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
