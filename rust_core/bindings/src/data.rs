//! Responses as unique patterns, and scores of their respondents.

use std::sync::Arc;

use mixirt_core::data::{self, LongResponses, Responses};
use mixirt_core::patterns::AnswerLists;
use mixirt_core::score;
use numpy::{Element, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::pool;
use crate::scorer::{scored, scores_dict};

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
        let responses = Responses {
            codes: codes.as_slice()?,
            n_respondents: codes.shape()[0],
            group: optional(&group)?,
            weights: optional(&weights)?,
            known_class: optional(&known_class)?,
        };
        let threads = pool(n_threads)?;
        let inner = py.detach(|| threads.install(|| data::Data::new(&model.inner, &responses))).map_err(to_python)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The same from lists of answers: `items (A,)` and `codes (A,)` of respondent `n` are those from `ptr[n]` to
    /// `ptr[n + 1]` of `ptr (N + 1,)`, items ascending. Takes time and memory for the answers only.
    #[staticmethod]
    #[pyo3(signature = (model, ptr, items, codes, *, group=None, weights=None, known_class=None, n_threads=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn from_answers(
        py: Python<'_>,
        model: &PyModel,
        ptr: PyReadonlyArray1<'_, u64>,
        items: PyReadonlyArray1<'_, u32>,
        codes: PyReadonlyArray1<'_, u8>,
        group: Option<PyReadonlyArray1<'_, u32>>,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        known_class: Option<PyReadonlyArray1<'_, u16>>,
        n_threads: Option<usize>,
    ) -> PyResult<Self> {
        // A position that does not fit is none that the lists have.
        let ptr: Vec<usize> = ptr.as_slice()?.iter().map(|&at| usize::try_from(at).unwrap_or(usize::MAX)).collect();
        let responses = LongResponses {
            answers: AnswerLists { ptr: &ptr, items: items.as_slice()?, codes: codes.as_slice()? },
            group: optional(&group)?,
            weights: optional(&weights)?,
            known_class: optional(&known_class)?,
        };
        let threads = pool(n_threads)?;
        let build = || data::Data::from_answers(&model.inner, &responses);
        Ok(Self { inner: Arc::new(py.detach(|| threads.install(build)).map_err(to_python)?) })
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

    /// Sums of the weights of the answers: a list of the observed groups, each of its items, each of their categories.
    fn category_counts(&self) -> Vec<Vec<Vec<f64>>> {
        (0..self.inner.n_groups()).map(|observed| self.inner.category_counts(observed)).collect()
    }

    /// Scores of every respondent: a dict of `theta (N, J)`, `covariance (N, J, J)`, `class_probabilities (N, C)` and
    /// `log_probability (N,)`. `progress`, if given, is called with how many more patterns are done.
    #[pyo3(signature = (model, x, method, *, n_threads=None, progress=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        model: &PyModel,
        x: PyReadonlyArray1<'py, f64>,
        method: &str,
        n_threads: Option<usize>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let x = model.checked(x.as_slice()?)?;
        let method = score::method(method).map_err(to_python)?;
        let (model, data) = (&*model.inner, &*self.inner);
        let scores = scored(py, n_threads, progress, |watch| score::score(model, data, x, method, watch))?;
        scores_dict(py, scores)
    }
}

/// The elements of an array that may be absent.
pub(crate) fn optional<'a, T: Element>(array: &'a Option<PyReadonlyArray1<'_, T>>) -> PyResult<Option<&'a [T]>> {
    Ok(array.as_ref().map(|array| array.as_slice()).transpose()?)
}
