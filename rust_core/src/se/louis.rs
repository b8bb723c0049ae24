//! The observed information as the complete-data information less the missing one (Louis, 1982), exactly.

use super::score_vectors::missing_node_by_node;
use super::{Covariance, Method, Point};
use crate::error::{Error, Result};
use crate::plan::Planning;

/// Observed information by Louis's identity.
pub struct Louis;

/// Multiplications beyond which the method is refused: an hour on one core.
const MAX_WORK: f64 = 5e12;

impl Method for Louis {
    fn name(&self) -> &'static str {
        "louis"
    }

    fn covariance(&self, point: &Point) -> Result<Covariance> {
        if !point.model.eliminates() {
            return covariance(point);
        }
        // The scores of different items vary together over the nodes, so that no attribute can be summed out by itself.
        let model = point.model.replanned(Planning::Dense).map_err(|error| {
            Error::Spec(format!(
                "method 'louis' needs the posterior on the whole grid, even of attributes that were summed out one by \
                 one: {error}; or use 'oakes', which gives the same matrix, 'cross_product' or 'sandwich'"
            ))
        })?;
        let data = point.data.suited_to(&model)?;
        covariance(&Point::new(&model, &data, point.x, point.cancel))
    }
}

fn covariance(point: &Point) -> Result<Covariance> {
    let nodes = point.model.structures.iter().map(|s| s.layout.n_nodes()).max().unwrap_or(1);
    let (patterns, n) = (point.data.n_patterns(), point.x.len());
    if patterns as f64 * nodes as f64 * (n * n) as f64 > MAX_WORK {
        return Err(Error::Spec(format!(
            "method 'louis' needs every pair of {n} parameters at {nodes} nodes for {patterns} patterns, which is \
                 too much; use 'oakes', which gives the same matrix"
        )));
    }
    let complete = point.complete_information(&mut point.data.worker(point.model)?)?;
    let observed = complete - missing_node_by_node(point)?;
    Ok(point.invert(&point.directions.project_matrix(&observed), 0.0))
}
