//! What is to be estimated: items, groups, attributes and quadrature, checked once and immutable afterwards.

use std::ops::Range;

use crate::e_step::{NodeLayout, SupportMap};
use crate::error::{Error, Result};
use crate::grid::Support;
use crate::item::{Family, ItemParameter, ItemShape};
use crate::latent::{Latent, LatentParameter};
use crate::params::{Cell, Kind, ParameterTable, Slot};
use crate::plan::{Cost, Elimination, Planning, Problem, choose};
use crate::quadrature::{MAX_NODES, Quadrature, StandardGrid};

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

/// One item in one group: where its parameters lie and on which nodes it is tabulated.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The item.
    pub item: usize,
    /// What its family needs to know of it in this group.
    pub shape: ItemShape,
    /// Its support, an index into [`Structure::supports`].
    pub support: usize,
    /// Its cells in the parameter table.
    pub cells: Range<usize>,
}

/// One latent group: a class of an observed group.
#[derive(Debug, Clone)]
pub struct Group {
    /// The observed group it belongs to.
    pub observed: usize,
    /// The class.
    pub class: usize,
    /// Its items, in the order of the observed group's item list.
    pub instances: Vec<Instance>,
    /// The cells of its distribution.
    pub latent_cells: Range<usize>,
    /// The cell of its proportion; none when there is one class.
    pub proportion_cell: Option<usize>,
}

/// What the classes of one observed group share.
#[derive(Debug, Clone)]
pub struct Structure {
    /// The standard grid of its attributes, less the eliminated ones.
    pub standard: StandardGrid,
    /// How some attributes are eliminated, if any are.
    pub elimination: Option<Elimination>,
    /// What the choice was made by.
    pub cost: Cost,
    /// The distinct supports of its items.
    pub supports: Vec<Support>,
    /// Where the tables of its items and classes stand.
    pub layout: NodeLayout,
}

/// A checked model: structure, parameter table, and where everything lies.
pub struct Model {
    /// Items, groups, attributes.
    pub spec: Spec,
    /// Per observed group.
    pub structures: Vec<Structure>,
    /// Per latent group: observed group by observed group, class by class.
    pub groups: Vec<Group>,
    /// What is fixed, free and tied.
    pub table: ParameterTable,
}

