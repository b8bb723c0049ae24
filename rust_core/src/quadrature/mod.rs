//! Quadrature rules in standard units, before a distribution moves them.
//!
//! A rule is one small struct and one entry in [`RULES`].

mod rules;

use crate::{Error, Result};

pub use rules::{GaussHermite, Rectangular};

/// Every quadrature rule, the default first.
pub static RULES: &[&dyn Rule] = &[&Rectangular, &GaussHermite];

/// The rule of that name.
pub fn rule(name: &str) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.name() == name)
}

/// The largest grid the engine agrees to build, in nodes per group.
pub const MAX_NODES: usize = 4_000_000;

/// The fewest points an attribute can have: a single one has no variance.
pub const MIN_POINTS: usize = 2;

/// Points per attribute when the user names none, by number of attributes: 64, 32, 20, 12, 8, and 6 from six
/// attributes on.
///
/// Every such grid fills whole vectors of eight nodes. From two attributes to six it has between one and fifty thousand
/// nodes; the price is a shorter range, which leaves 3e-5, 0.2 %, 1.4 % and 3.5 % of the variance outside a
/// `"rectangular"` grid of three, four, five and six attributes.
pub fn default_points(n_dims: usize) -> usize {
    match n_dims {
        0 | 1 => 64,
        2 => 32,
        3 => 20,
        4 => 12,
        5 => 8,
        _ => 6,
    }
}

/// How a distribution moves a standard grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Each axis is scaled and shifted by itself; correlations enter through the weights. An item's table then depends
    /// only on the axes it measures.
    AxisAligned,
    /// Nodes are rotated by the Cholesky factor of the covariance matrix; the weights never change.
    Rotated,
}

/// The points of one attribute in standard units, ascending, and their weights for a standard normal attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// `z (D)`: ascending, symmetric about 0.
    pub z: Vec<f64>,
    /// Weights (`D`): positive, sum 1.
    pub weights: Vec<f64>,
}

/// A one-dimensional rule, from which product grids are built.
pub trait Rule: Send + Sync {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// How grids of this rule follow a distribution.
    fn placement(&self) -> Placement;

    /// The most points per attribute the rule can compute.
    fn max_points(&self) -> usize;

    /// The rule with `n_points` points, between [`MIN_POINTS`] and [`Rule::max_points`].
    fn axis(&self, n_points: usize) -> Axis;
}

/// The quadrature a user asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadrature {
    /// Name of an entry of [`RULES`].
    pub rule: String,
    /// Points per attribute (`J`); empty for [`default_points`] on each.
    pub n_points: Vec<usize>,
    /// Drop nodes whose weight is below this fraction of the largest; only for a rotated rule.
    pub prune: Option<f64>,
}

impl Default for Quadrature {
    fn default() -> Self {
        Self { rule: RULES[0].name().to_owned(), n_points: Vec::new(), prune: None }
    }
}

impl Quadrature {
    /// The rule, once everything about the request is known to be usable for `n_dims` attributes.
    fn checked_rule(&self, n_dims: usize) -> Result<&'static dyn Rule> {
        let Some(rule) = rule(&self.rule) else {
            let names: Vec<&str> = RULES.iter().map(|rule| rule.name()).collect();
            return Err(Error::Spec(format!(
                "unknown quadrature rule \"{}\"; the rules are {}",
                self.rule,
                names.join(", ")
            )));
        };
        if let Some(prune) = self.prune {
            if rule.placement() == Placement::AxisAligned {
                return Err(Error::Spec(format!(
                    "a \"{}\" grid cannot be pruned, because its weights change with the correlations; leave out the \
                     pruning or use quadrature \"{}\"",
                    rule.name(),
                    GaussHermite.name()
                )));
            }
            if !(0.0..1.0).contains(&prune) {
                return Err(Error::Spec(format!(
                    "the pruning threshold is a fraction of the largest weight, at least 0 and below 1, not {prune}"
                )));
            }
        }
        if !self.n_points.is_empty() && self.n_points.len() != n_dims {
            return Err(Error::Spec(format!(
                "n_quadrature gives {} numbers of points for {n_dims} attributes; give one for each",
                self.n_points.len()
            )));
        }
        for (j, &n) in self.n_points.iter().enumerate() {
            if n < MIN_POINTS {
                return Err(Error::Spec(format!(
                    "n_quadrature is {n} for attribute {}; an attribute needs at least {MIN_POINTS} points",
                    j + 1
                )));
            }
        }
        Ok(rule)
    }

    /// Points per attribute (`J`), defaults filled in.
    fn points(&self, n_dims: usize) -> Vec<usize> {
        if self.n_points.is_empty() { vec![default_points(n_dims); n_dims] } else { self.n_points.clone() }
    }
}

