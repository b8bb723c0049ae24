//! What the way there and the way back share: a run over consecutive inner patterns in one class.

use std::ops::Range;

use super::{ClassTables, InnerLayout, Place};
use crate::e_step::kernel::{Scratch, guard};
use crate::e_step::tables::Tables;
use crate::e_step::vector::V;
use crate::patterns::InnerPatterns;

/// Inner patterns that are worked on together where they share a row, so that it stays in the first cache.
pub(super) const BATCH: usize = 16;

/// Consecutive inner patterns in one class.
#[derive(Clone)]
pub(super) struct Pass<'a> {
    pub patterns: &'a InnerPatterns,
    pub class: &'a ClassTables,
    pub layout: &'a InnerLayout,
    pub range: Range<usize>,
    pub place: Place,
    /// Whether products are kept as mantissas and exponents.
    pub scaled: bool,
}

/// What the summands of inner patterns are products of.
pub(super) enum Kind {
    /// Anything, where products are no doubles.
    Scaled,
    /// Rows of the items that measure the attribute alone, and one row, the prior, that all patterns share.
    Own,
    /// Rows of cross-loading items.
    Cross,
    /// Rows of both.
    Both,
}

impl<'a> Pass<'a> {
    pub fn kind(&self) -> Kind {
        match self.patterns {
            _ if self.scaled => Kind::Scaled,
            patterns if patterns.items().cross.is_empty() => Kind::Own,
            patterns if patterns.own().is_none() => Kind::Cross,
            _ => Kind::Both,
        }
    }

    /// Batches of the patterns.
    pub fn batches(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let end = self.range.end;
        self.range.clone().step_by(BATCH).map(move |start| start..(start + BATCH).min(end))
    }

    /// Memory for the products of own items.
    pub fn own_scratch(&self) -> Scratch {
        Scratch::plain(self.layout.n_points.div_ceil(8))
    }

    /// The products `r (D)` of a batch of patterns' own items, written over `products`.
    #[inline(always)]
    pub fn multiply_own(&self, batch: Range<usize>, scratch: &mut Scratch, products: &mut [f64]) {
        for (q, product) in batch.zip(products.chunks_exact_mut(self.layout.n_points)) {
            self.class.own_product(self.patterns.rows(q)[0], scratch, product);
        }
    }

    /// No rows yet.
    pub fn head(&self) -> Head<'a> {
        let (tables, n) = (&self.class.cross, self.class.cross.n_vectors);
        Head { tables, rows: &[], scratch: Scratch { likelihood: vec![V([1.0; 8]); n], ..Scratch::default() } }
    }
}

/// The product `(D, D_N)` of all rows of a pattern's cross-loading items but the last. Patterns that share it follow one
/// another, so that it is rarely made.
pub(super) struct Head<'a> {
    tables: &'a Tables,
    pub rows: &'a [u32],
    scratch: Scratch,
}

impl<'a> Head<'a> {
    /// Makes the product of other rows; ones where there are none.
    #[inline(always)]
    pub fn move_to(&mut self, rows: &'a [u32]) {
        self.rows = rows;
        if rows.len() != 1 {
            self.scratch.multiply::<{ guard::NONE }>(self.tables, rows);
        }
    }

    /// The product; a single row as it stands.
    #[inline(always)]
    pub fn product(&self) -> &[V] {
        match self.rows {
            [row] => self.tables.row(*row),
            _ => &self.scratch.likelihood,
        }
    }
}
