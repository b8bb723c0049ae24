//! Derivatives of the complete-data log-likelihood of one respondent at every node, for every answer.

use std::ops::Range;
use std::slice::ChunksExact;

use nalgebra::{DMatrix, DMatrixView};

use super::Point;
use super::directions::free_of;
use super::functions::Posteriors;
use super::rows::Rows;
use super::score_vectors::Codes;
use super::units::{AddMeans, ItemScores, Units};
use crate::e_step::{InstructionSet, dispatch};
use crate::expected::{Parameters, Placed, joint_counts};
use crate::item::Derivatives;
use crate::lanes;
use crate::latent::Moments;
use crate::patterns::MISSING;
use crate::plan::Source;
use crate::spec::Group;

/// The derivatives of all latent groups.
pub(super) struct NodeScores<'a> {
    point: &'a Point<'a>,
    groups: Vec<GroupScores>,
}

/// The derivatives of one latent group.
struct GroupScores {
    supports: Vec<SupportScores>,
    latent: LatentScores,
    /// The free parameter that is the group's proportion.
    proportion: Option<usize>,
}

/// The derivatives of the distribution of the attributes.
struct LatentScores {
    /// Its parameters that can move: position among its parameters, and free parameter.
    moving: Vec<(usize, usize)>,
    /// Derivatives of its log-density at the nodes `(moving, L)`, row-major; empty where attributes are eliminated.
    table: Vec<f64>,
    /// All of its parameters.
    delta: Vec<f64>,
    /// Where the nodes lie.
    placed: Placed,
}

/// The derivatives of the items that have the same attributes.
struct SupportScores {
    /// Where their nodes are found in a posterior.
    source: Source,
    /// Number of these nodes `K`.
    n_nodes: usize,
    items: Vec<ItemScores>,
    units: Units,
}

/// The derivatives of one item over the nodes of a class.
pub(super) struct ItemCurves<'a> {
    own: &'a SupportScores,
    item: &'a ItemScores,
}

impl ItemCurves<'_> {
    /// The item's position in the group.
    pub(super) fn index(&self) -> usize {
        self.item.index
    }

    /// Its free parameters.
    pub(super) fn free(&self) -> &[usize] {
        &self.item.free
    }

    /// The derivative in the `p`-th of them after an answer, node by node; 0 after none.
    pub(super) fn after(&self, answer: usize, p: usize) -> impl Iterator<Item = f64> {
        let curve = self.item.after(answer, p);
        self.own.source.map.iter().map(move |&k| curve.map_or(0.0, |curve| curve[k as usize]))
    }
}

impl<'a> NodeScores<'a> {
    /// The derivatives at a point in the parameters that can move.
    pub(super) fn new(point: &'a Point<'a>) -> Self {
        Self::without(point, point.directions.held())
    }

    /// The derivatives at a point in all free parameters, those at a bound among them.
    pub(super) fn of_all(point: &'a Point<'a>) -> Self {
        Self::without(point, &vec![false; point.x.len()])
    }

    /// The derivatives in the free parameters that are not `held`.
    fn without(point: &'a Point<'a>, held: &[bool]) -> Self {
        let Parameters { values, placed } = Parameters::at(point.model, point.x);
        let moving = Moving { point, held };
        let groups = point.model.groups.iter().zip(placed);
        Self {
            point,
            groups: groups.map(|(group, placed)| GroupScores::new(&moving, group, placed, &values)).collect(),
        }
    }

    /// The point.
    pub(super) fn point(&self) -> &'a Point<'a> {
        self.point
    }

    /// The nodes of each class of an observed group.
    pub(super) fn segments(&self, observed: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let model = self.point.model;
        (0..model.spec.n_classes).map(move |class| model.structures[observed].layout.segment(class))
    }

    /// Derivatives `(B, n_free)` of the log-probabilities of `B` patterns: posterior means of those at the nodes.
    /// `posterior` is `(B, nodes)`, row by row as [`crate::e_step::EStep::fold_posteriors`] gives it.
    pub(super) fn of_patterns(&self, observed: usize, n: usize, codes: &Codes, posterior: &[f64]) -> Rows {
        let stride = posterior.len() / n;
        let mut scores = Rows::zeros(n, self.point.x.len());
        for (class, segment) in self.segments(observed).enumerate() {
            let group = self.group(observed, class);
            group.supports.iter().for_each(|own| own.add_means(codes, posterior, stride, &mut scores));
            if group.latent.placed.elimination.is_some() {
                self.add_eliminated_distribution(observed, class, posterior.chunks_exact(stride), &mut scores);
            }
            for (b, posterior) in posterior.chunks_exact(stride).enumerate() {
                let (score, own) = (scores.padded_mut(b), &posterior[segment.clone()]);
                group.latent.curves().for_each(|(f, curve)| score[f] += lanes::dot(curve, own));
                if let Some(f) = group.proportion {
                    score[f] += lanes::sum(own) / self.point.x[f];
                }
            }
        }
        scores
    }

