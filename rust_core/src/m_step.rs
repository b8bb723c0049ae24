//! The M-step: every block of parameters is moved uphill on the expected log-likelihood.

use rayon::prelude::*;

use crate::arrow::ArrowDerivatives;
use crate::blocks::{Block, Component, Member, Place};
use crate::expected::{Expected, Placed};
use crate::item::{Derivatives, Family, ItemShape, Nodes};
use crate::multinomial;
use crate::newton::{NewtonOptions, Objective, maximise};
use crate::params::{FreeParameter, Slot};
use crate::proportions;
use crate::spec::Model;

/// How far each M-step goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MStepOptions {
    /// Newton iterations for the items. One in the paper, and where it is left open; but three for items whose likelihood is
    /// not log-concave ([`crate::item::Family::is_log_concave`]). There one iteration is often cut short, and the map that
    /// is left to be accelerated is rough: the 3PL takes half as many cycles with three.
    pub max_newton: Option<usize>,
    /// Newton stops once no parameter moves by more than this.
    pub tolerance: f64,
}

impl Default for MStepOptions {
    fn default() -> Self {
        Self { max_newton: None, tolerance: 1e-10 }
    }
}

/// Distributions and items without attributes are cheap, and have an exact maximum: Newton runs until it stands still.
const EXACT_NEWTON: NewtonOptions = NewtonOptions { max_iterations: 100, tolerance: 1e-14 };

/// One M-step from the free parameters `x`, with the expected counts found there: the new parameters, and how often a
/// Newton step was halved. Blocks are independent, so their order and the number of threads do not matter.
pub fn m_step(
    model: &Model,
    blocks: &[Block],
    placed: &[Placed],
    expected: &Expected,
    x: &[f64],
    options: MStepOptions,
) -> (Vec<f64>, usize) {
    /// Expected counts fewer than this are maximised over sooner than other threads wake up.
    const PARALLEL_COUNTS: usize = 1 << 12;
    let maximise_block = |block: &Block| {
        if let Some(maximum) = multinomial::maximum(model, block, expected) {
            return (maximum, 0);
        }
        let objective = BlockObjective::new(model, block, placed, expected);
        let mut x_block: Vec<f64> = block.free.iter().map(|&f| x[f]).collect();
        let mut scratch = ArrowDerivatives::zeros(&block.cluster_sizes, block.n_shared);
        let newton = if block.is_latent() || multinomial::has_no_attributes(model, block) {
            EXACT_NEWTON
        } else {
            let max_iterations = options.max_newton.unwrap_or_else(|| if is_log_concave(model, block) { 1 } else { 3 });
            NewtonOptions { max_iterations, tolerance: options.tolerance }
        };
        let halvings = maximise(&objective, &mut x_block, newton, &mut scratch);
        (x_block, halvings)
    };
    let n_counts: usize = expected.counts.iter().map(|c| c.n_glim.len()).sum();
    let moved: Vec<(Vec<f64>, usize)> = if n_counts < PARALLEL_COUNTS {
        blocks.iter().map(maximise_block).collect()
    } else {
        blocks.par_iter().map(maximise_block).collect()
    };
    let mut next = x.to_vec();
    let mut n_halvings = 0;
    for (block, (x_block, halvings)) in blocks.iter().zip(moved) {
        for (&f, value) in block.free.iter().zip(x_block) {
            next[f] = value;
        }
        n_halvings += halvings;
    }
    proportions::update(model, expected, &mut next);
    (next, n_halvings)
}

/// Whether all items of a block are of families whose likelihood is log-concave.
fn is_log_concave(model: &Model, block: &Block) -> bool {
    block.members.iter().all(|member| match member.component {
        Component::Item { group, index } => {
            model.spec.items[model.groups[group].instances[index].item].family.is_log_concave()
        }
        Component::Latent { .. } => true,
    })
}

