"""One M-step, and the gradient of the log-likelihood, of every kind of model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixirt import _core
from tests.oracle.derivatives import expected_derivatives, expected_loglik
from tests.oracle.from_model import distribution_cells, oracle_model, own_attributes
from tests.oracle.m_step import (
    Member,
    block_derivatives,
    class_probabilities,
    newton_step,
    update_distribution,
    update_proportions,
)
from tests.oracle.models import OracleModel
from tests.oracle.probabilities import log_probabilities
from tests.oracle_agreement.bridge import Case, blocks, free_distributions
from tests.oracle_agreement.cases import NAMES, make_case

STEP_AGREEMENT = 1e-9
"""A Newton step solves a linear system whose condition number is up to a thousand, so of the
counts' 1e-13 about 1e-10 is left; parameters are of the order of 1."""

NORMAL_AGREEMENT = 1e-8
"""Both iterate to the maximum of equation 12, whose curvature is of the order of the counts: an
error of 1e-16 relative in its value is one of 1e-8 in its argument."""

GRADIENT_AGREEMENT = 1e-6
"""Central differences with a step of 1e-4 of a log-likelihood of about a thousand: 1e-13 * 1e3 /
1e-4 of rounding, and third derivatives of the order of the counts times 1e-8."""

ANALYTIC_AGREEMENT = 1e-10
"""Sums of counts that agree to 1e-10, with bounded factors, per unit of weight."""

N_STEP = 1000
"""Respondents for the M-step: enough for most Newton steps to go uphill undamped."""

LEAST_UNDAMPED = {"3pl": 0.05, "mixed": 0.4}
"""Share of the blocks whose step must be the undamped one, .5 for the other families. With guessing
the Hessian is rarely negative definite; a damped step only has to go uphill."""


def rise(case: Case, members: tuple[Member, ...], image: OracleModel) -> float:
    """Return the rise of a block's part of equation 8 to the image; -inf if out of order."""
    total = 0.0
    for member in members:
        group = case.oracle.groups[member.group]
        old, new = group.items[member.item], image.groups[member.group].items[member.item]
        n_lm = case.oracle_counts.n_glim[member.group][member.item]
        assert old is not None
        assert new is not None
        assert n_lm is not None
        if new.family == "grm" and (np.diff(new.intercepts) >= 0).any():
            return -np.inf
        total += expected_loglik(new, group.theta, n_lm) - expected_loglik(old, group.theta, n_lm)
    return total


def with_newton_step(case: Case, members: tuple[Member, ...]) -> OracleModel:
    """Return the model after equation 9 for one block, undamped."""
    groups = list(case.oracle.groups)
    for (g, i), item in newton_step(case.oracle, case.oracle_counts, members).items():
        items = (*groups[g].items[:i], item, *groups[g].items[i + 1 :])
        groups[g] = replace(groups[g], items=items)
    return OracleModel(tuple(groups), case.oracle.proportions)


def is_concave(case: Case, members: tuple[Member, ...]) -> bool:
    """Whether the Hessian of a block is negative definite."""
    _, _, hessian = block_derivatives(case.oracle, case.oracle_counts, members)
    return bool(np.linalg.eigvalsh(hessian).max() < 0)


def is_a_multinomial(case: Case, members: tuple[Member, ...]) -> bool:
    """Whether a block is one item that measures nothing, whose probabilities are all free."""
    measures = case.model.design.q_matrix[:, own_attributes(case.model, members[0].group)]
    return len(members) == 1 and not measures[members[0].item].any()


def compare_with_proportions(case: Case, member: Member, image: OracleModel) -> None:
    """Compare with where Newton would end: the expected proportions of the categories."""
    n_lm = case.oracle_counts.n_glim[member.group][member.item]
    item = image.groups[member.group].items[member.item]
    assert n_lm is not None
    assert item is not None
    p = np.exp(log_probabilities(item, case.oracle.groups[member.group].theta))[:, 0]
    np.testing.assert_allclose(p, class_probabilities(n_lm), rtol=0, atol=STEP_AGREEMENT)