    fn group(&self, observed: usize, class: usize) -> &GroupScores {
        &self.groups[observed * self.point.model.spec.n_classes + class]
    }

    /// From posterior moments: the derivatives of the log-density are linear in the attributes and their products.
    fn add_eliminated_distribution(
        &self,
        observed: usize,
        class: usize,
        posteriors: ChunksExact<f64>,
        scores: &mut Rows,
    ) {
        let (model, latent) = (self.point.model, &self.group(observed, class).latent);
        let structure = &model.structures[observed];
        let (Some(elimination), Some(rest)) = (&structure.elimination, &latent.placed.elimination) else { return };
        if latent.moving.is_empty() {
            return;
        }
        let mut derivatives = Derivatives::zeros(latent.delta.len());
        for (b, posterior) in posteriors.enumerate() {
            let (outer, joint) = posterior.split_at(structure.layout.n_nodes());
            let joint = joint_counts(elimination, joint, class, model.spec.n_classes);
            let outer = &outer[structure.layout.segment(class)];
            let moments = elimination.moments(&latent.placed.grid, rest, outer, &joint);
            model.spec.latent.derivatives(moments.mean.len(), &latent.delta, &moments, &mut derivatives);
            let score = scores.padded_mut(b);
            latent.moving.iter().for_each(|&(p, f)| score[f] += derivatives.gradient[p]);
        }
    }

    /// The items of a class that have parameters; on a whole grid.
    pub(super) fn items(&self, observed: usize, class: usize) -> impl Iterator<Item = ItemCurves<'_>> {
        let supports = self.group(observed, class).supports.iter();
        let items = supports.flat_map(|own| own.items.iter().map(move |item| ItemCurves { own, item }));
        items.filter(|curves| !curves.item.free.is_empty())
    }

    /// Derivatives at the listed nodes of a class after the answers `codes`, added to `rows (nodes, n_free)`; on a whole
    /// grid.
    pub(super) fn add_at_nodes(&self, observed: usize, class: usize, codes: &[u8], nodes: &[usize], rows: &mut Rows) {
        let group = self.group(observed, class);
        for own in &group.supports {
            for item in own.items.iter().filter(|item| codes[item.index] != MISSING) {
                for (p, &f) in item.free.iter().enumerate() {
                    let curve = item.after(usize::from(codes[item.index]), p).unwrap_or_default();
                    for (row, &l) in nodes.iter().enumerate() {
                        rows.padded_mut(row)[f] += curve[own.source.map[l] as usize];
                    }
                }
            }
        }
        for (f, curve) in group.latent.curves() {
            nodes.iter().enumerate().for_each(|(row, &l)| rows.padded_mut(row)[f] += curve[l]);
        }
        if let Some(f) = group.proportion {
            (0..nodes.len()).for_each(|row| rows.padded_mut(row)[f] += 1.0 / self.point.x[f]);
        }
    }
}

impl SupportScores {
    fn new(items: Vec<ItemScores>, source: Source, n_nodes: usize) -> Self {
        let units = Units::new(&items, n_nodes);
        Self { source, n_nodes, items, units }
    }

    /// Adds the posterior means of the derivatives to `scores (B, n_free)`, given the posteriors `(B, stride)`.
    fn add_means(&self, codes: &Codes, posterior: &[f64], stride: usize, scores: &mut Rows) {
        let Source { range, map } = &self.source;
        let sums;
        let posteriors = if map.iter().enumerate().all(|(l, &k)| l == k as usize) {
            Posteriors { values: posterior, stride, first: range.start, n_nodes: self.n_nodes }
        } else {
            sums = self.sums(posterior, stride);
            Posteriors { values: sums.as_slice(), stride: self.n_nodes, first: 0, n_nodes: self.n_nodes }
        };
        dispatch(InstructionSet::best(), AddMeans { units: &self.units, codes, posteriors, scores });
    }

