//! What is to be estimated: items, groups, attributes and quadrature, checked once and immutable afterwards.

mod model;

use crate::error::{Error, Result};
use crate::item::{Family, ItemParameter, ItemShape};
use crate::latent::{Latent, LatentParameter};
use crate::params::{Cell, Kind, ParameterTable, Slot};
use crate::quadrature::Quadrature;

pub use model::{Group, Instance, Model, Structure};

/// One item, whatever the group.
#[derive(Clone)]
pub struct ItemSpec {
    /// The user's name for it.
    pub name: String,
    /// Its response function.
    pub family: &'static dyn Family,
    /// Number of response categories.
    pub n_categories: usize,
    /// Real-valued category scores (`n_categories`).
    pub scores: Vec<f64>,
    /// The attributes it measures: its row of the Q matrix (ascending).
    pub attributes: Vec<usize>,
}

/// One observed group (one, without a name, when there are none).
#[derive(Clone)]
pub struct GroupSpec {
    /// The user's name for it.
    pub name: String,
    /// Its items (ascending).
    pub items: Vec<usize>,
    /// Its attributes (ascending).
    pub attributes: Vec<usize>,
}

/// The whole structure of a model, before anything is said about single parameters.
#[derive(Clone)]
pub struct Spec {
    /// All items.
    pub items: Vec<ItemSpec>,
    /// Names of all attributes.
    pub attributes: Vec<String>,
    /// All observed groups.
    pub groups: Vec<GroupSpec>,
    /// Number of latent classes within each observed group; 1 for no mixture.
    pub n_classes: usize,
    /// The distribution of the attributes.
    pub latent: &'static dyn Latent,
    /// How it is integrated over.
    pub quadrature: Quadrature,
}

impl Spec {
    /// Checks the structure and lays out its parameters: for every group the items' parameters, then those of its
    /// distribution, then its proportion (when there is more than one class).
    ///
    /// # Errors
    /// [`Error::Spec`] naming the item or group whose description cannot be.
    pub fn cells(&self) -> Result<Vec<Cell>> {
        self.check()?;
        let mut cells = Vec::new();
        for group in 0..self.groups.len() * self.n_classes {
            let observed = &self.groups[group / self.n_classes];
            let cell = |kind| Cell { kind, group, item: None, attribute: None, attribute_2: None, category: None };
            for &i in &observed.items {
                let dims = self.measured(i, observed);
                for parameter in self.items[i].family.parameters(&self.shape(i, dims.len())) {
                    cells.push(match parameter {
                        ItemParameter::Slope(j) => {
                            Cell { item: Some(i), attribute: Some(observed.attributes[dims[j]]), ..cell(Kind::Slope) }
                        }
                        ItemParameter::Intercept(m) => {
                            Cell { item: Some(i), category: Some(m), ..cell(Kind::Intercept) }
                        }
                        ItemParameter::Guessing => Cell { item: Some(i), ..cell(Kind::Guessing) },
                    });
                }
            }
            for parameter in self.latent.parameters(observed.attributes.len()) {
                let attribute = |j: usize| Some(observed.attributes[j]);
                cells.push(match parameter {
                    LatentParameter::Mean(j) => Cell { attribute: attribute(j), ..cell(Kind::Mean) },
                    LatentParameter::Covariance(j, k) => {
                        Cell { attribute: attribute(j), attribute_2: attribute(k), ..cell(Kind::Covariance) }
                    }
                });
            }
            if self.n_classes > 1 {
                cells.push(cell(Kind::Proportion));
            }
        }
        Ok(cells)
    }

    /// The attributes of a group that an item measures, as positions in the group's attribute list.
    fn measured(&self, item: usize, observed: &GroupSpec) -> Vec<usize> {
        let measures = |a: &usize| self.items[item].attributes.contains(a);
        observed.attributes.iter().enumerate().filter(|(_, a)| measures(a)).map(|(j, _)| j).collect()
    }

