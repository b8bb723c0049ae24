//! Derivatives of the log-likelihood of single response patterns.

use nalgebra::{DMatrix, DVector};

use super::Point;
use super::directions::free_of;
use crate::data::Fold;
use crate::error::Result;
use crate::expected::{Placed, place};
use crate::item::Derivatives;
use crate::latent::Moments;
use crate::patterns::MISSING;
use crate::spec::Group;

/// Derivatives of the complete-data log-likelihood of one respondent at every node, for every answer.
pub(super) struct NodeScores<'a> {
    point: &'a Point<'a>,
    groups: Vec<GroupScores>,
}

/// The part of one latent group.
struct GroupScores {
    /// Per item: `(n_parameters, M, K)` on the item's support.
    items: Vec<Vec<f64>>,
    /// `(n_latent_parameters, L)`.
    latent: Vec<f64>,
    /// Number of nodes `L`.
    n_nodes: usize,
}

impl<'a> NodeScores<'a> {
    /// The tables at a point.
    pub(super) fn new(point: &'a Point<'a>) -> Self {
        let values = point.model.table.expand(point.x);
        let placed = place(point.model, &values);
        let groups = point.model.groups.iter().zip(&placed);
        Self { point, groups: groups.map(|(group, placed)| group_scores(point, group, placed, &values)).collect() }
    }

    /// The derivatives in the free parameters at one node `l` of a latent group, for the answers `codes`.
    fn at_node(&self, g: usize, l: usize, codes: &[u8], out: &mut DVector<f64>) {
        out.fill(0.0);
        let (model, group, scores) = (self.point.model, &self.point.model.groups[g], &self.groups[g]);
        let structure = &model.structures[group.observed];
        for ((instance, table), &code) in group.instances.iter().zip(&scores.items).zip(codes) {
            if code == MISSING {
                continue;
            }
            let support = &structure.supports[instance.support];
            let (m, k) = (instance.shape.n_categories, support.n_nodes);
            for (p, cell) in instance.cells.clone().enumerate() {
                if let Some(f) = free_of(model.table.slots[cell]) {
                    out[f] += table[(p * m + code as usize) * k + support.map[l] as usize];
                }
            }
        }
        for (p, cell) in group.latent_cells.clone().enumerate() {
            if let Some(f) = free_of(model.table.slots[cell]) {
                out[f] += scores.latent[p * scores.n_nodes + l];
            }
        }
        if let Some(f) = group.proportion_cell.and_then(|c| free_of(model.table.slots[c])) {
            out[f] += 1.0 / self.point.x[f];
        }
    }

    /// The derivatives of a pattern's log-probability along the directions: its posterior mean over the nodes.
    pub(super) fn of_pattern(&self, observed: usize, codes: &[u8], posterior: &[f64]) -> DVector<f64> {
        let mut total = DVector::zeros(self.point.x.len());
        let model = self.point.model;
        let layout = &model.structures[observed].layout;
        let first = observed * model.spec.n_classes;
        for (c, group) in model.classes_of(observed).iter().enumerate() {
            self.add_class(first + c, group, codes, &posterior[layout.segment(c)], &mut total);
        }
        self.point.directions.project(total.as_slice())
    }

    fn add_class(&self, g: usize, group: &Group, codes: &[u8], posterior: &[f64], total: &mut DVector<f64>) {
        let (model, scores) = (self.point.model, &self.groups[g]);
        let structure = &model.structures[group.observed];
        let projected: Vec<Vec<f64>> = structure
            .supports
            .iter()
            .map(|support| {
                let mut sums = vec![0.0; support.n_nodes];
                support.map.iter().zip(posterior).for_each(|(&k, p)| sums[k as usize] += p);
                sums
            })
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for ((instance, table), &code) in group.instances.iter().zip(&scores.items).zip(codes) {
            if code == MISSING {
                continue;
            }
            let weights = &projected[instance.support];
            let (m, k) = (instance.shape.n_categories, weights.len());
            for (p, cell) in instance.cells.clone().enumerate() {
                if let Some(f) = free_of(model.table.slots[cell]) {
                    total[f] += dot(&table[(p * m + code as usize) * k..][..k], weights);
                }
            }
        }
        for (p, cell) in group.latent_cells.clone().enumerate() {
            if let Some(f) = free_of(model.table.slots[cell]) {
                total[f] += dot(&scores.latent[p * scores.n_nodes..][..scores.n_nodes], posterior);
            }
        }
        if let Some(f) = group.proportion_cell.and_then(|c| free_of(model.table.slots[c])) {
            total[f] += posterior.iter().sum::<f64>() / self.point.x[f];
        }
    }