/// A product grid in standard units: every attribute with mean 0, variance 1 and no correlation.
#[derive(Debug, Clone, PartialEq)]
pub struct StandardGrid {
    /// Number of attributes `J`.
    pub n_dims: usize,
    /// Points per attribute (`J`), before any pruning.
    pub n_points: Vec<usize>,
    /// How a distribution moves the nodes.
    pub placement: Placement,
    /// `z (J, L)`: node coordinates, one attribute after the other; the last attribute varies fastest over `L`.
    pub z: Vec<f64>,
    /// Weights for independent attributes (`L`): not negative (in the corners of a large grid a product may underflow
    /// to 0), sum 1.
    pub weights: Vec<f64>,
    /// `strides (J)`: nodes from one point of an attribute to its next, on a grid that is not pruned.
    strides: Vec<usize>,
}

impl StandardGrid {
    /// Builds the grid, or says why it cannot be built. Nothing is allocated for a grid that has more nodes than
    /// `memory_limit_nodes` (see [`MAX_NODES`]); a pruned grid is given up when more nodes than that survive.
    ///
    /// # Errors
    /// [`Error::Spec`] where the rule is not known, cannot be pruned or has no such number of points, or the grid is too
    /// large.
    pub fn new(quadrature: &Quadrature, n_dims: usize, memory_limit_nodes: usize) -> Result<Self> {
        let rule = quadrature.checked_rule(n_dims)?;
        if n_dims == 0 {
            let (n_points, strides, z) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Self { n_dims, n_points, placement: rule.placement(), z, weights: vec![1.0], strides });
        }
        let n_points = quadrature.points(n_dims);
        if quadrature.prune.is_none() {
            check_size(&n_points, memory_limit_nodes)?;
        }
        if let Some(&n) = n_points.iter().find(|&&n| n > rule.max_points()) {
            return Err(Error::Spec(format!(
                "n_quadrature is {n}; the \"{}\" rule has at most {} points per attribute",
                rule.name(),
                rule.max_points()
            )));
        }
        let threshold = quadrature.prune.unwrap_or(0.0);
        let Some((z, mut weights)) = product(rule, &n_points, threshold, memory_limit_nodes) else {
            return Err(too_large(&n_points, memory_limit_nodes, quadrature.prune));
        };
        normalise(&mut weights);
        let strides = (0..n_dims).map(|j| n_points[j + 1..].iter().fold(1, |s: usize, &n| s.saturating_mul(n)));
        Ok(Self { n_dims, placement: rule.placement(), z, weights, strides: strides.collect(), n_points })
    }

    /// Number of nodes `L`.
    pub fn n_nodes(&self) -> usize {
        self.weights.len()
    }

    /// Which point of attribute `j` node `l` lies on; for axis-aligned grids, which are never pruned.
    pub fn axis_index(&self, l: usize, j: usize) -> usize {
        l / self.strides[j] % self.n_points[j]
    }

    /// The points of attribute `j`, ascending; for axis-aligned grids.
    pub fn axis(&self, j: usize) -> impl Iterator<Item = f64> {
        self.points_of(j, &self.z[j * self.n_nodes()..(j + 1) * self.n_nodes()])
    }

    /// The value at each point of attribute `j` of something that depends on it alone, `values (L)`, node by node; for
    /// axis-aligned grids.
    pub(crate) fn points_of<'a>(&self, j: usize, values: &'a [f64]) -> impl Iterator<Item = f64> + use<'a> {
        values.iter().copied().step_by(self.strides[j]).take(self.n_points[j])
    }
}

