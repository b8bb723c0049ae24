//! Dictionaries of every joint answer there can be, for respondents who are not known in advance.

use super::inner::outer_items;
use super::{Block, InnerItems, InnerPatterns, MISSING, Patterns, UNKNOWN_CLASS};

/// Joint answers of a block at most: as many as short patterns are worth.
const MAX_ROWS: usize = 256;
/// Bytes that the tables of all blocks may take before smaller blocks are tried.
const TABLE_BYTES: usize = 2 << 20;

/// The rows of respondents in a complete dictionary.
#[derive(Debug, Clone, Default)]
pub struct RowCoder {
    /// Per block: the row of answering nothing.
    empty: Vec<u32>,
    /// Rows of the first block for each known class.
    per_class: u32,
    items: Vec<ItemDigit>,
    /// `(I)`: the digit of no answer, `M_i`.
    largest: Vec<u8>,
    /// `(I)`: what a digit counts in the row of the block.
    strides: Vec<u16>,
    /// Per block: the row of the first joint answer, and the last item's position plus one.
    blocks: Vec<(u32, usize)>,
}

/// What an answer to an item changes in the row of its block.
#[derive(Debug, Clone, Copy)]
struct ItemDigit {
    block: u32,
    stride: u32,
    n_categories: u8,
}

/// Rows of respondents, one list after another.
#[derive(Debug, Clone, Copy)]
pub struct RowLists<'a> {
    /// `(N + 1)`: where each list begins.
    pub ptr: &'a [usize],
    /// The rows.
    pub ids: &'a [u32],
}

