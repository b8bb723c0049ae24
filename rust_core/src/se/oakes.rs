//! The observed information through the EM map (Oakes, 1999).
//!
//! The gradient of the expected log-posterior, with counts made and parameters taken at the same point, is the gradient
//! of the observed log-posterior. Its derivative is therefore Oakes's sum of the complete-data Hessian and the cross
//! derivative through the counts.
//!
//! How the counts answer to a parameter of an item, or to a proportion, is a posterior covariance, and is had exactly from
//! one pass over the patterns ([`super::missing`]). Distributions also move the nodes, and where attributes are eliminated
//! there is no posterior on the whole grid: the derivative is then taken by central differences, two E-steps for every
//! direction. What that costs in accuracy is measured along one more direction that mixes all others, where the product
//! with the matrix is compared with differences at half the step; if they do not agree, the steps are shortened.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::directions::free_of;
use super::missing::missing_information;
use super::{Covariance, Method, Point};
use crate::data::Worker;
use crate::error::{Error, Result};
use crate::feasible::is_feasible;
use crate::params::Kind;

/// Observed information.
pub struct Oakes;

/// Steps in units of the complete-data standard error. The error of central differences is a sixth of its square times
/// the relative curvature of the information per standard error, which is far below 1; rounding of the gradient is
/// divided by it and stays below 1e-9.
const STEP: f64 = 1e-3;
/// The error wanted, relative to the information scaled to unit diagonal.
const TOLERANCE: f64 = 1e-6;
/// By how much steps are shortened while the error is larger, and how often.
const SHORTER: f64 = 0.25;
/// Attempts at the tolerance; the best one is kept.
const MAX_ATTEMPTS: usize = 3;
/// A step is halved at most this often to stay feasible.
const MAX_HALVINGS: usize = 20;

impl Method for Oakes {
    fn name(&self) -> &'static str {
        "oakes"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        let (information, error) = observed_information(point)?;
        Ok(point.invert(&information, error))
    }
}

/// The observed information in the directions' coordinates, and its error as measured.
pub(super) fn observed_information(point: &Point) -> Result<(DMatrix<f64>, f64)> {
    let complete = point.complete_information(&mut point.data.worker(point.model)?)?;
    let diagonal = point.directions.project_matrix(&complete).diagonal();
    let scale = diagonal.map(|d| if d.is_finite() && d != 0.0 { 1.0 / d.abs().sqrt() } else { 1.0 });
    let known = exactly(point, complete)?;
    let mut best: Option<(DMatrix<f64>, f64)> = None;
    let mut step = STEP;
    for _ in 0..MAX_ATTEMPTS {
        let (information, error) = differentiate(point, &known, &scale, step)?;
        if best.as_ref().is_none_or(|(_, smallest)| error < *smallest) {
            best = Some((information, error));
        }
        if error <= TOLERANCE {
            break;
        }
        step *= SHORTER;
    }
    best.ok_or_else(|| Error::Estimation("the information matrix could not be differentiated".into()))
}

/// The information as far as it is had exactly.
struct Known {
    /// In the directions' coordinates; of no meaning in the columns of `rest`.
    information: DMatrix<f64>,
    /// The directions that are left for differences.
    rest: Vec<usize>,
}

/// What is had exactly, given the information of the complete data. Left are the directions of the distributions, or all
/// where differences are less work.
fn exactly(point: &Point, complete: DMatrix<f64>) -> Result<Known> {
    let table = &point.model.table;
    let of_distributions =
        table.cells.iter().zip(&table.slots).filter(|(c, _)| matches!(c.kind, Kind::Mean | Kind::Covariance));
    let of_distributions: Vec<usize> = of_distributions.filter_map(|(_, &slot)| free_of(slot)).collect();
    let all = 0..point.directions.len();
    let is_latent = |d: &usize| point.directions.moves(*d).any(|f| of_distributions.contains(&f));
    let latent: Vec<usize> = all.clone().filter(is_latent).collect();
    Ok(match missing_information(point, 2 * (all.len() - latent.len()))? {
        Some(missing) => Known { information: point.directions.project_matrix(&(complete - missing)), rest: latent },
        None => Known { information: DMatrix::zeros(all.len(), all.len()), rest: all.collect() },
    })
}

/// The information with the columns that are not known differentiated with steps of `step` times `scale`, and its error.
fn differentiate(point: &Point, known: &Known, scale: &DVector<f64>, step: f64) -> Result<(DMatrix<f64>, f64)> {
    let n = point.directions.len();
    let rest = &known.rest;
    let columns: Vec<(DVector<f64>, f64)> = rest
        .par_iter()
        .map_init(
            || point.data.worker(point.model),
            |worker, &direction| {
                let worker = worker.as_mut().map_err(|e| e.clone())?;
                let mut along = DVector::zeros(n);
                along[direction] = step * scale[direction];
                difference(point, worker, along)
            },
        )
        .collect::<Result<_>>()?;
    let mut raw = known.information.clone();
    for (&d, (fall, shortened)) in rest.iter().zip(columns) {
        raw.set_column(d, &(fall / (step * scale[d] * shortened)));
    }
    let information = 0.5 * (&raw + raw.transpose());
    if rest.is_empty() {
        return Ok((information, 0.0));
    }
    let length = 0.5 * step / (n as f64).sqrt();
    let probe = DVector::from_fn(n, |d, _| sign(d) * length * scale[d]);
    let (direct, shortened) = difference(point, &mut point.data.worker(point.model)?, probe.clone())?;
    let apart = (direct / shortened - &information * probe).component_mul(scale);
    let asymmetry = (0..n * n).map(|k| (raw[k] - information[k]).abs() * scale[k % n] * scale[k / n]);
    let error = asymmetry.fold(apart.amax() / (length * (n as f64).sqrt()), f64::max);
    Ok((information, error))
}

/// Half the fall of the gradient between `x - along` and `x + along`, and by how much `along` had to be shortened for
/// both to be models under which the responses can occur.
fn difference(point: &Point, worker: &mut Worker, mut along: DVector<f64>) -> Result<(DVector<f64>, f64)> {
    let mut shortened = 1.0;
    for _ in 0..MAX_HALVINGS {
        let (up, down) = (point.directions.moved(point.x, &along), point.directions.moved(point.x, &-&along));
        if is_feasible(point.model, &up) && is_feasible(point.model, &down) {
            match (point.gradient(worker, &down), point.gradient(worker, &up)) {
                (Ok(down), Ok(up)) => {
                    let fall: Vec<f64> = down.iter().zip(up).map(|(d, u)| d - u).collect();
                    return Ok((0.5 * point.directions.project(&fall), shortened));
                }
                // Where there is next to no information, a step is so long that responses become impossible.
                (Err(Error::Estimation(_)), _) | (_, Err(Error::Estimation(_))) => {}
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
        }
        along *= 0.5;
        shortened *= 0.5;
    }
    Err(Error::Estimation("the estimates lie on the edge of what is a model; fix the parameters there".into()))
}

/// Signs without a pattern that parameters could have too.
fn sign(direction: usize) -> f64 {
    /// 2^64 divided by the golden ratio.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    if (direction as u64 + 1).wrapping_mul(GOLDEN) >> 63 == 0 { 1.0 } else { -1.0 }
}
