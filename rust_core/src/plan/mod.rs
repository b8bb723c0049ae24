//! How a group's attributes are integrated over: on the whole grid, or with some of them eliminated.
//!
//! On an axis-aligned grid the prior factors into *components*, sets of attributes connected by covariances that are not
//! fixed at 0, and an item depends on its own attributes alone. An attribute that shares no item and no component with
//! another eliminated one can therefore be summed out by itself, once for every joint answer to its items
//! ([`crate::e_step::InnerLayout`]); only the other, *outer* attributes need a common grid. A bifactor model eliminates
//! its specific attributes and keeps a grid over the general one.

mod choose;
mod describe;
mod place;
mod posterior;
mod source;

use crate::e_step::{EliminationLayout, InnerLayout, NodeLayout, SupportMap};
use crate::error::Result;
use crate::patterns::InnerItems;
use crate::quadrature::{MAX_NODES, Quadrature, StandardGrid};

pub use choose::Cost;
pub(crate) use choose::{Problem, choose};
pub use describe::describe;
pub use place::PlacedElimination;
pub(crate) use posterior::{Expectations, mode};
pub(crate) use source::Source;

/// Whether attributes may be eliminated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planning {
    /// Where it is expected to be faster, or the whole grid would be too large.
    Automatic,
    /// Never: every group on the product of all its axes.
    Dense,
    /// Wherever the structure allows it.
    Eliminate,
}

/// Attributes connected by covariances.
#[derive(Debug, Clone)]
struct Component {
    /// Positions among the group's attributes, an eliminated one first.
    dims: Vec<usize>,
    /// Their own grid.
    standard: StandardGrid,
    /// Whether the first is eliminated.
    has_eliminated: bool,
    /// `(L)`: node of the outer attributes of the component at each outer node.
    of_outer: Vec<u32>,
}

/// One eliminated attribute.
#[derive(Debug, Clone)]
struct Eliminated {
    /// Its position among the group's attributes.
    attribute: usize,
    /// The outer attributes that its items or its component involve, ascending.
    neighbours: Vec<usize>,
    component: usize,
    /// `(D_N)`: node of the outer attributes of its component at each node of its neighbours.
    to_component: Vec<u32>,
}

impl Eliminated {
    /// The attribute and its neighbours, in the order in which their nodes are crossed.
    fn host(&self) -> Vec<usize> {
        [self.attribute].into_iter().chain(self.neighbours.iter().copied()).collect()
    }
}

/// The plan of a group with eliminated attributes.
#[derive(Debug, Clone)]
pub struct Elimination {
    /// Points of every attribute (`J`).
    n_points: Vec<usize>,
    outer: Vec<usize>,
    components: Vec<Component>,
    eliminated: Vec<Eliminated>,
    /// The items of each eliminated attribute.
    pub items: Vec<InnerItems>,
    /// Where nodes and tables stand.
    pub layout: EliminationLayout,
}

impl Elimination {
    /// Works out the plan that eliminates `attributes` (ascending); gives the outer grid with it.
    ///
    /// # Errors
    /// [`Error::Spec`](crate::Error::Spec) where attributes that have to be crossed make too many nodes.
    pub(crate) fn new(problem: &Problem, attributes: &[usize], n_classes: usize) -> Result<(Self, StandardGrid)> {
        let n_points = problem.points(attributes);
        let outer: Vec<usize> = (0..problem.n_dims).filter(|j| !attributes.contains(j)).collect();
        let grid = |dims: &[usize]| {
            problem.check_size(&n_points, dims)?;
            let sizes = dims.iter().map(|&j| n_points[j]).collect();
            let quadrature = Quadrature { n_points: sizes, ..problem.quadrature.clone() };
            StandardGrid::new(&quadrature, dims.len(), MAX_NODES)
        };
        let standard = grid(&outer)?;
        let map = |host: &[usize], onto: &[usize]| projection(&n_points, host, onto);
        let components = problem.components(attributes).into_iter().map(|dims| {
            let has_eliminated = attributes.contains(&dims[0]);
            let of_outer = map(&outer, &dims[usize::from(has_eliminated)..]);
            Ok(Component { standard: grid(&dims)?, dims, has_eliminated, of_outer })
        });
        let components: Vec<Component> = components.collect::<Result<_>>()?;
        let (mut eliminated, mut items, mut inner) = (Vec::new(), Vec::new(), Vec::new());
        for &attribute in attributes {
            let neighbours = problem.neighbours(attribute).to_vec();
            let component = components.iter().position(|c| c.dims[0] == attribute).unwrap_or_default();
            let to_component = map(&neighbours, &components[component].dims[1..]);
            let entry = Eliminated { attribute, neighbours, component, to_component };
            let host = entry.host();
            problem.check_size(&n_points, &host)?;
            let own = inner_items(problem, attribute, &n_points, &host);
            let support = |&i: &usize| {
                let dims = &problem.measured[i];
                SupportMap { map: map(&host, dims), n_nodes: nodes(&n_points, dims) }
            };
            let supports: Vec<SupportMap> = own.cross.iter().map(support).collect();
            let outer_map = map(&outer, &entry.neighbours);
            inner.push(InnerLayout::new(&own, &problem.n_categories, n_points[attribute], outer_map, &supports)?);
            items.push(own);
            eliminated.push(entry);
        }
        let layout = EliminationLayout { outer: outer_layout(problem, &n_points, &outer, n_classes)?, inner };
        Ok((Self { n_points, outer, components, eliminated, items, layout }, standard))
    }

