"""Every option of `fit` does what its name says."""

from __future__ import annotations

import dataclasses
import inspect
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import datasets
from mixirt.settings import Settings
from tests.reference.fitting import codes
from tests.tolerances import ROUNDING

CLOSE_LOGLIK = 1e-6
"""Runs with both criteria 1e-7, plain EM among them: its steps are a tenth of the way left."""

CLOSE_PARAMETER = 1e-4
"""The square root of that, in the flattest direction of these models."""

PAPER_LOGLIK = 0.02
"""Plain EM stops early with a criterion of .001: its steps are a fraction of the way left."""

COARSE = 2e-3
"""What 31 points, or 41 of Gauss and Hermite, leave of the integral."""

COARSE_2D = 0.2
"""Two attributes on 31 and 41 points, stopped early: the grids differ by what they miss."""

PRUNED = 0.01
"""Nodes of less than 1e-9 of the largest weight, and two fits that stop early."""

LOGLIK = 1e-4
"""Runs with the default criteria stop within 1e-5 in -2 log L of a cycle."""

PARAMETER = 1e-3
"""And within 1e-5 of where each parameter is heading."""


def science(**options: Any) -> mixirt.Result:
    return mixirt.fit(codes("science"), "gpcm", **options)


def test_settings_have_the_defaults_that_fit_shows() -> None:
    """Files without a setting are read with the defaults of `Settings`."""
    shown = {n: p.default for n, p in inspect.signature(mixirt.fit).parameters.items()}
    own = {f.name: f.default for f in dataclasses.fields(Settings)}
    told_in_words = {"n_starts", "seed"}
    assert {n: shown[n] for n in own if n not in told_in_words} == {
        n: value for n, value in own.items() if n not in told_in_words
    }


# --- convergence ----------------------------------------------------------------------------


def test_both_criteria_have_to_be_met() -> None:
    loose, strict = 1e6, 1e-7
    for options, column in (
        ({"tol_parameter": strict, "tol_deviance": loose}, "largest_change"),
        ({"tol_parameter": loose, "tol_deviance": strict}, None),
    ):
        result = science(acceleration="none", **options)
        history = result.history
        assert result.converged
        assert result.n_cycles > 20
        if column is not None:
            assert history[column].iloc[-1] < strict
            assert (history[column].iloc[:-1] >= strict).all()
        else:
            change = 2 * history["loglik"].diff().abs()
            assert change.iloc[-1] < strict
            assert (change.iloc[1:-1] >= strict).all()
    assert science(tol_parameter=loose, tol_deviance=loose).n_cycles <= 2


def test_cycles_that_run_out_warn_and_lose_nothing() -> None:
    with pytest.warns(mixirt.ConvergenceWarning, match="after 1 cycle:") as caught:
        result = science(max_cycles=1)
    assert caught[0].filename == __file__
    assert not result.converged
    assert result.n_cycles == len(result.history) == 1
    assert len(result.parameters(se=None)) == 16
    assert np.isfinite(result.parameters(se=None)["estimate"]).all()
    assert np.isfinite(result.score().theta).all()
    assert "not converged" in repr(result)
    # The log-likelihood belongs to the reported parameters, one step after that of the cycle.
    assert result.loglik > result.history["loglik"].iloc[0]
    held = mixirt.fit(codes("science"), "gpcm", start=result, max_cycles=200)
    np.testing.assert_allclose(held.history["loglik"].iloc[0], result.loglik, rtol=ROUNDING)


def test_no_cycles_leave_the_start_values_as_they_are() -> None:
    """Nothing moves, nothing warns, and everything belongs to the start values."""
    result = science()
    elsewhere = mixirt.fit(codes("science"), result.model, start=result, max_cycles=0)
    assert elsewhere.n_cycles == len(elsewhere.history) == 0
    assert not elsewhere.converged
    assert elsewhere.loglik == result.loglik
    np.testing.assert_array_equal(elsewhere.vcov().matrix, result.vcov().matrix)
    started = mixirt.fit(
        codes("science"), "gpcm", start={"slope": 0.5, "intercept": 0.25}, max_cycles=0
    )
    kinds = started.parameters(se=None).groupby("parameter")["estimate"].unique()
    assert kinds["slope"].tolist() == [0.5]
    assert kinds["intercept"].tolist() == [0.25]
    assert started.loglik < result.loglik
    assert np.isfinite(started.vcov("cross_product").matrix).all()


def test_the_history_rises_without_acceleration() -> None:
    history = science(acceleration="none").history
    assert (np.diff(history["loglik"]) > -1e-8).all()
    assert not history["accelerated"].any()
    assert not history["rejected"].any()
    assert history["cycle"].tolist() == list(range(1, len(history) + 1))
    assert (history[["e_step_seconds", "m_step_seconds"]] >= 0).all(axis=None)


