//! One answer's log-probability and its derivatives at one point of the attributes.

use crate::item::{AtPredictor, Family, ItemShape};
use crate::spec::{Group, Model};

/// An item of a latent group at given parameters.
#[derive(Clone)]
pub(crate) struct ItemCurve {
    /// The item's attributes (positions among the group's own, ascending) and the slopes on them.
    pub slopes: Vec<(usize, f64)>,
    eta: Vec<f64>,
    family: &'static dyn Family,
    shape: ItemShape,
}

impl ItemCurve {
    /// The items of a group when every cell has its value in `values`.
    pub fn all(model: &Model, group: &Group, values: &[f64]) -> Vec<Self> {
        let curves = group.instances.iter().map(|instance| {
            let eta = values[instance.cells.clone()].to_vec();
            let dims = model.dims(group, instance);
            Self {
                slopes: dims.iter().copied().zip(eta.iter().copied()).collect(),
                eta,
                family: model.spec.items[instance.item].family,
                shape: instance.shape.clone(),
            }
        });
        curves.collect()
    }

    /// Whether the log-probability of every answer is concave in the attributes.
    pub fn is_concave(&self) -> bool {
        self.family.is_log_concave()
    }

    /// How far the log-probability of an answer can bend in the linear predictor.
    pub fn curvature_bound(&self) -> f64 {
        self.family.curvature_bound(&self.shape)
    }

    /// The attributes that the item depends on, with its slopes.
    pub fn measured(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.slopes.iter().copied().filter(|(_, slope)| *slope != 0.0)
    }

    /// The linear predictor at `theta`, the group's own attributes.
    pub fn predictor(&self, theta: &[f64]) -> f64 {
        self.slopes.iter().map(|&(j, a)| a * theta[j]).sum()
    }

    /// Log-probability of an answer at a linear predictor, and all categories there, written over `at`.
    pub fn work_out(&self, code: u8, predictor: f64, at: &mut AtPredictor) -> f64 {
        self.family.at_predictor(&self.shape, &self.eta, predictor, usize::from(code), at)
    }
}
