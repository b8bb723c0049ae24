//! Posteriors at fixed probabilities for respondents as they come, where attributes are eliminated.

use super::inner::Conditional;
use super::kernel::{Scratch, align, guard, rescale, sum};
use super::posterior::largest;
use super::vector::{Kernel, V, dispatch, flat, flat_mut, ln_scaled};
use super::{EStep, EliminationLayout, InstructionSet, NodeLayout, NodeProbabilities, Stop};
use crate::patterns::{InnerItems, PartCoder, Patterns, RowLists};

/// The probability rows of every joint answer there can be to the outer items and to those of each eliminated attribute,
/// tabulated once. Can be shared by threads.
///
/// An eliminated attribute is summed out for each respondent anew: its joint answers are too many to list. A respondent's
/// posterior has the same bits whoever else is asked for, because nothing but the items and their probabilities decides
/// how products are formed.
#[derive(Debug)]
pub struct ReadyElimination {
    step: EStep,
    coder: PartCoder,
    /// Per eliminated attribute `(C, F, D)`.
    functions: Vec<Vec<f64>>,
}

/// What one respondent's answers say, with the memory it is worked out in.
#[derive(Debug)]
pub struct Respondent {
    /// Log-probability of the answers; minus infinity where they cannot occur.
    pub log_probability: f64,
    outer: Scratch,
    /// `(L)`: mantissas of the likelihood times the largest conditional probabilities.
    joint: Scratch,
    /// Per eliminated attribute `(F, L)`: expectations given the outer node.
    expectations: Vec<Vec<f64>>,
    /// Per eliminated attribute and class.
    conditionals: Vec<Vec<Conditional>>,
    /// `(C)`: the most probable outer node of each class, counted from the class's first.
    modes: Vec<u32>,
    n_nodes: usize,
}

impl ReadyElimination {
    /// Tabulates the probabilities. `items` are those of each eliminated attribute, `functions (C, F, D)` of it are those
    /// whose expectations will be asked for. With `known`, respondents may be known to be in a class.
    ///
    /// # Errors
    /// [`Stop::Shape`] where the arrays do not fit the layout.
    pub fn new(
        (layout, elimination): (&NodeLayout, &EliminationLayout),
        items: &[InnerItems],
        input: NodeProbabilities,
        functions: Vec<Vec<f64>>,
        known: bool,
    ) -> Result<Self, Stop> {
        let n_known = if known { layout.n_segments() } else { 0 };
        let n_nodes = layout.n_nodes();
        let (patterns, coder) = Patterns::complete_eliminating(&layout.n_categories, n_nodes, n_known, items);
        let mut step = EStep::eliminating(InstructionSet::best(), &patterns, layout.clone(), elimination.clone())?;
        step.build_tables(&patterns, input)?;
        if step.tables.guarded {
            step.tables.keep_exponents();
        }
        // Nothing is ever accumulated.
        step.accumulators = Vec::new();
        let fits = |(f, inner): (&Vec<f64>, &super::inner::InnerStep)| {
            f.len().is_multiple_of(inner.layout().n_points() * layout.n_segments())
        };
        if functions.len() != step.inner.len() || !functions.iter().zip(&step.inner).all(fits) {
            return Err(Stop::Shape("the functions"));
        }
        Ok(Self { step, coder, functions })
    }

    /// Finds the rows of respondents.
    pub fn coder(&self) -> &PartCoder {
        &self.coder
    }

    /// Vectors of eight nodes that one respondent who answers everything takes, joint ones of eliminated attributes included.
    pub fn n_vectors(&self) -> usize {
        let mut n_blocks = self.coder.n_blocks();
        let outer = n_blocks.next().unwrap_or(0) * self.step.tables.n_vectors;
        let inner = self.step.inner.iter().enumerate().map(|(e, inner)| {
            let n_rows = n_blocks.by_ref().take(2).sum::<usize>() + self.n_functions(e);
            n_rows * inner.layout().n_points() * inner.layout().n_vectors()
        });
        outer + inner.sum::<usize>() * self.step.layout.n_segments()
    }

    /// Memory for one respondent at a time.
    pub fn respondent(&self) -> Respondent {
        let n_vectors = self.step.tables.n_vectors;
        let n_classes = self.step.layout.n_segments();
        let n_nodes = self.step.outer().n_nodes();
        let each = || self.step.inner.iter().enumerate();
        let n_functions = |e: usize| self.n_functions(e);
        Respondent {
            log_probability: 0.0,
            outer: Scratch::new(n_vectors),
            joint: Scratch::new(n_vectors),
            expectations: each().map(|(e, _)| vec![0.0; n_functions(e) * n_nodes]).collect(),
            conditionals: each()
                .map(|(e, inner)| (0..n_classes).map(|_| inner.conditional(n_functions(e))).collect())
                .collect(),
            modes: vec![0; n_classes],
            n_nodes,
        }
    }

    fn n_functions(&self, e: usize) -> usize {
        self.functions[e].len() / (self.step.inner[e].layout().n_points() * self.step.layout.n_segments())
    }

    /// Works out the posterior of a respondent with a list of rows for each part of [`ReadyElimination::coder`]; with
    /// `detail`, also the most probable nodes and the probabilities of eliminated attributes.
    pub fn work_out(&self, rows: RowLists, detail: bool, respondent: &mut Respondent) {
        dispatch(self.step.isa, Work { ready: self, rows, detail, respondent });
    }

