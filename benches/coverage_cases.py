"""The models of the coverage study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from benches.cases import Case, Codes, Floats, binary, graded, logistic, partial_credit

import mixirt

SLOPES = np.array([0.8, 1.0, 1.2, 1.4, 1.6, 0.9, 1.1, 1.3, 1.5, 1.0])
INTERCEPTS = np.linspace(-1.5, 1.5, 10)
STEPS = np.stack([INTERCEPTS + 1.0, INTERCEPTS - 1.0], axis=1)
#: Mean and standard deviation of the prior of a guessing logit, and the fixed truth: .2.
PRIOR = (-1.4, 0.5)
GUESSING = 0.2


def two_pl() -> Case:
    model = mixirt.Model("2pl", items=10).start("slope", SLOPES).start("intercept", INTERCEPTS)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((1000, 1))
        return binary(generator, SLOPES * theta + INTERCEPTS)

    return Case("2pl", "10 items, N = 1,000", model, draw)


def gpcm() -> Case:
    return _three_categories("gpcm", partial_credit)


def grm() -> Case:
    return _three_categories("grm", graded)


def _three_categories(name: str, simulate: Callable[..., Codes]) -> Case:
    model = mixirt.Model(name, items=10, n_categories=3)
    model = model.start("slope", SLOPES).start("intercept", STEPS.ravel())

    def draw(generator: np.random.Generator) -> Codes:
        return simulate(generator, SLOPES * generator.standard_normal((1000, 1)), STEPS)

    return Case(name, "10 items of 3 categories, N = 1,000", model, draw)


@dataclass(frozen=True, eq=False)
class GuessingTest:
    """Items of the 3PL but for their guessing, and the number of respondents."""

    slopes: Floats
    intercepts: Floats
    n_respondents: int

    def case(self, name: str, text: str, guessing: Floats) -> Case:
        """Give the case with these probabilities of guessing."""
        model = mixirt.Model("3pl", items=self.slopes.size)
        model = model.prior("guessing", mixirt.priors.normal(*PRIOR)).start("guessing", guessing)
        model = model.start("slope", self.slopes).start("intercept", self.intercepts)

        def draw(generator: np.random.Generator) -> Codes:
            theta = generator.standard_normal((self.n_respondents, 1))
            return binary(generator, self.slopes * theta + self.intercepts, guessing)

        return Case(name, text, model, draw)

    def drawn(self, name: str, text: str) -> Case:
        """Give the case with guessing as the prior says it is: another truth in every data set."""
        n_items = self.slopes.size

        def vary(generator: np.random.Generator) -> Case:
            return self.case(name, text, logistic(generator.normal(*PRIOR, n_items)))

        return replace(self.case(name, text, np.full(n_items, GUESSING)), vary=vary)


SHORT_TEST = GuessingTest(SLOPES, INTERCEPTS, 2000)
LONG_TEST = GuessingTest(np.tile(1.5 * SLOPES, 4), np.tile(INTERCEPTS - 1.0, 4), 5000)


def three_pl() -> Case:
    text = "10 items, prior N(-1.4, .5) on the logit of guessing (.2), N = 2,000"
    return SHORT_TEST.case("3pl, prior", text, np.full(10, GUESSING))


def three_pl_drawn() -> Case:
    text = "the same, guessing drawn from the prior for each data set"
    return SHORT_TEST.drawn("3pl, drawn from prior", text)


def three_pl_long() -> Case:
    text = "40 items, steeper and harder, N = 5,000, guessing drawn from the prior as well"
    return LONG_TEST.drawn("3pl, 40 items", text)


def two_groups() -> Case:
    groups = np.repeat(["a", "b"], 750)
    model = mixirt.Model("2pl", items=10, groups=["a", "b"], invariance="scalar")
    model = model.start("slope", np.tile(SLOPES, 2)).start("intercept", np.tile(INTERCEPTS, 2))
    model = model.start("mean", 0.5, group="b").start("variance", 1.44, group="b")

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((1500, 1))
        theta[750:] = 0.5 + 1.2 * theta[750:]
        return binary(generator, SLOPES * theta + INTERCEPTS)

    return Case("two groups", "2PL, scalar invariance, 10 items, N = 2 x 750", model, draw, groups)


def two_attributes() -> Case:
    q = np.repeat(np.eye(2, dtype=int), 5, axis=0)
    model = mixirt.Model("2pl", items=10, q_matrix=q, n_quadrature=24)
    model = model.start("slope", SLOPES).start("intercept", INTERCEPTS)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=1000)
        return binary(generator, SLOPES * np.repeat(theta, 5, axis=1) + INTERCEPTS)

    text = "2PL, 5 + 5 items, correlation .5, N = 1,000"
    return Case("two attributes", text, model.start("covariance", 0.5), draw)


def mixture() -> Case:
    b = np.where(np.arange(10) < 5, 1.5, -1.5) * np.array([[1.0], [-1.0]])
    model = mixirt.Model("rasch", items=10, n_classes=2).start("variance", 0.64)
    model = model.start("intercept", b.ravel()).start("proportion", [0.6, 0.4])

    def draw(generator: np.random.Generator) -> Codes:
        member = (generator.random(1500) >= 0.6).astype(np.int64)
        return binary(generator, 0.8 * generator.standard_normal((1500, 1)) + b[member])

    return Case("mixture", "Rasch, 2 classes, 10 items, N = 1,500", model, draw)


def latent_classes() -> Case:
    p = np.array([[0.85] * 8, [0.8] * 4 + [0.2] * 4, [0.15] * 8])
    shares = np.array([0.3, 0.3, 0.4])
    model = mixirt.Model.latent_class(3, items=8).start("intercept", np.log(p / (1 - p)).ravel())

    def draw(generator: np.random.Generator) -> Codes:
        member = generator.choice(3, size=1000, p=shares)
        return (generator.random((1000, 8)) < p[member]).astype(np.int64)

    text = "3 classes, 8 items, N = 1,000"
    return Case("latent classes", text, model.start("proportion", shares), draw)


CASES: dict[str, Callable[[], Case]] = {
    "2pl": two_pl,
    "gpcm": gpcm,
    "grm": grm,
    "3pl, prior": three_pl,
    "two groups": two_groups,
    "two attributes": two_attributes,
    "mixture": mixture,
    "latent classes": latent_classes,
    "3pl, drawn from prior": three_pl_drawn,
    "3pl, 40 items": three_pl_long,
}

#: Data sets of a model: many, because some of its kinds of parameters have a single member.
N_DATA_SETS = 2000
#: Where fits take longer and every kind has many parameters.
FEWER = {"3pl, 40 items": 500}
