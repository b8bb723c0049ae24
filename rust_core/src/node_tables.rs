//! The probabilities of one cycle, as the E-step takes them.

use rayon::prelude::*;

use crate::e_step::NodeProbabilities;
use crate::expected::Placed;
use crate::spec::{Instance, Model};

/// Prior weights of all nodes of an observed group, and the probability tables of its items.
pub(crate) struct NodeTables {
    prior: Vec<f64>,
    probabilities: Vec<f64>,
    conditional: Vec<f64>,
}

impl NodeTables {
    /// The tables when every cell has its value in `values` and the nodes lie where `placed` says.
    pub(crate) fn new(model: &Model, observed: usize, placed: &[Placed], values: &[f64]) -> Self {
        let layout = &model.structures[observed].layout;
        let first = observed * model.spec.n_classes;
        let mut prior = Vec::with_capacity(layout.n_nodes());
        for (group, placed) in model.classes_of(observed).iter().zip(&placed[first..]) {
            let proportion = group.proportion_cell.map_or(1.0, |c| values[c]);
            prior.extend(placed.grid.weights.iter().map(|w| proportion * w));
        }
        let conditional = conditional(model, observed, placed);
        Self { prior, probabilities: item_tables(model, observed, placed, values), conditional }
    }

    /// As the E-step takes them.
    pub(crate) fn input(&self) -> NodeProbabilities<'_> {
        NodeProbabilities { prior: &self.prior, probabilities: &self.probabilities, conditional: &self.conditional }
    }
}

/// The priors of a group's eliminated attributes: attribute by attribute, class by class.
fn conditional(model: &Model, observed: usize, placed: &[Placed]) -> Vec<f64> {
    let Some(elimination) = &model.structures[observed].elimination else { return Vec::new() };
    let classes = &placed[observed * model.spec.n_classes..(observed + 1) * model.spec.n_classes];
    let mut conditional = Vec::new();
    let mut start = 0;
    for inner in &elimination.layout.inner {
        let range = start..start + inner.n_joint();
        start = range.end;
        for placed in classes.iter().filter_map(|p| p.elimination.as_ref()) {
            conditional.extend_from_slice(&placed.conditional[range.clone()]);
        }
    }
    conditional
}

/// The probability tables of a group's items.
fn item_tables(model: &Model, observed: usize, placed: &[Placed], values: &[f64]) -> Vec<f64> {
    /// Tables this long are worth a thread of their own.
    const PARALLEL_LENGTH: usize = 1 << 14;
    let layout = &model.structures[observed].layout;
    let classes = model.classes_of(observed);
    let first = observed * model.spec.n_classes;
    let mut probabilities = vec![0.0; layout.table_len()];
    let mut tables = Vec::with_capacity(layout.n_items() * classes.len());
    let mut rest = probabilities.as_mut_slice();
    for index in 0..layout.n_items() {
        for (class, group) in classes.iter().enumerate() {
            let (table, tail) = rest.split_at_mut(layout.range(index, class).len());
            tables.push((table, &group.instances[index], &placed[first + class]));
            rest = tail;
        }
    }
    let fill = |(table, instance, placed): (&mut [f64], &Instance, &Placed)| {
        let family = model.spec.items[instance.item].family;
        let eta = &values[instance.cells.clone()];
        family.probabilities(&instance.shape, eta, placed.nodes(instance.support), table);
    };
    if layout.table_len() < PARALLEL_LENGTH {
        tables.into_iter().for_each(fill);
    } else {
        tables.into_par_iter().for_each(fill);
    }
    probabilities
}