    /// Pairs of a group's attributes whose covariance is not fixed at 0 in every class.
    fn covarying(&self, observed: usize, table: &ParameterTable) -> Vec<[usize; 2]> {
        let position = |attribute| self.groups[observed].attributes.iter().position(|&a| Some(a) == attribute);
        let cells = table.cells.iter().zip(&table.slots);
        let pairs = cells.filter_map(|(cell, slot)| {
            let is_covariance = cell.kind == Kind::Covariance && !cell.is_variance();
            let is_here = is_covariance && cell.group / self.n_classes == observed && *slot != Slot::Fixed(0.0);
            is_here.then(|| Some([position(cell.attribute)?, position(cell.attribute_2)?])).flatten()
        });
        pairs.collect()
    }

    /// The quadrature of a group: the points of its own attributes.
    fn quadrature_of(&self, group: &GroupSpec) -> Quadrature {
        let mut quadrature = self.quadrature.clone();
        if !quadrature.n_points.is_empty() {
            quadrature.n_points =
                group.attributes.iter().filter_map(|&a| self.quadrature.n_points.get(a).copied()).collect();
        }
        quadrature
    }

    /// What the family of an item has to know of it where it measures `n_dims` attributes.
    fn shape(&self, item: usize, n_dims: usize) -> ItemShape {
        let ItemSpec { n_categories, ref scores, .. } = self.items[item];
        ItemShape { n_dims, n_categories, scores: scores.clone() }
    }

    /// Refuses a structure that cannot be.
    fn check(&self) -> Result<()> {
        if self.items.is_empty() || self.groups.is_empty() || self.n_classes == 0 {
            return Err(Error::Spec("a model needs at least one item, one group and one class".into()));
        }
        self.items.iter().try_for_each(|item| check_item(item, self.attributes.len()))?;
        for group in &self.groups {
            let ascending = |list: &[usize], n: usize| {
                list.windows(2).all(|w| w[0] < w[1]) && list.last().is_none_or(|&last| last < n)
            };
            if group.items.is_empty() {
                return Err(Error::Spec(format!("group '{}' has no items", group.name)));
            }
            if !ascending(&group.items, self.items.len()) || !ascending(&group.attributes, self.attributes.len()) {
                return Err(Error::Spec(format!(
                    "the items and attributes of group '{}' must be ascending positions in the model's lists",
                    group.name
                )));
            }
        }
        Ok(())
    }
}

/// Category scores further out have squares, of which information is made, that overflow when many are added.
const LARGEST_SCORE: f64 = 1e100;

fn check_item(item: &ItemSpec, n_attributes: usize) -> Result<()> {
    let ItemSpec { ref name, family, n_categories, ref scores, ref attributes } = *item;
    if n_categories < 2 || n_categories > family.max_categories() {
        return Err(Error::Spec(format!(
            "item '{name}' has {n_categories} categories; family '{}' takes 2 to {}",
            family.name(),
            family.max_categories()
        )));
    }
    if scores.len() != n_categories || scores.iter().any(|s| !s.is_finite()) {
        return Err(Error::Spec(format!(
            "item '{name}' needs {n_categories} finite category scores; found {scores:?}"
        )));
    }
    if let Some(score) = scores.iter().find(|s| s.abs() > LARGEST_SCORE) {
        return Err(Error::Spec(format!(
            "item '{name}' has the category score {score:e}, whose square is out of range; divide all scores by a common \
             number, so that none is beyond {LARGEST_SCORE:e}"
        )));
    }
    if family.uses_scores() && scores.iter().all(|s| *s == scores[0]) {
        return Err(Error::Spec(format!(
            "the category scores of item '{name}' are all {}; they must differ",
            scores[0]
        )));
    }
    if attributes.windows(2).any(|w| w[0] >= w[1]) || attributes.last().is_some_and(|&a| a >= n_attributes) {
        return Err(Error::Spec(format!(
            "the attributes of item '{name}' must be ascending positions below {n_attributes}"
        )));
    }
    Ok(())
}
