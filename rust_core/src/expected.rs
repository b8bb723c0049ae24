//! What passes between the steps: where the nodes lie, and what the E-step counted there.

use crate::e_step::GroupCounts;
use crate::grid::Grid;
use crate::item::Nodes;
use crate::latent::Moments;
use crate::plan::{Elimination, PlacedElimination};
use crate::spec::{Group, Model, Structure};

/// The nodes of one latent group at the current parameters, and the supports of its items.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The group's grid; of its outer attributes where some are eliminated.
    pub grid: Grid,
    /// The rest of the nodes where some attributes are eliminated.
    pub elimination: Option<PlacedElimination>,
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
        let support_nodes = structure.supports.iter().map(|s| s.n_nodes).collect();
        if let Some(elimination) = &structure.elimination {
            let (grid, placed) = elimination.place(model.spec.latent, &structure.standard, delta);
            let theta = |dims: &[usize]| -> Vec<f64> {
                (0..dims.len()).flat_map(|at| elimination.coordinates(dims, at, &placed.axes)).collect()
            };
            let support_theta = structure.supports.iter().map(|s| theta(&s.dims)).collect();
            return Self { grid, elimination: Some(placed), support_theta, support_nodes };
        }
        let mut grid = Grid::new(&structure.standard);
        model.spec.latent.place(&structure.standard, delta, &mut grid);
        let support_theta = structure.supports.iter().map(|s| s.theta(&grid)).collect();
        Self { grid, elimination: None, support_theta, support_nodes }
    }
}

/// All that the E-step has to know of the parameters.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The value of every cell.
    pub values: Vec<f64>,
    /// Where these values put the nodes of every latent group.
    pub placed: Vec<Placed>,
}

impl Parameters {
    /// The parameters when the free ones are `x`.
    pub fn at(model: &Model, x: &[f64]) -> Self {
        Self::new(model, model.table.expand(x))
    }

    /// The parameters when every cell has its value in `values`.
    pub fn new(model: &Model, values: Vec<f64>) -> Self {
        let place = |g: &Group| Placed::new(model, &model.structures[g.observed], &values[g.latent_cells.clone()]);
        let placed = model.groups.iter().map(place).collect();
        Self { values, placed }
    }

    /// The nodes of the classes of one observed group.
    pub fn placed_of(&self, model: &Model, observed: usize) -> &[Placed] {
        &self.placed[observed * model.spec.n_classes..][..model.spec.n_classes]
    }
}

/// All that the M-step sees. Counts of disjoint sets of respondents add ([`GroupCounts::add`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Log-likelihood of the responses, without priors.
    pub loglik: f64,
    /// Per observed group: `n_gl` and `n_glim`.
    pub counts: Vec<GroupCounts>,
    /// Per latent group: size and moments of its attributes, from `n_gl`.
    pub moments: Vec<Moments>,
}

impl Expected {
    /// Sums up counts made on the grids of `placed`.
    pub fn new(model: &Model, placed: &[Placed], counts: Vec<GroupCounts>) -> Self {
        let moments = model.groups.iter().zip(placed).map(|(group, placed)| {
            let (structure, counts) = (&model.structures[group.observed], &counts[group.observed]);
            let n_gl = &counts.n_gl[structure.layout.segment(group.class)];
            match (&structure.elimination, &placed.elimination) {
                (Some(elimination), Some(rest)) => {
                    let joint = joint_counts(elimination, &counts.eliminated, group.class, model.spec.n_classes);
                    elimination.moments(&placed.grid, rest, n_gl, &joint)
                }
                _ => Moments::from_counts(&placed.grid, n_gl),
            }
        });
        Self { loglik: counts.iter().map(|c| c.loglik).sum(), moments: moments.collect(), counts }
    }

    /// `n_glim (M, K)` of the `index`-th item of a latent group, on the item's support.
    pub fn item(&self, model: &Model, group: usize, index: usize) -> &[f64] {
        let group = &model.groups[group];
        let range = model.structures[group.observed].layout.range(index, group.class);
        &self.counts[group.observed].n_glim[range]
    }
}

/// The counts of each eliminated attribute and its neighbours in one class.
pub(crate) fn joint_counts<'a>(
    elimination: &Elimination,
    counts: &'a [f64],
    class: usize,
    n_classes: usize,
) -> Vec<&'a [f64]> {
    let mut rest = counts;
    let each = elimination.layout.inner.iter().map(|inner| {
        let (own, tail) = rest.split_at(inner.n_joint() * n_classes);
        rest = tail;
        &own[class * inner.n_joint()..(class + 1) * inner.n_joint()]
    });
    each.collect()
}
