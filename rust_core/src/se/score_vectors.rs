//! Derivatives of the log-likelihood of single response patterns.

use nalgebra::{DMatrix, DMatrixView, DVector};
use rayon::prelude::*;

use super::Point;
use super::directions::free_of;
use crate::data::Fold;
use crate::error::Result;
use crate::expected::{Placed, joint_counts, place};
use crate::item::Derivatives;
use crate::latent::Moments;
use crate::patterns::MISSING;
use crate::plan::Source;
use crate::spec::Group;

/// Patterns whose scores are worked out together: enough to make them matrix products, few enough to stay in cache.
const BATCH: usize = 64;

/// Derivatives of the complete-data log-likelihood of one respondent at every node, for every answer.
pub(super) struct NodeScores<'a> {
    point: &'a Point<'a>,
    groups: Vec<GroupScores>,
}

/// The part of one latent group.
struct GroupScores {
    /// Per support: the derivatives of all answers to its items `(sum of n_parameters M, K)`.
    tables: Vec<DMatrix<f64>>,
    /// Per item: its first row in its support's table. Parameter `p` and answer `m` have row `first + p M + m`.
    first_row: Vec<usize>,
    /// Per support: where its nodes are found in a posterior.
    sources: Vec<Source>,
    /// `(n_latent_parameters, L)`; empty where attributes are eliminated.
    latent: DMatrix<f64>,
    /// Where the nodes lie.
    placed: Placed,
    /// The parameters of its distribution.
    delta: Vec<f64>,
}

/// Patterns of one observed group with their posteriors.
#[derive(Default)]
struct Batch {
    patterns: Vec<usize>,
    n_p: Vec<f64>,
    /// `(B, I)`, row-major.
    codes: Vec<u8>,
    /// `(B, nodes)`, row-major.
    posterior: Vec<f64>,
}

/// The scores of some patterns of one observed group.
pub(super) struct Scored<'a> {
    /// The observed group.
    pub observed: usize,
    /// The patterns.
    pub patterns: &'a [usize],
    /// How often each occurs.
    pub n_p: &'a [f64],
    /// `(n_free, B)`: derivatives of each pattern's log-probability; 0 in parameters that cannot move.
    pub scores: DMatrix<f64>,
}

impl<'a> NodeScores<'a> {
    /// The tables at a point.
    pub(super) fn new(point: &'a Point<'a>) -> Self {
        let values = point.model.table.expand(point.x);
        let placed = place(point.model, &values);
        let groups = point.model.groups.iter().zip(placed);
        Self { point, groups: groups.map(|(group, placed)| group_scores(point, group, placed, &values)).collect() }
    }

    /// The free parameter behind a cell, if it can move.
    fn moving(&self, cell: usize) -> Option<usize> {
        free_of(self.point.model.table.slots[cell]).filter(|&f| !self.point.directions.held()[f])
    }

    /// The derivatives in the free parameters at one node `l` of a latent group, for the answers `codes`; on a whole grid.
    fn at_node(&self, g: usize, l: usize, codes: &[u8], out: &mut DVector<f64>) {
        out.fill(0.0);
        let (group, scores) = (&self.point.model.groups[g], &self.groups[g]);
        for ((instance, &first), &code) in group.instances.iter().zip(&scores.first_row).zip(codes) {
            if code == MISSING {
                continue;
            }
            let node = scores.sources[instance.support].map[l] as usize;
            for (p, cell) in instance.cells.clone().enumerate() {
                if let Some(f) = self.moving(cell) {
                    let row = first + p * instance.shape.n_categories + code as usize;
                    out[f] += scores.tables[instance.support][(row, node)];
                }
            }
        }
        for (p, cell) in group.latent_cells.clone().enumerate() {
            if let Some(f) = self.moving(cell) {
                out[f] += scores.latent[(p, l)];
            }
        }
        if let Some(f) = group.proportion_cell.and_then(|c| self.moving(c)) {
            out[f] += 1.0 / self.point.x[f];
        }
    }

    /// The scores of a batch `(n_free, B)`: posterior means of the derivatives over the nodes.
    fn of_batch(&self, observed: usize, batch: &Batch) -> DMatrix<f64> {
        let n = batch.patterns.len();
        let posterior = DMatrixView::from_slice(&batch.posterior, batch.posterior.len() / n.max(1), n);
        let mut scores = DMatrix::zeros(self.point.x.len(), n);
        let n_classes = self.point.model.spec.n_classes;
        for g in observed * n_classes..(observed + 1) * n_classes {
            self.add_items(g, &batch.codes, posterior, &mut scores);
            self.add_distribution(g, posterior, &mut scores);
        }
        scores
    }

