//! Derivatives of the log-likelihood of single response patterns, folded over all patterns.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::Point;
use super::node_scores::NodeScores;
use crate::data::Fold;
use crate::error::Result;
use crate::expected::Parameters;

/// Patterns whose scores are handed on together: enough to make their products matrix products, few enough to stay in
/// cache.
const BATCH: usize = 128;
/// Nodes with less than this of a posterior add nothing that double precision could hold.
const NEGLIGIBLE: f64 = 1e-18;
/// Rows of a square that are one matrix product.
const SQUARE: usize = 32;

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
    /// `(B, I)`, row-major: the answers.
    pub codes: &'a [u8],
    /// `(B, L)`, row-major: the posteriors over the nodes of all classes.
    pub posterior: &'a [f64],
}

impl Scored<'_> {
    /// Adds the lower triangle of `sum_p n_p s_p s_p'` to `sum (n_free, n_free)`.
    pub(super) fn add_products(mut self, sum: &mut DMatrix<f64>) {
        self.scores.column_iter_mut().zip(self.n_p).for_each(|(mut column, &n_p)| column *= n_p.sqrt());
        add_square(sum, &self.scores);
    }
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

impl Batch {
    fn clear(&mut self) {
        self.patterns.clear();
        self.n_p.clear();
        self.codes.clear();
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
    for observed in 0..point.model.spec.groups.len() {
        let flush = |batch: &mut Batch, result: &mut A| {
            if !batch.patterns.is_empty() {
                let Batch { patterns, n_p, codes, posterior } = &*batch;
                let scores = tables.of_patterns(observed, patterns.len(), codes, posterior);
                consume(result, Scored { observed, patterns, n_p, scores, codes, posterior });
                batch.clear();
            }
        };
        let add = |(batch, result): &mut (Batch, A), pattern: usize, n_p: f64, posterior: &[f64]| {
            batch.patterns.push(pattern);
            batch.n_p.push(n_p);
            point.data.append_codes_of(observed, pattern, &mut batch.codes);
            batch.posterior.extend_from_slice(posterior);
            if batch.patterns.len() == BATCH {
                flush(batch, result);
            }
        };
        let fold = Fold { part: || (Batch::default(), part()), add };
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
    let add = |sum: &mut DMatrix<f64>, batch: Scored| {
        let n_items = batch.codes.len() / batch.patterns.len();
        let n_nodes = batch.posterior.len() / batch.patterns.len();
        let codes = batch.codes.chunks_exact(n_items);
        let posterior = batch.posterior.chunks_exact(n_nodes);
        for (((codes, posterior), mean), n_p) in codes.zip(posterior).zip(batch.scores.column_iter()).zip(batch.n_p) {
            for (class, segment) in tables.segments(batch.observed).enumerate() {
                let posterior = &posterior[segment];
                let nodes: Vec<usize> = (0..posterior.len()).filter(|&l| posterior[l] > NEGLIGIBLE).collect();
                let mut rows = DMatrix::zeros(nodes.len(), n);
                tables.add_at_nodes((batch.observed, class), codes, &nodes, rows.as_mut_slice());
                let roots: Vec<f64> = nodes.iter().map(|&l| (n_p * posterior[l]).sqrt()).collect();
                for (mut row, mean) in rows.column_iter_mut().zip(&mean) {
                    row.as_mut_slice().iter_mut().zip(&roots).for_each(|(value, root)| *value = (*value - mean) * root);
                }
                add_square(sum, &rows.transpose());
            }
        }
    };
    let parts = fold_scores(&tables, || DMatrix::zeros(n, n), add)?;
    let mut total = parts.iter().fold(DMatrix::zeros(n, n), |total, part| total + part);
    total.fill_upper_triangle_with_lower_triangle();
    Ok(total)
}

/// Adds the lower triangle of `columns columns'` to a square matrix.
pub(super) fn add_square(square: &mut DMatrix<f64>, columns: &DMatrix<f64>) {
    let transposed = columns.transpose();
    let n = columns.nrows();
    for start in (0..n).step_by(SQUARE) {
        let width = SQUARE.min(n - start);
        let (below, own) = (columns.rows(start, n - start), transposed.columns(start, width));
        square.view_mut((start, start), (n - start, width)).gemm(1.0, &below, &own, 1.0);
    }
}
