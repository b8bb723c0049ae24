//! Posterior expectations where attributes are eliminated.

use super::{Elimination, PlacedElimination};
use crate::e_step::{ReadyElimination, Respondent};
use crate::grid::Grid;
use crate::lanes::dot;

/// What the posterior of a respondent over the outer nodes is turned into.
#[derive(Debug)]
pub(crate) struct Expectations {
    n_classes: usize,
    /// Per outer attribute `(L)`: the attribute about its origin, and its square.
    outer: Vec<[Vec<f64>; 2]>,
    /// Per attribute.
    places: Vec<Place>,
}

/// Where the moments of an attribute come from.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The coordinates of an outer attribute.
    Outer(usize),
    /// The conditional expectations of an eliminated one.
    Eliminated(usize),
}

impl Elimination {
    /// The functions whose conditional expectations [`Expectations`] needs, for every eliminated attribute
    /// `(C, F, D)`: the attribute about its origin, and its square.
    pub(crate) fn functions(&self, axes: &[&PlacedElimination], origin: &[f64]) -> Vec<Vec<f64>> {
        let of_class = |j: usize, placed: &PlacedElimination| -> Vec<f64> {
            let distances = || placed.axes[j].iter().map(|t| t - origin[j]);
            distances().chain(distances().map(|d| d * d)).collect()
        };
        self.eliminated().map(|(j, _)| axes.iter().flat_map(|placed| of_class(j, placed)).collect()).collect()
    }
}

impl Expectations {
    /// For the outer grids of all classes.
    pub fn new(elimination: &Elimination, grids: &[&Grid], origin: &[f64]) -> Self {
        let theta = |at: usize, j: usize| -> [Vec<f64>; 2] {
            let values = grids.iter().flat_map(|grid| grid.attribute(at));
            let distances: Vec<f64> = values.map(|t| t - origin[j]).collect();
            let squares = distances.iter().map(|d| d * d).collect();
            [distances, squares]
        };
        let outer = elimination.outer().iter().enumerate().map(|(at, &j)| theta(at, j)).collect();
        let mut places = vec![Place::Outer(0); origin.len()];
        elimination.outer().iter().enumerate().for_each(|(at, &j)| places[j] = Place::Outer(at));
        elimination.eliminated().enumerate().for_each(|(e, (j, _))| places[j] = Place::Eliminated(e));
        Self { n_classes: grids.len(), outer, places }
    }

    /// Writes class probabilities `(C)`, first moments `(J)` and the lower triangle of second ones about the origin over
    /// `to`; `weighted (L)` is memory.
    pub fn of_respondent(&self, respondent: &Respondent, weighted: &mut Vec<f64>, to: &mut Vec<f64>) {
        let posterior = respondent.posterior();
        let (n, n_nodes) = (self.places.len(), posterior.len());
        to.clear();
        to.extend(posterior.chunks_exact(n_nodes / self.n_classes).map(|nodes| nodes.iter().sum::<f64>()));
        let moment = |j: usize, power: usize| -> &[f64] {
            match self.places[j] {
                Place::Outer(at) => &self.outer[at][power],
                Place::Eliminated(e) => &respondent.expectations(e)[power * n_nodes..(power + 1) * n_nodes],
            }
        };
        to.extend((0..n).map(|j| dot(moment(j, 0), posterior)));
        for j in 0..n {
            // Given the outer node, attributes that differ are independent.
            weighted.clear();
            weighted.extend(moment(j, 0).iter().zip(posterior).map(|(f, p)| f * p));
            to.extend((0..j).map(|k| dot(moment(k, 0), weighted)));
            to.push(dot(moment(j, 1), posterior));
        }
    }
}

/// Writes the most probable node of a class, over all attributes, over `theta (J)`; after detailed work.
pub(crate) fn mode(
    elimination: &Elimination,
    grid: &Grid,
    placed: &PlacedElimination,
    ready: &ReadyElimination,
    respondent: &Respondent,
    class: usize,
    theta: &mut [f64],
) {
    let node = respondent.mode(class);
    for (at, &j) in elimination.outer().iter().enumerate() {
        theta[j] = grid.attribute(at)[node];
    }
    for (e, (j, _)) in elimination.eliminated().enumerate() {
        let probabilities = ready.conditional(respondent, e, class, node);
        let first = |a: (usize, f64), b: (usize, f64)| if b.1 > a.1 { b } else { a };
        theta[j] = placed.axes[j][probabilities.enumerate().fold((0, 0.0), first).0];
    }
}
