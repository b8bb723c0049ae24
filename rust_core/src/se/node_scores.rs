//! Derivatives of the complete-data log-likelihood of one respondent at every node, for every answer.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};

use super::Point;
use super::compress::Compressed;
use super::directions::free_of;
use super::score_vectors::{BATCH, Codes};
use crate::e_step::{InstructionSet, Kernel, dispatch};
use crate::expected::{Parameters, Placed, joint_counts};
use crate::item::Derivatives;
use crate::latent::Moments;
use crate::patterns::MISSING;
use crate::plan::Source;
use crate::spec::Group;

/// The derivatives of all latent groups. Only parameters that can move are in them.
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
    /// Derivatives of its log-density at the nodes `(moving, L)`; empty where attributes are eliminated.
    table: DMatrix<f64>,
    /// All of its parameters.
    delta: Vec<f64>,
    /// Where the nodes lie.
    placed: Placed,
}

/// The derivatives of the items that have the same attributes.
struct SupportScores {
    /// Where their nodes are found in a posterior.
    source: Source,
    items: Vec<ItemScores>,
    /// Derivatives after answer 0 `(K, parameters of all items)`, and beside them a basis of what other answers add.
    functions: DMatrix<f64>,
}

/// The derivatives of one item.
struct ItemScores {
    /// The item's position in the group.
    index: usize,
    /// Its free parameters.
    free: Vec<usize>,
    /// Derivatives `(M, free parameters, K)`.
    table: Vec<f64>,
    /// Its first column among `functions`.
    first: usize,
    /// What an answer adds to the derivatives after answer 0, in the basis: `(M, free parameters, r)`.
    more: Vec<f64>,
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

    /// The derivative in the `p`-th of them after an answer.
    pub(super) fn after(&self, answer: usize, p: usize) -> impl Iterator<Item = f64> {
        let row = &self.item.table[(answer * self.item.free.len() + p) * self.own.n_nodes()..];
        self.own.source.map.iter().map(|&k| row[k as usize])
    }
}

impl<'a> NodeScores<'a> {
    /// The derivatives at a point.
    pub(super) fn new(point: &'a Point<'a>) -> Self {
        let Parameters { values, placed } = Parameters::at(point.model, point.x);
        let groups = point.model.groups.iter().zip(placed);
        Self { point, groups: groups.map(|(group, placed)| GroupScores::new(point, group, placed, &values)).collect() }
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
    pub(super) fn of_patterns(&self, observed: usize, n: usize, codes: &Codes, posterior: &[f64]) -> DMatrix<f64> {
        let posterior = DMatrixView::from_slice(posterior, posterior.len() / n, n);
        let by_pattern = posterior.transpose();
        let mut scores = DMatrix::zeros(n, self.point.x.len());
        for (class, segment) in self.segments(observed).enumerate() {
            let g = observed * self.point.model.spec.n_classes + class;
            for own in &self.groups[g].supports {
                let means = own.means(&by_pattern);
                dispatch(InstructionSet::best(), AddMeans { own, codes, means: &means, scores: &mut scores });
            }
            self.add_distribution(g, &posterior, &mut scores);
            if let Some(f) = self.groups[g].proportion {
                let columns = posterior.rows(segment.start, segment.len());
                let shares = columns.column_iter().map(|posterior| posterior.sum() / self.point.x[f]);
                scores.column_mut(f).iter_mut().zip(shares).for_each(|(score, share)| *score += share);
            }
        }
        scores
    }

    fn add_distribution(&self, g: usize, posterior: &DMatrixView<f64>, scores: &mut DMatrix<f64>) {
        let (group, latent) = (&self.point.model.groups[g], &self.groups[g].latent);
        if latent.placed.elimination.is_some() {
            return self.add_eliminated_distribution(g, posterior, scores);
        }
        let nodes = self.point.model.structures[group.observed].layout.segment(group.class);
        let means = &latent.table * posterior.rows(nodes.start, nodes.len());
        for (row, &(_, f)) in means.row_iter().zip(&latent.moving) {
            scores.column_mut(f).iter_mut().zip(&row).for_each(|(score, mean)| *score += mean);
        }
    }

    /// From posterior moments: the derivatives of the log-density are linear in the attributes and their products.
    fn add_eliminated_distribution(&self, g: usize, posterior: &DMatrixView<f64>, scores: &mut DMatrix<f64>) {
        let (model, latent) = (self.point.model, &self.groups[g].latent);
        let group = &model.groups[g];
        let structure = &model.structures[group.observed];
        let (Some(elimination), Some(rest)) = (&structure.elimination, &latent.placed.elimination) else { return };
        let mut derivatives = Derivatives::zeros(latent.delta.len());
        for (posterior, mut score) in posterior.column_iter().zip(scores.row_iter_mut()) {
            let (outer, joint) = posterior.as_slice().split_at(structure.layout.n_nodes());
            let joint = joint_counts(elimination, joint, group.class, model.spec.n_classes);
            let outer = &outer[structure.layout.segment(group.class)];
            let moments = elimination.moments(&latent.placed.grid, rest, outer, &joint);
            model.spec.latent.derivatives(moments.mean.len(), &latent.delta, &moments, &mut derivatives);
            latent.moving.iter().for_each(|&(p, f)| score[f] += derivatives.gradient[p]);
        }
    }

    /// The items of a class that have parameters; on a whole grid.
    pub(super) fn items(&self, (observed, class): (usize, usize)) -> impl Iterator<Item = ItemCurves<'_>> {
        let supports = self.groups[observed * self.point.model.spec.n_classes + class].supports.iter();
        let items = supports.flat_map(|own| own.items.iter().map(move |item| ItemCurves { own, item }));
        items.filter(|curves| !curves.item.free.is_empty())
    }

