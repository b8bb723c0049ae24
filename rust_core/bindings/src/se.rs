//! Covariance matrices of the estimates, and derivatives of the log-likelihood.

use mixirt_core::se;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
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
/// largest of the scaled information's `eigenvalues`, the parameters in its `flat` direction, if any, and the numerical
/// `error` of the information. `clusters (N,)` are the respondents' clusters, counted from 0, and `weights (N,)` the
/// weights the data were made with.
#[pyfunction]
#[pyo3(signature = (model, data, x, method, *, clusters=None, weights=None, n_threads=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub(crate) fn covariance<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    method: &str,
    clusters: Option<Vec<u32>>,
    weights: Option<Vec<f64>>,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let x = model.checked(x.as_slice()?)?;
    let method = se::method(method).map_err(to_python)?;
    let (model, data) = (&*model.inner, &*data.inner);
    let clusters = clusters.map(|of_respondent| se::Clusters::new(data.n_respondents(), of_respondent, weights));
    let clusters = clusters.transpose().map_err(to_python)?;
    let n = x.len();
    let found = until_done(py, n_threads, |cancel| {
        se::covariance(method, &se::Point::new(model, data, x, cancel).with_clusters(clusters))
    })?;
    let result = PyDict::new(py);
    // The matrix is symmetric, so the order of its elements does not matter.
    result.set_item("matrix", PyArray1::from_slice(py, found.matrix.as_slice()).reshape([n, n])?)?;
    result.set_item("eigenvalues", found.eigenvalues)?;
    result.set_item("flat", found.flat)?;
    result.set_item("error", found.error)?;
    Ok(result)
}

/// Log-likelihood of the responses and gradient `(n_free,)` of the log-posterior at the free parameters `x (n_free,)`.
/// It points along the directions in which `x` can move: class proportions keep their sum. Parameters at a bound keep
/// the derivative they have there.
#[pyfunction]
#[pyo3(signature = (model, data, x, *, n_threads=None))]
pub(crate) fn gradient<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    n_threads: Option<usize>,
) -> PyResult<(f64, Bound<'py, PyArray1<f64>>)> {
    let x = model.checked(x.as_slice()?)?;
    let (model, data) = (&*model.inner, &*data.inner);
    let (loglik, gradient) =
        until_done(py, n_threads, |cancel| se::Point::new(model, &*data.suited_to(model)?, x, cancel).slope())?;
    Ok((loglik, gradient.into_pyarray(py)))
}

/// Derivatives `(N, n_free)` of the log-likelihood of every respondent at the free parameters `x (n_free,)`, in the order of
/// the data, without weights and priors; along the directions as `gradient`.
#[pyfunction]
#[pyo3(signature = (model, data, x, *, n_threads=None))]
pub(crate) fn contributions<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let x = model.checked(x.as_slice()?)?;
    let (model, data) = (&*model.inner, &*data.inner);
    let found = until_done(py, n_threads, |cancel| se::Point::new(model, data, x, cancel).contributions())?;
    found.into_pyarray(py).reshape([data.n_respondents(), x.len()])
}