    /// Adds `n` times the posterior covariance of a pattern's complete-data scores to `missing`.
    pub(super) fn add_missing_information(
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
        let mut score = DVector::zeros(self.point.x.len());
        let mut columns = Vec::new();
        let mut mean = DVector::zeros(self.point.directions.len());
        for class in 0..model.spec.n_classes {
            for (l, &p) in posterior[layout.segment(class)].iter().enumerate().filter(|(_, p)| **p > NEGLIGIBLE) {
                self.at_node(first + class, l, codes, &mut score);
                let along = self.point.directions.project(score.as_slice());
                mean.axpy(p, &along, 1.0);
                columns.push((p, along));
            }
        }
        let centred: Vec<DVector<f64>> = columns.into_iter().map(|(p, s)| (s - &mean) * (n * p).sqrt()).collect();
        if !centred.is_empty() {
            let stacked = DMatrix::from_columns(&centred);
            *missing += &stacked * stacked.transpose();
        }
    }
}

fn group_scores(point: &Point, group: &Group, placed: &Placed, values: &[f64]) -> GroupScores {
    let model = point.model;
    let items = group.instances.iter().map(|instance| {
        let nodes = placed.nodes(instance.support);
        let mut table = vec![0.0; instance.cells.len() * instance.shape.n_categories * nodes.n_nodes];
        let eta = &values[instance.cells.clone()];
        model.spec.items[instance.item].family.scores(&instance.shape, eta, nodes, &mut table);
        table
    });
    let grid = &placed.grid;
    let delta = &values[group.latent_cells.clone()];
    let mut latent = vec![0.0; delta.len() * grid.n_nodes];
    let mut derivatives = Derivatives::zeros(delta.len());
    for l in 0..grid.n_nodes {
        let theta: Vec<f64> = (0..grid.n_dims).map(|j| grid.theta[j * grid.n_nodes + l]).collect();
        let second = theta.iter().flat_map(|a| theta.iter().map(move |b| a * b)).collect();
        let moments = Moments { n: 1.0, mean: theta.clone(), second };
        model.spec.latent.derivatives(grid.n_dims, delta, &moments, &mut derivatives);
        for (p, g) in derivatives.gradient.iter().enumerate() {
            latent[p * grid.n_nodes + l] = *g;
        }
    }
    GroupScores { items: items.collect(), latent, n_nodes: grid.n_nodes }
}

/// Folds every pattern of every group, with its posterior over the nodes, into a matrix over the directions.
pub(super) fn fold_patterns(
    point: &Point,
    fold: impl Fn(usize, (&[u8], f64), &[f64], &mut DMatrix<f64>) + Sync,
) -> Result<DMatrix<f64>> {
    let n = point.directions.len();
    let values = point.model.table.expand(point.x);
    let placed = place(point.model, &values);
    let mut worker = point.data.worker(point.model)?;
    let mut total = DMatrix::zeros(n, n);
    for observed in 0..point.model.spec.groups.len() {
        let add = |part: &mut DMatrix<f64>, pattern: usize, n_p: f64, posterior: &[f64]| {
            fold(observed, (&point.data.codes_of(observed, pattern), n_p), posterior, part);
        };
        let parts = Fold { part: || DMatrix::zeros(n, n), add };
        let parts = worker.fold_posteriors(point.model, observed, (&placed, &values), parts, point.cancel)?;
        parts.iter().for_each(|part| total += part);
    }
    Ok(total)
}
