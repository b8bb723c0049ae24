//! Where the posterior of a pattern holds the nodes that an item is tabulated on.

use std::ops::Range;

use super::projection;
use crate::spec::Structure;

/// A part of the posterior of a pattern and how it projects onto the nodes of a support.
pub(crate) struct Source {
    /// The nodes among those of [`crate::e_step::EStep::fold_posteriors`].
    pub range: Range<usize>,
    /// `(nodes of the range)`: the support node of each.
    pub map: Vec<u32>,
}

impl Source {
    /// The source of the `support`-th support of a structure in one class.
    pub fn new(structure: &Structure, support: usize, class: usize) -> Self {
        let support = &structure.supports[support];
        let (dims, range) = (&support.dims, structure.layout.segment(class));
        let Some(elimination) = &structure.elimination else {
            return Self { range, map: support.map.clone() };
        };
        let mut start = structure.layout.n_nodes();
        for (inner, e) in elimination.layout.inner.iter().zip(&elimination.eliminated) {
            if dims.contains(&e.attribute) {
                let start = start + class * inner.n_joint();
                let map = projection(&elimination.n_points, &e.host(), dims);
                return Self { range: start..start + inner.n_joint(), map };
            }
            start += inner.n_joint() * structure.layout.n_segments();
        }
        Self { range, map: projection(&elimination.n_points, &elimination.outer, dims) }
    }
}