    /// Derivatives at the listed nodes of a class after the answers `codes`, added to `out (n_free, nodes)`; on a whole
    /// grid.
    pub(super) fn add_at_nodes(
        &self,
        (observed, class): (usize, usize),
        codes: &[u8],
        nodes: &[usize],
        out: &mut [f64],
    ) {
        let group = &self.groups[observed * self.point.model.spec.n_classes + class];
        for own in &group.supports {
            for item in own.items.iter().filter(|item| codes[item.index] != MISSING) {
                let first = codes[item.index] as usize * item.free.len();
                for (p, &f) in item.free.iter().enumerate() {
                    let row = &item.table[(first + p) * own.n_nodes()..][..own.n_nodes()];
                    let out = &mut out[f * nodes.len()..][..nodes.len()];
                    out.iter_mut().zip(nodes).for_each(|(out, &l)| *out += row[own.source.map[l] as usize]);
                }
            }
        }
        for (row, &(_, f)) in group.latent.moving.iter().enumerate() {
            let out = &mut out[f * nodes.len()..][..nodes.len()];
            out.iter_mut().zip(nodes).for_each(|(out, &l)| *out += group.latent.table[(row, l)]);
        }
        if let Some(f) = group.proportion {
            out[f * nodes.len()..][..nodes.len()].iter_mut().for_each(|out| *out += 1.0 / self.point.x[f]);
        }
    }
}

impl SupportScores {
    fn new(mut items: Vec<ItemScores>, source: Source, n_nodes: usize) -> Self {
        let mut base = Vec::new();
        let mut differences = Vec::new();
        for item in &mut items {
            item.first = base.len() / n_nodes;
            let (after_0, _) = item.table.split_at(item.free.len() * n_nodes);
            base.extend_from_slice(after_0);
            differences.extend(item.table.iter().zip(after_0.iter().cycle()).map(|(t, t_0)| t - t_0));
        }
        let Compressed { weights, basis } =
            Compressed::new(&DMatrix::from_row_slice(differences.len() / n_nodes, n_nodes, &differences));
        let weights = weights.transpose();
        let mut rest = weights.as_slice();
        for item in &mut items {
            let (own, others) = rest.split_at(item.table.len() / n_nodes * basis.nrows());
            item.more = own.to_vec();
            rest = others;
        }
        let n_base = base.len() / n_nodes;
        let mut functions = DMatrix::zeros(n_nodes, n_base + basis.nrows());
        functions.as_mut_slice()[..base.len()].copy_from_slice(&base);
        functions.columns_mut(n_base, basis.nrows()).tr_copy_from(&basis);
        Self { source, items, functions }
    }

    /// Number of nodes `K`.
    fn n_nodes(&self) -> usize {
        self.functions.nrows()
    }

    /// Posterior means `(B, functions)`, given the posteriors `(B, nodes)`.
    fn means(&self, posterior: &DMatrix<f64>) -> DMatrix<f64> {
        let Source { range, map } = &self.source;
        let posterior = posterior.columns(range.start, range.len());
        if map.iter().enumerate().all(|(l, &k)| l == k as usize) {
            return posterior * &self.functions;
        }
        let mut sums = DMatrix::zeros(posterior.nrows(), self.n_nodes());
        for (&k, posterior) in map.iter().zip(posterior.column_iter()) {
            let mut sum = sums.column_mut(k as usize);
            sum += posterior;
        }
        sums * &self.functions
    }
}

/// Adds posterior means of the derivatives where they belong: parameter by parameter, all patterns at once, without a
/// jump that depends on an answer.
struct AddMeans<'a> {
    own: &'a SupportScores,
    codes: &'a Codes,
    /// `(B, functions)`
    means: &'a DMatrix<f64>,
    /// `(B, n_free)`
    scores: &'a mut DMatrix<f64>,
}