impl<'a> RowLists<'a> {
    /// The rows of one respondent.
    #[inline(always)]
    pub fn of(&self, respondent: usize) -> &'a [u32] {
        &self.ids[self.ptr[respondent]..self.ptr[respondent + 1]]
    }

    /// Number of respondents.
    pub fn len(&self) -> usize {
        self.ptr.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RowCoder {
    /// The most rows that a respondent can have.
    pub fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Appends the rows of a respondent with these answers (positions of items, ascending, with their categories), whose
    /// class may be known. A block without an answer has none, but for the first, which holds the prior.
    #[inline]
    pub fn push(&self, known_class: u16, answers: impl Iterator<Item = (usize, u8)>, ids: &mut Vec<u32>) {
        let (mut block, mut row) = (0, self.empty.first().copied().unwrap_or_default());
        row += u32::from(known_class) * self.per_class;
        for (item, code) in answers {
            let digit = self.items[item];
            if digit.block != block {
                ids.push(row);
                (block, row) = (digit.block, self.empty[digit.block as usize]);
            }
            row -= u32::from(digit.n_categories - code) * digit.stride;
        }
        ids.push(row);
    }

    /// As [`RowCoder::push`] for respondents with codes `(n, I)` of all items, [`MISSING`] where there is no answer, whose
    /// class is not known; appends the ends of their lists to `ptr`.
    pub fn push_codes(&self, n: usize, codes: &[u8], (ptr, ids): (&mut Vec<usize>, &mut Vec<u32>)) {
        let n_items = self.largest.len();
        let mut parts = vec![0; n_items];
        let mut end = ids.len();
        ids.resize(end + n * self.blocks.len(), 0);
        for respondent in 0..n {
            // All digits at once, on vectors: a joint answer to a block is less than 256.
            let digits = codes[respondent * n_items..(respondent + 1) * n_items].iter().zip(&self.largest);
            for (part, ((code, largest), stride)) in parts.iter_mut().zip(digits.zip(&self.strides)) {
                *part = u16::from(*code.min(largest)) * stride;
            }
            let mut start = 0;
            for (b, (&(first, item), &empty)) in self.blocks.iter().zip(&self.empty).enumerate() {
                let row = first + u32::from(parts[start..item].iter().sum::<u16>());
                start = item;
                ids[end] = row;
                end += usize::from(row != empty || b == 0);
            }
            ptr.push(end);
        }
        ids.truncate(end);
    }
}

/// The rows of respondents in complete dictionaries of the outer items, and of the own and the cross-loading items of
/// every eliminated attribute.
#[derive(Debug, Clone, Default)]
pub struct PartCoder {
    /// Outer items, then own and cross-loading ones of each attribute.
    parts: Vec<RowCoder>,
    /// Per item: its part, and its position there.
    place: Vec<(u32, u32)>,
}

impl PartCoder {
    /// The most rows that a respondent can have, of outer items and of own and cross-loading ones of each attribute.
    pub fn n_blocks(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(RowCoder::n_blocks)
    }

    /// Appends a respondent's rows, list by list, with the end of each list; see [`RowCoder::push`].
    pub fn push(
        &self,
        known_class: u16,
        answers: impl Iterator<Item = (usize, u8)>,
        (ptr, ids): (&mut Vec<usize>, &mut Vec<u32>),
        scratch: &mut Vec<(u32, u32, u8)>,
    ) {
        scratch.clear();
        scratch.extend(answers.map(|(item, code)| {
            let (part, position) = self.place[item];
            (part, position, code)
        }));
        // Positions ascend within every part already.
        scratch.sort_by_key(|&(part, ..)| part);
        let mut rest = scratch.as_slice();
        for (p, coder) in self.parts.iter().enumerate() {
            let (own, tail) = rest.split_at(rest.partition_point(|&(part, ..)| part as usize <= p));
            rest = tail;
            let known = if p == 0 { known_class } else { UNKNOWN_CLASS };
            coder.push(known, own.iter().map(|&(_, position, code)| (position as usize, code)), ids);
            ptr.push(ids.len());
        }
    }
}

impl Patterns {
    /// As [`Patterns::complete`], with the items of each eliminated attribute in dictionaries of their own; `n_nodes` are
    /// those of the outer grid.
    pub(crate) fn complete_eliminating(
        n_categories: &[usize],
        n_nodes: usize,
        n_known: usize,
        eliminated: &[InnerItems],
    ) -> (Self, PartCoder) {
        let outer = outer_items(n_categories.len(), eliminated);
        let complete = |items: &[usize], n_nodes: usize, n_known: usize| {
            let own: Vec<usize> = items.iter().map(|&i| n_categories[i]).collect();
            Self::complete(&own, n_nodes, n_known)
        };
        let mut coder = PartCoder { parts: Vec::new(), place: vec![(0, 0); n_categories.len()] };
        let mut add = |items: &[usize], rows: RowCoder| {
            let part = coder.parts.len() as u32;
            items.iter().enumerate().for_each(|(position, &item)| coder.place[item] = (part, position as u32));
            coder.parts.push(rows);
        };
        let (mut patterns, rows) = complete(&outer, n_nodes, n_known);
        add(&outer, rows);
        for items in eliminated {
            let (own, rows) = complete(&items.own, items.n_nodes[0], 0);
            add(&items.own, rows);
            let (cross, rows) = complete(&items.cross, items.n_nodes[1], 0);
            add(&items.cross, rows);
            patterns.blocks.push(Block::of_inner(patterns.inner.len(), patterns.blocks.last(), 0));
            patterns.inner.push(InnerPatterns::complete(items, own, cross));
        }
        (patterns.n_categories, patterns.outer_items) = (n_categories.to_vec(), outer);
        (patterns, coder)
    }

    /// No respondents, but every joint answer that `n_nodes` nodes make room for, a missing one included; and how to
    /// find the rows of respondents among them. `n_known` classes may be known.
    pub(crate) fn complete(n_categories: &[usize], n_nodes: usize, n_known: usize) -> (Self, RowCoder) {
        let mut limit = MAX_ROWS;
        let mut blocks = cut(n_categories, limit);
        while limit > 1 && blocks.last().map_or(0, |b: &Block| b.rows.end) * n_nodes * 8 > TABLE_BYTES {
            limit /= 2;
            blocks = cut(n_categories, limit);
        }
        let per_class = blocks.first().map_or(0, |b| b.rows.len());
        let mut coder = RowCoder { per_class: per_class as u32, ..RowCoder::default() };
        for (b, block) in blocks.iter().enumerate() {
            coder.empty.push(block.rows.end as u32 - 1);
            let mut stride = block.rows.len() as u32;
            for &m in &n_categories[block.items.clone()] {
                stride /= m as u32 + 1;
                coder.items.push(ItemDigit { block: b as u32, stride, n_categories: m as u8 });
                coder.largest.push(m as u8);
                coder.strides.push(stride as u16);
            }
            coder.blocks.push((block.rows.start as u32, block.items.end));
        }
        if let Some((first, others)) = blocks.split_first_mut() {
            let codes = first.codes.repeat(n_known + 1);
            first.codes = codes;
            first.known_class = (0..=n_known as u16).flat_map(|known| std::iter::repeat_n(known, per_class)).collect();
            first.rows.end += n_known * per_class;
            for block in others {
                block.rows = block.rows.start + n_known * per_class..block.rows.end + n_known * per_class;
            }
        }
        let shift = (n_known * per_class) as u32;
        coder.empty.iter_mut().skip(1).for_each(|row| *row += shift);
        coder.blocks.iter_mut().skip(1).for_each(|(first, _)| *first += shift);
        let patterns = Self {
            n_categories: n_categories.to_vec(),
            outer_items: (0..n_categories.len()).collect(),
            n_rows: blocks.last().map_or(0, |b| b.rows.end),
            blocks,
            inner: Vec::new(),
            row_ptr: vec![0],
            row_ids: Vec::new(),
            n_gp: Vec::new(),
            first_respondent: Vec::new(),
            pattern_of_respondent: Vec::new(),
        };
        (patterns, coder)
    }
}

/// Blocks of consecutive items with at most `limit` joint answers, or of one item; an empty one where there are none.
fn cut(n_categories: &[usize], limit: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut start, mut n_rows, mut first_row) = (0, 1, 0);
    for end in 1..=n_categories.len() {
        n_rows *= n_categories[end - 1] + 1;
        let is_full = n_categories.get(end).is_none_or(|m| n_rows * (m + 1) > limit);
        if is_full {
            let radix: Vec<usize> = n_categories[start..end].iter().map(|m| m + 1).collect();
            let (rows, codes) = (first_row..first_row + n_rows, joint_answers(&radix));
            blocks.push(Block { items: start..end, rows, codes, known_class: Vec::new(), inner: None });
            (start, first_row, n_rows) = (end, first_row + n_rows, 1);
        }
    }
    if blocks.is_empty() {
        // The prior needs a row.
        blocks.push(Block { items: 0..0, rows: 0..1, codes: Vec::new(), known_class: Vec::new(), inner: None });
    }
    blocks
}

