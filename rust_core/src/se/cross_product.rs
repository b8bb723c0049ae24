//! The information as the sum of outer products of the respondents' scores (Mislevy, 1984).

use nalgebra::DMatrix;

use super::node_scores::NodeScores;
use super::rows::{Products, Rows};
use super::score_vectors::{Scored, fold_scores};
use super::{Clusters, Covariance, Method, Point};
use crate::error::{Error, Result};

/// Empirical cross-product information.
pub struct CrossProduct;

impl Method for CrossProduct {
    fn name(&self) -> &'static str {
        "cross_product"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let information = cross_products(point)? + point.directions.project_matrix(&point.prior_information());
        Ok(point.invert(&information, 0.0))
    }
}

/// `sum_p n_p s_p s_p'` along the directions. A weight counts a respondent that often.
pub(super) fn cross_products(point: &Point) -> Result<DMatrix<f64>> {
    let n = point.x.len();
    let add = |sum: &mut Products, batch: Scored| batch.add_products(sum);
    let parts = fold_scores(&NodeScores::new(point), || Products::zeros(n), add)?;
    Ok(point.directions.project_matrix(&Products::total(n, &parts)))
}

/// `G / (G - 1) sum_c u_c u_c'` along the directions, with `u_c` the weighted sum of the scores of the respondents in
/// cluster `c` of `G`. At the maximum the `u_c` sum to zero, as if a mean had been taken from them: the factor is that of
/// a variance.
///
/// # Errors
/// [`Error::Data`] where there is only one cluster.
pub(super) fn clustered_products(point: &Point, clusters: &Clusters) -> Result<DMatrix<f64>> {
    let n_clusters = clusters.n_clusters();
    if n_clusters < 2 {
        return Err(Error::Data(format!(
            "clusters: found {n_clusters}, but a covariance between clusters needs at least 2, and a good one 40 or \
             more; leave clusters out if respondents are independent"
        )));
    }
    let parts = fold_scores(&NodeScores::new(point), Vec::new, |kept, batch| {
        let rows = batch.patterns.iter().enumerate();
        kept.extend(rows.map(|(b, &pattern)| ((batch.observed, pattern), batch.scores.row(b).to_vec())));
    })?;
    let mut scores = vec![Vec::new(); point.model.spec.groups.len()];
    // Parts come group by group, and patterns in order within a group.
    for ((observed, pattern), own) in parts.into_iter().flatten() {
        debug_assert_eq!(scores[observed].len(), pattern);
        scores[observed].push(own);
    }
    let n = point.x.len();
    let mut sums = Rows::zeros(n_clusters, n);
    for (observed, scores) in scores.iter().enumerate() {
        for (row, pattern) in point.data.respondents_of(observed) {
            let (cluster, weight) = clusters.of(row);
            let sum = sums.padded_mut(cluster).iter_mut();
            sum.zip(&scores[pattern]).for_each(|(sum, score)| *sum += weight * score);
        }
    }
    let mut products = Products::zeros(n);
    products.add(&sums);
    let correction = n_clusters as f64 / (n_clusters - 1) as f64;
    Ok(point.directions.project_matrix(&(Products::total(n, [&products]) * correction)))
}
