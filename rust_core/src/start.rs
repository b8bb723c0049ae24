//! Start values.
//!
//! Intercepts reproduce the observed category proportions; slopes come from the first principal direction of the items
//! that measure an attribute, so that reversed items start with the right sign. A free parameter that serves several
//! cells starts at the mean of what they suggest; a value given by the user always wins.

use crate::error::{Error, Result};
use crate::feasible::is_feasible;
use crate::params::{Kind, Slot};
use crate::spec::{Group, Instance, Model};

/// What start values are made from, for one observed group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSummary {
    /// Per item (in the group's order) and category: weighted count of answers.
    pub category_counts: Vec<Vec<f64>>,
    /// Codes of a sample of respondents, `(n, items)` row-major, [`crate::patterns::MISSING`] where there is none.
    pub sample: Vec<u8>,
}

/// Slopes start between these, per standard deviation of the attribute and unit of the category scores.
const SLOPE_RANGE: (f64, f64) = (0.4, 2.5);

/// Start values of all free parameters.
pub fn start(model: &Model, summaries: &[GroupSummary]) -> Result<Vec<f64>> {
    let latent = latent_values(model);
    let mut suggested = vec![(0.0, 0.0); model.table.free.len()];
    for group in &model.groups {
        let slopes = slopes(model, group, &summaries[group.observed], &latent);
        for (index, instance) in group.instances.iter().enumerate() {
            let counts = &summaries[group.observed].category_counts[index];
            let eta = item_start(model, group, instance, counts, &slopes[index], &latent);
            suggest(model, &mut suggested, instance.cells.clone().zip(eta));
        }
        suggest(model, &mut suggested, group.latent_cells.clone().map(|c| (c, latent[c])));
        let even = 1.0 / model.spec.n_classes as f64;
        suggest(model, &mut suggested, group.proportion_cell.into_iter().map(|c| (c, even)));
    }
    let mut x: Vec<f64> = Vec::with_capacity(suggested.len());
    for (free, (sum, times)) in model.table.free.iter().zip(suggested) {
        x.push(free.start.unwrap_or_else(|| (sum / times).clamp(free.lower, free.upper)));
    }
    order_graded_intercepts(model, &mut x);
    crate::proportions::simplices(model).iter().for_each(|s| s.normalise(&mut x));
    check(model, &x)?;
    Ok(x)
}

fn suggest(model: &Model, suggested: &mut [(f64, f64)], values: impl Iterator<Item = (usize, f64)>) {
    for (cell, value) in values {
        if let Slot::Free(f) = model.table.slots[cell] {
            suggested[f].0 += value;
            suggested[f].1 += 1.0;
        }
    }
}

/// Fixed or started values of the distributions' cells; mean 0, variance 1, covariance 0 where nothing is said.
fn latent_values(model: &Model) -> Vec<f64> {
    let table = &model.table;
    let default = |c: usize| match table.cells[c] {
        cell if cell.kind == Kind::Covariance && cell.attribute == cell.attribute_2 => 1.0,
        _ => 0.0,
    };
    (0..table.cells.len())
        .map(|c| match table.slots[c] {
            Slot::Fixed(value) => value,
            Slot::Free(f) => table.free[f].start.unwrap_or_else(|| default(c)),
        })
        .collect()
}

/// Mean and standard deviation of each of the group's attributes.
fn location_and_scale(group: &Group, latent: &[f64], n_dims: usize) -> Vec<(f64, f64)> {
    let values = &latent[group.latent_cells.clone()];
    let variance = |j: usize| n_dims + j * (j + 1) / 2 + j;
    (0..n_dims)
        .map(|j| (values.get(j).copied().unwrap_or(0.0), values.get(variance(j)).map_or(1.0, |v| v.abs().sqrt())))
        .collect()
}

