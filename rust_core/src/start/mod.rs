//! Start values.
//!
//! Intercepts reproduce the observed category proportions; slopes come from the first principal component of the items
//! that measure an attribute, so that reversed items start with the right sign. Where a free mean or variance starts
//! is read off the groups in which it is given. A free parameter that serves several cells starts at the mean of what
//! they suggest; a value given by the user wins, except that graded intercepts are put in order.

mod loadings;
mod order;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::feasible::is_feasible;
use crate::latent::covariance_index;
use crate::params::{Cell, FreeParameter, Kind, Slot};
use crate::prior::Prior;
use crate::proportions::simplices;
use crate::spec::{Group, Instance, Model};

/// What start values are made from, for one observed group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSummary {
    /// Per item (in the group's order) and category: weighted count of answers.
    pub category_counts: Vec<Vec<f64>>,
    /// Codes of a sample of response patterns, `(n, items)` row-major, [`crate::patterns::MISSING`] where there is none.
    pub sample: Vec<u8>,
    /// Weight of each pattern of the sample (`n`).
    pub sample_weights: Vec<f64>,
}

/// Start values of all free parameters.
///
/// # Errors
/// [`Error::Spec`] naming the item, group or parameter whose fixed and start values are no model; [`Error::Data`] where
/// the summaries are those of other items or groups.
pub fn start(model: &Model, summaries: &[GroupSummary]) -> Result<Vec<f64>> {
    check_summaries(model, summaries)?;
    let latent = latent_values(model);
    let slopes = loadings::slopes(model, summaries);
    let mut suggested = vec![Suggested::default(); model.table.free.len()];
    for group in &model.groups {
        let scales = scales(&latent[group.latent_cells.clone()], model, group);
        for (index, instance) in group.instances.iter().enumerate() {
            let counts = &summaries[group.observed].category_counts[index];
            let own: Vec<Scale> = model.dims(group, instance).iter().map(|&j| scales[j]).collect();
            let eta = item_start(model, instance, counts, &slopes[group.observed][index], &own);
            suggest(model, &mut suggested, instance.cells.clone().zip(eta));
        }
        suggest(model, &mut suggested, group.latent_cells.clone().map(|c| (c, latent[c])));
        let even = 1.0 / model.spec.n_classes as f64;
        suggest(model, &mut suggested, group.proportion_cell.into_iter().map(|c| (c, even)));
    }
    let parameters = model.table.free.iter().zip(suggested);
    let mut x: Vec<f64> = parameters.map(|(free, suggested)| first_value(free, suggested.mean())).collect();
    order::order_graded_intercepts(model, &mut x);
    simplices(model).iter().for_each(|s| s.normalise(&mut x));
    check(model, &x)?;
    Ok(x)
}

/// Refuses summaries that were made for another model.
fn check_summaries(model: &Model, summaries: &[GroupSummary]) -> Result<()> {
    let fits = |(observed, summary): (usize, &GroupSummary)| {
        let items = &model.classes_of(observed)[0].instances;
        let counts = &summary.category_counts;
        summary.sample.len() == summary.sample_weights.len() * items.len()
            && counts.len() == items.len()
            && items.iter().zip(counts).all(|(item, counts)| counts.len() == item.shape.n_categories)
    };
    if summaries.len() == model.spec.groups.len() && summaries.iter().enumerate().all(fits) {
        return Ok(());
    }
    Err(Error::Data("the summaries of the responses were made for a model of other items or groups".into()))
}

/// The user's start value, or the suggestion moved to where the parameter is allowed.
fn first_value(free: &FreeParameter, suggestion: f64) -> f64 {
    let allowed = match free.prior {
        // A reversed item under a prior that wants a positive slope.
        Some(Prior::LogNormal { mean, .. }) if suggestion <= 0.0 => mean.exp(),
        _ => suggestion,
    };
    free.start.unwrap_or_else(|| allowed.clamp(free.lower, free.upper))
}

/// The value that a cell starts at: the constant that it is fixed at, or the first value of its free parameter.
fn value_of(model: &Model, cell: usize, suggestion: f64) -> f64 {
    match model.table.slots[cell] {
        Slot::Fixed(value) => value,
        Slot::Free(f) => first_value(&model.table.free[f], suggestion),
    }
}

/// Values that several cells suggest for the parameter behind them.
#[derive(Debug, Clone, Copy, Default)]
struct Suggested {
    sum: f64,
    n: f64,
}

impl Suggested {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.n += 1.0;
    }

    fn mean(self) -> f64 {
        self.sum / self.n
    }
}

/// Adds suggested values of cells to those of the free parameters behind them.
fn suggest(model: &Model, suggested: &mut [Suggested], values: impl Iterator<Item = (usize, f64)>) {
    for (cell, value) in values {
        if let Slot::Free(f) = model.table.slots[cell] {
            suggested[f].add(value);
        }
    }
}

/// The value that the user gives a cell: fixed, or a start value.
fn given(model: &Model, cell: usize) -> Option<f64> {
    match model.table.slots[cell] {
        Slot::Fixed(value) => Some(value),
        Slot::Free(f) => model.table.free[f].start,
    }
}

