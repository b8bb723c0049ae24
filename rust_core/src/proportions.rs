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

impl Simplex {
    /// The distinct free parameters with the number of classes each serves.
    pub fn free(&self) -> Vec<(usize, usize)> {
        let distinct: BTreeSet<usize> = self.slots.iter().filter_map(|slot| slot.free()).collect();
        distinct.into_iter().map(|f| (f, self.slots.iter().filter(|s| **s == Slot::Free(f)).count())).collect()
    }

    /// What the fixed proportions leave to the free ones.
    fn free_mass(&self) -> f64 {
        let fixed = |s: &Slot| if let Slot::Fixed(value) = *s { value } else { 0.0 };
        1.0 - self.slots.iter().map(fixed).sum::<f64>()
    }

    /// Scales the free proportions in `x` so that the set sums to one.
    pub fn normalise(&self, x: &mut [f64]) {
        let free = self.free();
        let total: f64 = free.iter().map(|&(f, times)| x[f] * times as f64).sum();
        let scale = self.free_mass() / total;
        for (f, _) in free {
            x[f] *= scale;
        }
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
        let counts: Vec<f64> = free
            .iter()
            .map(|&(f, _)| (0..n_classes).filter(|&c| simplex.slots[c] == Slot::Free(f)).map(|c| sizes[c]).sum())
            .collect();
        let total: f64 = counts.iter().sum();
        if total > 0.0 {
            let mass = simplex.free_mass();
            for (&(f, times), count) in free.iter().zip(counts) {
                x[f] = mass * count / (total * times as f64);
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
        if !free.iter().all(|&(f, _)| seen.insert(f)) {
            return Err(Error::Spec(format!(
                "some class proportions of group '{group}' are tied to another group's: tie all of them, class by \
                 class, or none"
            )));
        }
    }
    Ok(())
}
