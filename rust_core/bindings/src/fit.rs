//! Fits, and single steps for checks against an independent implementation.

use std::sync::atomic::AtomicBool;

use mixirt_core::Error;
use mixirt_core::accelerate::acceleration;
use mixirt_core::blocks::blocks;
use mixirt_core::data;
use mixirt_core::em::{Cycle, EmOptions, e_step};
use mixirt_core::expected::{Expected, Parameters};
use mixirt_core::m_step::{MStepOptions, m_step};
use mixirt_core::multi_start::{MultiStart, News, StartOptions, StartRecord, multi_start};
use mixirt_core::plan::Planning;
use mixirt_core::spec::Model;
use mixirt_core::start;
use numpy::{Element, IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::data::Data;
use crate::errors::to_python;
use crate::model::PyModel;
use crate::run::{Listener, until_done, until_done_telling};

/// Maximise the log-likelihood by EM from `n_starts` starts. `start (n_free,)` overrides the model's start values;
/// `max_newton` None leaves the number of Newton iterations to the items' families.
/// `progress`, if given, is called with (log-likelihood, largest change, rejected) after every cycle of the start that
/// leads after the short runs; `runs` with (short, cycles, ended, runs) after every cycle of the other runs and at the end
/// of any: whether they are the short ones, their cycles so far, how many have ended, and how many there are.
///
/// Returns a dict: `x`, `loglik`, `log_posterior`, `converged`, `class_sizes (G,)`, and two dicts of arrays: `history`,
/// a row per cycle of the best start, and `starts`, a row per start.
#[pyfunction]
#[pyo3(signature = (model, data, *, start, acceleration, max_cycles, tol_parameter, tol_deviance, max_newton,
                    n_starts=1, seed=0, n_threads=None, progress=None, runs=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    start: Option<PyReadonlyArray1<'py, f64>>,
    acceleration: &str,
    max_cycles: usize,
    tol_parameter: f64,
    tol_deviance: f64,
    max_newton: Option<usize>,
    n_starts: usize,
    seed: u64,
    n_threads: Option<usize>,
    progress: Option<Bound<'py, PyAny>>,
    runs: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let starts = StartOptions::new(n_starts.max(1), seed);
    let options = EmOptions {
        acceleration: self::acceleration(acceleration).map_err(to_python)?,
        max_cycles,
        tol_parameter,
        tol_deviance,
        max_newton,
    };
    let start = start.map(|s| model.checked(s.as_slice()?).map(<[f64]>::to_vec)).transpose()?;
    let (model, data) = (&*model.inner, &*data.inner);
    let mut tell = |news| match (news, &progress, &runs) {
        (News::Cycle(c), Some(progress), _) => progress.call1((c.loglik, c.largest_change, c.rejected)).map(|_| ()),
        (News::Runs(r), _, Some(runs)) => runs.call1((r.short, r.n_cycles, r.n_ended, r.n_runs)).map(|_| ()),
        _ => Ok(()),
    };
    let is_heard = progress.is_some() || runs.is_some();
    let listener: Listener<News> = if is_heard { Some(&mut tell) } else { None };
    let result = until_done_telling(py, n_threads, listener, |monitor, cancel| {
        let x = start.map_or_else(|| start::start(model, &data.summaries()), Ok)?;
        multi_start(model, data, x, starts, &options, monitor, cancel)
    })?;
    as_dict(py, result)
}

fn as_dict(py: Python<'_>, found: MultiStart) -> PyResult<Bound<'_, PyDict>> {
    let fit = found.fit;
    let result = PyDict::new(py);
    result.set_item("history", history_table(py, &fit.history)?)?;
    result.set_item("starts", starts_table(py, &found.records)?)?;
    result.set_item("x", fit.x.into_pyarray(py))?;
    result.set_item("loglik", fit.expected.loglik)?;
    result.set_item("log_posterior", fit.log_posterior)?;
    result.set_item("converged", fit.converged)?;
    column(&result, "class_sizes", &fit.expected.moments, |m| m.n)?;
    Ok(result)
}

/// A row per cycle.
fn history_table<'py>(py: Python<'py>, cycles: &[Cycle]) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    column(&table, "loglik", cycles, |c| c.loglik)?;
    column(&table, "log_posterior", cycles, |c| c.log_posterior)?;
    column(&table, "largest_change", cycles, |c| c.largest_change)?;
    column(&table, "halvings", cycles, |c| c.halvings as u64)?;
    column(&table, "accelerated", cycles, |c| c.accelerated)?;
    column(&table, "rejected", cycles, |c| c.rejected)?;
    column(&table, "e_step_seconds", cycles, |c| c.e_step_seconds)?;
    column(&table, "m_step_seconds", cycles, |c| c.m_step_seconds)?;
    Ok(table)
}

