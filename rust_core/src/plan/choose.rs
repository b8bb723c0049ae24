//! Which attributes are worth eliminating.

use super::{Planning, nodes};
use crate::error::{Error, Result};
use crate::quadrature::{MAX_NODES, Placement, Quadrature, check_size, default_points, rule};

/// What the plan of a group depends on.
pub(crate) struct Problem {
    /// The attributes' names.
    pub names: Vec<String>,
    /// Number of attributes.
    pub n_dims: usize,
    /// The attributes that each item measures.
    pub measured: Vec<Vec<usize>>,
    /// Number of categories of each item.
    pub n_categories: Vec<usize>,
    /// The quadrature of the group.
    pub quadrature: Quadrature,
    /// The component of every attribute, as the smallest attribute in it.
    component: Vec<usize>,
    /// Per attribute: those that its items or its component involve besides, ascending.
    neighbours: Vec<Vec<usize>>,
}

/// Expected multiplications of one E-step for a few thousand patterns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// On the whole grid; infinite where that is too large.
    pub dense: f64,
    /// With the eliminated attributes; infinite where there are none.
    pub eliminated: f64,
}

/// What eliminating a set of attributes comes to.
struct Attempt {
    /// Expected multiplications.
    cost: f64,
    /// Whether one of its grids would have too many nodes.
    is_too_large: bool,
}

/// Patterns that costs are reckoned for.
const PATTERNS: f64 = 5_000.0;
/// Joint answers in a table of the dense kernel.
const TABLE_ROWS: f64 = 64.0;
/// Up to this many attributes every set is tried.
const MAX_EXHAUSTIVE: usize = 10;
/// Elimination has to promise this much, for what it costs outside the multiplications.
const WORTH: f64 = 0.7;

impl Problem {
    /// Works out which attributes depend on which; `covarying` are the pairs with a covariance that is not fixed at 0 in
    /// some class.
    pub fn new(
        names: Vec<String>,
        measured: Vec<Vec<usize>>,
        n_categories: Vec<usize>,
        covarying: &[[usize; 2]],
        quadrature: Quadrature,
    ) -> Self {
        let n_dims = names.len();
        let mut component: Vec<usize> = (0..n_dims).collect();
        for &[j, k] in covarying {
            let (low, high) = (component[j].min(component[k]), component[j].max(component[k]));
            component.iter_mut().filter(|c| **c == high).for_each(|c| *c = low);
        }
        let mut conflicts: Vec<bool> =
            (0..n_dims * n_dims).map(|at| component[at / n_dims] == component[at % n_dims]).collect();
        for dims in &measured {
            dims.iter().for_each(|j| dims.iter().for_each(|k| conflicts[j * n_dims + k] = true));
        }
        let of = |j: usize| (0..n_dims).filter(|&k| k != j && conflicts[j * n_dims + k]).collect();
        Self { names, n_dims, measured, n_categories, quadrature, component, neighbours: (0..n_dims).map(of).collect() }
    }

    /// Points of every attribute when `eliminated` are eliminated: what the user asked for, else as many as fit the
    /// largest number of attributes that are crossed with one another.
    pub fn points(&self, eliminated: &[usize]) -> Vec<usize> {
        if !self.quadrature.n_points.is_empty() {
            return self.quadrature.n_points.clone();
        }
        let inner = eliminated.iter().map(|&e| self.neighbours(e).len() + 1).max().unwrap_or(0);
        vec![default_points(inner.max(self.n_dims - eliminated.len())); self.n_dims]
    }

    /// Refuses a grid over some attributes that has too many nodes.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the attributes.
    pub fn check_size(&self, n_points: &[usize], dims: &[usize]) -> Result<()> {
        let own: Vec<usize> = dims.iter().map(|&j| n_points[j]).collect();
        check_size(&own, MAX_NODES).map_err(|error| {
            let names: Vec<String> = dims.iter().map(|&j| format!("'{}'", self.names[j])).collect();
            Error::Spec(format!("the attributes {} need a common grid: {error}", names.join(", ")))
        })
    }

    /// The components, the eliminated attribute of each first.
    pub fn components(&self, eliminated: &[usize]) -> Vec<Vec<usize>> {
        let members = |c: usize| (0..self.n_dims).filter(|&j| self.component[j] == c).collect::<Vec<_>>();
        let mut all: Vec<Vec<usize>> = (0..self.n_dims).map(members).filter(|m| !m.is_empty()).collect();
        all.iter_mut().for_each(|dims| dims.sort_by_key(|j| (!eliminated.contains(j), *j)));
        all
    }

    /// The attributes that the items or the component of an attribute involve besides, ascending.
    pub fn neighbours(&self, attribute: usize) -> &[usize] {
        &self.neighbours[attribute]
    }