    fn add_items(&self, g: usize, codes: &[u8], posterior: DMatrixView<f64>, scores: &mut DMatrix<f64>) {
        let (group, own) = (&self.point.model.groups[g], &self.groups[g]);
        let n_items = group.instances.len();
        for (s, (source, table)) in own.sources.iter().zip(&own.tables).enumerate() {
            let means = table * project(source, table.ncols(), posterior);
            let items = group.instances.iter().zip(&own.first_row).enumerate();
            for (index, (instance, &first)) in items.filter(|(_, (instance, _))| instance.support == s) {
                for (p, cell) in instance.cells.clone().enumerate() {
                    let Some(f) = self.moving(cell) else { continue };
                    let row = first + p * instance.shape.n_categories;
                    for (b, &code) in codes.iter().skip(index).step_by(n_items).enumerate() {
                        if code != MISSING {
                            scores[(f, b)] += means[(row + code as usize, b)];
                        }
                    }
                }
            }
        }
    }

    fn add_distribution(&self, g: usize, posterior: DMatrixView<f64>, scores: &mut DMatrix<f64>) {
        let (group, own) = (&self.point.model.groups[g], &self.groups[g]);
        let nodes = self.point.model.structures[group.observed].layout.segment(group.class);
        let outer = posterior.rows(nodes.start, nodes.len());
        let means =
            if own.placed.elimination.is_some() { self.eliminated_means(g, posterior) } else { &own.latent * outer };
        for (p, cell) in group.latent_cells.clone().enumerate() {
            if let Some(f) = self.moving(cell) {
                (0..means.ncols()).for_each(|b| scores[(f, b)] += means[(p, b)]);
            }
        }
        if let Some(f) = group.proportion_cell.and_then(|c| self.moving(c)) {
            let x = self.point.x[f];
            outer.column_iter().enumerate().for_each(|(b, outer)| scores[(f, b)] += outer.sum() / x);
        }
    }

    /// Posterior means of the derivatives of the log-density of the attributes `(n_latent_parameters, B)`, from posterior
    /// moments: these derivatives are linear in the attributes and their products.
    fn eliminated_means(&self, g: usize, posterior: DMatrixView<f64>) -> DMatrix<f64> {
        let (model, own) = (self.point.model, &self.groups[g]);
        let group = &model.groups[g];
        let structure = &model.structures[group.observed];
        let mut means = DMatrix::zeros(own.delta.len(), posterior.ncols());
        let (Some(elimination), Some(rest)) = (&structure.elimination, &own.placed.elimination) else { return means };
        let mut derivatives = Derivatives::zeros(own.delta.len());
        for (posterior, mut means) in posterior.column_iter().zip(means.column_iter_mut()) {
            let (outer, joint) = posterior.as_slice().split_at(structure.layout.n_nodes());
            let joint = joint_counts(elimination, joint, (group.class, model.spec.n_classes));
            let outer = &outer[structure.layout.segment(group.class)];
            let moments = elimination.moments(&own.placed.grid, rest, outer, &joint);
            model.spec.latent.derivatives(moments.mean.len(), &own.delta, &moments, &mut derivatives);
            means.copy_from_slice(&derivatives.gradient);
        }
        means
    }

    /// Adds `n` times the posterior covariance of a pattern's complete-data scores `(n_free, n_free)` to `missing`.
    fn add_missing_information(
        &self,
        observed: usize,
        (codes, n): (&[u8], f64),
        posterior: &[f64],
        missing: &mut DMatrix<f64>,
    ) {
        /// Nodes with less than this of the posterior add nothing that double precision could hold.
        const NEGLIGIBLE: f64 = 1e-18;
        let model = self.point.model;
        let layout = &model.structures[observed].layout;
        let first = observed * model.spec.n_classes;
        let n_free = self.point.x.len();
        let mut score = DVector::zeros(n_free);
        let mut mean = DVector::zeros(n_free);
        let (mut stacked, mut weights) = (Vec::new(), Vec::new());
        for class in 0..model.spec.n_classes {
            for (l, &p) in posterior[layout.segment(class)].iter().enumerate().filter(|(_, p)| **p > NEGLIGIBLE) {
                self.at_node(first + class, l, codes, &mut score);
                mean.axpy(p, &score, 1.0);
                stacked.extend_from_slice(score.as_slice());
                weights.push((n * p).sqrt());
            }
        }
        let mut stacked = DMatrix::from_vec(n_free, weights.len(), stacked);
        for (mut column, weight) in stacked.column_iter_mut().zip(weights) {
            column -= &mean;
            column *= weight;
        }
        missing.gemm(1.0, &stacked, &stacked.transpose(), 1.0);
    }
}

/// The posterior `(nodes, B)` summed over the nodes that an item's support does not tell apart `(K, B)`.
fn project(source: &Source, n_nodes: usize, posterior: DMatrixView<f64>) -> DMatrix<f64> {
    let mut sums = DMatrix::zeros(n_nodes, posterior.ncols());
    let posterior = posterior.rows(source.range.start, source.range.len());
    for (mut sums, posterior) in sums.column_iter_mut().zip(posterior.column_iter()) {
        source.map.iter().zip(posterior.iter()).for_each(|(&k, p)| sums[k as usize] += p);
    }
    sums
}