impl Spec {
    /// Checks the structure and lays out its parameters: for every group the items' parameters, then those of its
    /// distribution, then its proportion (when there is more than one class).
    pub fn cells(&self) -> Result<Vec<Cell>> {
        self.check()?;
        let mut cells = Vec::new();
        for group in 0..self.groups.len() * self.n_classes {
            let observed = &self.groups[group / self.n_classes];
            let cell = |kind| Cell { kind, group, item: None, attribute: None, attribute_2: None, category: None };
            for &i in &observed.items {
                let dims = self.measured(i, observed);
                for parameter in self.items[i].family.parameters(&self.shape(i, &dims)) {
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

    fn shape(&self, item: usize, dims: &[usize]) -> ItemShape {
        let ItemSpec { n_categories, ref scores, .. } = self.items[item];
        ItemShape { n_dims: dims.len(), n_categories, scores: scores.clone() }
    }

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

impl Model {
    /// Puts structure and parameter table together.
    pub fn new(spec: Spec, table: ParameterTable) -> Result<Self> {
        Self::planned(spec, table, Planning::Automatic)
    }

    /// As [`Model::new`], with a say in whether attributes are eliminated.
    pub fn planned(spec: Spec, table: ParameterTable, planning: Planning) -> Result<Self> {
        spec.check()?;
        let structure = |o: usize| Structure::new(&spec, o, &table, (planning, None));
        let structures = (0..spec.groups.len()).map(structure).collect::<Result<_>>()?;
        Self::assemble(spec, table, structures)
    }

    /// The same model with as many points on every axis, integrated over as `planning` says.
    ///
    /// # Errors
    /// [`Error::Spec`] where a grid is too large.
    pub fn replanned(&self, planning: Planning) -> Result<Self> {
        let structure = |(o, structure): (usize, &Structure)| {
            let points = structure.n_points().to_vec();
            Structure::new(&self.spec, o, &self.table, (planning, Some(points)))
        };
        let structures = self.structures.iter().enumerate().map(structure).collect::<Result<_>>()?;
        Self::assemble(self.spec.clone(), self.table.clone(), structures)
    }

    /// Whether some group has eliminated attributes.
    pub fn eliminates(&self) -> bool {
        self.structures.iter().any(|s| s.elimination.is_some())
    }

    fn assemble(spec: Spec, table: ParameterTable, structures: Vec<Structure>) -> Result<Self> {
        if spec.cells()? != table.cells {
            return Err(Error::Spec("the parameter table was laid out for another model".into()));
        }
        let mut groups = Vec::new();
        let mut next = 0;
        for (o, observed) in spec.groups.iter().enumerate() {
            for class in 0..spec.n_classes {
                groups.push(Group::new(&spec, (o, observed), class, &structures[o], &mut next));
            }
        }
        Ok(Self { spec, structures, groups, table })
    }

    /// The latent groups of one observed group, class by class.
    pub fn classes_of(&self, observed: usize) -> &[Group] {
        &self.groups[observed * self.spec.n_classes..(observed + 1) * self.spec.n_classes]
    }
}

impl Structure {
    fn new(
        spec: &Spec,
        observed: usize,
        table: &ParameterTable,
        (planning, points): (Planning, Option<Vec<usize>>),
    ) -> Result<Self> {
        let group = &spec.groups[observed];
        let mut quadrature = spec.quadrature_of(group);
        quadrature.n_points = points.unwrap_or(quadrature.n_points);
        let measured = group.items.iter().map(|&i| spec.measured(i, group)).collect();
        let n_categories = group.items.iter().map(|&i| spec.items[i].n_categories).collect();
        let covarying = spec.covarying(observed, table);
        let names = group.attributes.iter().map(|&a| spec.attributes[a].clone()).collect();
        let problem = Problem::new(names, (measured, n_categories), &covarying, quadrature);
        let (eliminated, cost) = choose(&problem, planning);
        let mut dims = problem.measured.clone();
        dims.sort();
        dims.dedup();
        let support_of: Vec<usize> =
            problem.measured.iter().map(|m| dims.binary_search(m).unwrap_or_default()).collect();
        if eliminated.is_empty() {
            return Self::dense(&problem, cost, (&dims, &support_of), spec.n_classes);
        }
        let (elimination, standard) = Elimination::new(&problem, &eliminated, spec.n_classes)?;
        let n_nodes = |dims: &[usize]| dims.iter().map(|&j| elimination.n_points()[j]).product();
        let supports: Vec<Support> = dims.iter().map(|dims| Support::unmapped(dims, n_nodes(dims))).collect();
        let table_nodes: Vec<usize> = support_of.iter().map(|&s| supports[s].n_nodes).collect();
        let segment_nodes = vec![standard.n_nodes(); spec.n_classes];
        let layout = NodeLayout::unmapped(&problem.n_categories, &segment_nodes, &table_nodes)?;
        Ok(Self { standard, elimination: Some(elimination), cost, supports, layout })
    }

    /// Everything on the whole grid.
    fn dense(
        problem: &Problem,
        cost: Cost,
        (dims, support_of): (&[Vec<usize>], &[usize]),
        n_classes: usize,
    ) -> Result<Self> {
        let standard = StandardGrid::new(&problem.quadrature, problem.n_dims, MAX_NODES)?;
        let supports: Vec<Support> = dims.iter().map(|dims| Support::new(&standard, dims)).collect();
        let maps = supports.iter().map(|s| SupportMap { map: s.map.clone(), n_nodes: s.n_nodes }).collect();
        let support_of = support_of.iter().flat_map(|&support| std::iter::repeat_n(support, n_classes));
        let segment_nodes = vec![standard.n_nodes(); n_classes];
        let layout = NodeLayout::new(&problem.n_categories, &segment_nodes, maps, support_of.collect())?;
        Ok(Self { standard, elimination: None, cost, supports, layout })
    }

    /// Points of each of the group's attributes.
    pub fn n_points(&self) -> &[usize] {
        self.elimination.as_ref().map_or(&self.standard.n_points, |e| e.n_points())
    }

    /// Nodes of the largest grid: the common one, or that of an eliminated attribute and its neighbours.
    pub fn largest_grid(&self) -> usize {
        let inner = self.elimination.iter().flat_map(|e| &e.layout.inner).map(|inner| inner.n_joint());
        inner.fold(self.standard.n_nodes(), usize::max)
    }

    /// How well the grid resolves a distribution: see [`StandardGrid::resolution`].
    pub fn resolution(&self, delta: &[f64]) -> f64 {
        match &self.elimination {
            Some(elimination) => elimination.resolution(delta),
            None => self.standard.resolution(delta),
        }
    }
}

impl Group {
    fn new(
        spec: &Spec,
        (o, observed): (usize, &GroupSpec),
        class: usize,
        structure: &Structure,
        next: &mut usize,
    ) -> Self {
        let mut take = |n: usize| {
            *next += n;
            *next - n..*next
        };
        let instances = observed
            .items
            .iter()
            .map(|&item| {
                let dims = spec.measured(item, observed);
                let shape = spec.shape(item, &dims);
                let cells = take(spec.items[item].family.parameters(&shape).len());
                let support = structure.supports.iter().position(|s| s.dims == dims).unwrap_or_default();
                Instance { item, shape, support, cells }
            })
            .collect();
        let latent_cells = take(spec.latent.parameters(observed.attributes.len()).len());
        let proportion_cell = (spec.n_classes > 1).then(|| take(1).start);
        Self { observed: o, class, instances, latent_cells, proportion_cell }
    }
}
