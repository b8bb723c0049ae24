//! Attributes expected of everybody with the same sum score, and how often each sum score occurs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::origin;
use super::sums::{Sums, power_of_two};
use crate::error::{Error, Result};
use crate::expected::{Parameters, Placed};
use crate::plan::{Elimination, Source};
use crate::spec::Model;

/// Nodes that sums are formed at together.
const CHUNK: usize = 256;

/// What every sum score says of the attributes. An attribute that the group does not have is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct SumScores {
    /// Number of attributes `J` of the model.
    pub n_attributes: usize,
    /// Number of latent classes `C`.
    pub n_classes: usize,
    /// `(S)`: the sums that can occur, ascending.
    pub points: Vec<i64>,
    /// `(S)`: how probable each is.
    pub probability: Vec<f64>,
    /// `(S, J)`: posterior means.
    pub theta: Vec<f64>,
    /// `(S, J, J)`: posterior covariances.
    pub covariance: Vec<f64>,
    /// `(S, C)`: posterior class probabilities.
    pub class_probabilities: Vec<f64>,
}

/// The sum scores over some items (positions among the model's) of an observed group, at the free parameters `x`;
/// `points` has `(M_i)` points for the categories of each.
///
/// Given the nodes, answers are independent: the distribution of the sum is built up item by item (Lord and Wingersky,
/// 1984; for several categories Thissen, Pommerich, Billeaud and Williams, 1995). Attributes that are eliminated are
/// summed out of the sums over their own items.
///
/// # Errors
/// [`Error::Spec`] where an item is not in the group, points do not fit its categories, or there are too many sums;
/// [`Error::Interrupted`].
pub fn sum_scores(
    model: &Model,
    x: &[f64],
    observed: usize,
    items: &[usize],
    points: &[Vec<i64>],
    cancel: &AtomicBool,
) -> Result<SumScores> {
    let parameters = Parameters::at(model, x);
    let test = Test::new(model, &parameters, observed, items, points, cancel)?;
    let n_classes = model.spec.n_classes;
    let mut work = Vec::new();
    for class in 0..n_classes {
        let inner = test.inner(class)?;
        let n_nodes = test.placed(class).grid.n_nodes;
        let pieces = (0..n_nodes).step_by(CHUNK).map(|start| start..(start + CHUNK).min(n_nodes));
        work.extend(pieces.map(|nodes| (class, nodes, inner.clone())));
    }
    let run = |(class, nodes, inner): &(usize, Range<usize>, Vec<Sums>)| test.moments(*class, nodes, inner);
    let parts: Vec<Vec<Part>> = work.par_iter().map(run).collect::<Result<_>>()?;
    let mut all: BTreeMap<i64, Part> = BTreeMap::new();
    for part in parts.into_iter().flatten() {
        match all.get_mut(&part.points) {
            Some(sum) => sum.add(part),
            None => drop(all.insert(part.points, part)),
        }
    }
    Ok(test.summarise(all.into_values()))
}

/// The moments of one sum over some nodes, times `2^-exponent`.
struct Part {
    points: i64,
    exponent: i32,
    /// Probability of each class (`C`), first moments (`J_g`), lower triangle of second ones, about the origin.
    moments: Vec<f64>,
}

impl Part {
    fn add(&mut self, mut other: Part) {
        if other.exponent > self.exponent {
            std::mem::swap(self, &mut other);
        }
        let scale = power_of_two(other.exponent.saturating_sub(self.exponent));
        self.moments.iter_mut().zip(other.moments).for_each(|(sum, x)| *sum += scale * x);
    }
}

/// The items whose points are summed.
struct Test<'a> {
    model: &'a Model,
    observed: usize,
    parameters: &'a Parameters,
    /// Positions among the group's items, and points of the categories.
    items: Vec<(usize, &'a [i64])>,
    origin: Vec<f64>,
    cancel: &'a AtomicBool,
}