@pytest.mark.parametrize(("family", "structure", "rule"), NAMES)
def test_m_step(family: str, structure: str, rule: str) -> None:
    case = make_case(family, structure, rule, n=N_STEP)
    moved = _core.em_step(case.engine, case.engine_data, case.x, 1)
    image = oracle_model(case.model, case.engine.expand(moved))
    model, counts = case.oracle, case.oracle_counts
    undamped = compared = 0
    for _, members in blocks(case.model):
        if is_a_multinomial(case, members):
            compare_with_proportions(case, members[0], image)
            continue
        compared += 1
        assert rise(case, members, image) > 0
        stepped = with_newton_step(case, members)
        if not (is_concave(case, members) and rise(case, members, stepped) > 0):
            continue
        undamped += 1
        for member in members:
            found = image.groups[member.group].items[member.item]
            expected = stepped.groups[member.group].items[member.item]
            assert found is not None
            assert expected is not None
            np.testing.assert_allclose(found.eta(), expected.eta(), rtol=0, atol=STEP_AGREEMENT)
    assert undamped >= LEAST_UNDAMPED.get(family, 0.5) * compared
    for choice in free_distributions(case.model):
        group = model.groups[choice.group]
        mean, covariance = update_distribution(group, counts.n_gl[choice.group], choice)
        found_group = image.groups[choice.group]
        np.testing.assert_allclose(found_group.mean, mean, rtol=0, atol=NORMAL_AGREEMENT)
        np.testing.assert_allclose(
            found_group.covariance, covariance, rtol=0, atol=NORMAL_AGREEMENT
        )
    np.testing.assert_allclose(
        image.proportions, update_proportions(model, counts), rtol=0, atol=STEP_AGREEMENT
    )


@pytest.mark.parametrize(("family", "structure", "rule"), NAMES)
def test_gradient(family: str, structure: str, rule: str) -> None:
    """The slope of the engine's log-likelihood in item parameters is equation 8's at its counts."""
    case = make_case(family, structure, rule)
    h = 1e-4
    for free, members in blocks(case.model):
        _, gradient, _ = block_derivatives(case.oracle, case.oracle_counts, members)
        for f, expected in zip(free, gradient, strict=True):
            step = np.zeros_like(case.x)
            step[f] = h
            difference = case.loglik(case.x + step) - case.loglik(case.x - step)
            scale = np.abs(case.weights).sum()
            np.testing.assert_allclose(
                difference / (2 * h) / scale, expected / scale, rtol=0, atol=GRADIENT_AGREEMENT
            )


@pytest.mark.parametrize(("family", "structure", "rule"), NAMES)
def test_gradient_of_the_engine(family: str, structure: str, rule: str) -> None:
    """The engine's analytic gradient in item parameters is the oracle's."""
    case = make_case(family, structure, rule)
    _, found = _core.gradient(case.engine, case.engine_data, case.x)
    scale = np.abs(case.weights).sum()
    for free, members in blocks(case.model):
        _, expected, _ = block_derivatives(case.oracle, case.oracle_counts, members)
        np.testing.assert_allclose(
            found[list(free)] / scale, expected / scale, rtol=0, atol=ANALYTIC_AGREEMENT
        )


@pytest.mark.parametrize("structure", ["one attribute", "two groups", "two classes"])
@pytest.mark.parametrize("family", ["gpcm", "grm", "3pl"])
def test_a_damped_step_still_goes_uphill(family: str, structure: str) -> None:
    """From far away, where the undamped step would overshoot."""
    case = make_case(family, structure, "rectangular")
    far = case.x.copy()
    cells = case.model.design.cells
    first = case.model.table.compiled().first_cell
    far[cells.is_kind("slope")[first]] *= 6
    image = _core.em_step(case.engine, case.engine_data, far, 1)
    assert case.loglik(image) > case.loglik(far)


def test_more_newton_iterations_reach_the_m_steps_maximum() -> None:
    case = make_case("gpcm", "one attribute", "rectangular", n=N_STEP)
    moved = _core.em_step(case.engine, case.engine_data, case.x, 100)
    image = oracle_model(case.model, case.engine.expand(moved))
    for g, group in enumerate(image.groups):
        for i, item in enumerate(group.items):
            n_lm = case.oracle_counts.n_glim[g][i]
            assert item is not None
            assert n_lm is not None
            gradient, _ = expected_derivatives(item, case.oracle.groups[g].theta, n_lm)
            np.testing.assert_allclose(gradient, 0, rtol=0, atol=GRADIENT_AGREEMENT)


def test_every_free_parameter_is_in_a_block_or_a_distribution() -> None:
    """Guards the tests above: nothing goes uncompared for want of a place in the bridge."""
    for family, structure, rule in NAMES:
        model = make_case(family, structure, rule).model
        slot = model.table.compiled().slot
        seen = {f for free, _ in blocks(model) for f in free}
        for g in range(model.design.n_latent_groups):
            mean, covariance = distribution_cells(model, g)
            seen |= set(slot[mean].tolist()) | set(slot[covariance].ravel().tolist())
        seen |= set(slot[model.design.cells.is_kind("proportion")].tolist())
        assert seen - {-1} == set(range(int(slot.max()) + 1))
