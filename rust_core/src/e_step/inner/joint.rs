//! The posterior of an eliminated attribute and its neighbours, pattern by pattern.

use super::{InnerStep, scaled};
use crate::e_step::layout::NodeLayout;
use crate::e_step::vector::{Kernel, V, dispatch, flat, flat_mut};
use crate::patterns::InnerPatterns;

/// Memory for the posteriors of one attribute.
pub(in crate::e_step) struct JointScratch {
    /// Per class.
    products: Vec<scaled::Product>,
    /// `(D_N)`
    weights: Vec<V>,
}

impl InnerStep {
    pub fn joint_scratch(&self) -> JointScratch {
        let products = self.classes.iter().map(|class| scaled::Product::new(&self.layout, class)).collect();
        JointScratch { products, weights: vec![V::ZERO; self.layout.n_vectors()] }
    }

    /// Writes the posterior over the attribute and its neighbours `(C, D, D_N)`, given that over the outer nodes
    /// `posterior (L)`, of a pattern that has this inner pattern; needs exponents kept.
    pub fn joint_posterior(
        &self,
        (patterns, inner): (&InnerPatterns, usize),
        (outer, posterior): (&NodeLayout, &[f64]),
        scratch: &mut JointScratch,
        joint: &mut [f64],
    ) {
        dispatch(self.isa, Joint { step: self, patterns, inner, outer, posterior, scratch, joint });
    }
}

struct Joint<'a> {
    step: &'a InnerStep,
    patterns: &'a InnerPatterns,
    inner: usize,
    outer: &'a NodeLayout,
    posterior: &'a [f64],
    scratch: &'a mut JointScratch,
    joint: &'a mut [f64],
}

impl Kernel for Joint<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let layout = &self.step.layout;
        let JointScratch { products, weights } = self.scratch;
        let classes = self.step.classes.iter().zip(products).zip(self.joint.chunks_exact_mut(layout.n_joint()));
        for (c, ((class, product), joint)) in classes.enumerate() {
            weights.fill(V::ZERO);
            let to = flat_mut(weights);
            let nodes = self.posterior[self.outer.segment(c)].iter();
            nodes.zip(&layout.outer_map).for_each(|(x, &k)| to[k as usize] += x);
            product.multiply(class, self.patterns.rows(self.inner));
            product.sum();
            product.share(weights);
            layout.unpad(flat(&product.values), joint);
        }
    }
}
