//! Where the nodes of an eliminated attribute and its neighbours stand.

use crate::e_step::layout::{NodeLayout, SupportMap};
use crate::patterns::InnerItems;
use crate::{Error, Result};

/// The nodes of an eliminated attribute crossed with those of its neighbours, the attribute varying slowest.
///
/// Within the engine the nodes of the neighbours are padded to whole vectors, so that the sum over the attribute is a
/// sum of rows.
#[derive(Debug, Clone)]
pub struct InnerLayout {
    /// Nodes `D` of the attribute.
    pub(super) n_points: usize,
    /// Nodes `D_N` of the neighbours.
    pub(super) n_neighbours: usize,
    /// `(L)`: the neighbours' node of each node of the outer grid.
    pub(in crate::e_step) outer_map: Vec<u32>,
    /// `(D_N)`: an outer node that projects onto each.
    pub(super) first: Vec<u32>,
    pub(super) is_identity: bool,
    pub(super) own: NodeLayout,
    pub(super) cross: NodeLayout,
}

impl InnerLayout {
    /// Lays out `n_points` nodes of the attribute that `items` measure; `n_categories` are those of all items, `outer_map (L)` maps the outer grid of a class to the neighbours'
    /// nodes, and `supports` maps the nodes `(D, D_N)` to those of each cross-loading item.
    ///
    /// # Errors
    /// [`Error::Spec`] where the maps do not fit.
    pub fn new(
        items: &InnerItems,
        n_categories: &[usize],
        n_points: usize,
        outer_map: Vec<u32>,
        supports: &[SupportMap],
    ) -> Result<Self> {
        let n_neighbours = outer_map.iter().max().map_or(1, |&k| k as usize + 1);
        if supports.len() != items.cross.len() {
            return Err(Error::Spec("every cross-loading item needs a support".into()));
        }
        let categories = |items: &[usize]| items.iter().map(|&i| n_categories[i]).collect::<Vec<_>>();
        let n_padded = n_neighbours.next_multiple_of(8);
        let pad = |support: &SupportMap| -> Result<SupportMap> {
            if support.map.len() != n_points * n_neighbours {
                return Err(Error::Spec("the support of a cross-loading item does not fit its nodes".into()));
            }
            let rows = support.map.chunks_exact(n_neighbours);
            // Padding has no prior weight, so that it may stand for any node.
            let map =
                rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(row[0], n_padded - n_neighbours)));
            Ok(SupportMap { map: map.collect(), n_nodes: support.n_nodes })
        };
        let padded = supports.iter().map(pad).collect::<Result<Vec<_>>>()?;
        let support_of = (0..padded.len()).collect();
        let mut first = vec![0; n_neighbours];
        outer_map.iter().enumerate().rev().for_each(|(l, &k)| first[k as usize] = l as u32);
        Ok(Self {
            n_points,
            n_neighbours,
            first,
            is_identity: outer_map.iter().enumerate().all(|(l, &k)| l == k as usize),
            outer_map,
            own: NodeLayout::full(&categories(&items.own), &[n_points])?,
            cross: NodeLayout::new(&categories(&items.cross), &[n_points * n_padded], padded, support_of)?,
        })
    }

    /// Nodes of the attribute crossed with its neighbours.
    pub fn n_joint(&self) -> usize {
        self.n_points * self.n_neighbours
    }

    /// The tables of the items that measure the attribute alone, and of the others.
    pub(in crate::e_step) fn parts(&self) -> (&NodeLayout, &NodeLayout) {
        (&self.own, &self.cross)
    }

    /// Nodes of the attribute.
    pub(in crate::e_step) fn n_points(&self) -> usize {
        self.n_points
    }

    /// Vectors of a row over the neighbours.
    pub(in crate::e_step) fn n_vectors(&self) -> usize {
        self.n_neighbours.div_ceil(8)
    }

    /// `(D, D_N)` to rows of whole vectors.
    pub(super) fn pad(&self, joint: &[f64]) -> Vec<f64> {
        let mut padded = vec![0.0; self.n_points * self.n_vectors() * 8];
        for (to, from) in padded.chunks_exact_mut(self.n_vectors() * 8).zip(joint.chunks_exact(self.n_neighbours)) {
            to[..self.n_neighbours].copy_from_slice(from);
        }
        padded
    }

    /// The way back of [`InnerLayout::pad`].
    pub(super) fn unpad(&self, padded: &[f64], joint: &mut [f64]) {
        for (from, to) in padded.chunks_exact(self.n_vectors() * 8).zip(joint.chunks_exact_mut(self.n_neighbours)) {
            to.copy_from_slice(&from[..self.n_neighbours]);
        }
    }
}
