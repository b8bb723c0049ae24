//! First slopes: loadings of the items of each attribute on their first principal component.

use super::{GroupSummary, given};
use crate::lanes::dot;
use crate::params::{Kind, Slot};
use crate::patterns::MISSING;
use crate::spec::{Instance, Model};

/// Slopes start between these, per standard deviation of the attribute and step of the category scores.
const SLOPE_RANGE: (f64, f64) = (0.4, 2.5);
/// The loading taken for items of which nothing is known.
const DEFAULT_LOADING: f64 = 0.5;
/// The largest loading believed: beyond it the slope is a matter of rounding.
const MAX_LOADING: f64 = 0.95;
/// Patterns needed to compute loadings at all.
const MIN_PATTERNS: usize = 3;

/// Slopes per observed group, item and attribute that the item measures, in standard units of the attributes.
///
/// A component has no direction of its own. It takes that of the slopes whose signs are given (by a fixed value, a
/// start value or a bound at 0); failing that, the one that agrees with the groups before it, for slopes tied across
/// groups; failing that, the one in which most items point up.
pub(super) fn slopes(model: &Model, summaries: &[GroupSummary]) -> Vec<Vec<Vec<f64>>> {
    let mut all = Vec::with_capacity(summaries.len());
    // Loadings of the groups so far: (attributes, items).
    let mut earlier = vec![vec![0.0; model.spec.items.len()]; model.spec.attributes.len()];
    for (observed, summary) in summaries.iter().enumerate() {
        let structure = &model.spec.groups[observed];
        let instances = &model.classes_of(observed)[0].instances;
        let mut slopes: Vec<Vec<f64>> = instances.iter().map(|i| vec![0.0; i.shape.n_dims]).collect();
        for &attribute in &structure.attributes {
            let measures = |p: &usize| model.spec.items[instances[*p].item].attributes.contains(&attribute);
            let measuring: Vec<usize> = (0..instances.len()).filter(measures).collect();
            let mut loadings = principal_loadings(model, instances, summary, &measuring);
            let signs = measuring.iter().map(|&p| given_sign(model, observed, p, attribute));
            let known = measuring.iter().map(|&p| earlier[attribute][instances[p].item]);
            let up = direction(&loadings, signs).or_else(|| direction(&loadings, known));
            let up = up.or_else(|| direction(&loadings, std::iter::repeat(1.0))).unwrap_or(1.0);
            loadings.iter_mut().for_each(|loading| *loading *= up);
            for (&p, loading) in measuring.iter().zip(loadings) {
                let item = &model.spec.items[instances[p].item];
                earlier[attribute][instances[p].item] += loading;
                let mut own = item.attributes.iter().filter(|a| structure.attributes.contains(a));
                if let Some(j) = own.position(|a| *a == attribute) {
                    slopes[p][j] = slope(loading) * score_unit(model, &instances[p]);
                }
            }
        }
        all.push(slopes);
    }
    all
}

/// The sign that makes loadings agree with `signs`; `None` where these say nothing.
fn direction(loadings: &[f64], signs: impl Iterator<Item = f64>) -> Option<f64> {
    let agreement: f64 = loadings.iter().zip(signs).map(|(loading, sign)| loading * sign).sum();
    (agreement != 0.0).then_some(1.0_f64.copysign(agreement))
}

/// What fixed values, start values and bounds say of the sign of an item's slope, over all classes: the sum of -1, 0
/// or 1 for each.
fn given_sign(model: &Model, observed: usize, index: usize, attribute: usize) -> f64 {
    let sign = |cell: usize| match (given(model, cell), model.table.slots[cell]) {
        (Some(value), _) if value != 0.0 => value.signum(),
        (None, Slot::Free(f)) if model.table.free[f].lower >= 0.0 => 1.0,
        (None, Slot::Free(f)) if model.table.free[f].upper <= 0.0 => -1.0,
        _ => 0.0,
    };
    let is_slope = |cell: &usize| {
        let cell = &model.table.cells[*cell];
        cell.kind == Kind::Slope && cell.attribute == Some(attribute)
    };
    let cells = model.classes_of(observed).iter().filter_map(|g| g.instances[index].cells.clone().find(is_slope));
    cells.map(sign).sum()
}

