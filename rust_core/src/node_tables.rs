//! The probabilities of one cycle, as the E-step takes them.

use rayon::prelude::*;

use crate::e_step::NodeProbabilities;
use crate::expected::{Parameters, Placed};
use crate::plan::Elimination;
use crate::spec::{Instance, Model};

/// Prior weights of all nodes of an observed group, and the probability tables of its items.
pub(crate) struct NodeTables {
    prior: Vec<f64>,
    probabilities: Vec<f64>,
    conditional: Vec<f64>,
}

impl NodeTables {
    /// The tables at these parameters.
    pub(crate) fn new(model: &Model, observed: usize, parameters: &Parameters) -> Self {
        let layout = &model.structures[observed].layout;
        let placed = parameters.placed_of(model, observed);
        let mut prior = Vec::with_capacity(layout.n_nodes());
        for (group, placed) in model.classes_of(observed).iter().zip(placed) {
            let proportion = group.proportion_cell.map_or(1.0, |c| parameters.values[c]);
            prior.extend(placed.grid.weights.iter().map(|w| proportion * w));
        }
        let conditional = conditional(model.structures[observed].elimination.as_ref(), placed);
        Self { prior, probabilities: item_tables(model, observed, parameters), conditional }
    }

    /// As the E-step takes them.
    pub(crate) fn input(&self) -> NodeProbabilities<'_> {
        NodeProbabilities { prior: &self.prior, probabilities: &self.probabilities, conditional: &self.conditional }
    }
}

/// The priors of a group's eliminated attributes: attribute by attribute, class by class.
fn conditional(elimination: Option<&Elimination>, classes: &[Placed]) -> Vec<f64> {
    let Some(elimination) = elimination else { return Vec::new() };
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
fn item_tables(model: &Model, observed: usize, parameters: &Parameters) -> Vec<f64> {
    /// Tables this long are worth a thread of their own.
    const PARALLEL_LENGTH: usize = 1 << 14;
    let layout = &model.structures[observed].layout;
    let (classes, placed) = (model.classes_of(observed), parameters.placed_of(model, observed));
    let mut probabilities = vec![0.0; layout.table_len()];
    let mut tables = Vec::with_capacity(layout.n_items() * classes.len());
    let mut rest = probabilities.as_mut_slice();
    for index in 0..layout.n_items() {
        for (class, group) in classes.iter().enumerate() {
            let (table, tail) = rest.split_at_mut(layout.range(index, class).len());
            tables.push((table, &group.instances[index], &placed[class]));
            rest = tail;
        }
    }
    let fill = |(table, instance, placed): (&mut [f64], &Instance, &Placed)| {
        let family = model.spec.items[instance.item].family;
        let eta = &parameters.values[instance.cells.clone()];
        family.probabilities(&instance.shape, eta, placed.nodes(instance.support), table);
    };
    if layout.table_len() < PARALLEL_LENGTH {
        tables.into_iter().for_each(fill);
    } else {
        tables.into_par_iter().for_each(fill);
    }
    probabilities
}
