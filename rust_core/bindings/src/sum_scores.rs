//! Tables of sum scores.

use mixirt_core::score::{self, SumScores};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::model::PyModel;
use crate::run::until_done;

/// What every sum of points over some items says of the attributes of a group: `points (S,)`, `probability (S,)`,
/// `theta (S, J)`, `covariance (S, J, J)` and `class_probabilities (S, C)`. `items` are positions among the model's,
/// `points` those of their categories.
#[pyfunction]
#[pyo3(signature = (model, x, group, items, points, *, n_threads=None))]
pub(crate) fn sum_scores<'py>(
    py: Python<'py>,
    model: &PyModel,
    x: PyReadonlyArray1<'py, f64>,
    group: usize,
    items: Vec<usize>,
    points: Vec<Vec<i64>>,
    n_threads: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let (x, model) = (model.checked(x.as_slice()?)?, &*model.inner);
    let work = |cancel: &_| score::sum_scores(model, x, group, &items, &points, cancel);
    let SumScores { n_attributes: j, n_classes: c, points, probability, theta, covariance, class_probabilities } =
        until_done(py, n_threads, work)?;
    let s = points.len();
    let result = PyDict::new(py);
    result.set_item("points", points.into_pyarray(py))?;
    result.set_item("probability", probability.into_pyarray(py))?;
    result.set_item("theta", PyArray1::from_vec(py, theta).reshape([s, j])?)?;
    result.set_item("covariance", PyArray1::from_vec(py, covariance).reshape([s, j, j])?)?;
    result.set_item("class_probabilities", PyArray1::from_vec(py, class_probabilities).reshape([s, c])?)?;
    Ok(result)
}
