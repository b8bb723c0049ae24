//! Responses collapsed to unique patterns, each a short list of *joint answers* to blocks of items.
//!
//! Consecutive items are joined into blocks. A block's dictionary holds every joint answer that occurs in the data, a
//! missing response being one more answer; over the whole group these joint answers are numbered through as *rows*. The
//! E-step tabulates one row of probabilities per joint answer, so that the likelihood of a pattern is a product of a
//! handful of rows instead of one factor per item. A block in which a respondent answered nothing has no row in the
//! pattern and costs nothing.
//!
//! The first block also carries the known class of a respondent and is never left out: its rows hold the prior.

mod answers;
mod blocks;
mod complete;
mod inner;
mod sparse;
mod unique;

use std::ops::Range;

use crate::{Error, Result};

pub use complete::{PartCoder, RowCoder, RowLists};
pub use inner::{InnerItems, InnerPatterns};
pub use sparse::{AnswerLists, SparseSelection};

/// The code of a missing response.
pub const MISSING: u8 = 255;

/// The known class of a respondent whose class is not known.
pub const UNKNOWN_CLASS: u16 = 0;

/// Coded responses of all respondents.
#[derive(Debug, Clone, Copy)]
pub struct CodeMatrix<'a> {
    /// `(N, I)`, row-major: the category `0..M_i` of each response, or [`MISSING`].
    pub codes: &'a [u8],
    /// Number of items `I`.
    pub n_items: usize,
}

/// The part of the data that one observed group sees.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The responses of all respondents.
    pub codes: CodeMatrix<'a>,
    /// The respondents of the group (rows of `codes`).
    pub rows: &'a [u32],
    /// The items in use (columns of `codes`).
    pub items: &'a [usize],
    /// `M_i` of each item in use.
    pub n_categories: &'a [usize],
    /// Frequency or sampling weight of every respondent in `codes`: finite, not negative; 1 each when absent.
    pub weights: Option<&'a [f64]>,
    /// Known latent class of every respondent in `codes`: [`UNKNOWN_CLASS`], or `c + 1` for class `c`.
    pub known_class: Option<&'a [u16]>,
}

/// The unique response patterns of one observed group, in order of first appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns {
    n_categories: Vec<usize>,
    /// The items that belong to blocks (positions among the items in use): all but those of `inner`.
    outer_items: Vec<usize>,
    blocks: Vec<Block>,
    inner: Vec<InnerPatterns>,
    n_rows: usize,
    /// `(P + 1)`: where each pattern's rows begin in `row_ids`.
    row_ptr: Vec<usize>,
    /// Rows of each pattern, ascending; the first belongs to the first block.
    row_ids: Vec<u32>,
    n_gp: Vec<f64>,
    first_respondent: Vec<u32>,
    pattern_of_respondent: Vec<u32>,
}

/// Consecutive items and the joint answers to them that occur; or, without items, the inner patterns of an eliminated
/// attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The items of the block (positions in [`Patterns::outer_items`]).
    pub items: Range<usize>,
    /// The rows of the block among those of all blocks.
    pub rows: Range<usize>,
    /// `(rows, items)`: the joint answers in lexicographic order, missing last.
    pub codes: Vec<u8>,
    /// Known class of each row; empty in all blocks but the first.
    pub known_class: Vec<u16>,
    /// Which of [`Patterns::inner`] the rows number, if any.
    pub inner: Option<usize>,
}

impl Block {
    /// The block of an eliminated attribute with so many inner patterns, after the last block so far.
    fn of_inner(inner: usize, last: Option<&Block>, n_rows: usize) -> Self {
        let (start, end) = last.map_or((0, 0), |b| (b.rows.end, b.items.end));
        let rows = start..start + n_rows;
        Self { items: end..end, rows, codes: Vec::new(), known_class: Vec::new(), inner: Some(inner) }
    }

