//! Class proportions: their M-step, and the constraint that they sum to one.
//!
//! The proportions of the classes of one observed group sum to one. Those that are fixed stay; the rest of the mass goes
//! to the free ones in proportion to the expected class sizes, free parameters that serve several cells sharing
//! equally. Observed groups whose proportions are tied to one another pool their counts.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::expected::Expected;
use crate::params::Slot;
use crate::spec::Model;

/// One set of proportions that sums to one: the classes of one observed group, or of several with the same slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplex {
    /// The slots, class by class.
    slots: Vec<Slot>,
    /// The observed groups.
    observed: Vec<usize>,
}

/// The simplices of a model: none when there is one class.
pub fn simplices(model: &Model) -> Vec<Simplex> {
    let mut simplices: Vec<Simplex> = Vec::new();
    for observed in 0..model.spec.groups.len() {
        let cells = model.classes_of(observed).iter().filter_map(|g| g.proportion_cell);
        let slots: Vec<Slot> = cells.map(|c| model.table.slots[c]).collect();
        match simplices.iter_mut().find(|s| s.slots == slots) {
            _ if slots.is_empty() => {}
            Some(simplex) => simplex.observed.push(observed),
            None => simplices.push(Simplex { slots, observed: vec![observed] }),
        }
    }
    simplices
}

/// A free parameter of a set of proportions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreeProportion {
    /// The free parameter.
    pub parameter: usize,
    /// How many classes have it for their proportion.
    pub n_classes: f64,
}

impl Simplex {
    /// The distinct free parameters.
    pub fn free(&self) -> Vec<FreeProportion> {
        let distinct: BTreeSet<usize> = self.slots.iter().filter_map(|slot| slot.free()).collect();
        let count = |f: usize| self.slots.iter().filter(|s| **s == Slot::Free(f)).count() as f64;
        distinct.into_iter().map(|f| FreeProportion { parameter: f, n_classes: count(f) }).collect()
    }

    /// What the fixed proportions leave to the free ones.
    fn free_mass(&self) -> f64 {
        let fixed = |s: &Slot| if let Slot::Fixed(value) = *s { value } else { 0.0 };
        1.0 - self.slots.iter().map(fixed).sum::<f64>()
    }

    /// Scales the free proportions in `x` so that the set sums to one.
    pub fn normalise(&self, x: &mut [f64]) {
        let free = self.free();
        let total: f64 = free.iter().map(|own| x[own.parameter] * own.n_classes).sum();
        let scale = self.free_mass() / total;
        free.iter().for_each(|own| x[own.parameter] *= scale);
    }
}

/// The paper's update of `p(g)`: expected class sizes over the number of respondents.
pub fn update(model: &Model, expected: &Expected, x: &mut [f64]) {
    for simplex in simplices(model) {
        let n_classes = model.spec.n_classes;
        let size =
            |class: usize| -> f64 { simplex.observed.iter().map(|o| expected.moments[o * n_classes + class].n).sum() };
        let sizes: Vec<f64> = (0..n_classes).map(size).collect();
        let free = simplex.free();
        let is_of = |c: usize, own: &FreeProportion| simplex.slots[c] == Slot::Free(own.parameter);
        let count = |own: &FreeProportion| (0..n_classes).filter(|&c| is_of(c, own)).map(|c| sizes[c]).sum();
        let counts: Vec<f64> = free.iter().map(count).collect();
        let total: f64 = counts.iter().sum();
        if total > 0.0 {
            let mass = simplex.free_mass();
            for (own, count) in free.iter().zip(counts) {
                x[own.parameter] = mass * count / (total * own.n_classes);
            }
        }
    }
}

/// How many of the free parameters the sum-to-one constraints take back.
pub fn n_constraints(model: &Model) -> usize {
    simplices(model).iter().filter(|s| !s.free().is_empty()).count()
}

/// Refuses sets of proportions that cannot sum to one, and ties between sets that are not the same throughout.
///
/// # Errors
/// [`Error::Spec`] naming the group.
pub(crate) fn check(model: &Model) -> Result<()> {
    /// Fixed proportions are typed by people.
    const SUM_TOLERANCE: f64 = 1e-8;
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for simplex in simplices(model) {
        let group = &model.spec.groups[simplex.observed[0]].name;
        let (free, mass) = (simplex.free(), simplex.free_mass());
        if free.is_empty() && mass.abs() > SUM_TOLERANCE {
            return Err(Error::Spec(format!(
                "the class proportions of group '{group}' are all fixed and sum to {}, not 1",
                1.0 - mass
            )));
        }
        if !free.is_empty() && mass <= 0.0 {
            return Err(Error::Spec(format!(
                "the fixed class proportions of group '{group}' sum to {}: nothing is left for the free ones",
                1.0 - mass
            )));
        }
        if !free.iter().all(|own| seen.insert(own.parameter)) {
            return Err(Error::Spec(format!(
                "some class proportions of group '{group}' are tied to another group's: tie all of them, class by \
                 class, or none"
            )));
        }
    }
    Ok(())
}
