//! One answer's log-probability and its derivatives at one point of the attributes.

use crate::encode::N_CODES;
use crate::item::Nodes;
use crate::spec::{Group, Instance, ItemSpec, Model};

/// An item of a latent group at given parameters.
#[derive(Clone, Copy)]
pub(crate) struct ItemCurve<'a> {
    /// Positions of the item's attributes among the group's own, ascending.
    pub dims: &'a [usize],
    /// The slopes on these attributes and the rest of the item's parameters.
    eta: &'a [f64],
    item: &'a ItemSpec,
    instance: &'a Instance,
}

/// What an answer contributes at one attribute vector; can be worked out again for another answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Log-probability of the answer.
    pub log_probability: f64,
    /// First derivative of every category's log-probability in the linear predictor (`M`).
    pub first: Vec<f64>,
    /// The second derivative (`M`).
    pub second: Vec<f64>,
    /// The item's own attributes.
    point: Vec<f64>,
}

impl<'a> ItemCurve<'a> {
    /// The `index`-th item of a group when every cell has its value in `values`.
    pub fn new(model: &'a Model, group: &'a Group, values: &'a [f64], index: usize) -> Self {
        let instance = &group.instances[index];
        let (dims, item) = (model.dims(group, instance), &model.spec.items[instance.item]);
        Self { dims, eta: &values[instance.cells.clone()], item, instance }
    }

    /// The item's attributes (positions among the group's own) and the slopes on them.
    pub fn slopes(&self) -> impl Iterator<Item = (usize, f64)> {
        self.dims.iter().copied().zip(self.eta.iter().copied())
    }

    /// Whether the log-probability of every answer is concave in the attributes.
    pub fn is_concave(&self) -> bool {
        self.item.family.is_log_concave()
    }

    /// How far the log-probability of an answer can bend in the linear predictor.
    pub fn curvature_bound(&self) -> f64 {
        self.item.family.curvature_bound(&self.instance.shape)
    }

    /// Log-probability of an answer at `theta`, the group's own attributes.
    pub fn log_probability(&self, code: u8, theta: &[f64], answer: &mut Answer) -> f64 {
        let mut counts = [0.0; N_CODES];
        counts[usize::from(code)] = 1.0;
        answer.point.clear();
        answer.point.extend(self.dims.iter().map(|&j| theta[j]));
        let nodes = Nodes { theta: &answer.point, n_nodes: 1 };
        let counts = &counts[..self.instance.shape.n_categories];
        self.item.family.expected_loglik(&self.instance.shape, self.eta, nodes, counts)
    }

    /// Works out what an answer contributes at `theta`, the group's own attributes.
    pub fn work_out(&self, code: u8, theta: &[f64], answer: &mut Answer) {
        answer.log_probability = self.log_probability(code, theta, answer);
        let z: f64 = self.slopes().map(|(j, a)| a * theta[j]).sum();
        answer.first.resize(self.instance.shape.n_categories, 0.0);
        answer.second.resize(self.instance.shape.n_categories, 0.0);
        let (shape, family) = (&self.instance.shape, self.item.family);
        family.predictor_derivatives(shape, self.eta, &[z], &mut answer.first, &mut answer.second);
    }

    /// Probabilities of all categories at the point where `answer` was worked out, over `to (M)`.
    pub fn probabilities(&self, answer: &Answer, to: &mut Vec<f64>) {
        to.resize(self.instance.shape.n_categories, 0.0);
        let nodes = Nodes { theta: &answer.point, n_nodes: 1 };
        self.item.family.probabilities(&self.instance.shape, self.eta, nodes, to);
    }
}
