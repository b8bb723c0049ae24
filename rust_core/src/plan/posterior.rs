//! Posterior expectations where attributes are eliminated.

use super::{Elimination, PlacedElimination};
use crate::e_step::InnerSummary;
use crate::grid::Grid;
use crate::patterns::Patterns;

/// What the posterior of a pattern over the outer nodes is turned into.
pub(crate) struct Expectations<'a> {
    pub elimination: &'a Elimination,
    pub patterns: &'a Patterns,
    /// Per eliminated attribute: conditional first and second moments about the origin, and modes.
    pub summaries: &'a [InnerSummary],
    /// Per class: the outer grid and the axes.
    pub placed: Vec<(&'a Grid, &'a PlacedElimination)>,
    /// The point about which moments are taken (`J`).
    pub origin: &'a [f64],
}

/// The expectations of one pattern.
pub(crate) struct PatternExpectations {
    /// First moments (`J`), then the lower triangle of second ones, about the origin.
    pub moments: Vec<f64>,
    /// `(C, J)`: the most probable node of each class.
    pub modes: Vec<f64>,
}

impl Elimination {
    /// The functions whose conditional expectations [`Expectations`] needs, for every eliminated attribute
    /// `(F, C, D)`: the attribute about its origin, and its square.
    pub(crate) fn functions(&self, axes: &[&PlacedElimination], origin: &[f64]) -> Vec<Vec<f64>> {
        let of = |j: usize| {
            let distances: Vec<f64> = axes.iter().flat_map(|p| &p.axes[j]).map(|t| t - origin[j]).collect();
            let squares: Vec<f64> = distances.iter().map(|d| d * d).collect();
            [distances, squares].concat()
        };
        self.eliminated().map(|(j, _)| of(j)).collect()
    }
}

impl Expectations<'_> {
    /// The expectations of a pattern with this posterior over the outer nodes of all classes.
    pub(crate) fn of_pattern(&self, pattern: usize, posterior: &[f64]) -> PatternExpectations {
        let n = self.origin.len();
        let n_nodes = posterior.len();
        // First and second moments of every attribute about the origin, given the outer node.
        let (mut first, mut second) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for (at, &j) in self.elimination.outer().iter().enumerate() {
            let theta =
                self.placed.iter().flat_map(|(grid, _)| &grid.theta[at * grid.n_nodes..(at + 1) * grid.n_nodes]);
            first[j] = theta.map(|t| t - self.origin[j]).collect();
            second[j] = first[j].iter().map(|d| d * d).collect();
        }
        for (e, ((j, _), summary)) in self.elimination.eliminated().zip(self.summaries).enumerate() {
            let at = self.patterns.inner_code(pattern, e) * 2 * n_nodes;
            first[j] = summary.expectations[at..at + n_nodes].to_vec();
            second[j] = summary.expectations[at + n_nodes..at + 2 * n_nodes].to_vec();
        }
        let mut moments: Vec<f64> = first.iter().map(|f| dot(f, posterior)).collect();
        for j in 0..n {
            // Given the outer node, attributes that differ are independent.
            let weighted: Vec<f64> = first[j].iter().zip(posterior).map(|(f, p)| f * p).collect();
            moments.extend((0..j).map(|k| dot(&first[k], &weighted)));
            moments.push(dot(&second[j], posterior));
        }
        PatternExpectations { moments, modes: self.modes(pattern, posterior) }
    }

    /// The most probable node of each class, over all attributes.
    fn modes(&self, pattern: usize, posterior: &[f64]) -> Vec<f64> {
        let n_nodes = posterior.len();
        let mut joint = posterior.to_vec();
        for (e, summary) in self.summaries.iter().enumerate() {
            let at = self.patterns.inner_code(pattern, e) * n_nodes;
            joint.iter_mut().zip(&summary.largest[at..at + n_nodes]).for_each(|(p, largest)| *p *= largest);
        }
        let mut modes = vec![0.0; self.placed.len() * self.origin.len()];
        let mut start = 0;
        for ((grid, placed), modes) in self.placed.iter().zip(modes.chunks_exact_mut(self.origin.len())) {
            let nodes = &joint[start..start + grid.n_nodes];
            let node = (0..nodes.len()).rev().max_by(|&a, &b| nodes[a].total_cmp(&nodes[b])).unwrap_or_default();
            for (at, &j) in self.elimination.outer().iter().enumerate() {
                modes[j] = grid.theta[at * grid.n_nodes + node];
            }
            for (e, ((j, _), summary)) in self.elimination.eliminated().zip(self.summaries).enumerate() {
                let at = self.patterns.inner_code(pattern, e) * n_nodes + start + node;
                modes[j] = placed.axes[j][summary.mode[at] as usize];
            }
            start += grid.n_nodes;
        }
        modes
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
