//! Patterns of the E-step whose products might underflow: long tests, on grids of any size.

use super::Stop;
use super::chunk::{add, multiply, scaled};
use super::kernel::{Pending, SLICE, Scratch, align, guard, rescale, step, sum, with_width};
use super::log_sum::LogSum;
use super::tables::Tables;
use super::vector::{Kernel, V};
use super::window::Look;
use crate::patterns::Patterns;

/// Runs a block for each window, with its first vector, its place among all windows' vectors and, as a constant, their
/// number.
macro_rules! for_windows {
    ($windows:expr, |$start:ident, $at:ident, $W:ident| $body:block) => {
        let mut $at = 0;
        for (slice, window) in $windows.iter().enumerate() {
            let ($start, width) = (slice * SLICE + window.start as usize, window.len as usize);
            with_width!(width, |$W| $body);
            $at += width;
        }
    };
}

/// Patterns at the vectors that matter to them. Where a probability is less than a plain product can hold, every node
/// carries an exponent.
pub(super) struct AddGuarded<'a, 'b> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    pub which: &'a [u32],
    pub accumulator: &'a mut [V],
    pub row: &'a mut Scratch,
    pub look: &'a mut Look,
    pub logs: &'a mut LogSum<'b>,
}

impl Kernel for AddGuarded<'_, '_> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    fn run(mut self) -> Result<(), Stop> {
        for &p in self.which {
            self.logs.check()?;
            let n_gp = self.patterns.n_gp()[p as usize];
            if n_gp != 0.0 {
                self.add(p as usize, n_gp)?;
            }
        }
        Ok(())
    }
}

impl AddGuarded<'_, '_> {
    #[inline(always)]
    fn add(&mut self, p: usize, n_gp: f64) -> Result<(), Stop> {
        let Self { tables, look, .. } = self;
        let rows = self.patterns.rows(p);
        let is_plain = tables.bounds.look(rows, look);
        // The windows' vectors one after the other.
        let len = look.windows.iter().map(|window| window.len as usize).sum();
        let Scratch { likelihood, exponents, .. } = &mut *self.row;
        let (likelihood, exponents) = (&mut likelihood[..len], &mut exponents[..len]);
        let mut exponent = 0.0;
        if is_plain {
            for_windows!(look.windows, |start, at, W| {
                let mut product = [V([1.0; 8]); W];
                for &row in rows {
                    multiply(&mut product, &tables.rows[row as usize * tables.n_vectors + start..]);
                }
                likelihood[at..at + W].copy_from_slice(&product);
            });
        } else {
            for_windows!(look.windows, |start, at, W| {
                let nothing = Pending { rows: &[], posterior: [V::ZERO; W], accumulator: &mut [] };
                let product = step::<W, { guard::EXPONENTS }>(tables, rows, start, nothing);
                likelihood[at..at + W].copy_from_slice(&product.values);
                exponents[at..at + W].copy_from_slice(&product.exponents);
            });
            rescale(likelihood, exponents);
            exponent = align(likelihood, exponents);
        }
        let probability = sum(likelihood);
        let factor = n_gp / probability;
        for_windows!(look.windows, |start, at, W| {
            let posterior = scaled::<W>(&likelihood[at..at + W], factor);
            for &row in rows {
                add(&mut self.accumulator[row as usize * tables.n_vectors + start..], &posterior);
            }
        });
        self.logs.push(p, probability, exponent, n_gp)
    }
}