/// A row per start.
fn starts_table<'py>(py: Python<'py>, records: &[StartRecord]) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    column(&table, "loglik", records, |r| r.loglik)?;
    column(&table, "log_posterior", records, |r| r.log_posterior)?;
    column(&table, "finished", records, |r| r.finished)?;
    column(&table, "converged", records, |r| r.converged)?;
    column(&table, "n_cycles", records, |r| r.n_cycles as i64)?;
    column(&table, "n_redrawn", records, |r| r.n_redrawn as i64)?;
    Ok(table)
}

/// Adds a column to a table: what `part` takes from each row.
fn column<R, T: Element>(table: &Bound<'_, PyDict>, name: &str, rows: &[R], part: impl Fn(&R) -> T) -> PyResult<()> {
    let values: Vec<T> = rows.iter().map(part).collect();
    table.set_item(name, values.into_pyarray(table.py()))
}

/// One E-step, with the parameters at which it was made.
struct Step {
    parameters: Parameters,
    expected: Expected,
}

impl Step {
    fn at(model: &Model, data: &data::Data, x: &[f64], cancel: &AtomicBool) -> Result<Self, Error> {
        let parameters = Parameters::at(model, x);
        let expected = e_step(model, &mut data.worker(model)?, &parameters, cancel)?;
        Ok(Self { parameters, expected })
    }
}

/// Expected counts at the free parameters `x`: a dict of `loglik`, and, per latent group, `theta (J, L)`, `weights (L,)`
/// and `n_gl (L,)` of the common grid, the `mean (J,)` of the attributes, and the list `n_glim` of each item's counts,
/// `(M * K,)` on its support. On the whole grid, or with attributes eliminated wherever the structure allows it.
#[pyfunction]
#[pyo3(signature = (model, data, x, *, eliminate=false))]
pub(crate) fn expected_counts<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    eliminate: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let x = model.checked(x.as_slice()?)?;
    let planning = if eliminate { Planning::Eliminate } else { Planning::Dense };
    let (model, data) = (&*model.inner, &*data.inner);
    let (model, Step { parameters, expected }) = until_done(py, None, |cancel| {
        let model = model.replanned(planning)?;
        let step = Step::at(&model, &*data.suited_to(&model)?, x, cancel)?;
        Ok((model, step))
    })?;
    let groups = PyList::empty(py);
    for (g, group) in model.groups.iter().enumerate() {
        let entry = PyDict::new(py);
        let layout = &model.structures[group.observed].layout;
        let n_gl = &expected.counts[group.observed].n_gl[layout.segment(group.class)];
        entry.set_item("theta", PyArray1::from_slice(py, &parameters.placed[g].grid.theta))?;
        entry.set_item("weights", PyArray1::from_slice(py, &parameters.placed[g].grid.weights))?;
        entry.set_item("n_gl", PyArray1::from_slice(py, n_gl))?;
        entry.set_item("mean", PyArray1::from_slice(py, &expected.moments[g].mean))?;
        let items = (0..group.instances.len()).map(|i| PyArray1::from_slice(py, expected.item(&model, g, i)));
        entry.set_item("n_glim", PyList::new(py, items.collect::<Vec<_>>())?)?;
        groups.append(entry)?;
    }
    let result = PyDict::new(py);
    result.set_item("loglik", expected.loglik)?;
    result.set_item("groups", groups)?;
    Ok(result)
}

/// The EM image of the free parameters `x`: one E-step and one M-step with `max_newton` Newton iterations.
#[pyfunction]
pub(crate) fn em_step<'py>(
    py: Python<'py>,
    model: &PyModel,
    data: &Data,
    x: PyReadonlyArray1<'py, f64>,
    max_newton: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let x = model.checked(x.as_slice()?)?;
    let (model, data) = (&*model.inner, &*data.inner);
    let options = MStepOptions { max_newton: Some(max_newton), tolerance: 0.0 };
    let (image, _) = until_done(py, None, |cancel| {
        let Step { parameters, expected } = Step::at(model, data, x, cancel)?;
        Ok(m_step(model, &blocks(model), &parameters.placed, &expected, x, options))
    })?;
    Ok(image.into_pyarray(py))
}
