//! The information as the sum of outer products of the respondents' scores (Mislevy, 1984).

use nalgebra::DMatrix;

use super::node_scores::NodeScores;
use super::score_vectors::{add_square, fold_scores};
use super::{Clusters, Covariance, Method, Point};
use crate::error::Result;

/// Empirical cross-product information.
pub struct CrossProduct;

impl Method for CrossProduct {
    fn name(&self) -> &'static str {
        "cross_product"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let information = cross_products(point)? + point.directions.project_matrix(&point.prior_information());
        Ok(point.invert(&information))
    }
}

/// `sum_p n_p s_p s_p'` along the directions. A weight counts a respondent that often.
pub(super) fn cross_products(point: &Point) -> Result<DMatrix<f64>> {
    let n = point.x.len();
    let parts = fold_scores(
        &NodeScores::new(point),
        || DMatrix::zeros(n, n),
        |sum, batch| {
            let mut weighted = batch.scores;
            weighted.column_iter_mut().zip(batch.n_p).for_each(|(mut column, &n_p)| column *= n_p.sqrt());
            add_square(sum, &weighted);
        },
    )?;
    let mut total = parts.iter().fold(DMatrix::zeros(n, n), |total, part| total + part);
    total.fill_upper_triangle_with_lower_triangle();
    Ok(point.directions.project_matrix(&total))
}

/// `sum_c u_c u_c'` along the directions, with `u_c` the weighted sum of the scores of the respondents in cluster `c`.
pub(super) fn clustered_products(point: &Point, clusters: &Clusters) -> Result<DMatrix<f64>> {
    let parts = fold_scores(&NodeScores::new(point), Vec::new, |kept, batch| {
        let columns = batch.patterns.iter().zip(batch.scores.column_iter());
        kept.extend(columns.map(|(&pattern, scores)| ((batch.observed, pattern), scores.into_owned())));
    })?;
    let mut scores = vec![Vec::new(); point.model.spec.groups.len()];
    // Parts come group by group, and patterns in order within a group.
    for ((observed, pattern), own) in parts.into_iter().flatten() {
        debug_assert_eq!(scores[observed].len(), pattern);
        scores[observed].push(own);
    }
    let mut sums = DMatrix::zeros(point.x.len(), clusters.n_clusters());
    for (observed, scores) in scores.iter().enumerate() {
        for (row, pattern) in point.data.respondents_of(observed) {
            let (cluster, weight) = clusters.of(row);
            sums.column_mut(cluster).axpy(weight, &scores[pattern], 1.0);
        }
    }
    Ok(point.directions.project_matrix(&(&sums * sums.transpose())))
}
