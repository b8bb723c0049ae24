//! The way there: from current probabilities to the rows of joint answers of one block.

use super::NodeProbabilities;
use super::layout::NodeLayout;
use super::tables::{BUDGET, Parts, smallest_exponent};
use super::vector::{Kernel, V, flat, flat_mut, split};
use crate::patterns::{MISSING, UNKNOWN_CLASS};

/// Builds the rows of one block.
pub(super) struct Build<'a> {
    pub parts: Parts<'a>,
    pub n_vectors: usize,
    pub layout: &'a NodeLayout,
    pub input: NodeProbabilities<'a>,
}

impl Kernel for Build<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let bound = self.expand_items();
        self.parts.state.bound = bound;
        if bound < BUDGET {
            self.build_scaled_rows();
        } else {
            self.parts.state.exponents.clear();
            self.build_rows();
        }
    }
}

impl Build<'_> {
    /// Spreads the items' tables over all nodes; returns a lower bound of the exponents of the block's rows.
    #[inline(always)]
    fn expand_items(&mut self) -> i32 {
        let Self { parts, n_vectors, layout, input } = self;
        let n = *n_vectors;
        let is_first = !parts.block.known_class.is_empty();
        let mut bound = if is_first { smallest(input.prior) } else { 0 };
        for (k, item) in parts.block.items.clone().enumerate() {
            let rows = parts.state.item_ptr[k]..parts.state.item_ptr[k + 1];
            let item_rows = &mut parts.item_rows[rows.start * n..rows.end * n];
            for segment in 0..layout.n_segments() {
                let nodes = layout.segment(segment);
                let (support, is_identity) = layout.support(item, segment);
                let table = &input.probabilities[layout.range(item, segment)];
                for (row, from) in item_rows.chunks_exact_mut(n).zip(table.chunks_exact(support.n_nodes)) {
                    let to = &mut flat_mut(row)[nodes.clone()];
                    if is_identity {
                        to.copy_from_slice(from);
                    } else {
                        to.iter_mut().zip(&support.map).for_each(|(to, &k)| *to = from[k as usize]);
                    }
                }
            }
            flat_padding(item_rows, n, layout.n_nodes());
            bound += smallest_exponent(item_rows);
        }
        bound
    }

    /// The prior of a row of the first block (restricted to the known class), or ones.
    #[inline(always)]
    fn write_base(&self, row: usize, base: &mut [V]) {
        if self.parts.block.known_class.is_empty() {
            base.fill(V([1.0; 8]));
            return;
        }
        let known = self.parts.block.known_class[row];
        let nodes = match known {
            UNKNOWN_CLASS => 0..self.layout.n_nodes(),
            class => self.layout.segment(class as usize - 1),
        };
        base.fill(V::ZERO);
        flat_mut(base)[nodes.clone()].copy_from_slice(&self.input.prior[nodes]);
    }

    /// Rows are in lexicographic order, so that most of a product is shared with the row before.
    #[inline(always)]
    fn build_rows(&mut self) {
        let n = self.n_vectors;
        let mut stack = std::mem::take(&mut self.parts.state.stack);
        let block = self.parts.block;
        let last = block.items.len().saturating_sub(1);
        for r in 0..block.rows.len() {
            if block.items.is_empty() {
                self.write_base(r, &mut stack[..n]);
                self.parts.rows[r * n..(r + 1) * n].copy_from_slice(&stack[..n]);
                continue;
            }
            let answers = block.answers(r);
            let is_new = r == 0 || block.known_class.get(r) != block.known_class.get(r - 1);
            let mut shared = 0;
            if is_new {
                self.write_base(r, &mut stack[..n]);
            } else {
                shared = answers.iter().zip(block.answers(r - 1)).take_while(|(a, b)| a == b).count();
            }
            for depth in shared..=last {
                let (done, open) = stack.split_at_mut((depth + 1) * n);
                let from = &done[depth * n..];
                let to = if depth == last { &mut self.parts.rows[r * n..(r + 1) * n] } else { &mut open[..n] };
                if answers[depth] == MISSING {
                    to.copy_from_slice(from);
                } else {
                    let at = (self.parts.state.item_ptr[depth] + answers[depth] as usize) * n;
                    let factor = &self.parts.item_rows[at..at + n];
                    for ((to, from), factor) in to.iter_mut().zip(from).zip(factor) {
                        *to = from.times(*factor);
                    }
                }
            }
        }
        self.parts.state.stack = stack;
    }

    /// As [`Build::build_rows`], with mantissas and exponents apart: for items so steep that the product of a few
    /// probabilities is no double.
    fn build_scaled_rows(&mut self) {
        let n = self.n_vectors;
        let block = self.parts.block;
        let mut exponents = std::mem::take(&mut self.parts.state.exponents);
        exponents.clear();
        exponents.resize(block.rows.len() * n, V::ZERO);
        let mut base = vec![V::ZERO; n];
        for (r, exponents) in exponents.chunks_exact_mut(n).enumerate() {
            self.write_base(r, &mut base);
            let row = &mut self.parts.rows[r * n..(r + 1) * n];
            row.fill(V([1.0; 8]));
            multiply_scaled(row, exponents, &base);
            for (k, &code) in block.answers(r).iter().enumerate().filter(|(_, code)| **code != MISSING) {
                let at = (self.parts.state.item_ptr[k] + code as usize) * n;
                multiply_scaled(row, exponents, &self.parts.item_rows[at..at + n]);
            }
        }
        self.parts.state.exponents = exponents;
    }
}

/// Multiplies mantissas by a factor that may be as small as a double can be.
fn multiply_scaled(mantissas: &mut [V], exponents: &mut [V], factor: &[V]) {
    /// Brings subnormal numbers into the normal range.
    const LIFT: f64 = 54.0;
    let elements = flat_mut(mantissas).iter_mut().zip(flat_mut(exponents)).zip(flat(factor));
    for ((mantissa, exponent), &x) in elements {
        let is_subnormal = x < f64::MIN_POSITIVE;
        let (m, e) = split(if is_subnormal { x * LIFT.exp2() } else { x });
        let (product, carry) = split(*mantissa * m);
        *mantissa = product;
        *exponent += e + carry - if is_subnormal { LIFT } else { 0.0 };
    }
}

/// The smallest exponent of the positive elements of any slice.
fn smallest(x: &[f64]) -> i32 {
    let positive = x.iter().filter(|x| **x > 0.0).map(|x| x.to_bits());
    positive.min().map_or(0, |bits| (bits >> 52) as i32 - 1023)
}

/// Clears the nodes beyond the last: the arrays also hold counts.
#[inline(always)]
fn flat_padding(rows: &mut [V], n_vectors: usize, n_nodes: usize) {
    if n_nodes < 8 * n_vectors {
        for row in rows.chunks_exact_mut(n_vectors) {
            flat_mut(row)[n_nodes..].fill(0.0);
        }
    }
}