# --- algorithms -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "model"), [("science", "gpcm"), ("science", "grm"), ("lsat7", "2pl"), ("sat12", "2pl")]
)
def test_accelerations_reach_the_same_maximum_sooner(data: str, model: str) -> None:
    close = {"tol_parameter": 1e-7, "tol_deviance": 1e-7}
    fits = {a: mixirt.fit(codes(data), model, acceleration=a, **close) for a in ACCELERATIONS}
    plain = fits["none"]
    for name, result in fits.items():
        assert result.converged, name
        np.testing.assert_allclose(
            result.loglik, plain.loglik, rtol=0, atol=CLOSE_LOGLIK, err_msg=name
        )
        np.testing.assert_allclose(
            result.parameters(se=None)["estimate"],
            plain.parameters(se=None)["estimate"],
            rtol=0,
            atol=CLOSE_PARAMETER,
            err_msg=name,
        )
        assert name == "none" or result.n_cycles < plain.n_cycles


ACCELERATIONS = ("anderson", "squarem", "none")


@pytest.mark.parametrize("max_newton", [2, 5, 30])
@pytest.mark.parametrize("acceleration", ACCELERATIONS)
def test_newton_iterations_do_not_move_the_maximum(max_newton: int, acceleration: str) -> None:
    result = science(max_newton=max_newton, acceleration=acceleration)
    np.testing.assert_allclose(result.loglik, science().loglik, rtol=0, atol=LOGLIK)


@pytest.mark.parametrize(("model", "own"), [("2pl", 1), ("grm", 1), ("3pl", 3)])
def test_newton_iterations_follow_the_family(model: str, own: int) -> None:
    def after_a_cycle(max_newton: int | None) -> list[float]:
        one = mixirt.fit(codes("sat12"), model, max_newton=max_newton, max_cycles=1)
        return one.parameters(se=None)["estimate"].tolist()

    with pytest.warns(mixirt.ConvergenceWarning):
        by_default, others = after_a_cycle(None), [after_a_cycle(n) for n in (1, 3)]
    assert by_default == others[(1, 3).index(own)]
    assert others[0] != others[1]


def test_the_settings_of_the_paper() -> None:
    """40 Gauss-Hermite nodes, both criteria .001, one Newton iteration, plain EM."""
    result = science(
        quadrature="gauss-hermite", n_quadrature=40, tol_parameter=1e-3, tol_deviance=1e-3,
        acceleration="none", max_newton=1,
    )  # fmt: skip
    assert result.converged
    np.testing.assert_allclose(result.loglik, -1612.681598, rtol=0, atol=PAPER_LOGLIK)


# --- quadrature -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"n_quadrature": 31},
        {"n_quadrature": [200]},
        {"quadrature": "gauss-hermite", "n_quadrature": 41},
        {"quadrature": "gauss-hermite", "n_quadrature": 121, "prune": 1e-12},
    ],
)
def test_grids_agree(options: dict[str, Any]) -> None:
    result = science(**options)
    np.testing.assert_allclose(result.loglik, science().loglik, rtol=0, atol=COARSE)


def test_points_can_differ_by_attribute() -> None:
    q = np.kron(np.eye(2), np.ones((4, 1)))
    fit = {"q_matrix": q, "tol_parameter": 1e-3, "tol_deviance": 1e-2}
    one = mixirt.fit(codes("mobility"), "2pl", n_quadrature=[41, 31], **fit)
    other = mixirt.fit(codes("mobility"), "2pl", n_quadrature=[31, 41], **fit)
    assert one.loglik != other.loglik
    np.testing.assert_allclose(one.loglik, other.loglik, rtol=0, atol=COARSE_2D)


def test_pruning_drops_nodes_but_not_the_answer() -> None:
    """A two-attribute product of Gauss-Hermite nodes is mostly corners of no weight."""
    q = np.kron(np.eye(2), np.ones((4, 1)))
    model = mixirt.Model("2pl", items=8, q_matrix=q, quadrature="gauss-hermite", n_quadrature=21)
    whole = mixirt.fit(codes("mobility"), model, tol_parameter=1e-3, tol_deviance=1e-2)
    pruned = mixirt.fit(
        codes("mobility"), "2pl", q_matrix=q, quadrature="gauss-hermite", n_quadrature=21,
        prune=1e-9, tol_parameter=1e-3, tol_deviance=1e-2,
    )  # fmt: skip
    np.testing.assert_allclose(pruned.loglik, whole.loglik, rtol=0, atol=PRUNED)


# --- progress, interrupts, threads ------------------------------------------------------------


