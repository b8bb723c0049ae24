//! Patterns on a grid of one slice. Those that need the same number of vectors are worked on together: that number is then
//! a constant, and the posterior of one pattern is added to the accumulators while the likelihood of the next is multiplied
//! up, so that loads, stores and arithmetic of both overlap.

use super::Stop;
use super::chunk::{add, multiply, scaled};
use super::kernel::{part, sum};
use super::log_sum::{LOT, LogSum, Lot};
use super::tables::Tables;
use super::vector::{Kernel, V, dispatch};
use crate::patterns::Patterns;

/// Patterns at the same number of vectors each.
pub(super) struct AddNarrow<'a, 'b> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    /// The patterns, counted from this one, and their first vectors.
    pub first: usize,
    pub listed: &'a [(u16, u16)],
    pub accumulator: &'a mut [V],
    pub logs: &'a mut LogSum<'b>,
}

impl AddNarrow<'_, '_> {
    /// Works at `width` vectors. Rows of up to [`MAX_WHOLE`](super::widths::MAX_WHOLE) vectors are worked on whole, others
    /// have eight.
    pub fn run(self, width: usize) -> Result<(), Stop> {
        if self.listed.is_empty() {
            return Ok(());
        }
        let isa = self.tables.isa;
        macro_rules! run {
            ($(($n:literal, $w:literal))*) => {
                match (self.tables.n_vectors, width) {
                    $(($n, $w) => dispatch(isa, Sized::<$n, $w>(self)),)*
                    _ => Err(Stop::Shape("the vectors of a row")),
                }
            };
        }
        run!((1, 1)(2, 2)(3, 3)(4, 4)(8, 1)(8, 2)(8, 3)(8, 4)(8, 5)(8, 6)(8, 7)(8, 8))
    }
}

/// At `W` of the `N` vectors of each row.
struct Sized<'a, 'b, const N: usize, const W: usize>(AddNarrow<'a, 'b>);

impl<const N: usize, const W: usize> Kernel for Sized<'_, '_, N, W> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    fn run(self) -> Result<(), Stop> {
        let AddNarrow { patterns, tables, first, listed, accumulator, logs } = self.0;
        let n_gp = patterns.n_gp();
        let table = tables.rows.as_chunks::<N>().0;
        let to = accumulator.as_chunks_mut::<N>().0;
        let mut pending = Pending { rows: &[], start: 0, posterior: [V::ZERO; W] };
        for listed in listed.chunks(LOT) {
            let mut lot = Lot::default();
            let out = lot.probability.iter_mut().zip(&mut lot.n_gp);
            for (&(k, start), (probability, n)) in listed.iter().zip(out) {
                let p = first + k as usize;
                let rows = patterns.rows(p);
                // Always the start; said so that it needs no check at every row.
                let start = (start as usize).min(N - W);
                let likelihood = step(table, to, (rows, start), &pending);
                *probability = sum(&likelihood);
                *n = n_gp[p];
                pending = Pending { rows, start, posterior: scaled(&likelihood, *n / *probability) };
            }
            logs.add(&lot, |at| first + listed[at].0 as usize)?;
        }
        step(table, to, (&[], 0), &pending);
        Ok(())
    }
}

/// A pattern whose posterior is still to be added to the accumulators.
struct Pending<'a, const W: usize> {
    rows: &'a [u32],
    /// Its first vector.
    start: usize,
    posterior: [V; W],
}

/// The likelihood of the pattern with these rows from a vector on, while the pending pattern is added.
#[inline(always)]
fn step<const N: usize, const W: usize>(
    table: &[[V; N]],
    to: &mut [[V; N]],
    (rows, start): (&[u32], usize),
    pending: &Pending<W>,
) -> [V; W] {
    let Pending { rows: earlier, start: earlier_start, posterior } = *pending;
    // The first row is where a product begins.
    let mut likelihood = [V([1.0; 8]); W];
    let rows = match rows.split_first() {
        Some((&first, rows)) => {
            likelihood = *part(&table[first as usize], start);
            rows
        }
        None => rows,
    };
    let earlier = match earlier.split_first() {
        Some((&first, earlier)) => {
            add(&mut to[first as usize][earlier_start..], &posterior);
            earlier
        }
        None => earlier,
    };
    let (both, more) = rows.split_at(rows.len().min(earlier.len()));
    for (&row, &earlier) in both.iter().zip(earlier) {
        multiply(&mut likelihood, &table[row as usize][start..]);
        add(&mut to[earlier as usize][earlier_start..], &posterior);
    }
    for &row in more {
        multiply(&mut likelihood, &table[row as usize][start..]);
    }
    for &earlier in &earlier[both.len()..] {
        add(&mut to[earlier as usize][earlier_start..], &posterior);
    }
    likelihood
}
