//! The paper's method: the inverse of the negative Hessian of the expected log-likelihood, as if the attributes had been
//! observed. Standard errors are too small by the information that is missing.

use super::{Covariance, Method, Point};
use crate::error::Result;

/// Complete-data information.
pub struct Complete;

impl Method for Complete {
    fn name(&self) -> &'static str {
        "complete"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let information = point.complete_information(&mut point.data.worker(point.model)?)?;
        Ok(point.invert(&point.directions.project_matrix(&information), 0.0))
    }
}