/// The expected log-likelihood (the paper's equation 8) and log prior of one block of parameters.
pub struct BlockObjective<'a> {
    model: &'a Model,
    block: &'a Block,
    placed: &'a [Placed],
    expected: &'a Expected,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl<'a> BlockObjective<'a> {
    /// The objective of a block, given where the nodes lie and what was counted there.
    pub fn new(model: &'a Model, block: &'a Block, placed: &'a [Placed], expected: &'a Expected) -> Self {
        let bounds = |pick: fn(&FreeParameter) -> f64| block.free.iter().map(|&f| pick(&model.table.free[f])).collect();
        Self { model, block, placed, expected, lower: bounds(|f| f.lower), upper: bounds(|f| f.upper) }
    }

    /// The derivatives when all free parameters of the model are `x`.
    pub fn derivatives_at(&self, x: &[f64]) -> ArrowDerivatives {
        let x_block: Vec<f64> = self.block.free.iter().map(|&f| x[f]).collect();
        let mut out = ArrowDerivatives::zeros(&self.block.cluster_sizes, self.block.n_shared);
        self.derivatives(&x_block, &mut out);
        out
    }

    /// A member's own parameters when the block's are `x`.
    fn gather(&self, member: &Member, starts: &[usize], x: &[f64]) -> Vec<f64> {
        let cells = match member.component {
            Component::Item { group, index } => self.model.groups[group].instances[index].cells.clone(),
            Component::Latent { group } => self.model.groups[group].latent_cells.clone(),
        };
        let shared = starts[starts.len() - 1];
        member
            .places
            .iter()
            .zip(&self.model.table.slots[cells])
            .map(|(place, slot)| match (*place, *slot) {
                (Place::Own(i), _) => x[starts[member.cluster] + i],
                (Place::Shared(s), _) => x[shared + s],
                (Place::Fixed, Slot::Fixed(value)) => value,
                (Place::Fixed, Slot::Free(_)) => f64::NAN,
            })
            .collect()
    }

    fn member_value(&self, component: Component, eta: &[f64]) -> f64 {
        match component {
            Component::Item { group, index } => {
                let (family, shape, nodes, counts) = self.item(group, index);
                if family.is_feasible(shape, eta) {
                    family.expected_loglik(shape, eta, nodes, counts)
                } else {
                    f64::NEG_INFINITY
                }
            }
            Component::Latent { group } => {
                let (latent, moments) = (self.model.spec.latent, &self.expected.moments[group]);
                let n_dims = moments.mean.len();
                if latent.is_feasible(n_dims, eta) {
                    latent.expected_loglik(n_dims, eta, moments)
                } else {
                    f64::NEG_INFINITY
                }
            }
        }
    }

    fn member_derivatives(&self, component: Component, eta: &[f64]) -> Derivatives {
        let mut out = Derivatives::zeros(eta.len());
        match component {
            Component::Item { group, index } => {
                let (family, shape, nodes, counts) = self.item(group, index);
                family.derivatives(shape, eta, nodes, counts, &mut out);
            }
            Component::Latent { group } => {
                let moments = &self.expected.moments[group];
                self.model.spec.latent.derivatives(moments.mean.len(), eta, moments, &mut out);
            }
        }
        out
    }

    /// What the family of an item needs to work out its part: its shape, its nodes and the counts there.
    fn item(&self, group: usize, index: usize) -> (&dyn Family, &ItemShape, Nodes<'_>, &[f64]) {
        let instance = &self.model.groups[group].instances[index];
        let nodes = self.placed[group].nodes(instance.support);
        let family = self.model.spec.items[instance.item].family;
        (family, &instance.shape, nodes, self.expected.item(self.model, group, index))
    }
}

impl Objective for BlockObjective<'_> {
    fn value(&self, x: &[f64]) -> f64 {
        let starts = self.block.cluster_starts();
        let members = self.block.members.iter();
        let expected: f64 = members.map(|m| self.member_value(m.component, &self.gather(m, &starts, x))).sum();
        let priors = self.block.free.iter().zip(x);
        expected + priors.filter_map(|(&f, &x)| Some(self.model.table.free[f].prior?.log_density(x))).sum::<f64>()
    }

    fn derivatives(&self, x: &[f64], out: &mut ArrowDerivatives) {
        out.clear();
        let starts = self.block.cluster_starts();
        for member in &self.block.members {
            let eta = self.gather(member, &starts, x);
            scatter(member, &starts, &self.member_derivatives(member.component, &eta), out);
        }
        let shared = starts[starts.len() - 1];
        for (position, (&f, &x)) in self.block.free.iter().zip(x).enumerate() {
            let Some(prior) = self.model.table.free[f].prior else { continue };
            let (first, second) = prior.derivatives(x);
            out.value += prior.log_density(x);
            out.gradient[position] += first;
            if position >= shared {
                out.core[(position - shared, position - shared)] += second;
            } else {
                let cluster = starts.partition_point(|&start| start <= position) - 1;
                let own = position - starts[cluster];
                out.own[cluster][(own, own)] += second;
            }
        }
    }

    fn lower(&self) -> &[f64] {
        &self.lower
    }

    fn upper(&self) -> &[f64] {
        &self.upper
    }
}

/// Adds a member's derivatives to its block's.
fn scatter(member: &Member, starts: &[usize], derivatives: &Derivatives, out: &mut ArrowDerivatives) {
    let n = member.places.len();
    let shared = starts[starts.len() - 1];
    out.value += derivatives.value;
    for (i, &row) in member.places.iter().enumerate() {
        match row {
            Place::Fixed => continue,
            Place::Own(r) => out.gradient[starts[member.cluster] + r] += derivatives.gradient[i],
            Place::Shared(r) => out.gradient[shared + r] += derivatives.gradient[i],
        }
        for (j, &column) in member.places.iter().enumerate() {
            let h = derivatives.hessian[i * n + j];
            match (row, column) {
                (Place::Own(r), Place::Own(c)) => out.own[member.cluster][(r, c)] += h,
                (Place::Own(r), Place::Shared(c)) => out.border[member.cluster][(r, c)] += h,
                (Place::Shared(r), Place::Shared(c)) => out.core[(r, c)] += h,
                _ => {}
            }
        }
    }
}
