//! What passes between the steps: where the nodes lie, and what the E-step counted there.

use crate::grid::Grid;
use crate::item::Nodes;
use crate::latent::Moments;
use crate::spec::{Model, Structure};

/// The nodes of one latent group at the current parameters, and the supports of its items.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The group's grid.
    pub grid: Grid,
    /// `theta (n_dims, K)` of each support.
    support_theta: Vec<Vec<f64>>,
    /// `K` of each support.
    support_nodes: Vec<usize>,
}

impl Placed {
    /// The nodes of one support.
    pub fn nodes(&self, support: usize) -> Nodes<'_> {
        Nodes { theta: &self.support_theta[support], n_nodes: self.support_nodes[support] }
    }

    fn new(model: &Model, structure: &Structure, delta: &[f64]) -> Self {
        let mut grid = Grid::standard(&structure.standard);
        model.spec.latent.place(&structure.standard, delta, &mut grid);
        let support_theta = structure.supports.iter().map(|s| s.theta(&grid)).collect();
        let support_nodes = structure.supports.iter().map(|s| s.n_nodes).collect();
        Self { grid, support_theta, support_nodes }
    }
}

/// Places the grid of every latent group, given the value of every cell.
pub fn place(model: &Model, values: &[f64]) -> Vec<Placed> {
    let groups = model.groups.iter();
    groups.map(|g| Placed::new(model, &model.structures[g.observed], &values[g.latent_cells.clone()])).collect()
}

/// Expected counts, given the parameters at which the E-step was made. Counts of disjoint sets of respondents add.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Log-likelihood of the responses, without priors.
    pub loglik: f64,
    /// Per latent group and item: `n_glim (M, K)` on the item's support.
    pub items: Vec<Vec<Vec<f64>>>,
    /// Per latent group: `n_gl (L)`.
    pub nodes: Vec<Vec<f64>>,
    /// Per latent group: size and moments of its attributes, from `n_gl`.
    pub moments: Vec<Moments>,
}
