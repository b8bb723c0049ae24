//! Derivatives of the complete-data log-likelihood of one respondent at every node, for every answer.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};

use super::Point;
use super::compress::Compressed;
use super::directions::free_of;
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
    /// Derivatives after answer 0 `(parameters of all items, K)`, and below them a basis of what other answers add.
    functions: DMatrix<f64>,
    /// The free parameters of all items that follow one another: the first of them, and their rows among `functions`.
    runs: Vec<(usize, Range<usize>)>,
}

/// The derivatives of one item.
struct ItemScores {
    /// The item's position in the group.
    index: usize,
    /// Its free parameters.
    free: Vec<usize>,
    /// Derivatives `(M, free parameters, K)`.
    table: Vec<f64>,
    /// Its first row among `functions`.
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

    /// Derivatives `(n_free, B)` of the log-probabilities of `B` patterns: posterior means of those at the nodes. `codes`
    /// is `(B, I)` row by row, `posterior` `(B, nodes)` as [`crate::e_step::EStep::fold_posteriors`] gives it.
    pub(super) fn of_patterns(&self, observed: usize, n: usize, codes: &[u8], posterior: &[f64]) -> DMatrix<f64> {
        let posterior = DMatrixView::from_slice(posterior, posterior.len() / n, n);
        let mut scores = DMatrix::zeros(self.point.x.len(), n);
        for (class, segment) in self.segments(observed).enumerate() {
            let g = observed * self.point.model.spec.n_classes + class;
            for own in &self.groups[g].supports {
                own.add_means(codes, &own.means(&posterior), &mut scores);
            }
            self.add_distribution(g, &posterior, &mut scores);
            if let Some(f) = self.groups[g].proportion {
                let columns = posterior.rows(segment.start, segment.len());
                let columns = columns.column_iter().enumerate();
                columns.for_each(|(b, posterior)| scores[(f, b)] += posterior.sum() / self.point.x[f]);
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
        for (row, &(_, f)) in latent.moving.iter().enumerate() {
            (0..means.ncols()).for_each(|b| scores[(f, b)] += means[(row, b)]);
        }
    }

    /// From posterior moments: the derivatives of the log-density are linear in the attributes and their products.
    fn add_eliminated_distribution(&self, g: usize, posterior: &DMatrixView<f64>, scores: &mut DMatrix<f64>) {
        let (model, latent) = (self.point.model, &self.groups[g].latent);
        let group = &model.groups[g];
        let structure = &model.structures[group.observed];
        let (Some(elimination), Some(rest)) = (&structure.elimination, &latent.placed.elimination) else { return };
        let mut derivatives = Derivatives::zeros(latent.delta.len());
        for (posterior, mut score) in posterior.column_iter().zip(scores.column_iter_mut()) {
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
        let mut functions = DMatrix::zeros(n_base + basis.nrows(), n_nodes);
        functions.rows_mut(0, n_base).copy_from(&DMatrix::from_row_slice(n_base, n_nodes, &base));
        functions.rows_mut(n_base, basis.nrows()).copy_from(&basis);
        Self { runs: runs(&items), source, items, functions }
    }

    /// Number of nodes `K`.
    fn n_nodes(&self) -> usize {
        self.functions.ncols()
    }

    /// Posterior means `(functions, B)`.
    fn means(&self, posterior: &DMatrixView<f64>) -> DMatrix<f64> {
        let Source { range, map } = &self.source;
        let posterior = posterior.rows(range.start, range.len());
        if map.iter().enumerate().all(|(l, &k)| l == k as usize) {
            return &self.functions * posterior;
        }
        let mut sums = DMatrix::zeros(self.n_nodes(), posterior.ncols());
        for (mut sums, posterior) in sums.column_iter_mut().zip(posterior.column_iter()) {
            map.iter().zip(posterior.iter()).for_each(|(&k, p)| sums[k as usize] += p);
        }
        &self.functions * sums
    }

    /// Adds the means of the derivatives after the answers `codes (B, I)`, given the means of all functions.
    fn add_means(&self, codes: &[u8], means: &DMatrix<f64>, scores: &mut DMatrix<f64>) {
        let n_base = self.runs.last().map_or(0, |(_, rows)| rows.end);
        let columns = means.column_iter().zip(scores.column_iter_mut());
        for ((means, mut score), codes) in columns.zip(codes.chunks_exact(codes.len() / means.ncols())) {
            let (base, basis) = means.as_slice().split_at(n_base);
            let score = score.as_mut_slice();
            for (f, rows) in &self.runs {
                score[*f..].iter_mut().zip(&base[rows.clone()]).for_each(|(score, mean)| *score += mean);
            }
            for item in &self.items {
                match codes[item.index] {
                    0 => {}
                    MISSING => item.free.iter().zip(&base[item.first..]).for_each(|(&f, mean)| score[f] -= mean),
                    code => item.add_answer(code, basis, score),
                }
            }
        }
    }
}

/// The parameters of items that follow one another.
fn runs(items: &[ItemScores]) -> Vec<(usize, Range<usize>)> {
    let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
    for (row, &f) in items.iter().flat_map(|item| &item.free).enumerate() {
        match runs.last_mut() {
            Some((first, rows)) if *first + rows.len() == f => rows.end += 1,
            _ => runs.push((f, row..row + 1)),
        }
    }
    runs
}

impl ItemScores {
    /// Adds what an answer adds to the means after answer 0, given the means of the basis.
    fn add_answer(&self, code: u8, basis: &[f64], score: &mut [f64]) {
        let size = self.free.len() * basis.len();
        let more = &self.more[code as usize * size..][..size];
        match *basis {
            [] => {}
            // All items with log-odds linear in their only attribute; they are worth a loop without a loop in it.
            [first, second] => {
                for (&f, more) in self.free.iter().zip(more.chunks_exact(2)) {
                    score[f] += more[0] * first + more[1] * second;
                }
            }
            _ => {
                for (&f, more) in self.free.iter().zip(more.chunks_exact(basis.len())) {
                    score[f] += more.iter().zip(basis).map(|(weight, mean)| weight * mean).sum::<f64>();
                }
            }
        }
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
