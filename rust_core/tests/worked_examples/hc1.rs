//! The robust covariance with a correction for the number of parameters, which regression programs call HC1.

use super::{Covariance, Method, Point, Sandwich};
use crate::error::{Error, Result};

/// `n / (n - k)` times the sandwich, for `n` respondents and `k` parameters that can move.
pub struct Hc1;

impl Method for Hc1 {
    fn name(&self) -> &'static str {
        "hc1"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let (n, k) = (point.data.n_respondents(), point.directions.len());
        if n <= k {
            return Err(Error::Spec(format!(
                "method 'hc1' needs more respondents than parameters; there are {n} and {k}; use 'sandwich'"
            )));
        }
        let plain = Sandwich.covariance(point)?;
        let matrix = plain.matrix * (n as f64 / (n - k) as f64);
        Ok(Covariance { matrix, ..plain })
    }
}
