//! Responses as unique patterns, and scores of their respondents.

use std::sync::Arc;

use mixirt_core::data::{self, Responses};
use mixirt_core::{Error, score};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::{pool, until_done};

/// The unique patterns of some responses. Immutable.
#[pyclass(frozen, module = "mixirt._core")]
pub(crate) struct Data {
    pub(crate) inner: Arc<data::Data>,
}

#[pymethods]
impl Data {
    #[new]
    #[pyo3(signature = (model, codes, *, group=None, weights=None, known_class=None, n_threads=None))]
    fn new(
        py: Python<'_>,
        model: &PyModel,
        codes: PyReadonlyArray2<'_, u8>,
        group: Option<PyReadonlyArray1<'_, u32>>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        known_class: Option<PyReadonlyArray1<'_, u16>>,
        n_threads: Option<usize>,
    ) -> PyResult<Self> {
        let n_respondents = codes.shape()[0];
        let responses = Responses {
            codes: codes.as_slice()?,
            n_respondents,
            group: group.as_ref().map(|g| g.as_slice()).transpose()?,
            weights: weights.as_ref().map(|w| w.as_slice()).transpose()?,
            known_class: known_class.as_ref().map(|k| k.as_slice()).transpose()?,
        };
        let lengths = [responses.group.map(<[u32]>::len), responses.weights.map(<[f64]>::len)];
        let lengths = lengths.into_iter().chain([responses.known_class.map(<[u16]>::len)]).flatten();
        if lengths.into_iter().any(|n| n != n_respondents) {
            let message = format!("groups, weights and classes need one entry for each of {n_respondents} respondents");
            return Err(to_python(Error::Data(message)));
        }
        let threads = pool(n_threads)?;
        let inner = py.detach(|| threads.install(|| data::Data::new(&model.inner, &responses))).map_err(to_python)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Number of respondents.
    #[getter]
    fn n_respondents(&self) -> usize {
        self.inner.n_respondents()
    }

    /// Number of unique response patterns, over all groups.
    #[getter]
    fn n_patterns(&self) -> usize {
        self.inner.n_patterns()
    }

    /// Sum of the weights.
    #[getter]
    fn sum_of_weights(&self) -> f64 {
        self.inner.sum_of_weights()
    }

    /// Scores of every respondent: a dict of `theta (N, J)`, `covariance (N, J, J)`, `class_probabilities (N, C)` and
    /// `log_probability (N,)`.
    #[pyo3(signature = (model, x, method, *, n_threads=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        model: &PyModel,
        x: PyReadonlyArray1<'py, f64>,
        method: &str,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let x = model.checked(x.as_slice()?)?.to_vec();
        let method = score::method(method).map_err(to_python)?;
        let (model, data) = (Arc::clone(&model.inner), Arc::clone(&self.inner));
        let scores = until_done(py, n_threads, None, move |_, cancel| score::score(&model, &data, &x, method, cancel))?;
        let (n, j, c) = (self.inner.n_respondents(), scores.n_attributes, scores.n_classes);
        let result = PyDict::new(py);
        result.set_item("theta", PyArray1::from_vec(py, scores.theta).reshape([n, j])?)?;
        result.set_item("covariance", PyArray1::from_vec(py, scores.covariance).reshape([n, j, j])?)?;
        result.set_item("class_probabilities", PyArray1::from_vec(py, scores.class_probabilities).reshape([n, c])?)?;
        result.set_item("log_probability", scores.log_probability.into_pyarray(py))?;
        Ok(result)
    }
}