    /// Positions of the outer attributes among the group's, ascending.
    pub fn outer(&self) -> &[usize] {
        &self.outer
    }

    /// Position of each eliminated attribute among the group's, and those of its neighbours.
    pub fn eliminated(&self) -> impl Iterator<Item = (usize, &[usize])> {
        self.eliminated.iter().map(|e| (e.attribute, e.neighbours.as_slice()))
    }

    /// `(L)`: the node of the neighbours of the `e`-th eliminated attribute at each outer node.
    pub(crate) fn neighbours_at_outer(&self, e: usize) -> Vec<u32> {
        projection(&self.n_points, &self.outer, &self.eliminated[e].neighbours)
    }

    /// Points of every attribute (`J`).
    pub fn n_points(&self) -> &[usize] {
        &self.n_points
    }
}

/// Number of nodes of the product of some axes.
fn nodes(n_points: &[usize], dims: &[usize]) -> usize {
    dims.iter().fold(1, |n: usize, &j| n.saturating_mul(n_points[j]))
}

/// For every node of the product of the axes `host` (the last varying fastest), the node of the product of `onto`, a
/// subset of them.
fn projection(n_points: &[usize], host: &[usize], onto: &[usize]) -> Vec<u32> {
    let mut map = vec![0];
    for &j in host {
        let stride = onto.iter().position(|&k| k == j).map_or(0, |at| nodes(n_points, &onto[at + 1..]));
        map = map.into_iter().flat_map(|k| (0..n_points[j]).map(move |d| k + (d * stride) as u32)).collect();
    }
    map
}

fn inner_items(problem: &Problem, attribute: usize, n_points: &[usize], host: &[usize]) -> InnerItems {
    let measuring = (0..problem.measured.len()).filter(|&i| problem.measured[i].contains(&attribute));
    let (own, cross) = measuring.partition(|&i| problem.measured[i].len() == 1);
    InnerItems { own, cross, n_nodes: [n_points[attribute], nodes(n_points, host)] }
}

/// The layout of the items that measure no eliminated attribute.
fn outer_layout(problem: &Problem, n_points: &[usize], outer: &[usize], n_classes: usize) -> Result<NodeLayout> {
    let measured: Vec<&Vec<usize>> =
        problem.measured.iter().filter(|dims| dims.iter().all(|j| outer.contains(j))).collect();
    let items = (0..problem.measured.len()).filter(|&i| problem.measured[i].iter().all(|j| outer.contains(j)));
    let n_categories: Vec<usize> = items.map(|i| problem.n_categories[i]).collect();
    let mut distinct = measured.clone();
    distinct.sort();
    distinct.dedup();
    let support =
        |dims: &&Vec<usize>| SupportMap { map: projection(n_points, outer, dims), n_nodes: nodes(n_points, dims) };
    let supports = distinct.iter().map(support).collect();
    let support_of = measured.iter().flat_map(|dims| {
        let at = distinct.binary_search(dims).unwrap_or_default();
        std::iter::repeat_n(at, n_classes)
    });
    NodeLayout::new(&n_categories, &vec![nodes(n_points, outer); n_classes], supports, support_of.collect())
}
