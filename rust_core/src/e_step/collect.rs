//! The way back: from posterior weights by row to expected counts by item and category.

use super::layout::NodeLayout;
use super::tables::Parts;
use super::vector::{Kernel, V, flat};
use crate::patterns::MISSING;

/// Takes the accumulated rows of one block back to its items.
pub(super) struct Collect<'a> {
    pub parts: Parts<'a>,
    pub n_vectors: usize,
    pub layout: &'a NodeLayout,
    pub accumulators: &'a [Vec<V>],
    /// `n_gl`, for the first block.
    pub n_gl: Option<&'a mut [f64]>,
    /// The block's part of `n_glim`.
    pub n_glim: &'a mut [f64],
}

impl Kernel for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        self.sum_rows();
        if let Some(n_gl) = self.n_gl.take() {
            n_gl.copy_from_slice(&flat(&self.parts.state.stack[..self.n_vectors])[..n_gl.len()]);
        }
        self.project();
    }
}

impl Collect<'_> {
    /// Sums the accumulators' rows by item and category, and over all.
    #[inline(always)]
    fn sum_rows(&mut self) {
        let n = self.n_vectors;
        let Parts { block, state, item_rows, .. } = &mut self.parts;
        let (node_sum, row) = state.stack.split_at_mut(n);
        let row = &mut row[..n];
        node_sum.fill(V::ZERO);
        item_rows.fill(V::ZERO);
        for r in 0..block.rows.len() {
            let at = (block.rows.start + r) * n;
            for (chunk, accumulator) in self.accumulators.iter().enumerate() {
                let from = &accumulator[at..at + n];
                if chunk == 0 { row.copy_from_slice(from) } else { add(row, from) }
            }
            add(node_sum, row);
            for (k, &code) in block.answers(r).iter().enumerate() {
                if code != MISSING {
                    let at = (state.item_ptr[k] + code as usize) * n;
                    add(&mut item_rows[at..at + n], row);
                }
            }
        }
    }

    /// Sums the counts over the grid nodes that project onto each support node.
    #[inline(always)]
    fn project(&mut self) {
        let n = self.n_vectors;
        let offset = self.layout.range_of_items(&self.parts.block.items).start;
        for (k, item) in self.parts.block.items.clone().enumerate() {
            let rows = self.parts.state.item_ptr[k]..self.parts.state.item_ptr[k + 1];
            let item_rows = &self.parts.item_rows[rows.start * n..rows.end * n];
            for segment in 0..self.layout.n_segments() {
                let nodes = self.layout.segment(segment);
                let (support, is_identity) = self.layout.support(item, segment);
                let range = self.layout.range(item, segment);
                let table = &mut self.n_glim[range.start - offset..range.end - offset];
                for (row, to) in item_rows.chunks_exact(n).zip(table.chunks_exact_mut(support.n_nodes)) {
                    let from = &flat(row)[nodes.clone()];
                    if is_identity {
                        to.copy_from_slice(from);
                    } else {
                        to.fill(0.0);
                        from.iter().zip(&support.map).for_each(|(x, &k)| to[k as usize] += x);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add(to: &mut [V], from: &[V]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = to.plus(*from);
    }
}