impl<'a> Test<'a> {
    fn new(
        model: &'a Model,
        parameters: &'a Parameters,
        observed: usize,
        items: &[usize],
        points: &'a [Vec<i64>],
        cancel: &'a AtomicBool,
    ) -> Result<Self> {
        let Some(group) = model.spec.groups.get(observed) else {
            let n = model.spec.groups.len();
            return Err(Error::Spec(format!("group {observed} was asked for, but the model has {n}")));
        };
        if items.is_empty() || items.len() != points.len() {
            return Err(Error::Spec(format!("{} lists of points for {} items", points.len(), items.len())));
        }
        let mut own = Vec::with_capacity(items.len());
        for (&item, points) in items.iter().zip(points) {
            let Ok(position) = group.items.binary_search(&item) else {
                let name = model.spec.items.get(item).map_or_else(|| item.to_string(), |item| item.name.clone());
                return Err(Error::Spec(format!("item '{name}' is not in the item set of group '{}'", group.name)));
            };
            let spec = &model.spec.items[item];
            if points.len() != spec.n_categories {
                let (found, name, m) = (points.len(), &spec.name, spec.n_categories);
                return Err(Error::Spec(format!("{found} scores were given for item '{name}' with {m} categories")));
            }
            if own.iter().any(|&(other, _)| other == position) {
                return Err(Error::Spec(format!("item '{}' is there twice", spec.name)));
            }
            own.push((position, points.as_slice()));
        }
        Ok(Self { model, observed, parameters, items: own, origin: origin(model, observed, parameters), cancel })
    }

    fn placed(&self, class: usize) -> &Placed {
        &self.parameters.placed_of(self.model, self.observed)[class]
    }

    fn elimination(&self) -> Option<&Elimination> {
        self.model.structures[self.observed].elimination.as_ref()
    }

    /// The points of an item at some of the nodes that `class` has it at: of the outer grid, or of the eliminated
    /// attribute that it measures crossed with its neighbours.
    fn item(&self, (position, points): (usize, &[i64]), class: usize, nodes: Option<&Range<usize>>) -> Sums {
        let structure = &self.model.structures[self.observed];
        let instance = &self.model.classes_of(self.observed)[class].instances[position];
        let family = self.model.spec.items[instance.item].family;
        let support = self.placed(class).nodes(instance.support);
        let mut table = vec![0.0; points.len() * support.n_nodes];
        family.probabilities(&instance.shape, &self.parameters.values[instance.cells.clone()], support, &mut table);
        let map = Source::new(structure, instance.support, class).map;
        let map = nodes.map_or(map.as_slice(), |nodes| &map[nodes.clone()]);
        let rows = table.chunks_exact(support.n_nodes);
        let spread: Vec<f64> = rows.flat_map(|row| map.iter().map(|&k| row[k as usize])).collect();
        Sums::of_item(points, &spread)
    }

