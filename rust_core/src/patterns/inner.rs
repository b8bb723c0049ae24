//! The patterns of the items that measure an eliminated attribute.

use super::{Patterns, unique};
use crate::Result;

/// The items that measure one eliminated attribute (positions among the items in use).
#[derive(Debug, Clone, PartialEq)]
pub struct InnerItems {
    /// Those that measure nothing else.
    pub own: Vec<usize>,
    /// Those that measure other attributes too.
    pub cross: Vec<usize>,
    /// Nodes of the attribute, and of the attribute crossed with all others that its items or its prior involve.
    pub n_nodes: [usize; 2],
}

/// The unique joint answers to the items of one eliminated attribute, in the order of their cross-loading rows: patterns
/// that differ in the last of these alone follow one another.
#[derive(Debug, Clone, PartialEq)]
pub struct InnerPatterns {
    items: InnerItems,
    own: Option<Patterns>,
    cross: Patterns,
    /// `(Q)`: pattern of the own and of the cross-loading items.
    pairs: Vec<[u32; 2]>,
    code_of_respondent: Vec<u32>,
}

impl InnerPatterns {
    /// Collapses the answers to the items of an attribute; `build` makes the patterns of items at some positions, for so
    /// many nodes.
    pub(super) fn build(items: &InnerItems, build: impl Fn(&[usize], usize) -> Result<Patterns>) -> Result<Self> {
        let own = (!items.own.is_empty()).then(|| build(&items.own, items.n_nodes[0])).transpose()?;
        let cross = build(&items.cross, items.n_nodes[1])?;
        let cross_codes = cross.pattern_of_respondent();
        let (pairs, code_of_respondent) = match &own {
            None => ((0..cross.len() as u32).map(|c| [0, c]).collect(), cross_codes.to_vec()),
            Some(own) => {
                let own_codes = own.pattern_of_respondent();
                let unique = unique::collapse(&[], &[own_codes, cross_codes], cross_codes.len());
                let pair = |&i: &u32| [own_codes[i as usize], cross_codes[i as usize]];
                (unique.first.iter().map(pair).collect(), unique.pattern_of_respondent)
            }
        };
        let (pairs, code_of_respondent) = in_order(&cross, pairs, code_of_respondent);
        Ok(Self { items: items.clone(), own, cross, pairs, code_of_respondent })
    }

    /// No inner patterns, but the dictionaries of the own and of the cross-loading items.
    pub(super) fn complete(items: &InnerItems, own: Patterns, cross: Patterns) -> Self {
        let own = (!items.own.is_empty()).then_some(own);
        Self { items: items.clone(), own, cross, pairs: Vec::new(), code_of_respondent: Vec::new() }
    }

    /// Number of inner patterns `Q`.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no respondents.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The items.
    pub fn items(&self) -> &InnerItems {
        &self.items
    }

    /// Patterns of the own items; none where there are no such items.
    pub fn own(&self) -> Option<&Patterns> {
        self.own.as_ref()
    }

    /// Patterns of the cross-loading items; a single empty pattern where there are no such items.
    pub fn cross(&self) -> &Patterns {
        &self.cross
    }

    /// The pattern of the own and of the cross-loading items that an inner pattern is made of.
    #[inline(always)]
    pub fn pair(&self, inner: usize) -> [usize; 2] {
        self.pairs[inner].map(|code| code as usize)
    }

    /// The rows of an inner pattern's own items, none where there are no such items, and of its cross-loading ones.
    #[inline(always)]
    pub fn rows(&self, inner: usize) -> [&[u32]; 2] {
        let [own, cross] = self.pair(inner);
        [self.own.as_ref().map_or(&[], |patterns| patterns.rows(own)), self.cross.rows(cross)]
    }

    /// The inner pattern of each respondent.
    pub(super) fn code_of_respondent(&self) -> &[u32] {
        &self.code_of_respondent
    }

    /// Adds how often every category was chosen when each inner pattern counts `weights (Q)` times.
    pub(super) fn add_category_counts(&self, weights: &[f64], counts: &mut [Vec<f64>]) {
        let parts = self.own.iter().map(|p| (p, 0, &self.items.own)).chain([(&self.cross, 1, &self.items.cross)]);
        for (patterns, side, items) in parts {
            let mut own_weights = vec![0.0; patterns.len()];
            weights.iter().enumerate().for_each(|(q, n)| own_weights[self.pair(q)[side]] += n);
            for (&item, own) in items.iter().zip(patterns.category_counts(&own_weights)) {
                counts[item].iter_mut().zip(own).for_each(|(sum, n)| *sum += n);
            }
        }
    }

    /// The items in use that some inner pattern may have no answer to.
    pub(super) fn items_lacked(&self) -> Vec<usize> {
        let parts = self.own.iter().map(|p| (p, &self.items.own)).chain([(&self.cross, &self.items.cross)]);
        let lacked = parts.flat_map(|(patterns, items)| items.iter().zip(patterns.may_lack()));
        lacked.filter(|(_, may_lack)| *may_lack).map(|(&item, _)| item).collect()
    }

    /// Calls `f` with the items in use that an inner pattern answers, and the answers.
    pub(super) fn for_each_answer(&self, inner: usize, f: &mut impl FnMut(usize, u8)) {
        let [own, cross] = self.pair(inner);
        let parts = self.own.iter().map(|p| (p, own, &self.items.own)).chain([(&self.cross, cross, &self.items.cross)]);
        for (patterns, pattern, items) in parts {
            patterns.for_each_block_answer(pattern, |k, code| f(items[k], code));
        }
    }
}

/// Sorts pairs of own and cross-loading patterns by the rows of the latter, and renumbers them for the respondents.
fn in_order(cross: &Patterns, pairs: Vec<[u32; 2]>, code_of_respondent: Vec<u32>) -> (Vec<[u32; 2]>, Vec<u32>) {
    let mut order: Vec<u32> = (0..pairs.len() as u32).collect();
    order.sort_unstable_by_key(|&q| {
        let [own, crossed] = pairs[q as usize];
        (cross.rows(crossed as usize), own)
    });
    let mut renumbered = vec![0; pairs.len()];
    order.iter().zip(0..).for_each(|(&old, new)| renumbered[old as usize] = new);
    (
        order.iter().map(|&old| pairs[old as usize]).collect(),
        code_of_respondent.iter().map(|&old| renumbered[old as usize]).collect(),
    )
}

/// The items in use that measure no eliminated attribute.
pub(super) fn outer_items(n_items: usize, eliminated: &[InnerItems]) -> Vec<usize> {
    let mut is_outer = vec![true; n_items];
    eliminated.iter().flat_map(|e| e.own.iter().chain(&e.cross)).for_each(|&i| is_outer[i] = false);
    (0..n_items).filter(|&i| is_outer[i]).collect()
}