def test_progress_is_called_after_every_cycle() -> None:
    calls: list[tuple[float, float, bool]] = []
    result = science(progress=lambda *news: calls.append(news))
    assert len(calls) == result.n_cycles
    accepted = [loglik for loglik, _, rejected in calls if not rejected]
    history = result.history
    assert accepted == history.loc[~history["rejected"], "loglik"].tolist()


def test_an_exception_in_progress_ends_the_fit_and_passes_through() -> None:
    def stop(*_: object) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        science(progress=stop)
    assert science().converged


def test_other_threads_run_during_a_fit() -> None:
    """The GIL is free while the engine works: a thread that only counts keeps counting.

    Were it not, the thread would have its turn once a cycle, when progress is reported.
    """
    responses = np.random.default_rng(0).integers(0, 2, (20_000, 30))
    count, stop = 0, threading.Event()

    def work() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    heard: list[int] = []
    try:
        with pytest.warns(mixirt.ConvergenceWarning):
            mixirt.fit(
                responses, "2pl", n_quadrature=2000, acceleration="none", max_cycles=6,
                tol_parameter=1e-300, n_threads=1, progress=lambda *_: heard.append(count),
            )  # fmt: skip
    finally:
        stop.set()
        thread.join()
    assert len(heard) == 6
    assert heard[-1] - heard[0] > 10 * len(heard)


def test_fits_in_several_threads_do_not_disturb_one_another() -> None:
    data = ["science", "lsat7", "science", "lsat7"]
    found: list[float | None] = [None] * len(data)

    def work(k: int) -> None:
        found[k] = mixirt.fit(codes(data[k]), "gpcm").loglik

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [mixirt.fit(codes(name), "gpcm").loglik for name in data]


# --- words and numbers that are not options ---------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"acceleration": "andersen"}, "anderson"),
        ({"quadrature": "simpson"}, "rectangular, gauss-hermite"),
        ({"quadrature": 3}, "quadrature"),
        ({"invariance": "strict"}, "'configural', 'metric', 'scalar'"),
        ({"invariance": "scalar"}, "across groups, but there are none; give groups="),
        (
            {"class_invariance": "scalar"},
            "but there is one; give n_classes=",
        ),
        ({"max_cycles": -1}, "max_cycles must be a whole number of at least 0"),
        ({"max_cycles": 2.5}, "max_cycles"),
        ({"max_cycles": True}, "max_cycles"),
        ({"max_newton": -1}, "max_newton"),
        ({"tol_parameter": 0}, "tol_parameter must be a positive number"),
        ({"tol_deviance": float("nan")}, "tol_deviance"),
        ({"tol_deviance": "small"}, "tol_deviance"),
        ({"n_threads": 0}, "n_threads must be"),
        ({"n_threads": -2}, "n_threads must be"),
        ({"n_threads": 1.5}, "n_threads must be"),
        ({"n_threads": 10**9}, "n_threads"),
        ({"n_quadrature": 1}, "n_quadrature"),
        ({"n_quadrature": 0}, "n_quadrature"),
        ({"n_quadrature": [21, 21]}, "n_quadrature has 2 entries for 1 attribute;"),
        ({"n_quadrature": "many"}, "n_quadrature"),
        ({"n_quadrature": 2.5}, "n_quadrature"),
        ({"n_quadrature": 10**9}, "n_quadrature"),
        ({"prune": 1e-6}, "cannot be pruned"),
        ({"prune": 2, "quadrature": "gauss-hermite"}, "pruning threshold"),
        ({"prune": "lots", "quadrature": "gauss-hermite"}, "prun"),
        ({"n_classes": 0}, "n_classes must be a whole number"),
        ({"n_classes": 1.5}, "n_classes"),
        ({"reference": "9"}, "reference belongs to groups"),
        ({"free_items": ["itm1"]}, "did you mean 'item1'"),
        ({"attributes": ["a", "b"]}, "need a Q matrix"),
        ({"category_scores": [0, 1, 2]}, "3 category scores"),
        ({"category_scores": [1, 1]}, "must differ"),
        ({"category_scores": [0, float("inf")]}, "finite"),
        ({"category_scores": {"itm1": [0, 1]}}, "did you mean 'item1'"),
        ({"items_by_group": {"A": ["item1"]}}, "items_by_group belongs to groups"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(mixirt.MixirtError, match=message):
        mixirt.fit(datasets.load("lsat7").responses, "2pl", **options)


def test_slopes_that_are_small_for_large_scores_are_no_saddle() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = mixirt.fit(codes("lsat7"), "2pl", category_scores=[0, 1e6])
    assert fit.loglik == pytest.approx(mixirt.fit(codes("lsat7"), "2pl").loglik, abs=LOGLIK)
