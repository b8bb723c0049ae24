//! One answer's log-probability and its derivatives at one point of the attributes.

use crate::item::Nodes;
use crate::spec::{Group, Instance, ItemSpec, Model};

/// What an answer to an item of a class contributes at one attribute vector.
pub(crate) struct Answer<'a> {
    /// Positions of the item's attributes among the group's own, ascending.
    pub dims: Vec<usize>,
    /// The slopes on these attributes and the rest of the item's parameters.
    pub eta: &'a [f64],
    /// Log-probability of the answer.
    pub log_probability: f64,
    /// First derivative of every category's log-probability in the linear predictor (`M`).
    pub first: Vec<f64>,
    /// The second derivative (`M`).
    pub second: Vec<f64>,
    item: &'a ItemSpec,
    instance: &'a Instance,
    point: Vec<f64>,
}

/// Log-probability of an answer (position among the group's items, category) at `theta`, the group's own attributes.
pub(crate) fn log_probability(
    model: &Model,
    group: &Group,
    values: &[f64],
    (index, code): (usize, u8),
    theta: &[f64],
) -> f64 {
    let instance = &group.instances[index];
    let item = &model.spec.items[instance.item];
    let own = model.spec.groups[group.observed].attributes.iter().zip(theta);
    let point: Vec<f64> = own.filter(|(a, _)| item.attributes.contains(a)).map(|(_, t)| *t).collect();
    let mut counts = [0.0; 256];
    counts[usize::from(code)] = 1.0;
    let (eta, counts) = (&values[instance.cells.clone()], &counts[..instance.shape.n_categories]);
    item.family.expected_loglik(&instance.shape, eta, Nodes { theta: &point, n_nodes: 1 }, counts)
}

impl<'a> Answer<'a> {
    /// The answer (position among the group's items, category) at `theta`, the group's own attributes.
    pub fn at(
        model: &'a Model,
        group: &'a Group,
        values: &'a [f64],
        (index, code): (usize, u8),
        theta: &[f64],
    ) -> Self {
        let instance = &group.instances[index];
        let item = &model.spec.items[instance.item];
        let eta = &values[instance.cells.clone()];
        let own = model.spec.groups[group.observed].attributes.iter().enumerate();
        let dims: Vec<usize> = own.filter(|(_, a)| item.attributes.contains(a)).map(|(j, _)| j).collect();
        let z: f64 = dims.iter().zip(eta).map(|(&j, a)| a * theta[j]).sum();
        let m = instance.shape.n_categories;
        let (mut first, mut second) = (vec![0.0; m], vec![0.0; m]);
        item.family.predictor_derivatives(&instance.shape, eta, &[z], &mut first, &mut second);
        let point: Vec<f64> = dims.iter().map(|&j| theta[j]).collect();
        let log_probability = log_probability(model, group, values, (index, code), theta);
        Self { dims, eta, log_probability, first, second, item, instance, point }
    }

    /// Whether its log-probability is concave in the attributes.
    pub fn is_concave(&self) -> bool {
        self.item.family.is_log_concave()
    }

    /// Probabilities of all categories there (`M`).
    pub fn probabilities(&self) -> Vec<f64> {
        let mut probabilities = vec![0.0; self.instance.shape.n_categories];
        let nodes = Nodes { theta: &self.point, n_nodes: 1 };
        self.item.family.probabilities(&self.instance.shape, self.eta, nodes, &mut probabilities);
        probabilities
    }
}
