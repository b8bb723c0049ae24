//! Derivatives of the log-likelihood of single response patterns, folded over all patterns.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::Point;
use super::functions::NEGLIGIBLE;
use super::node_scores::NodeScores;
use super::rows::{Products, Rows};
use crate::data::Fold;
use crate::error::Result;
use crate::expected::Parameters;
use crate::patterns::MISSING;

/// Patterns whose scores are handed on together: enough to make their products matrix products, few enough to stay in
/// cache.
pub(super) const BATCH: usize = 128;

/// The scores of some patterns of one observed group.
pub(super) struct Scored<'a> {
    /// The observed group.
    pub observed: usize,
    /// The patterns.
    pub patterns: &'a [usize],
    /// How often each occurs.
    pub n_p: &'a [f64],
    /// `(B, n_free)`: derivatives of each pattern's log-probability; 0 in parameters that the tables leave out.
    pub scores: Rows,
    /// The answers.
    pub codes: &'a Codes,
    /// `(B, L)`, row-major: the posteriors over the nodes of all classes.
    pub posterior: &'a [f64],
}

impl Scored<'_> {
    /// Adds `sum_p n_p s_p s_p'` to `sum (n_free, n_free)`.
    pub(super) fn add_products(mut self, sum: &mut Products) {
        if self.n_p.iter().any(|&n_p| n_p != 1.0) {
            self.scores.scale(self.n_p.iter().map(|n_p| n_p.sqrt()));
        }
        sum.add(&self.scores);
    }
}

/// The answers of up to [`BATCH`] patterns: `(I, BATCH)`, row-major, so that answers to an item stand together.
pub(super) struct Codes(Vec<u8>);

impl Codes {
    /// Answers of nobody.
    pub(super) fn new(n_items: usize) -> Self {
        Self(vec![MISSING; n_items * BATCH])
    }

    /// Sets the answer of a pattern to an item.
    pub(super) fn set(&mut self, item: usize, pattern: usize, code: u8) {
        self.0[item * BATCH + pattern] = code;
    }

    /// The answers of all patterns to an item; [`MISSING`] beyond the last pattern.
    pub(super) fn of_item(&self, item: usize) -> &[u8] {
        &self.0[item * BATCH..][..BATCH]
    }

    /// The answers of a pattern to all items.
    pub(super) fn of_pattern(&self, pattern: usize) -> impl Iterator<Item = u8> {
        self.0.iter().skip(pattern).step_by(BATCH).copied()
    }
}

/// Patterns of one observed group with their posteriors.
struct Batch {
    patterns: Vec<usize>,
    n_p: Vec<f64>,
    codes: Codes,
    /// `(B, nodes)`, row-major.
    posterior: Vec<f64>,
}

impl Batch {
    fn new(n_items: usize) -> Self {
        Self { patterns: Vec::new(), n_p: Vec::new(), codes: Codes::new(n_items), posterior: Vec::new() }
    }

    fn clear(&mut self) {
        self.patterns.clear();
        self.n_p.clear();
        self.codes.0.fill(MISSING);
        self.posterior.clear();
    }
}

/// Folds the scores of all patterns, batch by batch, into a number of parts that depends on the data alone.
pub(super) fn fold_scores<A: Send>(
    tables: &NodeScores,
    part: impl Fn() -> A + Sync,
    consume: impl Fn(&mut A, Scored) + Sync,
) -> Result<Vec<A>> {
    let point = tables.point();
    let parameters = Parameters::at(point.model, point.x);
    let mut worker = point.data.worker(point.model)?;
    let mut all = Vec::new();
    for (observed, group) in point.model.spec.groups.iter().enumerate() {
        let flush = |batch: &mut Batch, result: &mut A| {
            if !batch.patterns.is_empty() {
                let Batch { patterns, n_p, codes, posterior } = &*batch;
                let scores = tables.of_patterns(observed, patterns.len(), codes, posterior);
                consume(result, Scored { observed, patterns, n_p, scores, codes, posterior });
                batch.clear();
            }
        };
        let add = |(batch, result): &mut (Batch, A), pattern: usize, n_p: f64, posterior: &[f64]| {
            let (codes, own) = (&mut batch.codes, batch.patterns.len());
            point.data.for_each_answer_of(observed, pattern, |item, code| codes.set(item, own, code));
            batch.patterns.push(pattern);
            batch.n_p.push(n_p);
            batch.posterior.extend_from_slice(posterior);
            if batch.patterns.len() == BATCH {
                flush(batch, result);
            }
        };
        let fold = Fold { part: || (Batch::new(group.items.len()), part()), add };
        let parts = worker.fold_posteriors(point.model, observed, &parameters, fold, point.cancel)?;
        let finished = parts.into_par_iter().map(|(mut batch, mut result)| {
            flush(&mut batch, &mut result);
            result
        });
        all.extend(finished.collect::<Vec<A>>());
    }
    Ok(all)
}

/// The information that is missing because the nodes were not observed `(n_free, n_free)`; on a whole grid.
pub(super) fn missing_node_by_node(point: &Point) -> Result<DMatrix<f64>> {
    let n = point.x.len();
    let tables = NodeScores::new(point);
    let add = |sum: &mut Products, batch: Scored| {
        let n_nodes = batch.posterior.len() / batch.patterns.len();
        for (b, (posterior, n_p)) in batch.posterior.chunks_exact(n_nodes).zip(batch.n_p).enumerate() {
            let codes: Vec<u8> = batch.codes.of_pattern(b).collect();
            for (class, segment) in tables.segments(batch.observed).enumerate() {
                let posterior = &posterior[segment];
                let nodes: Vec<usize> = (0..posterior.len()).filter(|&l| posterior[l] > NEGLIGIBLE).collect();
                let mut rows = Rows::zeros(nodes.len(), n);
                tables.add_at_nodes(batch.observed, class, &codes, &nodes, &mut rows);
                for (row, &l) in nodes.iter().enumerate() {
                    let root = (n_p * posterior[l]).sqrt();
                    let values = rows.padded_mut(row).iter_mut().zip(batch.scores.row(b));
                    values.for_each(|(value, mean)| *value = (*value - mean) * root);
                }
                sum.add(&rows);
            }
        }
    };
    let parts = fold_scores(&tables, || Products::zeros(n), add)?;
    Ok(Products::total(n, &parts))
}
