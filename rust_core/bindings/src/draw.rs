//! Plausible values.

use std::sync::Arc;

use mixirt_core::data::Responses;
use mixirt_core::score;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::optional;
use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::{pool, until_done};

/// A model at given parameters, tabulated for draws from posterior distributions. Immutable.
#[pyclass(frozen, module = "mixirt._core")]
pub(crate) struct Drawer {
    inner: score::Drawer,
}

#[pymethods]
impl Drawer {
    #[new]
    fn new(py: Python<'_>, model: &PyModel, x: PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        let x = model.checked(x.as_slice()?)?.to_vec();
        let model = Arc::clone(&model.inner);
        // On this thread alone: a process that forks afterwards has no pool to lose.
        let thread = pool(Some(1))?;
        let inner = py.detach(|| thread.install(|| score::Drawer::new(&model, &x))).map_err(to_python)?;
        Ok(Self { inner })
    }

    /// Draws for respondents by their codes `(N, I)`, groups `(N,)` and known classes `(N,)`, whose rows are numbered from
    /// `first_row`: `theta (N, D, J)` and `class (N, D)`.
    #[pyo3(signature = (codes, n_draws, seed, *, first_row=0, group=None, known_class=None, n_threads=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn draw<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray2<'py, u8>,
        n_draws: usize,
        seed: u64,
        first_row: u64,
        group: Option<PyReadonlyArray1<'py, u32>>,
        known_class: Option<PyReadonlyArray1<'py, u16>>,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let n = codes.shape()[0];
        let responses = Responses {
            codes: codes.as_slice()?,
            n_respondents: n,
            group: optional(&group)?,
            weights: None,
            known_class: optional(&known_class)?,
        };
        let draw = |cancel: &_| self.inner.draw(&responses, n_draws, (seed, first_row), cancel);
        let draws = until_done(py, n_threads, draw)?;
        let result = PyDict::new(py);
        let theta = PyArray1::from_vec(py, draws.theta).reshape([n, n_draws, draws.n_attributes])?;
        result.set_item("theta", theta)?;
        result.set_item("class", draws.class.into_pyarray(py).reshape([n, n_draws])?)?;
        Ok(result)
    }
}