/// An item's start for its own attributes' mean and standard deviation.
fn item_start(
    model: &Model,
    group: &Group,
    instance: &Instance,
    counts: &[f64],
    slopes: &[f64],
    latent: &[f64],
) -> Vec<f64> {
    /// Keeps every proportion away from 0 and 1.
    const PSEUDO_COUNT: f64 = 0.5;
    let structure = &model.spec.groups[group.observed];
    let item = &model.spec.items[instance.item];
    let total: f64 = counts.iter().map(|c| c + PSEUDO_COUNT).sum();
    let proportions: Vec<f64> = counts.iter().map(|c| (c + PSEUDO_COUNT) / total).collect();
    let scales = location_and_scale(group, latent, structure.attributes.len());
    let own = structure.attributes.iter().zip(scales).filter(|(a, _)| item.attributes.contains(a)).map(|(_, s)| s);
    let own: Vec<(f64, f64)> = own.collect();
    // Slopes that are given stay as they are; the intercepts are found for them.
    let slopes: Vec<f64> = slopes
        .iter()
        .zip(&own)
        .zip(instance.cells.clone())
        .map(|((slope, (_, sd)), cell)| match model.table.slots[cell] {
            Slot::Fixed(value) => value,
            Slot::Free(f) => model.table.free[f].start.unwrap_or(slope / sd),
        })
        .collect();
    let standard: Vec<f64> = slopes.iter().zip(&own).map(|(a, (_, sd))| a * sd).collect();
    let mut eta = item.family.start(&instance.shape, &proportions, &standard);
    eta[..slopes.len()].copy_from_slice(&slopes);
    let shift: f64 = slopes.iter().zip(&own).map(|(a, (mean, _))| a * mean).sum();
    let uses_scores = item.family.uses_scores();
    for (m, b) in eta[slopes.len()..].iter_mut().take(instance.shape.n_categories - 1).enumerate() {
        let scores = &instance.shape.scores;
        *b -= shift * if uses_scores { scores[m + 1] - scores[0] } else { 1.0 };
    }
    eta
}

/// Slopes of every item of a group, in standard units of its attributes.
fn slopes(model: &Model, group: &Group, summary: &GroupSummary, _latent: &[f64]) -> Vec<Vec<f64>> {
    let structure = &model.spec.groups[group.observed];
    let mut slopes: Vec<Vec<f64>> = group.instances.iter().map(|i| vec![0.0; i.shape.n_dims]).collect();
    for attribute in &structure.attributes {
        let measuring: Vec<usize> = (0..structure.items.len())
            .filter(|&p| model.spec.items[structure.items[p]].attributes.contains(attribute))
            .collect();
        let loadings = principal_loadings(model, group, summary, &measuring);
        for (&p, loading) in measuring.iter().zip(loadings) {
            let item = &model.spec.items[structure.items[p]];
            let position = item.attributes.iter().filter(|a| structure.attributes.contains(a));
            let Some(j) = position.into_iter().position(|a| a == attribute) else { continue };
            let strength =
                (1.7 * loading.abs() / (1.0 - loading * loading).max(0.05).sqrt()).clamp(SLOPE_RANGE.0, SLOPE_RANGE.1);
            slopes[p][j] = strength.copysign(loading) * score_unit(model, &group.instances[p]);
        }
    }
    slopes
}

/// Turns a slope per category step into one per unit of the category scores.
fn score_unit(model: &Model, instance: &Instance) -> f64 {
    let n_steps = (instance.shape.n_categories - 1) as f64;
    if !model.spec.items[instance.item].family.uses_scores() {
        return 1.0;
    }
    let scores = &instance.shape.scores;
    let (low, high) = scores.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &s| (l.min(s), h.max(s)));
    n_steps.sqrt() / (high - low)
}

