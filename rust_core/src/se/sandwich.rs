//! The robust covariance `H^-1 J H^-1`, with `H` the observed information and `J` the cross products of scores: right
//! also where the model is not, and, with clusters, where respondents are not independent.

use super::cross_product::{clustered_products, cross_products};
use super::oakes::observed_information;
use super::{Covariance, Method, Point};
use crate::error::Result;

/// Sandwich covariance.
pub struct Sandwich;

impl Method for Sandwich {
    fn name(&self) -> &'static str {
        "sandwich"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let middle = match &point.clusters {
            Some(clusters) => clustered_products(point, clusters)?,
            None => cross_products(point)?,
        };
        let (information, error) = observed_information(point)?;
        Ok(point.invert_around(&information, error, Some(&middle)))
    }
}