/// All joint answers to items in lexicographic order, missing last.
fn joint_answers(radix: &[usize]) -> Vec<u8> {
    let n_rows = radix.iter().product::<usize>();
    let mut codes = Vec::with_capacity(n_rows * radix.len());
    for row in 0..n_rows {
        let mut stride = n_rows;
        for r in radix {
            stride /= r;
            let digit = row / stride % r;
            codes.push(if digit + 1 == *r { MISSING } else { digit as u8 });
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_spell_the_answers() {
        let n_categories = [2, 3, 2, 5, 4, 2, 2, 3, 2];
        for (n_nodes, n_known) in [(1, 0), (64, 2), (1 << 14, 1)] {
            let (patterns, coder) = Patterns::complete(&n_categories, n_nodes, n_known);
            for seed in 0..200_usize {
                let code = |i: usize| ((seed * 7919 + i * 104_729) / 13 % (n_categories[i] + 1)) as u8;
                let answers: Vec<(usize, u8)> =
                    (0..9).map(|i| (i, code(i))).filter(|&(i, c)| usize::from(c) < n_categories[i]).collect();
                let (known, mut rows) = ((seed % (n_known + 1)) as u16, Vec::new());
                coder.push(known, answers.iter().copied(), &mut rows);
                let mut spelt = Vec::new();
                for &row in &rows {
                    let block = patterns.blocks().iter().find(|b| b.rows.contains(&(row as usize))).unwrap();
                    let codes = block.answers(row as usize - block.rows.start);
                    let given = block.items.clone().zip(codes.iter().copied());
                    spelt.extend(given.filter(|&(_, code)| code != MISSING));
                }
                assert_eq!(spelt, answers);
                assert_eq!(patterns.blocks()[0].known_class[rows[0] as usize], known);
                let codes = (0..9).map(code).zip(n_categories);
                let codes: Vec<u8> =
                    codes.map(|(code, m)| if usize::from(code) < m { code } else { MISSING }).collect();
                let (mut ptr, mut twice, mut unknown) = (vec![0], Vec::new(), Vec::new());
                coder.push_codes(2, &codes.repeat(2), (&mut ptr, &mut twice));
                coder.push(UNKNOWN_CLASS, answers.iter().copied(), &mut unknown);
                assert_eq!((twice, ptr), (unknown.repeat(2), vec![0, unknown.len(), 2 * unknown.len()]));
            }
        }
    }

    #[test]
    fn blocks_shrink_to_single_items_where_grids_are_large() {
        let (patterns, _) = Patterns::complete(&[2; 12], 1 << 20, 0);
        assert!(patterns.blocks().iter().all(|block| block.items.len() == 1));
    }
}
