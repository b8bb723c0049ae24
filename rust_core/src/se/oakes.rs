//! The observed information through the EM map (Oakes, 1999).
//!
//! The gradient of the expected log-posterior, with counts made and parameters taken at the same point, is the gradient
//! of the observed log-posterior. Its derivative is therefore Oakes's sum of the complete-data Hessian and the cross
//! derivative through the counts. It is taken here by central differences with one Richardson extrapolation, which
//! leaves an error of the fourth order in steps of a hundredth of a standard error.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::{Covariance, Method, Point};
use crate::error::{Error, Result};
use crate::feasible::is_feasible;

/// Observed information.
pub struct Oakes;

/// Steps in units of the complete-data standard error: short enough for the fourth-order error to vanish, long enough
/// for the rounding of the gradient to do so too.
const STEP: f64 = 0.02;
/// A step is halved at most this often to stay feasible.
const MAX_HALVINGS: usize = 20;

impl Method for Oakes {
    fn name(&self) -> &'static str {
        "oakes"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        Ok(point.invert(&observed_information(point)?))
    }
}

/// The observed information in the directions' coordinates.
pub(super) fn observed_information(point: &Point) -> Result<DMatrix<f64>> {
    let complete = point.complete_information(&mut point.data.worker(point.model)?)?;
    let complete = point.directions.project_matrix(&complete);
    let n = point.directions.len();
    let columns: Vec<Vec<f64>> = (0..n)
        .into_par_iter()
        .map_init(
            || point.data.worker(point.model),
            |worker, direction| {
                let worker = worker.as_mut().map_err(|e| e.clone())?;
                let step = feasible_step(point, direction, STEP / complete[(direction, direction)].abs().sqrt())?;
                let mut slope = |h: f64| -> Result<Vec<f64>> {
                    let up = point.gradient(worker, &point.directions.moved(point.x, direction, h))?;
                    let down = point.gradient(worker, &point.directions.moved(point.x, direction, -h))?;
                    let (up, down) = (point.directions.project(&up), point.directions.project(&down));
                    Ok(((down - up) / (2.0 * h)).iter().copied().collect())
                };
                let (wide, narrow) = (slope(step)?, slope(step / 2.0)?);
                Ok(narrow.iter().zip(wide).map(|(narrow, wide)| (4.0 * narrow - wide) / 3.0).collect())
            },
        )
        .collect::<Result<_>>()?;
    Ok(DMatrix::from_fn(n, n, |i, j| 0.5 * (columns[j][i] + columns[i][j])))
}

/// The longest step of `start`, `start / 2`, ... that is feasible both ways.
fn feasible_step(point: &Point, direction: usize, start: f64) -> Result<f64> {
    let mut step = if start.is_finite() { start } else { STEP };
    for _ in 0..MAX_HALVINGS {
        let both = [step, -step].map(|h| point.directions.moved(point.x, direction, h));
        if both.iter().all(|x| is_feasible(point.model, x)) {
            return Ok(step);
        }
        step /= 2.0;
    }
    Err(Error::Estimation("the estimates lie on the edge of what is a model; fix the parameters there".into()))
}
