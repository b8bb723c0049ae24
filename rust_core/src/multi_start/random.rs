//! Random start values.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::feasible::is_feasible;
use crate::params::{FreeParameter, Kind, Slot};
use crate::proportions::simplices;
use crate::spec::Model;

/// Standard deviations of the noise: of an intercept with and without attributes, of the part of it that graded
/// intercepts of an item do not share, of log slopes, means, log variances and guessing logits.
const INTERCEPT: f64 = 1.0;
const LOGIT: f64 = 1.5;
const STEP: f64 = 0.3;
const LOG_SLOPE: f64 = 0.3;
const MEAN: f64 = 1.0;
const LOG_VARIANCE: f64 = 0.3;
const GUESSING: f64 = 0.5;

/// Start values drawn around `base`, which must be feasible.
///
/// Only what differs between classes is drawn; what is common to all of them has a good start already. Where the draw
/// is no model (graded intercepts out of order, a covariance matrix that is not positive definite), it is moved
/// towards `base` until it is.
pub fn randomise(model: &Model, base: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    /// After this many halvings nothing of the noise is left.
    const MAX_HALVINGS: usize = 30;
    let mut drawn = draw(model, base, rng);
    for _ in 0..MAX_HALVINGS {
        for (x, free) in drawn.iter_mut().zip(&model.table.free) {
            *x = inside(*x, free);
        }
        simplices(model).iter().for_each(|s| s.normalise(&mut drawn));
        if is_feasible(model, &drawn) {
            return drawn;
        }
        drawn.iter_mut().zip(base).for_each(|(x, b)| *x = 0.5 * (*x + b));
    }
    base.to_vec()
}

/// A value between the bounds, and not at one: a parameter at a bound may never leave it.
fn inside(x: f64, free: &FreeParameter) -> f64 {
    /// Distance from a bound, as a share of the width or, with one bound, of one.
    const SHARE: f64 = 0.01;
    let width = (free.upper - free.lower).min(1.0);
    x.clamp(free.lower + SHARE * width, free.upper - SHARE * width)
}

fn draw(model: &Model, base: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (table, is_common) = (&model.table, common(model));
    let mut done = vec![false; base.len()];
    let mut x = base.to_vec();
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    for group in &model.groups {
        for instance in &group.instances {
            let shift = normal();
            let graded = !model.spec.items[instance.item].family.uses_scores();
            for cell in instance.cells.clone() {
                let Slot::Free(f) = table.slots[cell] else { continue };
                let z = normal();
                let value = match table.cells[cell].kind {
                    Kind::Slope => base[f] * (LOG_SLOPE * z).exp(),
                    Kind::Guessing => base[f] + GUESSING * z,
                    _ if instance.shape.n_dims == 0 => base[f] + LOGIT * if graded { shift } else { z },
                    _ if graded => base[f] + INTERCEPT * shift + STEP * z,
                    _ => base[f] + INTERCEPT * z,
                };
                if !(is_common[f] || std::mem::replace(&mut done[f], true)) {
                    x[f] = value;
                }
            }
        }
        for cell in group.latent_cells.clone() {
            let Slot::Free(f) = table.slots[cell] else { continue };
            let z = normal();
            let value = match table.cells[cell] {
                c if c.kind == Kind::Mean => base[f] + MEAN * z,
                c if c.is_variance() => base[f] * (LOG_VARIANCE * z).exp(),
                _ => base[f],
            };
            if !(is_common[f] || std::mem::replace(&mut done[f], true)) {
                x[f] = value;
            }
        }
    }
    x
}

/// Which free parameters serve every class: they cannot tell classes apart.
fn common(model: &Model) -> Vec<bool> {
    let n_classes = model.spec.n_classes;
    let mut serves = vec![vec![false; n_classes]; model.table.free.len()];
    for (cell, slot) in model.table.cells.iter().zip(&model.table.slots) {
        if let Slot::Free(f) = *slot {
            serves[f][cell.group % n_classes] = true;
        }
    }
    serves.into_iter().map(|classes| classes.into_iter().all(|serves| serves)).collect()
}
