//! Covariance matrices of the estimates.

use std::sync::Arc;

use mixirt_core::se;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::Data;
use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::until_done;

/// Names of the methods; the first is the default.
#[pyfunction]
pub(crate) fn vcov_methods() -> Vec<&'static str> {
    se::METHODS.iter().map(|m| m.name()).collect()
}

/// Covariance matrix at the free parameters `x (n_free,)`: a dict of `matrix (n_free, n_free)`, the smallest and
/// largest of the scaled information's `eigenvalues`, and the parameters in its `flat` direction, if any.
#[pyfunction]
#[pyo3(signature = (model, data, x, method, *, n_threads=None))]
pub(crate) fn covariance<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    method: &str,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let x = model.checked(x.as_slice()?)?.to_vec();
    let method = se::method(method).map_err(to_python)?;
    let (model, data) = (Arc::clone(&model.inner), Arc::clone(&data.inner));
    let n = x.len();
    let found = until_done(py, n_threads, None, move |_, cancel| {
        method.covariance(&se::Point::new(&model, &data, &x, cancel))
    })?;
    let result = PyDict::new(py);
    // The matrix is symmetric, so the order of its elements does not matter.
    result.set_item("matrix", PyArray1::from_slice(py, found.matrix.as_slice()).reshape([n, n])?)?;
    result.set_item("eigenvalues", found.eigenvalues)?;
    result.set_item("flat", found.flat)?;
    Ok(result)
}
