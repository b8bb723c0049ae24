//! Whether a point is a model at all, and the way back into the box of its bounds.

use crate::spec::Model;

/// Whether every item, distribution, proportion and prior density exists at the free parameters `x`.
pub fn is_feasible(model: &Model, x: &[f64]) -> bool {
    let values = model.table.expand(x);
    model.table.free.iter().zip(x).all(|(f, &x)| f.admits(x))
        && model.groups.iter().all(|group| {
            let n_dims = model.spec.groups[group.observed].attributes.len();
            model.spec.latent.is_feasible(n_dims, &values[group.latent_cells.clone()])
                && group.proportion_cell.is_none_or(|c| (0.0..=1.0).contains(&values[c]))
                && group
                    .instances
                    .iter()
                    .all(|i| model.spec.items[i.item].family.is_feasible(&i.shape, &values[i.cells.clone()]))
        })
}

/// Puts an accelerated point back into the box: a parameter that the EM image holds at a bound, or that leaves its
/// bounds, takes the image's value or the bound.
pub fn project(model: &Model, image: &[f64], proposal: &mut [f64]) {
    for ((free, &image), p) in model.table.free.iter().zip(image).zip(proposal) {
        *p = if image <= free.lower || image >= free.upper { image } else { p.clamp(free.lower, free.upper) };
    }
}