    /// Tables of the dense kernel that some items need.
    fn n_tables(&self, items: impl Iterator<Item = usize>) -> f64 {
        items.map(|i| (self.n_categories[i] as f64).ln() / TABLE_ROWS.ln()).sum()
    }

    fn dense_cost(&self) -> f64 {
        let n = nodes(&self.points(&[]), &(0..self.n_dims).collect::<Vec<_>>());
        if n > MAX_NODES {
            return f64::INFINITY;
        }
        2.0 * PATTERNS * self.n_tables(0..self.measured.len()).max(1.0) * n as f64
    }

    /// What eliminating some attributes comes to.
    fn attempt(&self, eliminated: &[usize]) -> Attempt {
        let n_points = self.points(eliminated);
        let outer: Vec<usize> = (0..self.n_dims).filter(|j| !eliminated.contains(j)).collect();
        let n_outer = nodes(&n_points, &outer);
        let measures = |i: usize, e: usize| self.measured[i].contains(&e);
        let is_outer = |i: &usize| !eliminated.iter().any(|&e| measures(*i, e));
        let n_tables = self.n_tables((0..self.measured.len()).filter(is_outer)) + eliminated.len() as f64;
        let mut cost = 2.0 * PATTERNS * n_tables * n_outer as f64;
        let mut largest = n_outer;
        for &e in eliminated {
            let items = || (0..self.measured.len()).filter(|&i| measures(i, e));
            let answers: f64 = items().map(|i| (self.n_categories[i] as f64).ln()).sum::<f64>().exp();
            let n_joint = nodes(&n_points, self.neighbours(e)).saturating_mul(n_points[e]);
            let cross = self.n_tables(items().filter(|&i| self.measured[i].len() > 1));
            let passes = if cross == 0.0 { 3.0 } else { 2.0 + 2.0 * cross.max(1.0) };
            cost +=
                answers.min(PATTERNS) * (passes * n_joint as f64 + 2.0 * self.n_tables(items()) * n_points[e] as f64);
            largest = largest.max(n_joint);
        }
        Attempt { cost, is_too_large: largest > MAX_NODES }
    }

    /// Sets of attributes that can be eliminated together.
    fn candidates(&self) -> Vec<Vec<usize>> {
        let conflict = |j: usize, k: usize| self.neighbours(j).contains(&k);
        if self.n_dims <= MAX_EXHAUSTIVE {
            let members = |set: usize| (0..self.n_dims).filter(|j| set >> j & 1 == 1).collect::<Vec<_>>();
            let is_free = |set: &Vec<usize>| set.iter().all(|&j| set.iter().all(|&k| j >= k || !conflict(j, k)));
            return (1..1_usize << self.n_dims).map(members).filter(is_free).collect();
        }
        // The attributes with the fewest neighbours first: the specific ones of a bifactor model.
        let mut order: Vec<usize> = (0..self.n_dims).collect();
        order.sort_by_key(|&j| self.neighbours(j).len());
        let mut chosen: Vec<usize> = Vec::new();
        for j in order {
            if chosen.iter().all(|&k| !conflict(j, k)) {
                chosen.push(j);
            }
        }
        chosen.sort_unstable();
        vec![chosen]
    }
}

/// The attributes to eliminate, and what that is expected to save.
pub(crate) fn choose(problem: &Problem, planning: Planning) -> (Vec<usize>, Cost) {
    let dense = if problem.n_dims == 0 { 0.0 } else { problem.dense_cost() };
    let none = (Vec::new(), Cost { dense, eliminated: f64::INFINITY });
    let is_axis_aligned = rule(&problem.quadrature.rule).is_some_and(|r| r.placement() == Placement::AxisAligned);
    let well_formed = [0, problem.n_dims].contains(&problem.quadrature.n_points.len())
        && problem.quadrature.n_points.iter().all(|&n| n >= crate::quadrature::MIN_POINTS);
    if planning == Planning::Dense || problem.n_dims < 2 || !is_axis_aligned || !well_formed {
        return none;
    }
    let attempts = problem.candidates().into_iter().map(|set| (problem.attempt(&set), set));
    // Where every set needs a grid that is too large, the cheapest is the one to complain about.
    let order = |a: &Attempt, b: &Attempt| a.is_too_large.cmp(&b.is_too_large).then(a.cost.total_cmp(&b.cost));
    let Some((best, set)) = attempts.min_by(|(a, _), (b, _)| order(a, b)) else { return none };
    let eliminated = if best.is_too_large { f64::INFINITY } else { best.cost };
    let is_worth = planning == Planning::Eliminate || eliminated < WORTH * dense || dense.is_infinite();
    (if is_worth { set } else { Vec::new() }, Cost { dense, eliminated })
}