/// Given values of the distributions' cells (0 for all others). A free mean or variance starts at the mean of those
/// given for its attribute, so that a second group starts on the scale of the first; else at 0 and 1. A free
/// covariance starts at 0.
fn latent_values(model: &Model) -> Vec<f64> {
    let cells = &model.table.cells;
    let latent_cells = || model.groups.iter().flat_map(|g| g.latent_cells.clone());
    // What is given in all groups, by the parameter's address in the first.
    let address = |c: usize| Cell { group: 0, ..cells[c] };
    let mut known: HashMap<Cell, Suggested> = HashMap::new();
    for c in latent_cells() {
        if let Some(value) = given(model, c) {
            known.entry(address(c)).or_default().add(value);
        }
    }
    let default = |c: usize| match (cells[c].kind, known.get(&address(c))) {
        (Kind::Covariance, _) if !cells[c].is_variance() => 0.0,
        (_, Some(known)) => known.mean(),
        (kind, None) => f64::from(u8::from(kind == Kind::Covariance)),
    };
    let mut values = vec![0.0; cells.len()];
    for c in latent_cells() {
        values[c] = value_of(model, c, default(c));
    }
    values
}

/// Where an attribute lies in a group.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mean: f64,
    sd: f64,
}

/// Where each of a group's attributes lies.
fn scales(delta: &[f64], model: &Model, group: &Group) -> Vec<Scale> {
    let n_dims = model.spec.groups[group.observed].attributes.len();
    let variance = |j: usize| delta[covariance_index(n_dims, j, j)];
    (0..n_dims).map(|j| Scale { mean: delta[j], sd: variance(j).abs().sqrt() }).collect()
}

/// An item's start: `slopes` are in standard units, `scales` those of the attributes that it measures.
fn item_start(model: &Model, instance: &Instance, counts: &[f64], slopes: &[f64], scales: &[Scale]) -> Vec<f64> {
    let family = model.spec.items[instance.item].family;
    // Slopes that are given stay as they are; the intercepts are found for them.
    let moved = slopes.iter().zip(scales).zip(instance.cells.clone());
    let slopes: Vec<f64> = moved.map(|((slope, scale), cell)| value_of(model, cell, slope / scale.sd)).collect();
    let standard: Vec<f64> = slopes.iter().zip(scales).map(|(a, scale)| a * scale.sd).collect();
    let mut eta = family.start(&instance.shape, &proportions(counts), &standard);
    eta[..slopes.len()].copy_from_slice(&slopes);
    let shift: f64 = slopes.iter().zip(scales).map(|(a, scale)| a * scale.mean).sum();
    for (m, b) in eta[slopes.len()..].iter_mut().take(instance.shape.n_categories - 1).enumerate() {
        let scores = &instance.shape.scores;
        *b -= shift * if family.uses_scores() { scores[m + 1] - scores[0] } else { 1.0 };
    }
    eta
}

/// Category proportions, none of them 0: half an answer more in each category, or one per cent of all answers where
/// weights are so small that half an answer would count for more.
fn proportions(counts: &[f64]) -> Vec<f64> {
    const PSEUDO_COUNT: f64 = 0.5;
    const MAX_PSEUDO_SHARE: f64 = 0.01;
    let n: f64 = counts.iter().sum();
    let extra = if n > 0.0 { PSEUDO_COUNT.min(MAX_PSEUDO_SHARE * n) } else { PSEUDO_COUNT };
    let total = n + extra * counts.len() as f64;
    counts.iter().map(|c| (c + extra) / total).collect()
}

/// Refuses start values that are no model, naming the item or group.
fn check(model: &Model, x: &[f64]) -> Result<()> {
    if is_feasible(model, x) {
        return Ok(());
    }
    let values = model.table.expand(x);
    for group in &model.groups {
        for instance in &group.instances {
            let item = &model.spec.items[instance.item];
            let eta = &values[instance.cells.clone()];
            if !item.family.is_feasible(&instance.shape, eta) {
                let why = match eta.iter().any(|x| x.is_nan() || *x == f64::INFINITY) {
                    true => "they, or the category scores, lie too far out to work with",
                    false => "graded intercepts must strictly decrease",
                };
                return Err(Error::Spec(format!(
                    "item '{}' cannot start at the values {eta:?} that its fixed and start values lead to: {why}",
                    item.name
                )));
            }
        }
        let observed = &model.spec.groups[group.observed];
        let delta = &values[group.latent_cells.clone()];
        if !model.spec.latent.is_feasible(observed.attributes.len(), delta) {
            return Err(Error::Spec(format!(
                "the fixed and start values of the attribute distribution of group '{}' cannot be worked with: the \
                 covariance matrix must be positive definite, and no mean further than 1e8 standard deviations from 0",
                observed.name
            )));
        }
    }
    let mut parameters = model.table.free.iter().zip(x).enumerate();
    let culprit = parameters.find(|(_, (f, x))| !f.admits(**x));
    Err(Error::Spec(match culprit {
        // Nothing else is left that could be no number: proportions are divided by their sum.
        Some((_, (_, x))) if x.is_nan() => {
            "the start values of the class proportions are all 0; one at least has to be positive".into()
        }
        Some((f, (free, x))) if (free.lower..=free.upper).contains(x) => {
            format!("the prior of the {} has no density at its start value {x}", model.name_of(f))
        }
        Some((f, (FreeParameter { lower, upper, .. }, x))) => {
            format!("the start value {x} of the {} is outside its bounds [{lower}, {upper}]", model.name_of(f))
        }
        None => "the start values of the class proportions are not between 0 and 1".into(),
    }))
}