    /// The answers of the block's `r`-th row.
    pub fn answers(&self, r: usize) -> &[u8] {
        &self.codes[r * self.items.len()..(r + 1) * self.items.len()]
    }
}

impl Patterns {
    /// Collapses the respondents of a group to their unique patterns.
    ///
    /// `n_nodes` is the number of latent nodes that the E-step will use; it only decides how large the blocks become,
    /// so that their tables stay in the cache.
    ///
    /// # Errors
    /// [`Error::Data`] where the arrays do not fit together, a response is no category of its item, or a weight is
    /// negative or not finite.
    pub fn build(selection: &Selection, n_nodes: usize) -> Result<Self> {
        if selection.items.is_empty() {
            return Err(Error::Data("at least one item is needed".into()));
        }
        Self::eliminating(selection, n_nodes, &[])
    }

    /// As [`Patterns::build`], with the items of each eliminated attribute collapsed to inner patterns of their own,
    /// which are one block each.
    ///
    /// # Errors
    /// As [`Patterns::build`].
    pub fn eliminating(selection: &Selection, n_nodes: usize, eliminated: &[InnerItems]) -> Result<Self> {
        check(selection)?;
        let outer_items = inner::outer_items(selection.items.len(), eliminated);
        let (items, n_categories) = pick(selection, &outer_items);
        let outer = Selection { items: &items, n_categories: &n_categories, ..*selection };
        let limit = blocks::row_limit(outer.rows.len(), outer.n_categories, n_nodes);
        let mut coded = blocks::cut(&outer, limit)?;
        let part = |positions: &[usize], n_nodes: usize| {
            let (items, n_categories) = pick(selection, positions);
            let part = Selection { items: &items, n_categories: &n_categories, known_class: None, ..*selection };
            Patterns::eliminating(&part, n_nodes, &[])
        };
        let inner: Vec<InnerPatterns> =
            eliminated.iter().map(|e| InnerPatterns::build(e, part)).collect::<Result<_>>()?;
        inner.iter().for_each(|i| coded.push_inner(i.len()));
        let inner_codes: Vec<&[u32]> = inner.iter().map(|i| i.code_of_respondent()).collect();
        let unique = unique::collapse(&coded.block_codes, &inner_codes, selection.rows.len());
        let rows = list_rows(&coded, &inner_codes, &unique.first);
        let n_categories = selection.n_categories.to_vec();
        let items = Items { n_categories, outer_items, blocks: coded.blocks, inner };
        Ok(Self::assemble(items, rows, unique, (selection.rows, selection.weights)))
    }

    /// Puts the patterns together: the rows `(row_ptr, row_ids)` of each, and the respondents `rows` with their weights.
    fn assemble(
        items: Items,
        (row_ptr, row_ids): (Vec<usize>, Vec<u32>),
        unique: unique::Unique,
        (rows, weights): (&[u32], Option<&[f64]>),
    ) -> Self {
        let Items { n_categories, outer_items, blocks, inner } = items;
        let mut n_gp = vec![0.0; unique.first.len()];
        for (&row, &p) in rows.iter().zip(&unique.pattern_of_respondent) {
            n_gp[p as usize] += weights.map_or(1.0, |w| w[row as usize]);
        }
        Self {
            n_categories,
            outer_items,
            n_rows: blocks.last().map_or(0, |b| b.rows.end),
            blocks,
            inner,
            row_ptr,
            row_ids,
            n_gp,
            first_respondent: unique.first.iter().map(|&i| rows[i as usize]).collect(),
            pattern_of_respondent: unique.pattern_of_respondent,
        }
    }

    /// Whether the patterns were made with these attributes eliminated.
    pub(crate) fn eliminates(&self, items: &[InnerItems]) -> bool {
        let same = |inner: &InnerPatterns, items: &InnerItems| {
            inner.items().own == items.own && inner.items().cross == items.cross
        };
        self.inner.len() == items.len() && self.inner.iter().zip(items).all(|(inner, items)| same(inner, items))
    }

