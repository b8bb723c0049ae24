//! Patterns of sparse data, in time and memory proportional to the answers that were given.
//!
//! The blocks are those that [`super::blocks`] cuts from the same responses as a matrix: whoever has answered nothing in
//! the open block is counted, not visited.

use super::blocks::{self, JointAnswers, MAX_BLOCK_ITEMS, MAX_CLASSES, renumber};
use super::inner::outer_items;
use super::{Block, InnerItems, InnerPatterns, Items, MISSING, Patterns, UNKNOWN_CLASS, unique};
use crate::{Error, Result};

/// Coded answers respondent by respondent, for responses of which most cells are empty.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLists<'a> {
    /// `(N + 1)`: where each respondent's answers begin.
    pub ptr: &'a [usize],
    /// The item of each answer, ascending within a respondent.
    pub items: &'a [u32],
    /// The category `0..M_i` of each answer.
    pub codes: &'a [u8],
}

impl AnswerLists<'_> {
    /// Number of respondents `N`.
    pub fn n_respondents(&self) -> usize {
        self.ptr.len().saturating_sub(1)
    }

    /// Items and categories of the answers of one respondent.
    pub fn of(&self, row: usize) -> impl Iterator<Item = (usize, u8)> + '_ {
        let range = self.ptr[row]..self.ptr[row + 1];
        self.items[range.clone()].iter().map(|&i| i as usize).zip(self.codes[range].iter().copied())
    }

    /// Checks that the arrays fit together.
    ///
    /// # Errors
    /// [`Error::Data`] where they do not, or the items of a respondent do not ascend.
    pub fn check(&self) -> Result<()> {
        self.check_rows(0..self.n_respondents())
    }

    fn check_rows(&self, rows: impl IntoIterator<Item = usize>) -> Result<()> {
        let error = |message: String| Err(Error::Data(message));
        let n = self.items.len();
        if self.ptr.first() != Some(&0) || self.ptr.last() != Some(&n) || self.codes.len() != n {
            return error(format!("{} categories and {n} items do not make lists of answers", self.codes.len()));
        }
        for row in rows {
            let Some(items) = self.items.get(self.ptr[row]..self.ptr[row + 1]) else {
                return error(format!("the answers of row {row} end before they begin"));
            };
            if !items.is_sorted_by(|item, next| item < next) {
                return error(format!("the items that row {row} answers do not ascend; an item occurs only once"));
            }
        }
        Ok(())
    }
}

/// The part of sparse data that one observed group sees; as [`super::Selection`] otherwise.
#[derive(Debug, Clone, Copy)]
pub struct SparseSelection<'a> {
    /// The answers of all respondents.
    pub answers: AnswerLists<'a>,
    /// The respondents of the group.
    pub rows: &'a [u32],
    /// The items in use.
    pub items: &'a [usize],
    /// `M_i` of each item in use.
    pub n_categories: &'a [usize],
    /// Weight of every respondent in `answers`; 1 each when absent.
    pub weights: Option<&'a [f64]>,
    /// Known latent class of every respondent in `answers`.
    pub known_class: Option<&'a [u16]>,
}

