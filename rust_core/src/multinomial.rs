//! Items without attributes: multinomial distributions, whose M-step is exact.
//!
//! A Newton step moves the logit of a probability that goes to 0 by about one; its exact maximum is a ratio of counts.

use crate::blocks::{Block, Component, Member, Place};
use crate::expected::Expected;
use crate::spec::Model;

/// Whether a block is made of items without attributes.
pub(crate) fn has_no_attributes(model: &Model, block: &Block) -> bool {
    block.members.iter().all(|m| match m.component {
        Component::Item { group, index } => model.groups[group].instances[index].shape.n_dims == 0,
        Component::Latent { .. } => false,
    })
}

/// The maximum of a block in closed form: of one item without attributes, all its parameters free and without priors,
/// unless a bound is in the way.
pub(crate) fn maximum(model: &Model, block: &Block, expected: &Expected) -> Option<Vec<f64>> {
    let [Member { component: Component::Item { group, index }, places, .. }] = block.members.as_slice() else {
        return None;
    };
    let instance = &model.groups[*group].instances[*index];
    let all_own = places.iter().all(|p| matches!(p, Place::Own(_))) && places.len() == block.free.len();
    if instance.shape.n_dims > 0 || !all_own || block.free.iter().any(|&f| model.table.free[f].prior.is_some()) {
        return None;
    }
    let family = model.spec.items[instance.item].family;
    let eta = family.maximum_without_attributes(&instance.shape, expected.item(model, *group, *index))?;
    let mut x = vec![0.0; eta.len()];
    for (place, value) in places.iter().zip(eta) {
        if let Place::Own(i) = *place {
            x[i] = value;
        }
    }
    let inside = |(&f, x): (&usize, &f64)| (model.table.free[f].lower..=model.table.free[f].upper).contains(x);
    block.free.iter().zip(&x).all(inside).then_some(x)
}