    /// The same patterns in the same order, with other attributes eliminated.
    pub(crate) fn rebuilt(&self, n_nodes: usize, eliminated: &[InnerItems]) -> Result<Self> {
        let (mut ptr, mut items, mut codes) = (vec![0], Vec::new(), Vec::new());
        for p in 0..self.len() {
            for (item, code) in self.answers_of(p) {
                items.push(item as u32);
                codes.push(code);
            }
            ptr.push(items.len());
        }
        let known: Vec<u16> = (0..self.len()).map(|p| self.known_class(p)).collect();
        let selection = SparseSelection {
            answers: AnswerLists { ptr: &ptr, items: &items, codes: &codes },
            rows: &(0..self.len() as u32).collect::<Vec<_>>(),
            items: &(0..self.n_categories.len()).collect::<Vec<_>>(),
            n_categories: &self.n_categories,
            weights: Some(&self.n_gp),
            known_class: Some(&known),
        };
        let rebuilt = Self::of_answers(&selection, n_nodes, eliminated)?;
        let (first_respondent, pattern_of_respondent) =
            (self.first_respondent.clone(), self.pattern_of_respondent.clone());
        Ok(Self { first_respondent, pattern_of_respondent, ..rebuilt })
    }

    /// Number of patterns `P`.
    pub fn len(&self) -> usize {
        self.n_gp.len()
    }

    /// Whether the group has no respondents.
    pub fn is_empty(&self) -> bool {
        self.n_gp.is_empty()
    }

    /// `M_i` of the items in use.
    pub fn n_categories(&self) -> &[usize] {
        &self.n_categories
    }

    /// The items that belong to blocks (positions among the items in use).
    pub fn outer_items(&self) -> &[usize] {
        &self.outer_items
    }

    /// The inner patterns of each eliminated attribute.
    pub fn inner(&self) -> &[InnerPatterns] {
        &self.inner
    }

    /// The blocks of items with their joint answers.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The inner pattern of the `inner`-th eliminated attribute that a pattern has.
    pub fn inner_code(&self, pattern: usize, inner: usize) -> usize {
        let n_inner = self.inner.len();
        let block = &self.blocks[self.blocks.len() - n_inner + inner];
        let rows = self.rows(pattern);
        rows[rows.len() - n_inner + inner] as usize - block.rows.start
    }

    /// Number of rows of all blocks together.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of rows that the patterns are made of, each counted as often as it occurs.
    pub fn n_factors(&self) -> usize {
        self.row_ids.len()
    }

    /// The rows of a pattern, ascending, one per block in which it has an answer.
    #[inline(always)]
    pub fn rows(&self, pattern: usize) -> &[u32] {
        &self.row_ids[self.row_ptr[pattern]..self.row_ptr[pattern + 1]]
    }

    /// The rows of consecutive patterns.
    #[inline(always)]
    pub fn rows_of(&self, patterns: Range<usize>) -> impl Iterator<Item = &[u32]> {
        self.row_ptr[patterns.start..=patterns.end].windows(2).map(|ends| &self.row_ids[ends[0]..ends[1]])
    }

    /// The rows of all patterns.
    pub fn row_lists(&self) -> RowLists<'_> {
        RowLists { ptr: &self.row_ptr, ids: &self.row_ids }
    }

    /// `N_gp (P)`: sum of the weights of the respondents with each pattern.
    pub fn n_gp(&self) -> &[f64] {
        &self.n_gp
    }

    /// The pattern of each respondent of the group, in the order in which the respondents were given.
    pub fn pattern_of_respondent(&self) -> &[u32] {
        &self.pattern_of_respondent
    }

    /// The first respondent with this pattern (a row of the whole data).
    pub fn first_respondent(&self, pattern: usize) -> u32 {
        self.first_respondent[pattern]
    }

    /// The known class of the respondents with a pattern: [`UNKNOWN_CLASS`], or `c + 1` for class `c`.
    pub fn known_class(&self, pattern: usize) -> u16 {
        self.rows(pattern).first().map_or(UNKNOWN_CLASS, |&row| self.blocks[0].known_class[row as usize])
    }
}

