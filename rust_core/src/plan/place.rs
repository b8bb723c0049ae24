//! Nodes and weights of a group with eliminated attributes, and the moments of its expected counts.

use super::{Component, Elimination, nodes};
use crate::grid::Grid;
use crate::latent::{Latent, Moments, covariance_index};
use crate::quadrature::{StandardGrid, pairwise_sum};

/// Where the nodes of one class lie.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedElimination {
    /// Nodes of each attribute's axis.
    pub axes: Vec<Vec<f64>>,
    /// Prior of each eliminated attribute given its neighbours, one after the other, `(D, D_N)`.
    pub conditional: Vec<f64>,
}

/// The prior of a component.
struct ComponentPrior {
    /// Of its outer attributes `(outer nodes)`.
    marginal: Vec<f64>,
    /// Of the eliminated one given them `(D, outer nodes)`, 0 where the marginal is; empty where nothing is eliminated.
    conditional: Vec<f64>,
}

impl Elimination {
    /// Places the axes and weighs the nodes: the outer grid with its marginal prior, and the rest. The normal density is
    /// normalised component by component, which normalises their product.
    pub fn place(&self, latent: &dyn Latent, standard: &StandardGrid, delta: &[f64]) -> (Grid, PlacedElimination) {
        let mut axes = vec![Vec::new(); self.n_points.len()];
        let mut weights = vec![1.0; nodes(&self.n_points, &self.outer)];
        let mut conditionals = Vec::with_capacity(self.components.len());
        for component in &self.components {
            let mut grid = Grid::new(&component.standard);
            latent.place(&component.standard, &component.delta(self.n_points.len(), delta), &mut grid);
            for (at, &j) in component.dims.iter().enumerate() {
                axes[j] = component.standard.points_of(at, grid.attribute(at)).collect();
            }
            let ComponentPrior { marginal, conditional } = component.split(grid.weights);
            weights.iter_mut().zip(&component.of_outer).for_each(|(w, &k)| *w *= marginal[k as usize]);
            conditionals.push(conditional);
        }
        let theta = (0..self.outer.len()).flat_map(|at| self.coordinates(&self.outer, at, &axes));
        let (n_dims, n_nodes) = (self.outer.len(), standard.n_nodes());
        let grid = Grid { n_dims, n_nodes, theta: theta.collect(), weights };
        let mut conditional = Vec::new();
        for e in &self.eliminated {
            let rows =
                conditionals[e.component].chunks_exact(conditionals[e.component].len() / self.n_points[e.attribute]);
            conditional.extend(rows.flat_map(|row| e.to_component.iter().map(|&k| row[k as usize])));
        }
        (grid, PlacedElimination { axes, conditional })
    }

    /// Coordinates of the `at`-th of some attributes at every node of the product of their axes.
    pub(crate) fn coordinates(&self, dims: &[usize], at: usize, axes: &[Vec<f64>]) -> Vec<f64> {
        let (outside, inside) = (nodes(&self.n_points, &dims[..at]), nodes(&self.n_points, &dims[at + 1..]));
        let once = axes[dims[at]].iter().flat_map(|&t| std::iter::repeat_n(t, inside));
        let once: Vec<f64> = once.collect();
        once.repeat(outside)
    }

    /// Moments of the expected counts `n_gl (L)` of the outer nodes and `joint`, those of each eliminated attribute and
    /// its neighbours. Second moments between components are those of independent ones: where the covariance is fixed at
    /// 0, no free parameter depends on them.
    pub fn moments(&self, grid: &Grid, placed: &PlacedElimination, n_gl: &[f64], joint: &[&[f64]]) -> Moments {
        let outer = Moments::from_counts(grid, n_gl);
        let n_dims = self.n_points.len();
        let mut moments = Moments { n: outer.n, mean: vec![0.0; n_dims], second: vec![0.0; n_dims * n_dims] };
        if outer.n == 0.0 {
            return moments;
        }
        let mut known = vec![false; n_dims * n_dims];
        let mut set = |second: &mut [f64], j: usize, k: usize, value: f64| {
            for at in [j * n_dims + k, k * n_dims + j] {
                (second[at], known[at]) = (value, true);
            }
        };
        for (a, &j) in self.outer.iter().enumerate() {
            moments.mean[j] = outer.mean[a];
            for (b, &k) in self.outer.iter().enumerate() {
                set(&mut moments.second, j, k, outer.second[a * self.outer.len() + b]);
            }
        }
        for (e, joint) in self.eliminated.iter().zip(joint) {
            let host = e.host();
            let own = self.coordinates(&host, 0, &placed.axes);
            moments.mean[e.attribute] = pairwise_sum(own.len(), |l| joint[l] * own[l]) / outer.n;
            for (at, &k) in host.iter().enumerate() {
                let other = self.coordinates(&host, at, &placed.axes);
                let second = pairwise_sum(own.len(), |l| joint[l] * own[l] * other[l]) / outer.n;
                set(&mut moments.second, e.attribute, k, second);
            }
        }
        for at in (0..n_dims * n_dims).filter(|&at| !known[at]) {
            moments.second[at] = moments.mean[at / n_dims] * moments.mean[at % n_dims];
        }
        moments
    }

    /// As [`StandardGrid::resolution`], over all components.
    pub fn resolution(&self, delta: &[f64]) -> f64 {
        let each = self.components.iter().map(|c| c.standard.resolution(&c.delta(self.n_points.len(), delta)));
        each.fold(f64::INFINITY, f64::min)
    }
}

impl Component {
    /// The parameters of the component's marginal distribution.
    fn delta(&self, n_dims: usize, delta: &[f64]) -> Vec<f64> {
        let mut own: Vec<f64> = self.dims.iter().map(|&j| delta[j]).collect();
        for (a, &j) in self.dims.iter().enumerate() {
            own.extend(self.dims[..=a].iter().map(|&k| delta[covariance_index(n_dims, j.max(k), j.min(k))]));
        }
        own
    }

    /// The weights of its grid as a product.
    fn split(&self, weights: Vec<f64>) -> ComponentPrior {
        if !self.has_eliminated {
            return ComponentPrior { marginal: weights, conditional: Vec::new() };
        }
        let n_outer = weights.len() / self.standard.n_points[0];
        let mut marginal = vec![0.0; n_outer];
        for row in weights.chunks_exact(n_outer) {
            marginal.iter_mut().zip(row).for_each(|(sum, w)| *sum += w);
        }
        let mut conditional = weights;
        for row in conditional.chunks_exact_mut(n_outer) {
            row.iter_mut().zip(&marginal).for_each(|(w, m)| *w = if *m == 0.0 { 0.0 } else { *w / m });
        }
        ComponentPrior { marginal, conditional }
    }
}
