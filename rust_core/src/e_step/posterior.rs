//! Posterior expectations of functions of the latent nodes, pattern by pattern.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Stop;
use super::kernel::{Scratch, align, guard, sum};
use super::layout::NodeLayout;
use super::tables::Tables;
use super::vector::{Kernel, V, flat, ln_scaled};
use crate::patterns::{Patterns, RowLists};

/// What the responses of each pattern say about its latent node.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// `log P_p (P)`: minus infinity for a pattern that cannot occur.
    pub log_probability: Vec<f64>,
    /// `(P, F)`: posterior expectation of each function; NaN for a pattern that cannot occur.
    pub expectations: Vec<f64>,
    /// `(P, C)`: the most probable node within each latent class (counted from the class's first node); empty unless
    /// asked for.
    pub modes: Vec<u32>,
}

/// The posterior of consecutive patterns.
pub(super) struct PosteriorChunk<'a> {
    pub rows: RowLists<'a>,
    pub tables: &'a Tables,
    pub layout: &'a NodeLayout,
    /// `(F, n_vectors)`
    pub functions: &'a [V],
    /// First pattern of the chunk.
    pub start: usize,
    pub log_probability: &'a mut [f64],
    pub expectations: &'a mut [f64],
    pub modes: &'a mut [u32],
    pub cancel: &'a AtomicBool,
}

impl Kernel for PosteriorChunk<'_> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    fn run(self) -> Result<(), Stop> {
        if self.tables.guarded { self.run_guarded::<{ guard::FLUSH }>() } else { self.run_guarded::<{ guard::NONE }>() }
    }
}

impl PosteriorChunk<'_> {
    #[inline(always)]
    fn run_guarded<const GUARD: u8>(self) -> Result<(), Stop> {
        let n = self.tables.n_vectors;
        let n_functions = self.functions.len() / n;
        let modes_wanted = !self.modes.is_empty();
        let n_segments = if !modes_wanted { 0 } else { self.layout.n_segments() };
        let mut scratch = Scratch::new(n);
        for (k, log_probability) in self.log_probability.iter_mut().enumerate() {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            let rows = self.rows.of(self.start + k);
            let is_scaled = multiply::<GUARD>(self.tables, rows, modes_wanted, &mut scratch);
            // Before classes that are all but impossible vanish beside the others.
            for segment in 0..n_segments {
                let nodes = self.layout.segment(segment);
                let exponents = if is_scaled { &flat(&scratch.exponents)[nodes.clone()] } else { &[] };
                self.modes[k * n_segments + segment] = largest(&flat(&scratch.likelihood)[nodes], exponents);
            }
            let exponent = if is_scaled { align(&mut scratch.likelihood, &scratch.exponents) } else { 0.0 };
            let probability = sum(&scratch.likelihood);
            *log_probability = match probability {
                p if p > 0.0 => ln_scaled(p, exponent),
                0.0 => f64::NEG_INFINITY,
                _ => f64::NAN,
            };
            let expectations = &mut self.expectations[k * n_functions..(k + 1) * n_functions];
            for (out, function) in expectations.iter_mut().zip(self.functions.chunks_exact(n)) {
                let mut total = [V::ZERO; 2];
                for (v, (x, f)) in scratch.likelihood.iter().zip(function).enumerate() {
                    total[v % 2] = total[v % 2].plus(x.times(*f));
                }
                *out = total[0].plus(total[1]).sum() / probability;
            }
        }
        Ok(())
    }
}

/// The likelihood of a pattern over all nodes, into `scratch`; true where it is left as mantissas and exponents, which is
/// done where a plain product would lose something, or if `exact`.
#[inline(always)]
fn multiply<const GUARD: u8>(tables: &Tables, rows: &[u32], exact: bool, scratch: &mut Scratch) -> bool {
    scratch.multiply::<GUARD>(tables, rows);
    let is_scaled = GUARD == guard::FLUSH && (exact || tables.needs_exponents(sum(&scratch.likelihood)));
    if is_scaled {
        scratch.multiply::<{ guard::EXPONENTS }>(tables, rows);
        scratch.rescale();
    }
    is_scaled
}

/// The posterior of consecutive patterns over all nodes.
pub(super) struct PosteriorRows<'a> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    pub range: Range<usize>,
    pub n_nodes: usize,
    /// `(patterns of the range, L)`: written over; not numbers for patterns that cannot occur.
    pub rows: &'a mut [f64],
}

impl Kernel for PosteriorRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.tables.guarded { self.run_guarded::<{ guard::FLUSH }>() } else { self.run_guarded::<{ guard::NONE }>() }
    }
}

impl PosteriorRows<'_> {
    #[inline(always)]
    fn run_guarded<const GUARD: u8>(self) {
        let mut scratch = Scratch::new(self.tables.n_vectors);
        for (p, row) in self.range.zip(self.rows.chunks_exact_mut(self.n_nodes)) {
            if multiply::<GUARD>(self.tables, self.patterns.rows(p), false, &mut scratch) {
                align(&mut scratch.likelihood, &scratch.exponents);
            }
            let factor = 1.0 / sum(&scratch.likelihood);
            row.iter_mut().zip(flat(&scratch.likelihood)).for_each(|(to, from)| *to = from * factor);
        }
    }
}

/// The posterior of one respondent over all nodes.
pub(super) struct PosteriorRow<'a> {
    pub tables: &'a Tables,
    pub rows: &'a [u32],
    /// `(L)`: written over; not numbers where the answers cannot occur.
    pub posterior: &'a mut [f64],
}

impl Kernel for PosteriorRow<'_> {
    /// The log-probability of the answers.
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { tables, rows, posterior } = self;
        let mut scratch = Scratch::new(tables.n_vectors);
        let is_scaled = if tables.guarded {
            multiply::<{ guard::FLUSH }>(tables, rows, false, &mut scratch)
        } else {
            multiply::<{ guard::NONE }>(tables, rows, false, &mut scratch)
        };
        let exponent = if is_scaled { align(&mut scratch.likelihood, &scratch.exponents) } else { 0.0 };
        let probability = sum(&scratch.likelihood);
        posterior.iter_mut().zip(flat(&scratch.likelihood)).for_each(|(to, from)| *to = from / probability);
        if probability > 0.0 { ln_scaled(probability, exponent) } else { f64::NEG_INFINITY }
    }
}

/// The position of the largest element, the first of equals; with `exponents`, of the largest rescaled element.
#[inline(always)]
pub(super) fn largest(values: &[f64], exponents: &[f64]) -> u32 {
    let exponent =
        |l: usize| if values[l] > 0.0 { exponents.get(l).copied().unwrap_or(0.0) } else { f64::NEG_INFINITY };
    let mut at = 0;
    for l in 1..values.len() {
        if exponent(l) > exponent(at) || (exponent(l) == exponent(at) && values[l] > values[at]) {
            at = l;
        }
    }
    at as u32
}