/// Loadings of some items on their first principal component (power iteration on the standardised sample).
fn principal_loadings(model: &Model, group: &Group, summary: &GroupSummary, items: &[usize]) -> Vec<f64> {
    const ITERATIONS: usize = 30;
    let n_columns = group.instances.len();
    let n_rows = summary.sample.len() / n_columns.max(1);
    if n_rows < 3 || items.len() < 2 {
        return vec![0.5; items.len()];
    }
    let columns: Vec<Vec<f64>> = items
        .iter()
        .map(|&p| {
            let instance = &group.instances[p];
            let uses_scores = model.spec.items[instance.item].family.uses_scores();
            let score = |code: u8| if uses_scores { instance.shape.scores[code as usize] } else { f64::from(code) };
            standardised(summary.sample.iter().skip(p).step_by(n_columns), score)
        })
        .collect();
    let mut v = vec![1.0; items.len()];
    let mut length = 1.0;
    for _ in 0..ITERATIONS {
        let mut component = vec![0.0; n_rows];
        for (column, weight) in columns.iter().zip(&v) {
            component.iter_mut().zip(column).for_each(|(c, z)| *c += weight * z);
        }
        let next: Vec<f64> =
            columns.iter().map(|c| c.iter().zip(&component).map(|(z, c)| z * c).sum::<f64>() / n_rows as f64).collect();
        length = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length == 0.0 {
            return vec![0.5; items.len()];
        }
        v = next.iter().map(|x| x / length).collect();
    }
    // Most items point the same way: that way is up.
    let up = if v.iter().sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
    v.iter().map(|x| (up * x * length.sqrt()).clamp(-0.95, 0.95)).collect()
}

/// A column of item scores with mean 0 and variance 1; 0 where the answer is missing.
fn standardised<'a>(codes: impl Iterator<Item = &'a u8> + Clone, score: impl Fn(u8) -> f64) -> Vec<f64> {
    let answered = codes.clone().filter(|&&c| c != crate::patterns::MISSING).map(|&c| score(c));
    let (n, sum, squares) = answered.fold((0.0, 0.0, 0.0), |(n, sum, squares), s| (n + 1.0, sum + s, squares + s * s));
    let mean = if n > 0.0 { sum / n } else { 0.0 };
    let variance = if n > 0.0 { squares / n - mean * mean } else { 0.0 };
    let sd = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
    codes.map(|&c| if c == crate::patterns::MISSING { 0.0 } else { (score(c) - mean) / sd }).collect()
}

/// Where some graded intercepts are given and others are not, moves the others into order.
fn order_graded_intercepts(model: &Model, x: &mut [f64]) {
    /// Distance kept between neighbouring intercepts.
    const GAP: f64 = 0.1;
    let table = &model.table;
    for instance in model.groups.iter().flat_map(|g| &g.instances) {
        let family = model.spec.items[instance.item].family;
        let values = table.expand(x);
        if family.is_feasible(&instance.shape, &values[instance.cells.clone()]) {
            continue;
        }
        let cells: Vec<usize> = instance.cells.clone().filter(|&c| table.cells[c].kind == Kind::Intercept).collect();
        let movable = |c: usize| match table.slots[c] {
            Slot::Free(f) if table.free[f].start.is_none() => Some(f),
            _ => None,
        };
        let value = |x: &[f64], c: usize| match table.slots[c] {
            Slot::Fixed(value) => value,
            Slot::Free(f) => x[f],
        };
        for pair in cells.windows(2) {
            if let Some(f) = movable(pair[1]) {
                x[f] = x[f].min(value(x, pair[0]) - GAP);
            }
        }
        for pair in cells.windows(2).rev() {
            if let Some(f) = movable(pair[0]) {
                x[f] = x[f].max(value(x, pair[1]) + GAP);
            }
        }
    }
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
                return Err(Error::Spec(format!(
                    "the fixed and start values of item '{}' are not a '{}' item: {eta:?}; graded intercepts must \
                     strictly decrease and every value must be finite",
                    item.name,
                    item.family.name()
                )));
            }
        }
        let observed = &model.spec.groups[group.observed];
        let delta = &values[group.latent_cells.clone()];
        if !model.spec.latent.is_feasible(observed.attributes.len(), delta) {
            return Err(Error::Spec(format!(
                "the fixed and start values of the attribute distribution of group '{}' are not a distribution: the \
                 covariance matrix must be positive definite",
                observed.name
            )));
        }
    }
    let outside = model.table.free.iter().zip(x).position(|(f, &x)| !(f.lower..=f.upper).contains(&x));
    Err(Error::Spec(match outside {
        Some(f) => format!(
            "the start value {} of the {} is outside its bounds [{}, {}]",
            x[f],
            crate::feasible::describe(model, f),
            model.table.free[f].lower,
            model.table.free[f].upper
        ),
        None => "the start values of the class proportions are not between 0 and 1".into(),
    }))
}
