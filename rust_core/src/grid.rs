//! Quadrature grids: the nodes of a group's attributes and the smaller grids its items live on.

use crate::latent::Factor;
use crate::quadrature::{Placement, StandardGrid};

/// The nodes of one group's attributes at the current parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Number of attributes `J_g`.
    pub n_dims: usize,
    /// Number of nodes `L_g`; 1 when there are no attributes.
    pub n_nodes: usize,
    /// `theta (J_g, L_g)`: node coordinates, one attribute after the other.
    pub theta: Vec<f64>,
    /// `pi_gl (L_g)`: node weights, not negative, sum 1.
    pub weights: Vec<f64>,
}

impl Grid {
    /// The grid of independent attributes with mean 0 and variance 1; a distribution's `place` moves it from there.
    pub fn new(standard: &StandardGrid) -> Self {
        Self {
            n_dims: standard.n_dims,
            n_nodes: standard.n_nodes(),
            theta: standard.z.clone(),
            weights: standard.weights.clone(),
        }
    }

    /// Values `(L_g)` of the `j`-th attribute, node by node.
    pub fn attribute(&self, j: usize) -> &[f64] {
        &self.theta[j * self.n_nodes..(j + 1) * self.n_nodes]
    }
}

impl StandardGrid {
    /// How well an axis-aligned grid resolves a distribution: the smallest conditional standard deviation of an
    /// attribute given all others, in steps of that attribute's axis.
    ///
    /// Under about 1 the ridge of the density falls between the nodes and the normalised weights no longer follow the
    /// correlations: take more points or rotate the grid. `delta` is laid out as
    /// [`Latent::parameters`](crate::latent::Latent::parameters) says; one that is not feasible gives 0. A rotated grid
    /// follows any correlation and a grid without attributes has none: infinite.
    pub fn resolution(&self, delta: &[f64]) -> f64 {
        if self.placement == Placement::Rotated || self.n_dims == 0 {
            return f64::INFINITY;
        }
        let Some(factor) = Factor::new(self.n_dims, delta) else { return 0.0 };
        let conditional = factor.conditional_sds();
        let ratio = |(j, sd): (usize, f64)| {
            let widest = self.axis(j).zip(self.axis(j).skip(1)).map(|(z, next)| next - z).fold(0.0, f64::max);
            sd / widest
        };
        conditional.into_iter().enumerate().map(ratio).fold(f64::INFINITY, f64::min)
    }
}

/// The distinct nodes that a set of attributes takes on a grid: the nodes an item measuring them is tabulated on.
///
/// On an axis-aligned grid an item that measures one of three attributes needs `D` nodes, not `D^3`. On a rotated grid
/// every node is distinct.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// The attributes (positions in the group's attribute list, ascending).
    pub dims: Vec<usize>,
    /// Number of distinct nodes `K`.
    pub n_nodes: usize,
    /// `map (L)`: the support node each grid node projects onto; empty where attributes are eliminated.
    pub map: Vec<u32>,
    /// `first (K)`: a grid node that projects onto each support node.
    first: Vec<u32>,
}

impl Support {
    /// The support of `dims` on a standard grid.
    pub fn new(standard: &StandardGrid, dims: &[usize]) -> Self {
        let n_grid = standard.n_nodes();
        let map: Vec<u32> = match standard.placement {
            Placement::AxisAligned => (0..n_grid)
                .map(|l| {
                    let mut k = 0;
                    for &j in dims {
                        k = k * standard.n_points[j] + standard.axis_index(l, j);
                    }
                    k as u32
                })
                .collect(),
            Placement::Rotated if dims.is_empty() => vec![0; n_grid],
            Placement::Rotated => (0..n_grid as u32).collect(),
        };
        let n_nodes = map.iter().max().map_or(1, |&k| k as usize + 1);
        let mut first = vec![u32::MAX; n_nodes];
        for (l, &k) in map.iter().enumerate().rev() {
            first[k as usize] = l as u32;
        }
        Self { dims: dims.to_vec(), n_nodes, map, first }
    }

    /// The support of `dims` where attributes are eliminated: nodes without a grid that projects onto them.
    pub fn unmapped(dims: &[usize], n_nodes: usize) -> Self {
        Self { dims: dims.to_vec(), n_nodes, map: Vec::new(), first: Vec::new() }
    }

    /// Node coordinates `(n_dims, K)` on the grid as it stands.
    pub fn theta(&self, grid: &Grid) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.dims.len() * self.n_nodes);
        for &j in &self.dims {
            let values = grid.attribute(j);
            theta.extend(self.first.iter().map(|&l| values[l as usize]));
        }
        theta
    }
}