    fn add(&self, sums: &Sums, more: &Sums) -> Result<Sums> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { sums.plus(more) }
    }

    /// The sums over the items of each eliminated attribute, at the outer nodes.
    fn inner(&self, class: usize) -> Result<Vec<Sums>> {
        let placed = self.placed(class);
        let (Some(elimination), Some(rest)) = (self.elimination(), &placed.elimination) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        let mut start = 0;
        for (e, (attribute, inner)) in elimination.eliminated().zip(&elimination.layout.inner).enumerate() {
            let conditional = &rest.conditional[start..start + inner.n_joint()];
            start += inner.n_joint();
            let own = &elimination.items[e];
            let measures = |position: &usize| own.own.contains(position) || own.cross.contains(position);
            let mut sums = Sums::nothing(inner.n_joint());
            for &item in self.items.iter().filter(|(position, _)| measures(position)) {
                sums = self.add(&sums, &self.item(item, class, None))?;
            }
            let j = attribute.0;
            let theta: Vec<f64> = rest.axes[j].iter().map(|t| t - self.origin[j]).collect();
            all.push(sums.sum_out(j, &theta, conditional).spread(&elimination.neighbours_at_outer(e)));
        }
        Ok(all)
    }

    /// The moments of every sum over some outer nodes of a class.
    fn moments(&self, class: usize, nodes: &Range<usize>, inner: &[Sums]) -> Result<Vec<Part>> {
        let grid = &self.placed(class).grid;
        let mut sums = Sums::nothing(nodes.len());
        let is_outer = |position: usize| {
            let eliminated = self.elimination().into_iter().flat_map(|e| &e.items);
            eliminated.into_iter().all(|items| !items.own.contains(&position) && !items.cross.contains(&position))
        };
        for &item in self.items.iter().filter(|(position, _)| is_outer(*position)) {
            sums = self.add(&sums, &self.item(item, class, Some(nodes)))?;
        }
        for inner in inner {
            sums = self.add(&sums, &inner.at(nodes))?;
        }
        let group = &self.model.classes_of(self.observed)[class];
        let proportion = group.proportion_cell.map_or(1.0, |cell| self.parameters.values[cell]);
        let weights: Vec<f64> = grid.weights[nodes.clone()].iter().map(|w| proportion * w).collect();
        let every: Vec<usize> = (0..self.origin.len()).collect();
        let outer = self.elimination().map_or(every.as_slice(), |e| e.outer());
        let coordinate = |at: usize| -> Vec<f64> {
            let axis = &grid.theta[at * grid.n_nodes..][nodes.clone()];
            axis.iter().map(|t| t - self.origin[outer[at]]).collect()
        };
        let theta: Vec<(usize, Vec<f64>)> = (0..outer.len()).map(|at| (outer[at], coordinate(at))).collect();
        let parts = (0..sums.points.len()).map(|s| self.part(&sums, s, class, (&weights, &theta)));
        Ok(parts.collect())
    }

    /// The moments of one sum: those of outer attributes from their coordinates, the others came with the sums.
    fn part(&self, sums: &Sums, s: usize, class: usize, (weights, theta): (&[f64], &[(usize, Vec<f64>)])) -> Part {
        let (row, exponent) = sums.row(s);
        let (n, n_classes) = (self.origin.len(), self.model.spec.n_classes);
        let mut moments = vec![0.0; n_classes + n * (n + 3) / 2];
        let second = |j: usize, k: usize| n_classes + n + j.max(k) * (j.max(k) + 1) / 2 + j.min(k);
        for (function, values) in sums.functions.iter().zip(row.chunks_exact(sums.n_nodes)) {
            let weighted: Vec<f64> = values.iter().zip(weights).map(|(x, w)| x * w).collect();
            let total: f64 = weighted.iter().sum();
            let at = match function[..] {
                [] => class,
                [j] => n_classes + j,
                [j, k, ..] => second(j, k),
            };
            moments[at] += total;
            for (a, (j, t)) in theta.iter().enumerate().filter(|_| function.len() < 2) {
                let scaled: Vec<f64> = weighted.iter().zip(t).map(|(x, t)| x * t).collect();
                let at = function.first().map_or(n_classes + j, |k| second(*j, *k));
                moments[at] += scaled.iter().sum::<f64>();
                if function.is_empty() {
                    for (k, u) in &theta[..=a] {
                        moments[second(*j, *k)] += scaled.iter().zip(u).map(|(x, u)| x * u).sum::<f64>();
                    }
                }
            }
        }
        Part { points: sums.points[s], exponent, moments }
    }

    fn summarise(&self, parts: impl Iterator<Item = Part>) -> SumScores {
        let spec = &self.model.spec;
        let (n_attributes, n_classes, n) = (spec.attributes.len(), spec.n_classes, self.origin.len());
        let mut table = SumScores {
            n_attributes,
            n_classes,
            points: Vec::new(),
            probability: Vec::new(),
            theta: Vec::new(),
            covariance: Vec::new(),
            class_probabilities: Vec::new(),
        };
        let own = &spec.groups[self.observed].attributes;
        for Part { points, exponent, moments } in parts {
            let (classes, rest) = moments.split_at(n_classes);
            let (first, second) = rest.split_at(n);
            let total: f64 = classes.iter().sum();
            table.points.push(points);
            table.probability.push(total * power_of_two(exponent / 2) * power_of_two(exponent - exponent / 2));
            table.class_probabilities.extend(classes.iter().map(|p| p / total));
            let mut theta = vec![f64::NAN; n_attributes];
            let mut covariance = vec![f64::NAN; n_attributes * n_attributes];
            for (j, &a) in own.iter().enumerate() {
                theta[a] = first[j] / total + self.origin[j];
                for (k, &b) in own.iter().enumerate() {
                    let product = second[j.max(k) * (j.max(k) + 1) / 2 + j.min(k)] / total;
                    covariance[a * n_attributes + b] = product - (first[j] / total) * (first[k] / total);
                }
            }
            table.theta.extend(theta);
            table.covariance.extend(covariance);
        }
        table
    }
}
