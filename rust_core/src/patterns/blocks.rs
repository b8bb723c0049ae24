//! Cuts the items into blocks and lists the joint answers to each block, without hashing.

use std::ops::Range;

use rayon::prelude::*;

use super::{Block, CodeMatrix, MISSING, Selection, UNKNOWN_CLASS};
use crate::{Error, Result};

/// Respondents that are worked on at a time: their codes stay in the first caches while columns are read.
const TILE: usize = 1024;
/// Columns that are read from the row-major data in one pass.
const STRIP: usize = 16;
/// Items in one block at most: products of so many probabilities rarely underflow.
pub(super) const MAX_BLOCK_ITEMS: usize = 16;
/// Known classes (unknown being one) at most: their joint answers with one item must fit 16 bits.
pub(super) const MAX_CLASSES: usize = 256;
/// Bytes that tables and accumulators may take before smaller blocks are tried: about the second cache of a core. A
/// little more than that costs less than the longer patterns of smaller blocks.
const CACHE_BYTES: usize = 5 << 18;
/// Bytes before blocks are made as small as is of use.
const LARGE_BYTES: usize = 256 << 20;
/// The rows of such blocks.
const FEWEST_ROWS: usize = 16;

/// Blocks, and what each respondent answered in each.
pub(super) struct Coded {
    pub blocks: Vec<Block>,
    /// Per block and respondent: the row within the block, or the number of rows where nothing was answered.
    pub block_codes: Vec<Vec<u16>>,
}

impl Coded {
    /// Adds the block of an eliminated attribute, whose joint answers are numbered elsewhere.
    pub fn push_inner(&mut self, n_rows: usize) {
        let inner = self.blocks.len() - self.block_codes.len();
        self.blocks.push(Block::of_inner(inner, self.blocks.last(), n_rows));
    }
}

/// The number of rows a block may have: larger blocks mean shorter patterns but larger tables. An item has so many
/// respondents.
pub(super) fn row_limit(n_respondents: usize, n_categories: &[usize], n_nodes: usize) -> usize {
    // Blocks of fewer rows than the first of both lose more by longer patterns than they gain by fitting a cache: 100 items
    // of five categories, each with a block of its own then, take more than twice as long.
    let (smallest, largest): (usize, usize) = match n_respondents {
        0..500 => (16, 64),
        500..3_000 => (32, 64),
        3_000..=50_000 => (64, 128),
        _ => (64, 256),
    };
    if n_categories.is_empty() {
        return largest;
    }
    let mean_log = n_categories.iter().map(|&m| (m.max(2) as f64).ln()).sum::<f64>() / n_categories.len() as f64;
    let n_blocks = |limit: usize| {
        let items = ((limit as f64).ln() / mean_log + 1e-9).floor().max(1.0);
        (n_categories.len() as f64 / items).ceil()
    };
    // A table and an accumulator of 8 bytes per row and node.
    let bytes = |limit: usize| n_blocks(limit) * (limit * n_nodes * 16) as f64;
    let mut limit = largest;
    while limit > smallest && bytes(limit) > CACHE_BYTES as f64
        || limit > FEWEST_ROWS && bytes(limit) > LARGE_BYTES as f64
    {
        limit /= 2;
    }
    // The smallest limit that needs no more blocks.
    while limit > FEWEST_ROWS && n_blocks(limit / 2) <= n_blocks(limit) {
        limit /= 2;
    }
    limit
}

/// Cuts the items into blocks of at most `limit` observed joint answers (more only where a single item, or the known
/// classes, have more).
pub(super) fn cut(selection: &Selection, limit: usize) -> Result<Coded> {
    let mut cutter = Cutter::new(selection, limit);
    if cutter.rows.len() > MAX_CLASSES {
        return Err(Error::Spec(format!("more than {MAX_CLASSES} different known classes")));
    }
    for start in (0..selection.items.len()).step_by(STRIP) {
        let strip = Strip::read(selection, start..(start + STRIP).min(selection.items.len()))?;
        for column in 0..strip.n_columns {
            cutter.add(&strip, column);
        }
    }
    cutter.close();
    Ok(cutter.coded)
}