impl Patterns {
    /// As [`Patterns::eliminating`], from lists of answers.
    ///
    /// # Errors
    /// As [`Patterns::eliminating`]; [`Error::Data`] also where the lists make no sense ([`AnswerLists::check`]).
    pub fn of_answers(selection: &SparseSelection, n_nodes: usize, eliminated: &[InnerItems]) -> Result<Self> {
        let SparseSelection { answers, rows, weights, known_class, .. } = *selection;
        super::check_respondents(rows, answers.n_respondents(), weights, known_class)?;
        answers.check_rows(rows.iter().map(|&row| row as usize))?;
        let columns = Columns::new(selection)?;
        let outer = outer_items(selection.items.len(), eliminated);
        let known: Option<Vec<u16>> =
            selection.known_class.map(|known| selection.rows.iter().map(|&row| known[row as usize]).collect());
        let (mut blocks, lists) = columns.cut(&outer, n_nodes, known.as_deref())?;
        let part = |positions: &[usize], n_nodes: usize| {
            let (blocks, lists) = columns.cut(positions, n_nodes, None)?;
            let n_categories = positions.iter().map(|&k| columns.n_categories[k]).collect();
            let items = Items { n_categories, outer_items: (0..positions.len()).collect(), blocks, inner: Vec::new() };
            Ok(lists.collapse(items, &[], (selection.rows, selection.weights)))
        };
        let inner: Vec<InnerPatterns> =
            eliminated.iter().map(|e| InnerPatterns::build(e, part)).collect::<Result<_>>()?;
        inner.iter().enumerate().for_each(|(e, i)| blocks.push(Block::of_inner(e, blocks.last(), i.len())));
        let starts: Vec<usize> = blocks[blocks.len() - inner.len()..].iter().map(|b| b.rows.start).collect();
        let items = Items { n_categories: columns.n_categories.to_vec(), outer_items: outer, blocks, inner };
        Ok(lists.collapse(items, &starts, (selection.rows, selection.weights)))
    }
}

/// The answers to each item in use.
struct Columns<'a> {
    n_respondents: usize,
    n_categories: &'a [usize],
    /// `(I + 1)`
    ptr: Vec<usize>,
    /// Respondents of the group (positions), ascending within an item.
    respondents: Vec<u32>,
    codes: Vec<u8>,
}

impl<'a> Columns<'a> {
    fn new(selection: &SparseSelection<'a>) -> Result<Self> {
        const UNUSED: u32 = u32::MAX;
        let SparseSelection { answers, rows, items, n_categories, .. } = *selection;
        let n_all = items.iter().max().map_or(0, |&i| i + 1);
        let mut position = vec![UNUSED; n_all];
        items.iter().enumerate().for_each(|(k, &i)| position[i] = k as u32);
        let of = |row: u32| {
            let each = answers.of(row as usize).map(|(i, code)| (position.get(i).copied().unwrap_or(UNUSED), code));
            each.filter(|&(k, code)| k != UNUSED && code != MISSING).map(|(k, code)| (k as usize, code))
        };
        let mut ptr = vec![0; items.len() + 1];
        for &row in rows {
            for (k, code) in of(row) {
                if usize::from(code) >= n_categories[k] {
                    return Err(blocks::no_category((row, items[k]), code, n_categories[k]));
                }
                ptr[k + 1] += 1;
            }
        }
        (1..ptr.len()).for_each(|k| ptr[k] += ptr[k - 1]);
        let mut next = ptr.clone();
        let n = ptr[items.len()];
        let (mut respondents, mut codes) = (vec![0; n], vec![0; n]);
        for (i, &row) in rows.iter().enumerate() {
            for (k, code) in of(row) {
                (respondents[next[k]], codes[next[k]]) = (i as u32, code);
                next[k] += 1;
            }
        }
        Ok(Self { n_respondents: rows.len(), n_categories, ptr, respondents, codes })
    }

    fn column(&self, k: usize) -> impl Iterator<Item = (usize, u8)> + '_ {
        let range = self.ptr[k]..self.ptr[k + 1];
        self.respondents[range.clone()].iter().map(|&i| i as usize).zip(self.codes[range].iter().copied())
    }

    /// Cuts the items at some positions into blocks, and lists the rows of every respondent.
    fn cut(&self, positions: &[usize], n_nodes: usize, known: Option<&[u16]>) -> Result<(Vec<Block>, RowLists)> {
        let n_categories: Vec<usize> = positions.iter().map(|&k| self.n_categories[k]).collect();
        // Where everybody saw a small part, hardly anybody saw two items of a block: what counts are those who saw one.
        let n_answers = self.codes.len() / self.n_categories.len().max(1);
        let limit = blocks::row_limit(n_answers, &n_categories, n_nodes);
        let mut cutter = Cutter::new(self, limit, known)?;
        positions.iter().for_each(|&k| cutter.add(k));
        cutter.close();
        let lists = RowLists::new(self.n_respondents, &cutter.blocks, &cutter.entries);
        Ok((cutter.blocks, lists))
    }
}

