//! Patterns on a grid of several slices where no product can underflow.

use super::Stop;
use super::kernel::{Earlier, Scratch, WideRow, guard, sum};
use super::log_sum::LogSum;
use super::tables::Tables;
use super::vector::{Kernel, V};
use crate::patterns::Patterns;

/// Patterns at all nodes, since those of crossed attributes that matter to a pattern do not lie together.
pub(super) struct AddWide<'a, 'b> {
    pub patterns: &'a Patterns,
    pub tables: &'a Tables,
    /// The patterns, in their order.
    pub order: &'a [u32],
    pub accumulator: &'a mut [V],
    pub row: &'a mut Scratch,
    pub logs: &'a mut LogSum<'b>,
}

impl Kernel for AddWide<'_, '_> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    fn run(self) -> Result<(), Stop> {
        let Self { patterns, tables, order, accumulator, row, logs } = self;
        let Scratch { likelihood, exponents, earlier } = row;
        let (mut earlier_rows, mut factor): (&[u32], f64) = (&[], 0.0);
        for p in order.iter().map(|&p| p as usize) {
            let n_gp = patterns.n_gp()[p];
            if n_gp == 0.0 {
                continue;
            }
            logs.check()?;
            let rows = patterns.rows(p);
            let before = Earlier { rows: earlier_rows, likelihood: earlier, factor };
            WideRow { likelihood, exponents, accumulator }.step::<{ guard::NONE }>(tables, rows, before);
            let probability = sum(likelihood);
            (earlier_rows, factor) = (rows, n_gp / probability);
            std::mem::swap(likelihood, earlier);
            logs.push(p, probability, 0.0, n_gp)?;
        }
        let last = Earlier { rows: earlier_rows, likelihood: earlier, factor };
        WideRow { likelihood, exponents, accumulator }.step::<{ guard::NONE }>(tables, &[], last);
        Ok(())
    }
}
