//! A checked model: the structure with its parameter table, and where everything lies.

use std::ops::Range;

use super::Spec;
use crate::e_step::{NodeLayout, SupportMap};
use crate::error::{Error, Result};
use crate::grid::Support;
use crate::item::ItemShape;
use crate::params::{Kind, ParameterTable, Slot};
use crate::plan::{Cost, Elimination, Planning, Problem, choose};
use crate::proportions;
use crate::quadrature::{MAX_NODES, StandardGrid};

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
    /// The support of each item, in the order of the group's item list.
    support_of: Vec<usize>,
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

impl Model {
    /// Puts structure and parameter table together.
    ///
    /// # Errors
    /// [`Error::Spec`] where the structure cannot be, a grid is too large, the table was laid out for another structure, or
    /// class proportions cannot sum to one.
    pub fn new(spec: Spec, table: ParameterTable) -> Result<Self> {
        Self::planned(spec, table, Planning::Automatic)
    }

    /// As [`Model::new`], with a say in whether attributes are eliminated.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn planned(spec: Spec, table: ParameterTable, planning: Planning) -> Result<Self> {
        spec.check()?;
        let structure = |o: usize| Structure::new(&spec, o, &table, planning, None);
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
            Structure::new(&self.spec, o, &self.table, planning, Some(points))
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
        let mut groups = Vec::with_capacity(structures.len() * spec.n_classes);
        let mut next_cell = 0;
        for (observed, structure) in structures.iter().enumerate() {
            for class in 0..spec.n_classes {
                groups.push(Group::new(&spec, observed, class, structure, &mut next_cell));
            }
        }
        let model = Self { spec, structures, groups, table };
        proportions::check(&model)?;
        Ok(model)
    }

    /// A name for a free parameter, from the first cell it serves: for messages.
    pub fn name_of(&self, free: usize) -> String {
        let Self { table, spec, .. } = self;
        let Some(cell) = table.slots.iter().position(|s| *s == Slot::Free(free)).map(|c| table.cells[c]) else {
            return format!("parameter {free}");
        };
        let attribute = |a: Option<usize>| a.map_or(String::new(), |a| spec.attributes[a].clone());
        let place = match (spec.n_classes, spec.groups.len()) {
            (1, 1) => String::new(),
            (1, _) => format!(" in group '{}'", spec.groups[cell.group].name),
            (c, 1) => format!(" in class {}", cell.group % c + 1),
            (c, _) => format!(" in class {} of group '{}'", cell.group % c + 1, spec.groups[cell.group / c].name),
        };
        match (cell.kind, cell.item) {
            (Kind::Intercept, Some(i)) => {
                format!("intercept {} of item '{}'{place}", cell.category.unwrap_or_default(), spec.items[i].name)
            }
            (kind, Some(i)) => format!("{} of item '{}'{place}", kind.name(), spec.items[i].name),
            (Kind::Proportion, None) => format!("proportion{}", place.replacen(" in ", " of ", 1)),
            (_, None) if cell.is_variance() => format!("variance of '{}'{place}", attribute(cell.attribute)),
            (Kind::Covariance, None) => {
                format!("covariance of '{}' and '{}'{place}", attribute(cell.attribute), attribute(cell.attribute_2))
            }
            (kind, None) => format!("{} of '{}'{place}", kind.name(), attribute(cell.attribute)),
        }
    }

    /// Positions, among the attributes of its group, of those that an item measures there.
    pub fn dims(&self, group: &Group, instance: &Instance) -> &[usize] {
        &self.structures[group.observed].supports[instance.support].dims
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
        planning: Planning,
        points: Option<Vec<usize>>,
    ) -> Result<Self> {
        let group = &spec.groups[observed];
        let mut quadrature = spec.quadrature_of(group);
        quadrature.n_points = points.unwrap_or(quadrature.n_points);
        let measured = group.items.iter().map(|&i| spec.measured(i, group)).collect();
        let n_categories = group.items.iter().map(|&i| spec.items[i].n_categories).collect();
        let covarying = spec.covarying(observed, table);
        let names = group.attributes.iter().map(|&a| spec.attributes[a].clone()).collect();
        let problem = Problem::new(names, measured, n_categories, &covarying, quadrature);
        let (eliminated, cost) = choose(&problem, planning);
        let mut dims = problem.measured.clone();
        dims.sort();
        dims.dedup();
        let support_of: Vec<usize> =
            problem.measured.iter().map(|m| dims.binary_search(m).unwrap_or_default()).collect();
        if eliminated.is_empty() {
            return Self::dense(&problem, cost, &dims, support_of, spec.n_classes);
        }
        let (elimination, standard) = Elimination::new(&problem, &eliminated, spec.n_classes)?;
        let n_nodes = |dims: &[usize]| dims.iter().map(|&j| elimination.n_points()[j]).product();
        let supports: Vec<Support> = dims.iter().map(|dims| Support::unmapped(dims, n_nodes(dims))).collect();
        let table_nodes: Vec<usize> = support_of.iter().map(|&s| supports[s].n_nodes).collect();
        let segment_nodes = vec![standard.n_nodes(); spec.n_classes];
        let layout = NodeLayout::unmapped(&problem.n_categories, &segment_nodes, &table_nodes)?;
        Ok(Self { standard, elimination: Some(elimination), cost, supports, support_of, layout })
    }

    /// Everything on the whole grid; `dims` are the attributes of each support.
    fn dense(
        problem: &Problem,
        cost: Cost,
        dims: &[Vec<usize>],
        support_of: Vec<usize>,
        n_classes: usize,
    ) -> Result<Self> {
        let standard = StandardGrid::new(&problem.quadrature, problem.n_dims, MAX_NODES)?;
        let supports: Vec<Support> = dims.iter().map(|dims| Support::new(&standard, dims)).collect();
        let maps = supports.iter().map(|s| SupportMap { map: s.map.clone(), n_nodes: s.n_nodes }).collect();
        let of_tables = support_of.iter().flat_map(|&support| std::iter::repeat_n(support, n_classes));
        let segment_nodes = vec![standard.n_nodes(); n_classes];
        let layout = NodeLayout::new(&problem.n_categories, &segment_nodes, maps, of_tables.collect())?;
        Ok(Self { standard, elimination: None, cost, supports, support_of, layout })
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
    /// Its cells begin with `next_cell`, which moves behind them: in the order of [`Spec::cells`].
    fn new(spec: &Spec, observed: usize, class: usize, structure: &Structure, next_cell: &mut usize) -> Self {
        let mut take = |n: usize| {
            *next_cell += n;
            *next_cell - n..*next_cell
        };
        let group = &spec.groups[observed];
        let instance = |(&item, &support): (&usize, &usize)| {
            let shape = spec.shape(item, structure.supports[support].dims.len());
            let cells = take(spec.items[item].family.parameters(&shape).len());
            Instance { item, shape, support, cells }
        };
        let instances = group.items.iter().zip(&structure.support_of).map(instance).collect();
        let latent_cells = take(spec.latent.parameters(group.attributes.len()).len());
        let proportion_cell = (spec.n_classes > 1).then(|| take(1).start);
        Self { observed, class, instances, latent_cells, proportion_cell }
    }
}
