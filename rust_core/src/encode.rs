//! Encoding: responses of any numeric type in, category codes and their counts out, in one pass.
//!
//! Each item has a table from the whole numbers 0 to 255 to codes, so that the default coding, declared categories and
//! codes for missing answers are all the same loop. Values outside that range (say -99 for missing) are looked up
//! in a short list.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::patterns::MISSING;

/// The code of a value that the item does not allow; never handed on to estimation.
pub const INVALID: u8 = 254;

/// The largest number of categories of an item: codes 0 to 253.
pub const MAX_CATEGORIES: usize = INVALID as usize;

/// Number of codes, the two special ones included: the length of an item's table and of its counts.
pub const N_CODES: usize = 256;

/// Rows encoded before moving on to the next item: few enough that the lines of a row-major block stay in L1.
const BLOCK_ROWS: usize = 256;

/// Cells below which waking the thread pool costs more than it saves: [`encode`] then stays on its thread.
pub const SERIAL_CELLS: usize = 1 << 15;

/// A type that responses come in.
pub trait Value: Copy + PartialEq + Send + Sync {
    /// The value, if it is a whole number from 0 to 255.
    fn small(self) -> Option<u8>;

    /// Whether the value stands for no answer in its own type: NaN.
    fn is_nan(self) -> bool {
        false
    }
}

macro_rules! integer_values {
    ($($type:ty),*) => {$(
        impl Value for $type {
            #[inline(always)]
            fn small(self) -> Option<u8> {
                u8::try_from(self).ok()
            }
        }
    )*};
}
integer_values!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! float_values {
    ($($type:ty),*) => {$(
        impl Value for $type {
            #[inline(always)]
            fn small(self) -> Option<u8> {
                // The cast saturates, and takes NaN to 0: neither then equals the value.
                let whole = self as u8;
                (<$type>::from(whole) == self).then_some(whole)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }
        }
    )*};
}
float_values!(f32, f64);

impl Value for bool {
    #[inline(always)]
    fn small(self) -> Option<u8> {
        Some(u8::from(self))
    }
}

/// The answers to one item, whatever their type, with the item's coding.
pub trait Column: Send + Sync {
    /// Number of rows.
    fn n_rows(&self) -> usize;

    /// Encode consecutive rows from `first_row` on: one code into every `stride`-th element of `codes`, from its first
    /// on. Adds the codes to `counts`.
    fn encode(&self, first_row: usize, codes: &mut [u8], stride: usize, counts: &mut [u32; N_CODES]);

    /// As [`Column::encode`], without counting.
    fn codes(&self, first_row: usize, codes: &mut [u8], stride: usize);
}

/// The answers to one item in a type of their own.
#[derive(Debug, Clone)]
pub struct TypedColumn<'a, T> {
    values: &'a [T],
    stride: usize,
    table: &'a [u8; N_CODES],
    others: Vec<(T, u8)>,
}

impl<'a, T: Value> TypedColumn<'a, T> {
    /// The elements `0, stride, 2 stride, ...` of `values` (a stride of 0 counts as 1). `table` is the code of each
    /// whole number from 0 to 255; `others` the codes of further values. NaN is missing; any other value is invalid.
    pub fn new(values: &'a [T], stride: usize, table: &'a [u8; N_CODES], others: Vec<(T, u8)>) -> Self {
        Self { values, stride: stride.max(1), table, others }
    }

    #[inline(always)]
    fn code(&self, value: T) -> u8 {
        match value.small() {
            Some(whole) => self.table[usize::from(whole)],
            None => self.code_of_other(value),
        }
    }

    fn code_of_other(&self, value: T) -> u8 {
        if value.is_nan() {
            return MISSING;
        }
        self.others.iter().find(|(other, _)| *other == value).map_or(INVALID, |&(_, code)| code)
    }
}

impl<T: Value> Column for TypedColumn<'_, T> {
    fn n_rows(&self) -> usize {
        self.values.len().div_ceil(self.stride)
    }

    fn encode(&self, first_row: usize, codes: &mut [u8], stride: usize, counts: &mut [u32; N_CODES]) {
        let values = self.values[first_row * self.stride..].iter().step_by(self.stride);
        for (code, &value) in codes.iter_mut().step_by(stride).zip(values) {
            *code = self.code(value);
            counts[usize::from(*code)] += 1;
        }
    }

    fn codes(&self, first_row: usize, codes: &mut [u8], stride: usize) {
        let values = self.values[first_row * self.stride..].iter().step_by(self.stride);
        for (code, &value) in codes.iter_mut().step_by(stride).zip(values) {
            *code = self.code(value);
        }
    }
}

