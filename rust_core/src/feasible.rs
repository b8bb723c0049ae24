//! Whether a point is a model at all.

use crate::params::{Kind, Slot};
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

/// A name for a free parameter, from the first cell it serves: for messages.
pub fn describe(model: &Model, free: usize) -> String {
    let table = &model.table;
    let Some(cell) = table.slots.iter().position(|s| *s == Slot::Free(free)).map(|c| table.cells[c]) else {
        return format!("parameter {free}");
    };
    let spec = &model.spec;
    let attribute = |a: Option<usize>| a.map_or(String::new(), |a| spec.attributes[a].clone());
    let place = match (spec.n_classes, spec.groups.len()) {
        (1, 1) => String::new(),
        (1, _) => format!(" in group '{}'", spec.groups[cell.group].name),
        (c, 1) => format!(" in class {}", cell.group % c + 1),
        (c, _) => format!(" in class {} of group '{}'", cell.group % c + 1, spec.groups[cell.group / c].name),
    };
    match (cell.kind, cell.item) {
        (Kind::Intercept, Some(i)) => {
            format!("intercept {} of item '{}'{place}", cell.category.unwrap_or_default(), spec.items[i].name)
        }
        (kind, Some(i)) => format!("{} of item '{}'{place}", kind.name(), spec.items[i].name),
        (Kind::Proportion, None) => format!("proportion{}", place.replacen(" in ", " of ", 1)),
        (_, None) if cell.is_variance() => format!("variance of '{}'{place}", attribute(cell.attribute)),
        (Kind::Covariance, None) => {
            format!("covariance of '{}' and '{}'{place}", attribute(cell.attribute), attribute(cell.attribute_2))
        }
        (kind, None) => format!("{} of '{}'{place}", kind.name(), attribute(cell.attribute)),
    }
}
