//! Scorers: made once from a model at its estimates, shared by any number of threads.

use std::sync::Arc;

use mixirt_core::Error;
use mixirt_core::data::Responses;
use mixirt_core::score::{self, Scores, ScoresMut, Watch};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1,
    PyReadwriteArray2, PyReadwriteArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::optional;
use crate::encode::{self, OtherValue};
use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::{Listener, pool, until_done_telling};

/// Estimate, standard error `(J,)`, covariance `(J, J)`, class probabilities `(C,)` and log-probability of a respondent.
type One<'py> =
    (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, f64);

/// Room for scores: `theta`, `covariance`, `class_probabilities`, `log_probability`.
type Room<'py> = (
    PyReadwriteArray2<'py, f64>,
    PyReadwriteArray3<'py, f64>,
    PyReadwriteArray2<'py, f64>,
    PyReadwriteArray1<'py, f64>,
);

/// A model at given parameters, tabulated for scoring. Immutable.
#[pyclass(frozen, module = "mixirt._core")]
pub(crate) struct Scorer {
    inner: Arc<score::Scorer>,
}

#[pymethods]
impl Scorer {
    #[new]
    fn new(py: Python<'_>, model: &PyModel, x: PyReadonlyArray1<'_, f64>, method: &str) -> PyResult<Self> {
        let x = model.checked(x.as_slice()?)?.to_vec();
        let method = score::method(method).map_err(to_python)?;
        let model = Arc::clone(&model.inner);
        // On this thread alone: a process that forks afterwards has no pool to lose.
        let thread = pool(Some(1))?;
        let inner = py.detach(|| thread.install(|| score::Scorer::new(model, &x, method))).map_err(to_python)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Scores of respondents by their codes `(N, I)` and groups `(N,)`: the dict of `Data.score`. `progress`, if given, is
    /// called with how many more respondents are done.
    #[pyo3(signature = (codes, *, group=None, n_threads=None, progress=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray2<'py, u8>,
        group: Option<PyReadonlyArray1<'py, u32>>,
        n_threads: Option<usize>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let n_respondents = codes.shape()[0];
        let responses = Responses {
            codes: codes.as_slice()?,
            n_respondents,
            group: optional(&group)?,
            weights: None,
            known_class: None,
        };
        scores_dict(py, scored(py, n_threads, progress, |watch| self.inner.score(&responses, watch))?)
    }

    /// Writes scores of respondents of a model of one group over four arrays: `theta (N, J)`, `covariance (N, J, J)`,
    /// `class_probabilities (N, C)` and `log_probability (N,)`. `responses`, `tables` and `others` are as for `encode`; rows
    /// are coded on the way. `progress` as for `score`.
    #[pyo3(signature = (responses, tables, others, scores, *, n_threads=None, progress=None))]
    fn score_columns<'py>(
        &self,
        responses: &Bound<'py, PyAny>,
        tables: PyReadonlyArray2<'py, u8>,
        others: Vec<OtherValue<'py>>,
        scores: Room<'py>,
        n_threads: Option<usize>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let arrays = encode::arrays(responses)?;
        let columns = encode::columns(&arrays, tables.as_slice()?, &others)?;
        let (mut theta, mut covariance, mut class_probabilities, mut log_probability) = scores;
        let scores = ScoresMut {
            theta: theta.as_slice_mut()?,
            covariance: covariance.as_slice_mut()?,
            class_probabilities: class_probabilities.as_slice_mut()?,
            log_probability: log_probability.as_slice_mut()?,
        };
        let score = |watch: Watch| self.inner.score_columns(&columns, scores, watch);
        scored(responses.py(), n_threads, progress, score)
    }

    /// Scores of one respondent of an observed group by the codes of all items.
    fn score_one<'py>(&self, py: Python<'py>, group: usize, codes: &[u8]) -> PyResult<One<'py>> {
        let score = || self.inner.score_one(group, codes);
        // Taking the GIL back can take longer than the work.
        let scores = if self.inner.is_brief(group) { score() } else { py.detach(score) }.map_err(to_python)?;
        let j = scores.n_attributes;
        let se: Vec<f64> = (0..j).map(|a| scores.covariance[a * j + a].sqrt()).collect();
        // Copies of a few numbers, which cost less than handing over the memory of each.
        Ok((
            PyArray1::from_slice(py, &scores.theta),
            PyArray1::from_slice(py, &se),
            PyArray1::from_slice(py, &scores.covariance).reshape([j, j])?,
            PyArray1::from_slice(py, &scores.class_probabilities),
            scores.log_probability[0],
        ))
    }
}

/// Runs `score` on a pool until it is done or interrupted; `progress` hears how many more respondents or patterns are
/// done.
pub(crate) fn scored<T: Send>(
    py: Python<'_>,
    n_threads: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
    score: impl FnOnce(Watch) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let mut tell = progress.map(|progress| move |n: usize| progress.call1((n,)).map(|_| ()));
    let listener: Listener<usize> = tell.as_mut().map(|tell| tell as &mut dyn FnMut(usize) -> PyResult<()>);
    until_done_telling(py, n_threads, listener, |done, cancel| score(Watch { cancel, done }))
}

/// Scores as arrays: `theta (N, J)`, `covariance (N, J, J)`, `class_probabilities (N, C)`, `log_probability (N,)`.
pub(crate) fn scores_dict(py: Python<'_>, scores: Scores) -> PyResult<Bound<'_, PyDict>> {
    let (n, j, c) = (scores.log_probability.len(), scores.n_attributes, scores.n_classes);
    let result = PyDict::new(py);
    result.set_item("theta", PyArray1::from_vec(py, scores.theta).reshape([n, j])?)?;
    result.set_item("covariance", PyArray1::from_vec(py, scores.covariance).reshape([n, j, j])?)?;
    result.set_item("class_probabilities", PyArray1::from_vec(py, scores.class_probabilities).reshape([n, c])?)?;
    result.set_item("log_probability", scores.log_probability.into_pyarray(py))?;
    Ok(result)
}