/// The slope of a normal ogive with this loading, in logistic units.
fn slope(loading: f64) -> f64 {
    let strength = 1.7 * loading.abs() / (1.0 - loading * loading).sqrt();
    strength.clamp(SLOPE_RANGE.0, SLOPE_RANGE.1).copysign(loading)
}

/// Turns a slope per category step into one per unit of the category scores.
fn score_unit(model: &Model, instance: &Instance) -> f64 {
    if !model.spec.items[instance.item].family.uses_scores() {
        return 1.0;
    }
    let n_steps = (instance.shape.n_categories - 1) as f64;
    let scores = &instance.shape.scores;
    let (low, high) = scores.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &s| (l.min(s), h.max(s)));
    n_steps.sqrt() / (high - low)
}

/// Loadings of the items at these positions on their first principal component: power iteration on the standardised
/// sample.
fn principal_loadings(model: &Model, instances: &[Instance], summary: &GroupSummary, items: &[usize]) -> Vec<f64> {
    /// Iterations at the most, and the change of every loading below which they stop: starts need no more.
    const ITERATIONS: usize = 30;
    const CHANGE: f64 = 1e-3;
    let weights = &summary.sample_weights;
    let total: f64 = weights.iter().sum();
    if weights.len() < MIN_PATTERNS || items.len() < 2 || total <= 0.0 {
        return vec![DEFAULT_LOADING; items.len()];
    }
    // Weighted by their square roots, so that products of columns are weighted means.
    let roots: Vec<f64> = weights.iter().map(|w| (w / total).sqrt()).collect();
    let columns: Vec<Vec<f64>> = items
        .iter()
        .map(|&p| {
            let instance = &instances[p];
            let uses_scores = model.spec.items[instance.item].family.uses_scores();
            let score = |code: u8| if uses_scores { instance.shape.scores[code as usize] } else { f64::from(code) };
            let codes = summary.sample.iter().skip(p).step_by(instances.len());
            let scores: Vec<Option<f64>> = codes.map(|&code| (code != MISSING).then(|| score(code))).collect();
            standardised(&scores, weights).iter().zip(&roots).map(|(z, root)| z * root).collect()
        })
        .collect();
    let mut component = aligned_sum(&columns);
    let mut direction = vec![0.0; items.len()];
    for _ in 0..ITERATIONS {
        let next: Vec<f64> = columns.iter().map(|column| dot(column, &component)).collect();
        let length = dot(&next, &next).sqrt();
        if length == 0.0 {
            return vec![DEFAULT_LOADING; items.len()];
        }
        let moved = next.iter().zip(&direction).fold(0.0_f64, |moved, (n, d)| moved.max((n / length - d).abs()));
        direction = next.iter().map(|x| x / length).collect();
        component.fill(0.0);
        for (column, weight) in columns.iter().zip(&direction) {
            add_multiple(&mut component, *weight, column);
        }
        if moved < CHANGE {
            break;
        }
    }
    let scale = dot(&component, &component).sqrt();
    direction.iter().map(|v| (v * scale).clamp(-MAX_LOADING, MAX_LOADING)).collect()
}

/// The sum of all columns, each with the sign of its correlation with the sum so far: unlike the plain sum it is not
/// nearly 0 for a test with as many reversed items as others.
fn aligned_sum(columns: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = columns[0].clone();
    for column in &columns[1..] {
        let sign = 1.0_f64.copysign(dot(column, &sum));
        add_multiple(&mut sum, sign, column);
    }
    sum
}

fn add_multiple(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

/// A column of item scores with weighted mean 0 and variance 1; 0 where the answer is missing.
fn standardised(scores: &[Option<f64>], weights: &[f64]) -> Vec<f64> {
    /// Share of its size below which a standard deviation is rounding error.
    const CONSTANT: f64 = 1e-7;
    let answered = || scores.iter().zip(weights).filter_map(|(score, w)| score.map(|s| (s, w)));
    let n: f64 = answered().map(|(_, w)| w).sum();
    if n <= 0.0 {
        return vec![0.0; scores.len()];
    }
    let mean = answered().map(|(s, w)| w * s).sum::<f64>() / n;
    let sd = (answered().map(|(s, w)| w * (s - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if sd > CONSTANT * mean.abs() { 1.0 / sd } else { 0.0 };
    scores.iter().map(|score| score.map_or(0.0, |s| (s - mean) * scale)).collect()
}