/// Coordinates `(J, L)` and weights `(L)`, relative to the largest, of the nodes whose weight is at least `threshold`;
/// `None` as soon as there are more than `limit`.
///
/// The grid grows by one attribute at a time. A relative weight never exceeds 1, so what falls below the threshold on
/// the first attributes cannot come back, and no intermediate grid is larger than the last.
fn product(rule: &dyn Rule, n_points: &[usize], threshold: f64, limit: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(n_points.len());
    let mut weights = vec![1.0];
    let mut axis = Axis { z: Vec::new(), weights: Vec::new() };
    for &n in n_points {
        if axis.z.len() != n {
            axis = rule.axis(n);
        }
        let largest = axis.weights.iter().copied().fold(0.0, f64::max);
        let (mut parents, mut column, mut products) = (Vec::new(), Vec::new(), Vec::new());
        for (parent, weight) in weights.iter().enumerate() {
            for (&z, w) in axis.z.iter().zip(&axis.weights) {
                let product = weight * (w / largest);
                if product >= threshold {
                    if products.len() == limit {
                        return None;
                    }
                    parents.push(parent);
                    column.push(z);
                    products.push(product);
                }
            }
        }
        for earlier in &mut columns {
            *earlier = parents.iter().map(|&parent| earlier[parent]).collect();
        }
        columns.push(column);
        weights = products;
    }
    Some((columns.concat(), weights))
}

/// Refuses a product of axes with more than `limit` nodes.
pub(crate) fn check_size(n_points: &[usize], limit: usize) -> Result<()> {
    let n_nodes = n_points.iter().try_fold(1_usize, |total, &n| total.checked_mul(n));
    if n_nodes.is_none_or(|n| n > limit) { Err(too_large(n_points, limit, None)) } else { Ok(()) }
}

/// The refusal of a grid that has more than `limit` nodes, after pruning where there was any.
fn too_large(n_points: &[usize], limit: usize, prune: Option<f64>) -> Error {
    let n_dims = n_points.len();
    let total = match n_points.iter().try_fold(1_usize, |total, &n| total.checked_mul(n)) {
        Some(n) => n.to_string(),
        None => format!("10^{:.0}", n_points.iter().map(|&n| (n as f64).log10()).sum::<f64>()),
    };
    let points = match n_points {
        [first, rest @ ..] if rest.iter().all(|n| n == first) => first.to_string(),
        _ => format!("{n_points:?}"),
    };
    let fits = |n: usize| {
        let exponent = u32::try_from(n_dims).unwrap_or(u32::MAX);
        n.checked_pow(exponent).is_some_and(|total| total <= limit)
    };
    let advice = match (MIN_POINTS..=limit).take_while(|&n| fits(n)).last() {
        Some(n) => format!("lower n_quadrature (at most {n} points on each attribute fit)"),
        None => "let the group have fewer attributes (not even two points on each fit)".to_owned(),
    };
    let attributes = if n_dims == 1 { "1 attribute".to_owned() } else { format!("each of {n_dims} attributes") };
    let nodes = format!("n_quadrature = {points} points on {attributes} make {total} nodes");
    Error::Spec(match prune {
        None => format!("{nodes}, more than the {limit} that a grid may have; {advice}"),
        Some(prune) => format!(
            "{nodes}, pruned at {prune:e} still more than the {limit} that a grid may have; {advice}, or prune more"
        ),
    })
}

/// `sum_{l < n} term(l)`: blocks in eight interleaved sums, for vectors of eight, added pairwise, so that the rounding
/// error grows with the logarithm of `n`. The order of the additions depends on `n` alone.
pub(crate) fn pairwise_sum(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    sum_range(0, n, &term)
}

fn sum_range(start: usize, end: usize, term: &impl Fn(usize) -> f64) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 32 * LANES;
    if end - start > BLOCK {
        let middle = start + ((end - start) / 2).next_multiple_of(LANES);
        return sum_range(start, middle, term) + sum_range(middle, end, term);
    }
    let mut lanes = [0.0; LANES];
    let whole = end - (end - start) % LANES;
    for first in (start..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    for (sum, l) in lanes.iter_mut().zip(whole..end) {
        *sum += term(l);
    }
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

/// Divides by the sum.
pub(crate) fn normalise(weights: &mut [f64]) {
    let sum = pairwise_sum(weights.len(), |l| weights[l]);
    weights.iter_mut().for_each(|weight| *weight /= sum);
}