/// A cell of the responses, 0-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Its respondent.
    pub row: usize,
    /// Its item.
    pub item: usize,
}

/// What [`encode`] found besides the codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// `counts (I, 256)`: respondents by item and code; [`MISSING`] and [`INVALID`] are counted like any other.
    pub counts: Vec<[u32; N_CODES]>,
    /// The first invalid cell, rows before items.
    pub first_invalid: Option<Cell>,
}

/// Encode the answers to all items into `codes (N, I)`, row-major.
///
/// # Errors
/// [`Error::Data`] if the columns differ in length, `codes` is not of length `N I`, or there are more rows than
/// counts can hold.
pub fn encode(columns: &[Box<dyn Column + '_>], codes: &mut [u8]) -> Result<Encoded> {
    let (n_items, n_rows) = (columns.len(), n_rows(columns)?);
    if Some(codes.len()) != n_rows.checked_mul(n_items) {
        let n_cells = codes.len();
        return Err(Error::Data(format!("there is room for {n_cells} codes, not for {n_rows} rows x {n_items} items")));
    }
    if codes.is_empty() {
        return Ok(Encoded { counts: vec![[0; N_CODES]; n_items], first_invalid: None });
    }
    let zeros = || vec![[0; N_CODES]; n_items];
    let add_block = |mut counts: Vec<[u32; N_CODES]>, (block, codes): (usize, &mut [u8])| {
        for (item, (column, counts)) in columns.iter().zip(&mut counts).enumerate() {
            column.encode(block * BLOCK_ROWS, &mut codes[item..], n_items, counts);
        }
        counts
    };
    let block_cells = BLOCK_ROWS * n_items;
    let counts = if codes.len() < SERIAL_CELLS {
        codes.chunks_mut(block_cells).enumerate().fold(zeros(), add_block)
    } else {
        // A bound on the number of pieces is one on the number of count tables.
        let piece = n_rows.div_ceil(BLOCK_ROWS).div_ceil(4 * rayon::current_num_threads());
        let blocks = codes.par_chunks_mut(block_cells).enumerate().with_min_len(piece);
        blocks.fold(zeros, add_block).reduce(zeros, sum)
    };
    let has_invalid = counts.iter().any(|counts| counts[usize::from(INVALID)] > 0);
    let first = if has_invalid { codes.iter().position(|&code| code == INVALID) } else { None };
    let first_invalid = first.map(|cell| Cell { row: cell / n_items, item: cell % n_items });
    Ok(Encoded { counts, first_invalid })
}

/// The codes of some rows, over `codes (rows, I)`.
pub(crate) fn codes_of_rows(columns: &[Box<dyn Column + '_>], rows: Range<usize>, codes: &mut [u8]) {
    let n_items = columns.len();
    let blocks = rows.step_by(BLOCK_ROWS).zip(codes.chunks_mut(BLOCK_ROWS * n_items.max(1)));
    for (first_row, codes) in blocks {
        for (item, column) in columns.iter().enumerate() {
            column.codes(first_row, &mut codes[item..], n_items);
        }
    }
}

/// Checks that columns are equally long, and that as many rows can be counted; gives their number.
pub(crate) fn n_rows(columns: &[Box<dyn Column + '_>]) -> Result<usize> {
    let n_rows = columns.first().map_or(0, |column| column.n_rows());
    if let Some(item) = columns.iter().position(|column| column.n_rows() != n_rows) {
        let found = columns[item].n_rows();
        return Err(Error::Data(format!("item {item} has {found} rows where the first item has {n_rows}")));
    }
    if u32::try_from(n_rows).is_err() {
        return Err(Error::Data(format!("{n_rows} rows are more than the {} that can be counted", u32::MAX)));
    }
    Ok(n_rows)
}

fn sum(mut left: Vec<[u32; N_CODES]>, right: Vec<[u32; N_CODES]>) -> Vec<[u32; N_CODES]> {
    for (left, right) in left.iter_mut().flatten().zip(right.iter().flatten()) {
        *left += right;
    }
    left
}

/// The table of the default coding: every whole number up to 253 is its own code.
pub fn default_table() -> [u8; N_CODES] {
    std::array::from_fn(|value| if value < MAX_CATEGORIES { value as u8 } else { INVALID })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Encode a matrix given as a slice, by rows or by columns, with one table and one list of others.
    fn encode_matrix<T: Value>(
        values: &[T],
        n_items: usize,
        by_rows: bool,
        table: &[u8; N_CODES],
        others: &[(T, u8)],
    ) -> (Vec<u8>, Encoded) {
        let n_rows = values.len() / n_items;
        let columns: Vec<Box<dyn Column + '_>> = (0..n_items)
            .map(|i| {
                let (cells, stride) =
                    if by_rows { (&values[i..], n_items) } else { (&values[i * n_rows..(i + 1) * n_rows], 1) };
                Box::new(TypedColumn::new(cells, stride, table, others.to_vec())) as Box<dyn Column>
            })
            .collect();
        let mut codes = vec![7; values.len()];
        let encoded = encode(&columns, &mut codes).unwrap();
        (codes, encoded)
    }

    fn transpose<T: Copy>(values: &[T], n_items: usize) -> Vec<T> {
        (0..n_items).flat_map(|i| values[i..].iter().step_by(n_items).copied()).collect()
    }

    proptest! {
        #[test]
        fn codes_and_counts_match_a_cell_by_cell_reading(
            n_items in 1_usize..7,
            values in prop::collection::vec(
                prop_oneof![20 => -2.0..6.0_f64, 1 => Just(f64::NAN), 1 => Just(300.0)],
                0..3000,
            ),
            round in any::<bool>(),
        ) {
            let n_rows = values.len() / n_items;
            let values: Vec<f64> =
                values[..n_rows * n_items].iter().map(|v| if round { v.round() } else { *v }).collect();
            if values.is_empty() { return Ok(()); }
            let others = [(300.0, MISSING), (-1.0, 3)];
            let mut table = default_table();
            table[5] = MISSING;
            let expected: Vec<u8> = values.iter().map(|&v| match v {
                v if v.is_nan() || v == 300.0 || v == 5.0 => MISSING,
                -1.0 => 3,
                v if v >= 0.0 && v.fract() == 0.0 => v as u8,
                _ => INVALID,
            }).collect();
            let (codes, encoded) = encode_matrix(&values, n_items, true, &table, &others);
            prop_assert_eq!(&codes, &expected);
            prop_assert_eq!(&(codes, encoded.clone()),
                &encode_matrix(&transpose(&values, n_items), n_items, false, &table, &others));
            for (i, counts) in encoded.counts.iter().enumerate() {
                for (code, &count) in counts.iter().enumerate() {
                    let n = expected[i..].iter().step_by(n_items).filter(|&&c| usize::from(c) == code).count();
                    prop_assert_eq!(n, count as usize);
                }
            }
            let first = expected.iter().position(|&c| c == INVALID);
            prop_assert_eq!(encoded.first_invalid, first.map(|c| Cell { row: c / n_items, item: c % n_items }));
        }
    }

    #[test]
    fn extreme_values_of_every_type_are_invalid() {
        let table = default_table();
        macro_rules! check {
            ($($type:ty),*) => {$({
                let values = [<$type>::MAX, <$type>::MIN, 3 as $type];
                let (codes, _) = encode_matrix(&values, 1, true, &table, &[]);
                let expected = values.map(|v| if (v as f64) == 0.0 { 0 }
                    else if v as f64 >= 0.0 && (v as f64) < MAX_CATEGORIES as f64 { v as u8 } else { INVALID });
                assert_eq!(codes, expected, "{}", stringify!($type));
            })*};
        }
        check!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);
        let (codes, _) = encode_matrix(&[f64::INFINITY, f64::NEG_INFINITY, -0.0, 253.0, 254.0], 1, true, &table, &[]);
        assert_eq!(codes, [INVALID, INVALID, 0, 253, INVALID]);
    }

    #[test]
    fn large_inputs_take_the_parallel_path_to_the_same_answer() {
        let n_items = 3;
        let values: Vec<u16> = (0..3 * SERIAL_CELLS).map(|cell| (cell * cell % 7) as u16).collect();
        let (codes, encoded) = encode_matrix(&values, n_items, true, &default_table(), &[]);
        assert!(codes.iter().zip(&values).all(|(&code, &value)| u16::from(code) == value));
        let n_rows = values.len() / n_items;
        assert!(encoded.counts.iter().all(|counts| counts.iter().sum::<u32>() as usize == n_rows));
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let table = default_table();
        let column =
            |values: &'static [u8]| Box::new(TypedColumn::new(values, 1, &table, Vec::new())) as Box<dyn Column>;
        assert!(encode(&[column(&[0, 1]), column(&[0])], &mut [0; 4]).is_err());
        assert!(encode(&[column(&[0, 1])], &mut [0; 3]).is_err());
        assert!(encode(&[], &mut []).is_ok());
    }
}
