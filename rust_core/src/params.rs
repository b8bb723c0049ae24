//! The parameter table: every parameter of every item and group is a cell, and a cell is either fixed or points at a
//! free parameter. Two cells that point at the same free parameter are tied; nothing else in the engine knows what is
//! fixed, free or tied.

use crate::error::{Error, Result};
use crate::prior::Prior;

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `a_ij`.
    Slope,
    /// `b_im`.
    Intercept,
    /// `c'_i`, the logit of the guessing probability.
    Guessing,
    /// `mu_gj`.
    Mean,
    /// `sigma_gjk`.
    Covariance,
    /// The proportion of a latent class within its observed group.
    Proportion,
}

impl Kind {
    /// The public word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slope => "slope",
            Self::Intercept => "intercept",
            Self::Guessing => "guessing",
            Self::Mean => "mean",
            Self::Covariance => "covariance",
            Self::Proportion => "proportion",
        }
    }
}

/// The address of one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// What it is.
    pub kind: Kind,
    /// The group (observed group times number of classes, plus class).
    pub group: usize,
    /// The item, for item parameters.
    pub item: Option<usize>,
    /// The attribute, for slopes, means and covariances.
    pub attribute: Option<usize>,
    /// The second attribute, for covariances (not after the first).
    pub attribute_2: Option<usize>,
    /// The category, for intercepts (from 1).
    pub category: Option<usize>,
}

impl Cell {
    /// Whether it is the variance of an attribute.
    pub fn is_variance(&self) -> bool {
        self.kind == Kind::Covariance && self.attribute == self.attribute_2
    }
}

/// Where a cell takes its value from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slot {
    /// A constant.
    Fixed(f64),
    /// The free parameter of that index.
    Free(usize),
}

impl Slot {
    /// The free parameter, if it is one.
    pub fn free(self) -> Option<usize> {
        match self {
            Self::Fixed(_) => None,
            Self::Free(f) => Some(f),
        }
    }

    /// The value when the free parameters are `x`.
    pub fn value(self, x: &[f64]) -> f64 {
        match self {
            Self::Fixed(value) => value,
            Self::Free(f) => x[f],
        }
    }
}

/// A parameter to be estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreeParameter {
    /// Where to start; `None` leaves it to the engine.
    pub start: Option<f64>,
    /// Smallest value allowed (minus infinity: none).
    pub lower: f64,
    /// Largest value allowed (infinity: none).
    pub upper: f64,
    /// Its prior, if any.
    pub prior: Option<Prior>,
}

impl FreeParameter {
    /// Whether the parameter can have this value: finite, within the bounds, where the prior has a density.
    pub fn admits(&self, x: f64) -> bool {
        let has_density = |prior: Prior| prior.log_density(x) > f64::NEG_INFINITY;
        x.is_finite() && self.lower <= x && x <= self.upper && self.prior.is_none_or(has_density)
    }
}

impl Default for FreeParameter {
    fn default() -> Self {
        Self { start: None, lower: f64::NEG_INFINITY, upper: f64::INFINITY, prior: None }
    }
}

/// All cells of a model with their slots, and the free parameters behind them.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterTable {
    /// The addresses, in the order of [`crate::spec::Spec::cells`].
    pub cells: Vec<Cell>,
    /// Where each cell's value comes from.
    pub slots: Vec<Slot>,
    /// What is estimated.
    pub free: Vec<FreeParameter>,
}

impl ParameterTable {
    /// Checks that slots and free parameters fit the cells and one another.
    ///
    /// # Errors
    /// [`Error::Spec`] naming what does not fit: lengths, kinds that are tied, fixed and start values, bounds, priors.
    pub fn new(cells: Vec<Cell>, slots: Vec<Slot>, free: Vec<FreeParameter>) -> Result<Self> {
        if slots.len() != cells.len() {
            return Err(Error::Spec(format!("the model has {} parameters but {} slots", cells.len(), slots.len())));
        }
        let mut kinds: Vec<Option<Kind>> = vec![None; free.len()];
        for (cell, slot) in cells.iter().zip(&slots) {
            match *slot {
                Slot::Fixed(value) => check_fixed(cell, value)?,
                Slot::Free(f) => match kinds.get_mut(f) {
                    None => return Err(Error::Spec(format!("a {} points at no free parameter", cell.kind.name()))),
                    Some(kind @ None) => *kind = Some(cell.kind),
                    Some(Some(kind)) if *kind == cell.kind => {}
                    Some(Some(kind)) => {
                        return Err(Error::Spec(format!("a {} is tied to a {}", kind.name(), cell.kind.name())));
                    }
                },
            }
        }
        if kinds.contains(&None) {
            return Err(Error::Spec("a free parameter belongs to no item and no group".into()));
        }
        for (parameter, kind) in free.iter().zip(kinds.iter().flatten()) {
            check_free(parameter, *kind)?;
        }
        Ok(Self { cells, slots, free })
    }

