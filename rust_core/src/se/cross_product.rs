//! The information as the sum of outer products of the respondents' scores (Mislevy, 1984).

use nalgebra::DMatrix;

use super::score_vectors::{NodeScores, fold_patterns};
use super::{Covariance, Method, Point};
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
    let scores = NodeScores::new(point);
    fold_patterns(point, |observed, (codes, n), posterior, part| {
        let s = scores.of_pattern(observed, codes, posterior);
        part.ger(n, &s, &s, 1.0);
    })
}