/// The block that is being extended item by item, and those already closed.
struct Cutter<'a> {
    columns: &'a Columns<'a>,
    limit: usize,
    blocks: Vec<Block>,
    /// Per closed block: respondents and their rows within it.
    entries: Vec<Vec<(u32, u16)>>,
    rows: JointAnswers,
    /// Respondents with an answer in the open block; all, in the first.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    /// `(N)`: joint answer so far of those.
    current: Vec<u16>,
    /// Joint answer so far of all others.
    empty: u16,
    /// `(N)`: digit of the item that is being added, [`MISSING`] where there is no answer.
    digit: Vec<u8>,
    n_block_items: usize,
    /// Whether every row is known to occur.
    all_observed: bool,
    /// First item of the open block.
    start: usize,
}

impl<'a> Cutter<'a> {
    fn new(columns: &'a Columns, limit: usize, known: Option<&[u16]>) -> Result<Self> {
        let n = columns.n_respondents;
        let mut classes = known.map_or(vec![UNKNOWN_CLASS], <[u16]>::to_vec);
        classes.sort_unstable();
        classes.dedup();
        if classes.len() > MAX_CLASSES {
            return Err(Error::Spec(format!("more than {MAX_CLASSES} different known classes")));
        }
        let of = |i: usize| known.map_or(0, |known| classes.partition_point(|c| *c < known[i]) as u16);
        Ok(Self {
            columns,
            limit,
            blocks: Vec::new(),
            entries: Vec::new(),
            touched: (0..n as u32).collect(),
            is_touched: vec![true; n],
            current: (0..n).map(of).collect(),
            rows: JointAnswers::new(&classes),
            empty: 0,
            digit: vec![MISSING; n],
            n_block_items: 0,
            all_observed: true,
            start: 0,
        })
    }

    /// Adds an item to the open block, or closes that and opens a new one.
    fn add(&mut self, k: usize) {
        self.columns.column(k).for_each(|(i, code)| self.digit[i] = code);
        let is_full = self.n_block_items == MAX_BLOCK_ITEMS;
        if self.n_block_items == 0 || is_full || !self.extend(k, self.limit) {
            if self.n_block_items > 0 {
                self.close();
            }
            self.extend(k, usize::MAX);
        }
        self.columns.column(k).for_each(|(i, _)| self.digit[i] = MISSING);
    }

    /// Extends the open block by an item unless more than `limit` joint answers occur then.
    fn extend(&mut self, k: usize, limit: usize) -> bool {
        let m = self.columns.n_categories[k];
        let n = self.columns.n_respondents;
        let n_answers = self.columns.ptr[k + 1] - self.columns.ptr[k];
        let radix = m + usize::from(n_answers < n);
        let n_joint = self.rows.len() * radix;
        let joint = |code: u16, digit: u8| code as usize * radix + if digit == MISSING { m } else { digit.into() };
        let mut renumbered: Option<Vec<u16>> = None;
        if n_joint <= self.limit {
            self.rows.extend(radix, m, 0..n_joint);
            self.all_observed = false;
        } else {
            let mut seen = vec![false; n_joint];
            self.touched.iter().map(|&i| i as usize).for_each(|i| seen[joint(self.current[i], self.digit[i])] = true);
            let mut n_others = n - self.touched.len();
            for (_, code) in self.columns.column(k).filter(|&(i, _)| !self.is_touched[i]) {
                seen[joint(self.empty, code)] = true;
                n_others -= 1;
            }
            if n_others > 0 {
                seen[joint(self.empty, MISSING)] = true;
            }
            if seen.iter().filter(|s| **s).count() > limit {
                return false;
            }
            let (kept, codes) = renumber(&seen);
            self.rows.extend(radix, m, kept.into_iter());
            self.all_observed = true;
            renumbered = Some(codes);
        }
        let code = |joint: usize| renumbered.as_ref().map_or(joint as u16, |codes| codes[joint]);
        for (i, _) in self.columns.column(k) {
            if !self.is_touched[i] {
                self.is_touched[i] = true;
                self.touched.push(i as u32);
                self.current[i] = self.empty;
            }
        }
        for &i in &self.touched {
            let i = i as usize;
            self.current[i] = code(joint(self.current[i], self.digit[i]));
        }
        if self.touched.len() < n {
            self.empty = code(joint(self.empty, MISSING));
        }
        self.n_block_items += 1;
        true
    }