    /// Attributes with mean 0 and variance 1 in every group; all else free and by itself.
    ///
    /// # Errors
    /// None for the cells of a checked structure.
    pub fn standard(cells: Vec<Cell>) -> Result<Self> {
        let mut n_free = 0;
        let slots = cells.iter().map(|cell| match cell.kind {
            Kind::Mean => Slot::Fixed(0.0),
            _ if cell.is_variance() => Slot::Fixed(1.0),
            _ => {
                n_free += 1;
                Slot::Free(n_free - 1)
            }
        });
        let slots = slots.collect();
        Self::new(cells, slots, vec![FreeParameter::default(); n_free])
    }

    /// Refuses a vector of free parameters that has not one value for each.
    ///
    /// # Errors
    /// [`Error::Spec`] with both numbers.
    pub fn check_length(&self, x: &[f64]) -> Result<()> {
        let n = self.free.len();
        if x.len() == n {
            return Ok(());
        }
        Err(Error::Spec(format!("{} values for {n} free parameters; give one for each", x.len())))
    }

    /// The value of every cell when the free parameters are `x`.
    pub fn expand(&self, x: &[f64]) -> Vec<f64> {
        self.slots.iter().map(|slot| slot.value(x)).collect()
    }

    /// The free parameter behind each of a run of cells.
    pub fn free_of(&self, cells: std::ops::Range<usize>) -> impl Iterator<Item = Option<usize>> + '_ {
        self.slots[cells].iter().map(|slot| slot.free())
    }

    /// Sum of the log prior densities at `x`.
    pub fn log_prior(&self, x: &[f64]) -> f64 {
        self.free.iter().zip(x).filter_map(|(f, &x)| f.prior.map(|p| p.log_density(x))).sum()
    }
}

fn check_fixed(cell: &Cell, value: f64) -> Result<()> {
    let allowed = match cell.kind {
        Kind::Guessing => value.is_finite() || value == f64::NEG_INFINITY,
        Kind::Proportion => (0.0..=1.0).contains(&value),
        _ => value.is_finite(),
    };
    if allowed { Ok(()) } else { Err(Error::Spec(format!("a {} cannot be fixed at {value}", cell.kind.name()))) }
}

fn check_free(parameter: &FreeParameter, kind: Kind) -> Result<()> {
    let FreeParameter { start, lower, upper, prior } = *parameter;
    let name = kind.name();
    if lower.is_nan() || upper.is_nan() || lower >= upper {
        return Err(Error::Spec(format!("the bounds of a {name} must leave room: found [{lower}, {upper}]")));
    }
    if let Some(start) = start
        && !(start.is_finite() && (lower..=upper).contains(&start))
    {
        return Err(Error::Spec(format!("a {name} cannot start at {start} with bounds [{lower}, {upper}]")));
    }
    match prior {
        // The M-step would not see it: proportions are estimated in closed form.
        Some(_) if kind == Kind::Proportion => Err(Error::Spec(format!("a {name} takes no prior; fix or tie it"))),
        Some(Prior::Beta { .. }) if kind != Kind::Guessing => {
            Err(Error::Spec(format!("a beta prior is for guessing probabilities, not for a {name}")))
        }
        Some(Prior::LogNormal { .. }) if lower < 0.0 => {
            Err(Error::Spec(format!("a lognormal prior needs a {name} bounded below by 0 or more; found {lower}")))
        }
        Some(prior) if start.is_some_and(|start| prior.log_density(start) == f64::NEG_INFINITY) => Err(Error::Spec(
            format!("a {name} cannot start at {} where its prior has no density", start.unwrap_or_default()),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priors_are_for_the_kinds_that_take_them() {
        let priors = [
            Prior::Normal { mean: 0.5, sd: 0.1 },
            Prior::LogNormal { mean: 0.0, sd: 0.5 },
            Prior::Beta { a: 5.0, b: 17.0 },
        ];
        let taken = |kind: Kind| {
            priors.map(|prior| {
                let parameter = FreeParameter { start: None, lower: 0.0, upper: f64::INFINITY, prior: Some(prior) };
                check_free(&parameter, kind).is_ok()
            })
        };
        assert_eq!(taken(Kind::Slope), [true, true, false]);
        assert_eq!(taken(Kind::Guessing), [true; 3]);
        assert_eq!(taken(Kind::Proportion), [false; 3]);
    }
}
