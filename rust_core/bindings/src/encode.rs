//! Arrays of responses, in any numeric dtype and memory order, to codes.

use mixirt_core::encode::{self as core, Cell, Column, N_CODES, TypedColumn, Value};
use numpy::{
    PyArray1, PyArray2, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn,
    PyReadwriteArray2, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::errors::{data_error, to_python};
use crate::run::pool;

/// The code of a value that no table can hold: the position of its item, the value, the code.
pub(crate) type OtherValue<'py> = (usize, Bound<'py, PyAny>, u8);

/// The counts by item and code, and the row and item of the first invalid cell.
type CountsAndInvalid<'py> = (Bound<'py, PyArray2<u32>>, Option<(usize, usize)>);

/// Encode responses: `codes (N, I)` is written over.
///
/// `responses` are one matrix `(N, I)` or a list of `I` arrays `(N,)`, each contiguous, aligned, in native byte order
/// and of bool, integer or float dtype. `tables (I, 256)` gives the code of each whole number from 0 to 255;
/// `others` lists further values as (item, value, code). Returns the `counts (I, 256)` of the codes and the first
/// invalid cell as (row, item), or None.
///
/// # Errors
/// `DataError` where shapes do not fit or an array is not of the kind described.
#[pyfunction]
pub(crate) fn encode<'py>(
    py: Python<'py>,
    responses: &Bound<'py, PyAny>,
    tables: PyReadonlyArray2<'py, u8>,
    others: Vec<OtherValue<'py>>,
    mut codes: PyReadwriteArray2<'py, u8>,
) -> PyResult<CountsAndInvalid<'py>> {
    let arrays = arrays(responses)?;
    let columns = columns(&arrays, tables.as_slice()?, &others)?;
    let codes = codes.as_slice_mut()?;
    let encode = |codes: &mut [u8]| core::encode(&columns, codes);
    let encoded = if codes.len() < core::SERIAL_CELLS {
        py.detach(|| encode(codes))
    } else {
        let threads = pool(None)?;
        py.detach(|| threads.install(|| encode(codes)))
    };
    let encoded = encoded.map_err(to_python)?;
    let n_items = encoded.counts.len();
    let counts = PyArray1::from_vec(py, encoded.counts.into_flattened()).reshape([n_items, N_CODES])?;
    Ok((counts, encoded.first_invalid.map(|Cell { row, item }| (row, item))))
}

/// The arrays of some responses: one matrix, or one for each item.
pub(crate) fn arrays<'py>(responses: &Bound<'py, PyAny>) -> PyResult<Vec<Values<'py>>> {
    if let Ok(matrix) = responses.cast::<PyUntypedArray>() {
        return Ok(vec![Values::new(matrix)?]);
    }
    let columns: Vec<Bound<'py, PyUntypedArray>> = responses.extract()?;
    columns.iter().map(Values::new).collect()
}

/// The columns of all arrays, with what turns values into codes.
pub(crate) fn columns<'a, 'py>(
    arrays: &'a [Values<'py>],
    tables: &'a [u8],
    others: &'a [OtherValue<'py>],
) -> PyResult<Vec<Box<dyn Column + 'a>>> {
    let (tables, []) = tables.as_chunks::<N_CODES>() else {
        return Err(data_error("the tables of codes must have 256 columns"));
    };
    let mut items = Items { tables, others, columns: Vec::with_capacity(tables.len()) };
    for values in arrays {
        values.push_columns(&mut items)?;
    }
    if items.columns.len() != tables.len() {
        return Err(data_error(format!("{} items have {} tables of codes", items.columns.len(), tables.len())));
    }
    Ok(items.columns)
}

/// The columns found so far, with what turns values into codes.
struct Items<'a, 'py> {
    tables: &'a [[u8; N_CODES]],
    others: &'a [OtherValue<'py>],
    columns: Vec<Box<dyn Column + 'a>>,
}

impl<'a, 'py> Items<'a, 'py> {
    /// Add the columns of an array: all those of a matrix, or the one that a vector is.
    fn push<T>(&mut self, array: &'a PyReadonlyArrayDyn<'py, T>) -> PyResult<()>
    where
        T: Value + numpy::Element + for<'b> FromPyObject<'b, 'py> + 'a,
    {
        let values = array.as_slice()?;
        let (n_rows, n_items) = match *array.shape() {
            [n_rows] => (n_rows, 1),
            [n_rows, n_items] => (n_rows, n_items),
            _ => return Err(data_error("responses must have one or two dimensions here")),
        };
        for i in 0..n_items {
            let item = self.columns.len();
            let Some(table) = self.tables.get(item) else {
                return Err(data_error(format!("item {item} has no table of codes")));
            };
            let (values, stride) = if array.is_c_contiguous() {
                (values.get(i..).unwrap_or_default(), n_items)
            } else {
                (&values[i * n_rows..(i + 1) * n_rows], 1)
            };
            let others = self.others.iter().filter(|(owner, _, _)| *owner == item);
            // A value that the type cannot hold does not occur in the array.
            let others = others.filter_map(|(_, value, code)| Some((value.extract().ok()?, *code))).collect();
            self.columns.push(Box::new(TypedColumn::new(values, stride, table, others)));
        }
        Ok(())
    }
}

macro_rules! values {
    ($($variant:ident $type:ty, $kind:pat, $size:literal;)*) => {
        /// An array of one of the types that responses come in.
        pub(crate) enum Values<'py> {
            $($variant(PyReadonlyArrayDyn<'py, $type>),)*
        }

        impl<'py> Values<'py> {
            fn new(array: &Bound<'py, PyUntypedArray>) -> PyResult<Self> {
                let dtype = array.dtype();
                match (dtype.kind(), dtype.itemsize()) {
                    $(($kind, $size) => {
                        Ok(Self::$variant(array.cast::<PyArrayDyn<$type>>()?.try_readonly()?))
                    })*
                    _ => Err(data_error(format!("responses cannot be of dtype {dtype}"))),
                }
            }

            fn push_columns<'a>(&'a self, items: &mut Items<'a, 'py>) -> PyResult<()> {
                match self {
                    $(Self::$variant(array) => items.push(array),)*
                }
            }
        }
    };
}
values! {
    Bool bool, b'b', 1;
    I8 i8, b'i', 1;
    I16 i16, b'i', 2;
    I32 i32, b'i', 4;
    I64 i64, b'i', 8;
    U8 u8, b'u', 1;
    U16 u16, b'u', 2;
    U32 u32, b'u', 4;
    U64 u64, b'u', 8;
    F32 f32, b'f', 4;
    F64 f64, b'f', 8;
}