/// What patterns are made of besides respondents.
struct Items {
    n_categories: Vec<usize>,
    outer_items: Vec<usize>,
    blocks: Vec<Block>,
    inner: Vec<InnerPatterns>,
}

/// Columns and numbers of categories of some of the items in use.
fn pick(selection: &Selection, positions: &[usize]) -> (Vec<usize>, Vec<usize>) {
    positions.iter().map(|&i| (selection.items[i], selection.n_categories[i])).unzip()
}

/// The rows of every pattern as `(row_ptr, row_ids)`.
fn list_rows(coded: &blocks::Coded, inner_codes: &[&[u32]], first: &[u32]) -> (Vec<usize>, Vec<u32>) {
    let mut row_ptr = Vec::with_capacity(first.len() + 1);
    let mut row_ids = Vec::with_capacity(first.len() * coded.blocks.len());
    row_ptr.push(0);
    let inner_blocks = &coded.blocks[coded.block_codes.len()..];
    for &i in first {
        for (block, codes) in coded.blocks.iter().zip(&coded.block_codes) {
            let code = codes[i as usize] as usize;
            if code < block.rows.len() {
                row_ids.push((block.rows.start + code) as u32);
            }
        }
        for (block, codes) in inner_blocks.iter().zip(inner_codes) {
            row_ids.push(block.rows.start as u32 + codes[i as usize]);
        }
        row_ptr.push(row_ids.len());
    }
    (row_ptr, row_ids)
}

/// Checks that the arrays of a selection fit together.
fn check(selection: &Selection) -> Result<()> {
    let CodeMatrix { codes, n_items } = selection.codes;
    let n_all = codes.len().checked_div(n_items).unwrap_or(0);
    let error = |message: String| Err(Error::Data(message));
    if n_all * n_items != codes.len() {
        return error(format!("{} response codes do not make rows of {n_items} items", codes.len()));
    }
    if selection.items.len() != selection.n_categories.len() {
        let (items, categories) = (selection.items.len(), selection.n_categories.len());
        return error(format!("{items} items in use with {categories} numbers of categories"));
    }
    if let Some(item) = selection.items.iter().find(|&&i| i >= n_items) {
        return error(format!("item {item} is out of range: there are {n_items} items"));
    }
    if let Some(m) = selection.n_categories.iter().find(|&&m| !(1..=MISSING as usize).contains(&m)) {
        return error(format!("an item has {m} categories; between 1 and {MISSING} are allowed"));
    }
    check_respondents(selection.rows, n_all, selection.weights, selection.known_class)
}

/// Checks that `rows` are some of `n_all` respondents, and what is known of these: of no others, since every group asks.
fn check_respondents(rows: &[u32], n_all: usize, weights: Option<&[f64]>, known_class: Option<&[u16]>) -> Result<()> {
    let error = |message: String| Err(Error::Data(message));
    if let Some(row) = rows.iter().find(|&&row| row as usize >= n_all) {
        return error(format!("row {row} is out of range: there are {n_all} rows"));
    }
    if known_class.is_some_and(|known| known.len() != n_all) {
        return error(format!("known classes must be given for each of the {n_all} rows"));
    }
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != n_all {
        return error(format!("{} weights for {n_all} rows", weights.len()));
    }
    match rows.iter().map(|&row| (row, weights[row as usize])).find(|(_, w)| !(w.is_finite() && *w >= 0.0)) {
        Some((row, w)) => error(format!("the weight of row {row} is {w}; it must be finite and not negative")),
        None => Ok(()),
    }
}
