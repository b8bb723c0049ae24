//! What the outer nodes and the answers to its items say about an eliminated attribute.

use rayon::prelude::*;

use super::{FORWARD_CHUNK, InnerStep, Place, scaled};
use crate::e_step::layout::NodeLayout;
use crate::e_step::vector::{Kernel, V, dispatch, flat, flat_mut};
use crate::patterns::InnerPatterns;

/// The posterior of an eliminated attribute given the outer node and the inner pattern, over all inner patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerSummary {
    /// `(Q, F, L)`: conditional expectation of each function.
    pub expectations: Vec<f64>,
    /// `(Q, L)`: the largest conditional probability.
    pub largest: Vec<f64>,
    /// `(Q, L)`: the node of the attribute that has it, the first of equals.
    pub mode: Vec<u32>,
}

impl InnerStep {
    /// The summary for `functions (F, C, D)` of the attribute; needs exponents kept.
    pub fn summary(&self, patterns: &InnerPatterns, outer: &NodeLayout, functions: &[f64]) -> InnerSummary {
        let n_nodes = outer.n_nodes();
        let n_functions = functions.len() / (self.classes.len() * self.layout.n_points);
        let mut summary = InnerSummary {
            expectations: vec![0.0; patterns.len() * n_functions * n_nodes],
            largest: vec![0.0; patterns.len() * n_nodes],
            mode: vec![0; patterns.len() * n_nodes],
        };
        let work = summary
            .largest
            .par_chunks_mut(FORWARD_CHUNK * n_nodes)
            .zip(summary.mode.par_chunks_mut(FORWARD_CHUNK * n_nodes))
            .zip(summary.expectations.par_chunks_mut(FORWARD_CHUNK * n_functions * n_nodes));
        work.enumerate().for_each(|(k, ((largest, mode), expectations))| {
            let start = k * FORWARD_CHUNK;
            dispatch(self.isa, Summary { step: self, patterns, outer, functions, start, largest, mode, expectations });
        });
        summary
    }
}

struct Summary<'a> {
    step: &'a InnerStep,
    patterns: &'a InnerPatterns,
    outer: &'a NodeLayout,
    functions: &'a [f64],
    start: usize,
    largest: &'a mut [f64],
    mode: &'a mut [u32],
    expectations: &'a mut [f64],
}

impl Kernel for Summary<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (layout, n_nodes) = (&self.step.layout, self.outer.n_nodes());
        let (n_points, n_classes) = (layout.n_points, self.step.classes.len());
        let n_functions = self.functions.len() / (n_classes * n_points);
        let ones = vec![V([1.0; 8]); layout.n_vectors()];
        let mut row = vec![V::ZERO; layout.n_vectors()];
        for (c, class) in self.step.classes.iter().enumerate() {
            let place = Place { segment: self.outer.segment(c), n_vectors: 0 };
            let mut product = scaled::Product::new(layout, class);
            let rows = self.largest.chunks_exact_mut(n_nodes).zip(self.mode.chunks_exact_mut(n_nodes));
            for (k, (largest, mode)) in rows.enumerate() {
                product.multiply(class, self.patterns, self.start + k);
                product.sum();
                product.share(&ones);
                let (largest, mode) = (&mut largest[place.segment.clone()], &mut mode[place.segment.clone()]);
                for (d, values) in product.values.chunks_exact(ones.len()).enumerate() {
                    for ((largest, mode), &k) in largest.iter_mut().zip(&mut *mode).zip(&layout.outer_map) {
                        let value = flat(values)[k as usize];
                        if value > *largest {
                            (*largest, *mode) = (value, d as u32);
                        }
                    }
                }
                for f in 0..n_functions {
                    let function = &self.functions[(f * n_classes + c) * n_points..][..n_points];
                    row.fill(V::ZERO);
                    for (values, x) in product.values.chunks_exact(ones.len()).zip(function) {
                        row.iter_mut().zip(values).for_each(|(sum, v)| *sum = sum.plus(v.scale(*x)));
                    }
                    let to = &mut self.expectations[(k * n_functions + f) * n_nodes..][place.segment.clone()];
                    let from = flat_mut(&mut row);
                    to.iter_mut().zip(&layout.outer_map).for_each(|(to, &k)| *to = from[k as usize]);
                }
            }
        }
    }
}