    /// The probabilities `(D)` of an eliminated attribute given an outer node of a class, counted from the first of that
    /// class; after detailed work.
    pub fn conditional<'a>(
        &self,
        respondent: &'a Respondent,
        e: usize,
        class: usize,
        node: usize,
    ) -> impl Iterator<Item = f64> + Clone + 'a {
        let layout = self.step.inner[e].layout();
        let k = layout.outer_map[node] as usize;
        let width = layout.n_vectors();
        respondent.conditionals[e][class].probabilities.chunks_exact(width).map(move |row| flat(row)[k])
    }
}

impl Respondent {
    /// `(L)`: the posterior over the outer nodes of all classes; no numbers where the answers cannot occur.
    pub fn posterior(&self) -> &[f64] {
        &flat(&self.outer.likelihood)[..self.n_nodes]
    }

    /// `(F, L)`: expectations of the functions of an eliminated attribute given the outer node.
    pub fn expectations(&self, e: usize) -> &[f64] {
        &self.expectations[e]
    }

    /// The most probable outer node of a class, counted from the class's first, attributes that are eliminated being where
    /// they are most probable; after detailed work.
    pub fn mode(&self, class: usize) -> usize {
        self.modes[class] as usize
    }
}

struct Work<'a> {
    ready: &'a ReadyElimination,
    /// A list for every part.
    rows: RowLists<'a>,
    detail: bool,
    respondent: &'a mut Respondent,
}

impl Kernel for Work<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { ready, rows, detail, respondent } = self;
        let step = &ready.step;
        let outer = &mut respondent.outer;
        outer.exponents.fill(V::ZERO);
        if step.tables.guarded {
            outer.multiply::<{ guard::EXPONENTS }>(&step.tables, rows.of(0));
        } else {
            outer.multiply::<{ guard::NONE }>(&step.tables, rows.of(0));
        }
        outer.rescale();
        for (e, inner) in step.inner.iter().enumerate() {
            let (layout, functions) = (inner.layout(), &ready.functions[e]);
            let n_functions = ready.n_functions(e);
            let own = functions.chunks_exact(n_functions * layout.n_points());
            for (c, (functions, conditional)) in own.zip(&mut respondent.conditionals[e]).enumerate() {
                inner.condition(c, [rows.of(1 + 2 * e), rows.of(2 + 2 * e)], (functions, detail), conditional);
                let segment = step.outer().segment(c);
                let (sums, powers) = (flat(&conditional.sums), flat(&conditional.exponents));
                let likelihood = flat_mut(&mut outer.likelihood)[segment.clone()].iter_mut();
                let exponents = &mut flat_mut(&mut outer.exponents)[segment.clone()];
                for ((x, exponent), &k) in likelihood.zip(exponents).zip(&layout.outer_map) {
                    *x *= sums[k as usize];
                    *exponent += powers[k as usize];
                }
                let width = layout.n_vectors();
                let to = respondent.expectations[e].chunks_exact_mut(respondent.n_nodes);
                for (from, to) in conditional.expectations.chunks_exact(width).zip(to) {
                    let spread = to[segment.clone()].iter_mut().zip(&layout.outer_map);
                    spread.for_each(|(to, &k)| *to = flat(from)[k as usize]);
                }
            }
            outer.rescale();
        }
        if detail {
            respondent.find_modes(ready);
        }
        respondent.normalise();
    }
}

impl Respondent {
    #[inline(always)]
    fn normalise(&mut self) {
        let Scratch { likelihood, exponents, .. } = &mut self.outer;
        let exponent = align(likelihood, exponents);
        let probability = sum(likelihood);
        self.log_probability = match probability {
            p if p > 0.0 => ln_scaled(p, exponent),
            0.0 => f64::NEG_INFINITY,
            _ => f64::NAN,
        };
        let each = V([probability; 8]);
        likelihood.iter_mut().for_each(|x| *x = x.map2(each, |x, sum| x / sum));
    }

    /// Before classes that are all but impossible vanish beside the others.
    #[inline(always)]
    fn find_modes(&mut self, ready: &ReadyElimination) {
        let Scratch { likelihood, exponents, .. } = &mut self.joint;
        likelihood.copy_from_slice(&self.outer.likelihood);
        exponents.copy_from_slice(&self.outer.exponents);
        for (inner, conditionals) in ready.step.inner.iter().zip(&mut self.conditionals) {
            let layout = inner.layout();
            let width = layout.n_vectors();
            for (c, conditional) in conditionals.iter_mut().enumerate() {
                let Conditional { probabilities, largest, .. } = conditional;
                largest.fill(V::ZERO);
                for row in probabilities.chunks_exact(width) {
                    largest.iter_mut().zip(row).for_each(|(top, x)| *top = top.map2(*x, f64::max));
                }
                let nodes = flat_mut(likelihood)[ready.step.outer().segment(c)].iter_mut();
                nodes.zip(&layout.outer_map).for_each(|(x, &k)| *x *= flat(largest)[k as usize]);
            }
            rescale(likelihood, exponents);
        }
        for (c, mode) in self.modes.iter_mut().enumerate() {
            let nodes = ready.step.outer().segment(c);
            *mode = largest(&flat(likelihood)[nodes.clone()], &flat(exponents)[nodes]);
        }
    }
}