fn group_scores(point: &Point, group: &Group, placed: Placed, values: &[f64]) -> GroupScores {
    let model = point.model;
    let structure = &model.structures[group.observed];
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); structure.supports.len()];
    let mut first_row = Vec::with_capacity(group.instances.len());
    for instance in &group.instances {
        let nodes = placed.nodes(instance.support);
        let rows = &mut rows[instance.support];
        first_row.push(rows.len() / nodes.n_nodes);
        let mut table = vec![0.0; instance.cells.len() * instance.shape.n_categories * nodes.n_nodes];
        let eta = &values[instance.cells.clone()];
        model.spec.items[instance.item].family.scores(&instance.shape, eta, nodes, &mut table);
        rows.extend(table);
    }
    let tables = rows
        .iter()
        .zip(&structure.supports)
        .map(|(rows, support)| DMatrix::from_row_slice(rows.len() / support.n_nodes, support.n_nodes, rows));
    let sources = (0..structure.supports.len()).map(|support| Source::new(structure, support, group.class));
    let delta = values[group.latent_cells.clone()].to_vec();
    let is_whole = placed.elimination.is_none();
    GroupScores {
        tables: tables.collect(),
        first_row,
        sources: sources.collect(),
        latent: if is_whole { latent_scores(point, &placed, &delta) } else { DMatrix::zeros(0, 0) },
        placed,
        delta,
    }
}

/// Derivatives of the log-density of the attributes at every node `(n_latent_parameters, L)`.
fn latent_scores(point: &Point, placed: &Placed, delta: &[f64]) -> DMatrix<f64> {
    let grid = &placed.grid;
    let mut latent = DMatrix::zeros(delta.len(), grid.n_nodes);
    let mut derivatives = Derivatives::zeros(delta.len());
    for (l, mut column) in latent.column_iter_mut().enumerate() {
        let theta: Vec<f64> = (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + l]).collect();
        let second = theta.iter().flat_map(|a| theta.iter().map(move |b| a * b)).collect();
        let moments = Moments { n: 1.0, mean: theta.clone(), second };
        point.model.spec.latent.derivatives(grid.n_dims, delta, &moments, &mut derivatives);
        column.copy_from_slice(&derivatives.gradient);
    }
    latent
}

/// The information that is missing because the nodes were not observed `(n_free, n_free)`.
pub(super) fn missing_information(point: &Point) -> Result<DMatrix<f64>> {
    let n = point.x.len();
    let scores = NodeScores::new(point);
    let mut total = DMatrix::zeros(n, n);
    for observed in 0..point.model.spec.groups.len() {
        let add = |part: &mut DMatrix<f64>, pattern: usize, n_p: f64, posterior: &[f64]| {
            let codes = point.data.codes_of(observed, pattern);
            scores.add_missing_information(observed, (&codes, n_p), posterior, part);
        };
        let parts = fold(point, observed, Fold { part: || DMatrix::zeros(n, n), add })?;
        parts.iter().for_each(|part| total += part);
    }
    Ok(total)
}

/// Folds the scores of all patterns, batch by batch, into a number of parts that depends on the data alone.
pub(super) fn fold_scores<A: Send>(
    point: &Point,
    part: impl Fn() -> A + Sync,
    consume: impl Fn(&mut A, Scored) + Sync,
) -> Result<Vec<A>> {
    let tables = NodeScores::new(point);
    let mut all = Vec::new();
    for observed in 0..point.model.spec.groups.len() {
        let flush = |batch: &mut Batch, result: &mut A| {
            if !batch.patterns.is_empty() {
                let scores = tables.of_batch(observed, batch);
                consume(result, Scored { observed, patterns: &batch.patterns, n_p: &batch.n_p, scores });
                *batch = Batch::default();
            }
        };
        let add = |(batch, result): &mut (Batch, A), pattern: usize, n_p: f64, posterior: &[f64]| {
            batch.patterns.push(pattern);
            batch.n_p.push(n_p);
            batch.codes.extend(point.data.codes_of(observed, pattern));
            batch.posterior.extend_from_slice(posterior);
            if batch.patterns.len() == BATCH {
                flush(batch, result);
            }
        };
        let parts = fold(point, observed, Fold { part: || (Batch::default(), part()), add })?;
        let finished = parts.into_par_iter().map(|(mut batch, mut result)| {
            flush(&mut batch, &mut result);
            result
        });
        all.extend(finished.collect::<Vec<A>>());
    }
    Ok(all)
}

/// Folds the patterns of one observed group with their posteriors.
fn fold<A: Send, P: Fn() -> A + Sync, F: Fn(&mut A, usize, f64, &[f64]) + Sync>(
    point: &Point,
    observed: usize,
    fold: Fold<P, F>,
) -> Result<Vec<A>> {
    let values = point.model.table.expand(point.x);
    let placed = place(point.model, &values);
    let mut worker = point.data.worker(point.model)?;
    worker.fold_posteriors(point.model, observed, (&placed, &values), fold, point.cancel)
}