/// A few columns of the responses of a group, column by column within tiles of respondents.
struct Strip {
    /// `(tiles, columns, TILE)`: categories, with `M_i` for missing.
    digits: Vec<u8>,
    n_columns: usize,
    /// Number of digits of each column: `M_i`, one more where a response is missing.
    radix: Vec<usize>,
}

impl Strip {
    fn read(selection: &Selection, positions: Range<usize>) -> Result<Self> {
        let n_columns = positions.len();
        let columns: Vec<(usize, u8)> =
            positions.map(|k| (selection.items[k], selection.n_categories[k] as u8)).collect();
        let mut digits = vec![0; selection.rows.len().div_ceil(TILE) * n_columns * TILE];
        let read = |(tile, rows): (&mut [u8], &[u32])| {
            let CodeMatrix { codes, n_items } = selection.codes;
            let mut seen = [(0u8, false); STRIP];
            for ((&(item, m), digits), seen) in columns.iter().zip(tile.chunks_exact_mut(TILE)).zip(&mut seen) {
                let digits = &mut digits[..rows.len()];
                for (digit, &row) in digits.iter_mut().zip(rows) {
                    *digit = codes[row as usize * n_items + item];
                }
                // A pass of its own over what now lies together, which takes many digits at a time.
                let (mut largest, mut any_missing) = (0, false);
                for digit in digits {
                    let is_missing = *digit == MISSING;
                    largest = largest.max(if is_missing { 0 } else { *digit });
                    any_missing |= is_missing;
                    *digit = if is_missing { m } else { *digit };
                }
                *seen = (largest, any_missing);
            }
            seen
        };
        let tiles = digits.par_chunks_mut(n_columns * TILE).zip(selection.rows.par_chunks(TILE));
        let merge = |a: [(u8, bool); STRIP], b: [(u8, bool); STRIP]| {
            std::array::from_fn(|k| (a[k].0.max(b[k].0), a[k].1 | b[k].1))
        };
        let seen = tiles.map(read).reduce(|| [(0, false); STRIP], merge);
        for (&(item, m), &(largest, _)) in columns.iter().zip(&seen) {
            if largest >= m {
                return Err(out_of_range(selection, item, m));
            }
        }
        let radix = columns.iter().zip(&seen).map(|(&(_, m), &(_, missing))| m as usize + missing as usize).collect();
        Ok(Self { digits, n_columns, radix })
    }

    fn tile(&self, tile: usize, column: usize) -> &[u8] {
        let start = (tile * self.n_columns + column) * TILE;
        &self.digits[start..start + TILE]
    }
}

/// The error for the first response that is no category of its item.
fn out_of_range(selection: &Selection, item: usize, m: u8) -> Error {
    let code = |&row: &u32| selection.codes.codes[row as usize * selection.codes.n_items + item];
    let row = selection.rows.iter().find(|row| code(row) >= m && code(row) != MISSING);
    let (row, code) = row.map_or((0, m), |row| (*row, code(row)));
    no_category((row, item), code, m.into())
}

/// The error for a response that is no category of its item.
pub(super) fn no_category((row, item): (u32, usize), code: u8, m: usize) -> Error {
    Error::Data(format!("row {row}, item {item}: the response is {code}; the categories are 0 to {}", m - 1))
}

/// The joint answers of an open block, in lexicographic order: what precedes the items (a position in the list of known
/// classes, then the class itself), and a digit for each item.
#[derive(Debug, Clone)]
pub(super) struct JointAnswers {
    classes: Vec<u16>,
    n_items: usize,
    /// `(rows, items)`
    digits: Vec<u8>,
}