    /// Closes the open block: drops joint answers that do not occur, and the empty one.
    fn close(&mut self) {
        if !self.all_observed {
            let mut seen = vec![false; self.rows.len()];
            self.touched.iter().for_each(|&i| seen[self.current[i as usize] as usize] = true);
            if self.touched.len() < self.columns.n_respondents {
                seen[self.empty as usize] = true;
            }
            let (kept, renumbered) = renumber(&seen);
            if kept.len() < seen.len() {
                self.rows.keep(&kept);
                self.touched
                    .iter()
                    .for_each(|&i| self.current[i as usize] = renumbered[self.current[i as usize] as usize]);
            }
        }
        let rows = std::mem::replace(&mut self.rows, JointAnswers::new(&[UNKNOWN_CLASS]));
        let first_row = self.blocks.last().map_or(0, |b| b.rows.end);
        let end = self.start + self.n_block_items;
        self.blocks.push(rows.into_block(self.start..end, first_row));
        self.touched.iter().for_each(|&i| self.is_touched[i as usize] = false);
        let entries = self.touched.drain(..).map(|i| (i, self.current[i as usize]));
        self.entries.push(entries.collect());
        (self.empty, self.start, self.n_block_items, self.all_observed) = (0, end, 0, true);
    }
}

/// The rows of every respondent.
struct RowLists {
    /// `(N + 1)`
    ptr: Vec<usize>,
    ids: Vec<u32>,
}

impl RowLists {
    fn new(n: usize, blocks: &[Block], entries: &[Vec<(u32, u16)>]) -> Self {
        let mut ptr = vec![0; n + 1];
        entries.iter().flatten().for_each(|&(i, _)| ptr[i as usize + 1] += 1);
        (1..=n).for_each(|i| ptr[i] += ptr[i - 1]);
        let mut next = ptr.clone();
        let mut ids = vec![0; ptr[n]];
        for (block, entries) in blocks.iter().zip(entries) {
            for &(i, row) in entries {
                ids[next[i as usize]] = block.rows.start as u32 + u32::from(row);
                next[i as usize] += 1;
            }
        }
        Self { ptr, ids }
    }

    /// Collapses the respondents to unique patterns; the rows of eliminated attributes begin at `starts`.
    fn collapse(&self, items: Items, starts: &[usize], respondents: (&[u32], Option<&[f64]>)) -> Patterns {
        let inner_codes: Vec<&[u32]> = items.inner.iter().map(InnerPatterns::code_of_respondent).collect();
        let unique = unique::collapse_lists((&self.ptr, &self.ids), &inner_codes);
        let (mut ptr, mut ids) = (vec![0], Vec::new());
        for &i in &unique.first {
            let i = i as usize;
            ids.extend_from_slice(&self.ids[self.ptr[i]..self.ptr[i + 1]]);
            ids.extend(starts.iter().zip(&inner_codes).map(|(start, codes)| *start as u32 + codes[i]));
            ptr.push(ids.len());
        }
        Patterns::assemble(items, (ptr, ids), unique, respondents)
    }
}