    /// The posteriors `(K, B)` over the nodes of the support.
    fn sums(&self, posterior: &[f64], stride: usize) -> DMatrix<f64> {
        let Source { range, map } = &self.source;
        let posterior = DMatrixView::from_slice(posterior, stride, posterior.len() / stride);
        let by_pattern = posterior.rows(range.start, range.len()).transpose();
        let mut sums = DMatrix::zeros(by_pattern.nrows(), self.n_nodes);
        for (&k, posterior) in map.iter().zip(by_pattern.column_iter()) {
            let mut sum = sums.column_mut(k as usize);
            sum += posterior;
        }
        sums.transpose()
    }
}

impl GroupScores {
    fn new(moving: &Moving, group: &Group, placed: Placed, values: &[f64]) -> Self {
        let point = moving.point;
        let structure = &point.model.structures[group.observed];
        let lacking = point.data.may_lack(group.observed);
        let mut items: Vec<Vec<ItemScores>> = structure.supports.iter().map(|_| Vec::new()).collect();
        for (index, instance) in group.instances.iter().enumerate() {
            let nodes = placed.nodes(instance.support);
            let (m, k) = (instance.shape.n_categories, nodes.n_nodes);
            let mut all = vec![0.0; instance.cells.len() * m * k];
            let eta = &values[instance.cells.clone()];
            point.model.spec.items[instance.item].family.scores(&instance.shape, eta, nodes, &mut all);
            let own = moving.among(instance.cells.clone());
            let rows = (0..m).flat_map(|answer| own.iter().map(move |&(p, _)| p * m + answer));
            let table = rows.flat_map(|row| all[row * k..][..k].iter().copied()).collect();
            let free = own.iter().map(|&(_, f)| f).collect();
            let n_answers = m + usize::from(lacking[index]);
            items[instance.support].push(ItemScores { index, free, table, n_answers, n_categories: m });
        }
        let support = |(s, items)| {
            let source = Source::new(structure, s, group.class);
            SupportScores::new(items, source, structure.supports[s].n_nodes)
        };
        let supports = items.into_iter().enumerate().map(support).collect();
        let proportion = group.proportion_cell.and_then(|cell| moving.behind(cell));
        Self { supports, latent: LatentScores::new(moving, group, placed, values), proportion }
    }
}

/// The free parameters of a point, but those that are held.
struct Moving<'a> {
    point: &'a Point<'a>,
    held: &'a [bool],
}

impl Moving<'_> {
    /// The free parameter behind a cell, if it can move.
    fn behind(&self, cell: usize) -> Option<usize> {
        free_of(self.point.model.table.slots[cell]).filter(|&f| !self.held[f])
    }

    /// The cells behind which a free parameter can move: position among them, and free parameter.
    fn among(&self, cells: Range<usize>) -> Vec<(usize, usize)> {
        cells.enumerate().filter_map(|(p, cell)| Some((p, self.behind(cell)?))).collect()
    }
}

impl LatentScores {
    fn new(moving: &Moving, group: &Group, placed: Placed, values: &[f64]) -> Self {
        let point = moving.point;
        let delta = values[group.latent_cells.clone()].to_vec();
        let moving = moving.among(group.latent_cells.clone());
        let grid = &placed.grid;
        let n_nodes = if placed.elimination.is_some() || moving.is_empty() { 0 } else { grid.n_nodes };
        let mut table = vec![0.0; moving.len() * n_nodes];
        let mut derivatives = Derivatives::zeros(delta.len());
        for l in 0..n_nodes {
            let theta: Vec<f64> = (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + l]).collect();
            let second = theta.iter().flat_map(|a| theta.iter().map(move |b| a * b)).collect();
            let moments = Moments { n: 1.0, mean: theta.clone(), second };
            point.model.spec.latent.derivatives(grid.n_dims, &delta, &moments, &mut derivatives);
            moving.iter().enumerate().for_each(|(row, &(p, _))| table[row * n_nodes + l] = derivatives.gradient[p]);
        }
        Self { moving, table, delta, placed }
    }

    /// The free parameters with their derivatives `(L)`; none where attributes are eliminated.
    fn curves(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let n_nodes = (self.table.len() / self.moving.len().max(1)).max(1);
        self.moving.iter().map(|&(_, f)| f).zip(self.table.chunks_exact(n_nodes))
    }
}