impl JointAnswers {
    /// Nothing answered yet, in each of these classes.
    pub fn new(classes: &[u16]) -> Self {
        Self { classes: classes.to_vec(), n_items: 0, digits: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.classes.len()
    }

    fn row(&self, row: usize) -> &[u8] {
        &self.digits[row * self.n_items..(row + 1) * self.n_items]
    }

    /// Crosses the joint answers with the `radix` digits of one more item and keeps some, given ascending.
    pub fn extend(&mut self, radix: usize, missing_digit: usize, kept: impl Iterator<Item = usize>) {
        let mut extended = Self { n_items: self.n_items + 1, ..Self::new(&[]) };
        for joint in kept {
            let (row, digit) = (joint / radix, joint % radix);
            extended.classes.push(self.classes[row]);
            extended.digits.extend_from_slice(self.row(row));
            extended.digits.push(if digit == missing_digit { MISSING } else { digit as u8 });
        }
        *self = extended;
    }

    /// Keeps some, given ascending.
    pub fn keep(&mut self, kept: &[usize]) {
        self.digits = kept.iter().flat_map(|&row| self.row(row)).copied().collect();
        self.classes = kept.iter().map(|&row| self.classes[row]).collect();
    }

    /// Makes a block of items; the empty joint answer is left out of all blocks but the first. In lexicographic order it
    /// is the last, so that its code is the number of rows left.
    pub fn into_block(self, items: Range<usize>, first_row: usize) -> Block {
        let Self { mut classes, n_items, digits: mut codes } = self;
        let is_first = items.start == 0;
        let n_others = codes.len().saturating_sub(n_items);
        if !is_first && !classes.is_empty() && codes[n_others..].iter().all(|&x| x == MISSING) {
            classes.pop();
            codes.truncate(n_others);
        }
        let rows = first_row..first_row + classes.len();
        Block { rows, items, codes, known_class: if is_first { classes } else { Vec::new() }, inner: None }
    }
}

/// The block that is being extended item by item, and those already closed.
struct Cutter<'a> {
    selection: &'a Selection<'a>,
    limit: usize,
    coded: Coded,
    /// Joint answer of each respondent so far.
    current: Vec<u16>,
    rows: JointAnswers,
    /// Items in the open block.
    n_block_items: usize,
    /// Whether every row is known to occur.
    all_observed: bool,
    /// First item of the open block.
    start: usize,
}

impl<'a> Cutter<'a> {
    fn new(selection: &'a Selection<'a>, limit: usize) -> Self {
        let n = selection.rows.len();
        let mut cutter = Self {
            selection,
            limit,
            coded: Coded { blocks: Vec::new(), block_codes: Vec::new() },
            current: vec![0; n],
            rows: JointAnswers::new(&[UNKNOWN_CLASS]),
            n_block_items: 0,
            all_observed: true,
            start: 0,
        };
        if let Some(known) = selection.known_class {
            let mut classes: Vec<u16> = selection.rows.iter().map(|&row| known[row as usize]).collect();
            cutter.current.copy_from_slice(&classes);
            classes.sort_unstable();
            classes.dedup();
            for code in &mut cutter.current {
                *code = classes.partition_point(|c| c < code) as u16;
            }
            cutter.rows = JointAnswers::new(&classes);
        }
        cutter
    }

    /// Adds an item to the open block, or closes that and opens a new one.
    fn add(&mut self, strip: &Strip, column: usize) {
        if self.n_block_items > 0 && (self.n_block_items == MAX_BLOCK_ITEMS || !self.extend(strip, column, self.limit))
        {
            self.close();
        } else if self.n_block_items > 0 {
            return;
        }
        self.extend(strip, column, usize::MAX);
    }