impl Kernel for AddMeans<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { own, codes, means, scores } = self;
        let n = means.nrows();
        let n_base: usize = own.items.iter().map(|item| item.free.len()).sum();
        let (base, basis) = means.as_slice().split_at(n_base * n);
        let rank = means.ncols() - n_base;
        let mut added = [0.0; BATCH];
        for item in own.items.iter().filter(|item| !item.free.is_empty()) {
            let codes = &codes.of_item(item.index)[..n];
            let n_answers = item.table.len() / (item.free.len() * own.n_nodes());
            for (p, &f) in item.free.iter().enumerate() {
                let score = &mut scores.as_mut_slice()[f * n..][..n];
                let base = &base[(item.first + p) * n..][..n];
                for ((score, base), &code) in score.iter_mut().zip(base).zip(codes) {
                    *score += if code == MISSING { 0.0 } else { *base };
                }
                for answer in 1..n_answers {
                    let weights = &item.more[(answer * item.free.len() + p) * rank..][..rank];
                    combine(weights, basis, &mut added[..n]);
                    for ((score, added), &code) in score.iter_mut().zip(&added).zip(codes) {
                        *score += if usize::from(code) == answer { *added } else { 0.0 };
                    }
                }
            }
        }
    }
}

/// `sum_r weights[r] basis[r]` over the rows of `basis (weights, B)`.
#[inline(always)]
fn combine(weights: &[f64], basis: &[f64], to: &mut [f64]) {
    to.fill(0.0);
    for (weight, basis) in weights.iter().zip(basis.chunks_exact(to.len())) {
        to.iter_mut().zip(basis).for_each(|(to, basis)| *to += weight * basis);
    }
}

impl GroupScores {
    fn new(point: &Point, group: &Group, placed: Placed, values: &[f64]) -> Self {
        let structure = &point.model.structures[group.observed];
        let mut items: Vec<Vec<ItemScores>> = structure.supports.iter().map(|_| Vec::new()).collect();
        for (index, instance) in group.instances.iter().enumerate() {
            let nodes = placed.nodes(instance.support);
            let (m, k) = (instance.shape.n_categories, nodes.n_nodes);
            let mut all = vec![0.0; instance.cells.len() * m * k];
            let eta = &values[instance.cells.clone()];
            point.model.spec.items[instance.item].family.scores(&instance.shape, eta, nodes, &mut all);
            let moving: Vec<(usize, usize)> =
                instance.cells.clone().enumerate().filter_map(|(p, cell)| Some((p, moving(point, cell)?))).collect();
            let rows = (0..m).flat_map(|answer| moving.iter().map(move |&(p, _)| p * m + answer));
            let table = rows.flat_map(|row| all[row * k..][..k].iter().copied()).collect();
            let free = moving.iter().map(|&(_, f)| f).collect();
            items[instance.support].push(ItemScores { index, free, table, first: 0, more: Vec::new() });
        }
        let support = |(s, items)| {
            let source = Source::new(structure, s, group.class);
            SupportScores::new(items, source, structure.supports[s].n_nodes)
        };
        let supports = items.into_iter().enumerate().map(support).collect();
        let proportion = group.proportion_cell.and_then(|cell| moving(point, cell));
        Self { supports, latent: LatentScores::new(point, group, placed, values), proportion }
    }
}

/// The free parameter behind a cell, if it can move.
fn moving(point: &Point, cell: usize) -> Option<usize> {
    free_of(point.model.table.slots[cell]).filter(|&f| !point.directions.held()[f])
}

impl LatentScores {
    fn new(point: &Point, group: &Group, placed: Placed, values: &[f64]) -> Self {
        let delta = values[group.latent_cells.clone()].to_vec();
        let cells = group.latent_cells.clone().enumerate();
        let moving: Vec<(usize, usize)> = cells.filter_map(|(p, cell)| Some((p, moving(point, cell)?))).collect();
        let grid = &placed.grid;
        let n_nodes = if placed.elimination.is_some() { 0 } else { grid.n_nodes };
        let mut table = DMatrix::zeros(moving.len(), n_nodes);
        let mut derivatives = Derivatives::zeros(delta.len());
        for (l, mut column) in table.column_iter_mut().enumerate() {
            let theta: Vec<f64> = (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + l]).collect();
            let second = theta.iter().flat_map(|a| theta.iter().map(move |b| a * b)).collect();
            let moments = Moments { n: 1.0, mean: theta.clone(), second };
            point.model.spec.latent.derivatives(grid.n_dims, &delta, &moments, &mut derivatives);
            column.iter_mut().zip(&moving).for_each(|(to, &(p, _))| *to = derivatives.gradient[p]);
        }
        Self { moving, table, delta, placed }
    }
}
