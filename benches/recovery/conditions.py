"""Beyond the report: more item models, attributes, groups, missing answers and sample sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from benches.cases import Case, Codes, Floats, binary, graded, logistic

import mixirt

N_ITEMS = 20
#: Prior of a guessing logit; where it is used, guessing is drawn from it.
PRIOR = (-1.4, 0.5)
#: Intercepts of graded items lie this far apart around a common place.
STEPS = np.array([1.2, 0.0, -1.2])
#: Stands for a missing answer.
MISSING = -1


@dataclass(frozen=True, eq=False)
class Condition:
    """A model and a population; items are drawn anew for every data set.

    Attributes
    ----------
    text : str
        The setting in words.
    family : str
        "2pl", "3pl" or "grm"; graded items have four categories.
    sizes : tuple of int
        Respondents in each observed group.
    means, sds : tuple of float
        Of every attribute, by group; those of the first group are fixed, the others estimated.
    q_matrix : ndarray of bool, shape (I, J)
        Which item measures which attribute.
    correlations : ndarray, shape (J, J)
        Of the attributes, in all groups.
    n_omitted : int
        Items that each respondent is not given: as many in a row, from another one on for the next.
    options : dict
        Options of the model.
    has_prior : bool
        Whether guessing has its prior.
    """

    text: str
    family: str = "2pl"
    sizes: tuple[int, ...] = (3000,)
    means: tuple[float, ...] = (0.0,)
    sds: tuple[float, ...] = (1.0,)
    q_matrix: Any = field(default_factory=lambda: np.ones((N_ITEMS, 1), dtype=bool))
    correlations: Any = field(default_factory=lambda: np.eye(1))
    n_omitted: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    has_prior: bool = False

    @property
    def groups(self) -> list[str] | None:
        """Label of every respondent's group, where there are several."""
        if len(self.sizes) == 1:
            return None
        return np.repeat([f"group {g + 1}" for g in range(len(self.sizes))], self.sizes).tolist()

    def case(self, name: str) -> Case:
        """Give a case with some truth, and another for each data set."""
        some = self.vary(np.random.default_rng(0))
        return Case(name, self.text, some.model, some.draw, some.groups, self.vary)

    def vary(self, generator: np.random.Generator) -> Case:
        """Draw items as in the report's study; guessing from the prior."""
        n_items = len(self.q_matrix)
        slopes = np.exp(generator.normal(-0.02, 0.2, self.q_matrix.shape)) * self.q_matrix
        intercepts = generator.standard_normal((n_items, 1))
        if self.family == "grm":
            intercepts = 0.7 * intercepts + STEPS
        guessing = np.zeros(n_items)
        if self.family == "3pl":
            guessing = logistic(generator.normal(*PRIOR, n_items))
        model = self._model(slopes, intercepts, guessing)
        draw = partial(self._draw, slopes, intercepts, guessing)
        return Case("", "", model, draw, self.groups)

    def _model(self, slopes: Floats, intercepts: Floats, guessing: Floats) -> mixirt.Model:
        n_groups, n_attributes = len(self.sizes), self.q_matrix.shape[1]
        arguments: dict[str, Any] = {"q_matrix": self.q_matrix, **self.options}
        if n_groups > 1:
            arguments |= {"groups": sorted(set(self.groups or ())), "invariance": "scalar"}
        n_categories = intercepts.shape[1] + 1
        model = mixirt.Model(
            self.family, items=len(self.q_matrix), n_categories=n_categories, **arguments
        )
        model = model.start("slope", np.tile(slopes[self.q_matrix], n_groups))
        model = model.start("intercept", np.tile(intercepts.ravel(), n_groups))
        if self.family == "3pl":
            model = model.start("guessing", guessing)
        if self.has_prior:
            model = model.prior("guessing", mixirt.priors.normal(*PRIOR))
        if n_attributes > 1:
            above = np.triu_indices(n_attributes, 1)
            model = model.start("covariance", np.tile(self.correlations[above], n_groups))
        for g in range(1, n_groups):
            own = {"group": f"group {g + 1}"}
            model = model.start("mean", self.means[g], **own)
            model = model.start("variance", self.sds[g] ** 2, **own)
        return model

    def _draw(
        self, slopes: Floats, intercepts: Floats, guessing: Floats, generator: np.random.Generator
    ) -> Any:
        group = np.repeat(np.arange(len(self.sizes)), self.sizes)
        root = np.linalg.cholesky(self.correlations)
        theta = generator.standard_normal((len(group), len(root))) @ root.T
        theta = np.array(self.means)[group, None] + np.array(self.sds)[group, None] * theta
        if self.family == "grm":
            codes = graded(generator, theta @ slopes.T, intercepts)
        else:
            codes = binary(generator, theta @ slopes.T + intercepts[:, 0], guessing)
        return self._without_omitted(codes)

    def _without_omitted(self, codes: Codes) -> Any:
        if not self.n_omitted:
            return codes
        n, n_items = codes.shape
        turn = (np.arange(n_items) - np.arange(n)[:, None]) % n_items
        return np.where(turn < self.n_omitted, np.nan, codes)


def _simple_structure(n_attributes: int, n_each: int) -> Any:
    return np.repeat(np.eye(n_attributes, dtype=bool), n_each, axis=0)


THREE = np.array([[1.0, 0.3, 0.5], [0.3, 1.0, 0.7], [0.5, 0.7, 1.0]])

#: Section, and conditions by name.
SECTIONS: dict[str, dict[str, Condition]] = {
    "Item models": {
        "2PL": Condition("20 items, N = 3,000"),
        "GRM": Condition("20 items of 4 categories, N = 3,000", "grm"),
        "3PL, prior": Condition(
            "20 items, prior N(-1.4, .5) on the logit of guessing, N = 3,000",
            "3pl",
            has_prior=True,
        ),
        "3PL, no prior": Condition("the same without a prior", "3pl"),
    },
    "Attributes and groups": {
        "three attributes": Condition(
            "2PL, 3 x 7 items, correlations .3, .5, .7, N = 3,000",
            q_matrix=_simple_structure(3, 7),
            correlations=THREE,
        ),
        "unequal groups": Condition(
            "2PL, 20 items equal in 3 groups of 3,000, 1,000 and 200; means 0, .5, -1; standard "
            "deviations 1, 1.3, .8",
            sizes=(3000, 1000, 200),
            means=(0.0, 0.5, -1.0),
            sds=(1.0, 1.3, 0.8),
        ),
    },
    "Missing by design": {
        f"{100 * k // N_ITEMS} % missing": Condition(
            f"2PL, {N_ITEMS - k} of 20 items for each respondent, N = 3,000", n_omitted=k
        )
        for k in (1, 4, 8, 12)
    },
    "Sample size": {
        f"N = {n:,}": Condition("2PL, 20 items, one group", sizes=(n,))
        for n in (500, 1000, 3000, 10_000, 30_000, 100_000)
    },
}


def _case(name: str) -> Case:
    condition = next(own[name] for own in SECTIONS.values() if name in own)
    return condition.case(name)


CASES: dict[str, Callable[[], Case]] = {
    name: partial(_case, name) for own in SECTIONS.values() for name in own
}