    /// Extends the open block by an item unless more than `limit` joint answers occur then.
    fn extend(&mut self, strip: &Strip, column: usize, limit: usize) -> bool {
        let radix = strip.radix[column];
        let missing_digit = self.selection.n_categories[self.start + self.n_block_items];
        let n_joint = self.rows.len() * radix;
        if n_joint <= self.limit {
            self.rows.extend(radix, missing_digit, 0..n_joint);
            self.all_observed = false;
            self.current.par_chunks_mut(TILE).enumerate().for_each(|(t, current)| {
                for (code, &digit) in current.iter_mut().zip(strip.tile(t, column)) {
                    *code = *code * radix as u16 + digit as u16;
                }
            });
        } else {
            let joint = |code: u16, digit: u8| code as usize * radix + digit as usize;
            let n_tiles = self.current.len().div_ceil(TILE);
            let observe = |t: usize| {
                let mut seen = vec![false; n_joint];
                for (&code, &digit) in self.current[t * TILE..].iter().zip(strip.tile(t, column)) {
                    seen[joint(code, digit)] = true;
                }
                seen
            };
            let Some(seen) = observed(n_tiles, limit, observe) else { return false };
            let (kept, renumbered) = renumber(&seen);
            self.rows.extend(radix, missing_digit, kept.into_iter());
            self.all_observed = true;
            self.current.par_chunks_mut(TILE).enumerate().for_each(|(t, current)| {
                for (code, &digit) in current.iter_mut().zip(strip.tile(t, column)) {
                    *code = renumbered[joint(*code, digit)];
                }
            });
        }
        self.n_block_items += 1;
        true
    }

    /// Closes the open block: drops joint answers that do not occur, and the empty one.
    fn close(&mut self) {
        if !self.all_observed {
            let current = &self.current;
            let observe = |t: usize| {
                let mut seen = vec![false; self.rows.len()];
                for &code in current[t * TILE..].iter().take(TILE) {
                    seen[code as usize] = true;
                }
                seen
            };
            if let Some(seen) = observed(current.len().div_ceil(TILE), usize::MAX, observe) {
                self.keep(&seen);
            }
        }
        let rows = std::mem::replace(&mut self.rows, JointAnswers::new(&[UNKNOWN_CLASS]));
        let first_row = self.coded.blocks.last().map_or(0, |b| b.rows.end);
        let end = self.start + self.n_block_items;
        self.coded.blocks.push(rows.into_block(self.start..end, first_row));
        let n = self.current.len();
        self.coded.block_codes.push(std::mem::replace(&mut self.current, vec![0; n]));
        self.start = end;
        self.n_block_items = 0;
        self.all_observed = true;
    }

    /// Keeps the rows that occur and renumbers the respondents' joint answers.
    fn keep(&mut self, seen: &[bool]) {
        let (kept, renumbered) = renumber(seen);
        if kept.len() == seen.len() {
            return;
        }
        self.rows.keep(&kept);
        self.current.par_chunks_mut(TILE).for_each(|current| {
            for code in current {
                *code = renumbered[*code as usize];
            }
        });
    }
}

/// The joint answers that occur in any tile, or nothing if there are more than `limit`.
fn observed(n_tiles: usize, limit: usize, observe: impl Fn(usize) -> Vec<bool> + Sync) -> Option<Vec<bool>> {
    let count = |seen: &[bool]| seen.iter().filter(|&&s| s).count();
    if n_tiles == 0 {
        return Some(Vec::new());
    }
    // Most joint answers show up early: a block that is full is known by its first respondents.
    let first = observe(0);
    if count(&first) > limit {
        return None;
    }
    let merge = |mut a: Vec<bool>, b: Vec<bool>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
        a
    };
    let rest = (1..n_tiles).into_par_iter().map(&observe).reduce_with(merge);
    let seen = match rest {
        Some(rest) => merge(first, rest),
        None => first,
    };
    (count(&seen) <= limit).then_some(seen)
}

/// The codes that occur, ascending, and each code's position among them.
pub(super) fn renumber(seen: &[bool]) -> (Vec<usize>, Vec<u16>) {
    let kept: Vec<usize> = (0..seen.len()).filter(|&code| seen[code]).collect();
    let mut renumbered = vec![0; seen.len()];
    for (new, &old) in kept.iter().enumerate() {
        renumbered[old] = new as u16;
    }
    (kept, renumbered)
}
