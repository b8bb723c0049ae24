"""The front door: from responses and a model to a fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mixirt._keywords import names_keywords
from mixirt._words import quoted, unknown
from mixirt.errors import SpecError
from mixirt.estimation import estimate
from mixirt.known_classes import read_known_classes
from mixirt.long_format import own_columns
from mixirt.matching import model_for, responses_for
from mixirt.model import Model
from mixirt.responses import Responses
from mixirt.result import Result
from mixirt.selection import SELECTABLE
from mixirt.settings import Settings
from mixirt.starts import plan_starts

__all__ = ["fit"]

#: Keywords that users of other programs expect, and what says the same here.
_ELSEWHERE = {
    "prior": "a prior belongs to parameters of a Model: mixirt.Model(...).prior(kind, ...)",
    "priors": "a prior belongs to parameters of a Model: mixirt.Model(...).prior(kind, ...)",
    "n_factors": "several attributes are said by q_matrix, one column for each",
    "n_dims": "several attributes are said by q_matrix, one column for each",
    "quadpts": "the number of points is n_quadrature",
    "itemtype": "item models are said by model",
    "technical": "options of the estimation are max_cycles, tol_parameter, tol_deviance, ...",
}


@names_keywords(_ELSEWHERE)
def fit(  # noqa: PLR0913 -- keywords of the front door
    responses: Any,
    model: Any = "2pl",
    *,
    q_matrix: Any = None,
    groups: Any = None,
    weights: Any = None,
    known_classes: Any = None,
    categories: Any = None,
    missing: Any = None,
    attributes: Sequence[str] | None = None,
    category_scores: Any = None,
    invariance: str | None = None,
    free_items: Sequence[str] | None = None,
    reference: object = None,
    items_by_group: Mapping[Any, Sequence[str]] | None = None,
    attributes_by_group: Mapping[Any, Sequence[str]] | None = None,
    n_classes: int | None = None,
    class_invariance: str | None = None,
    class_free_items: Sequence[str] | None = None,
    quadrature: str | None = None,
    n_quadrature: int | Sequence[int] | None = None,
    prune: float | None = None,
    start: Any = None,
    n_starts: int | None = None,
    seed: int | None = None,
    progress: bool | Callable[..., Any] | None = None,
    acceleration: str = "anderson",
    max_cycles: int = 2000,
    tol_parameter: float = 1e-5,
    tol_deviance: float = 1e-5,
    max_newton: int | None = None,
    n_threads: int | None = None,
) -> Result:
    """Estimate an item response model by marginal maximum likelihood.

    Parameters
    ----------
    responses : array, list of lists, data frame or LongResponses
        One row per respondent, one column per item; whole-number categories from 0 by default, NaN
        or None where an answer is missing. One row per answer: see :func:`mixirt.long`.
    model : str, sequence, mapping or Model, default "2pl"
        ``"rasch"``, ``"1pl"``, ``"2pl"``, ``"3pl"``, ``"pcm"``, ``"gpcm"`` or ``"grm"``: one for
        all items, one for each, or by item name; or a :class:`mixirt.Model`.
    q_matrix : array-like of 0/1, shape (I, J), optional
        Which item measures which attribute; default one attribute measured by all. Columns of a
        frame name the attributes; an index that does not count the rows names the items, in any
        order.
    groups : sequence of labels, shape (N,), optional
        The observed group of each respondent.
    weights : sequence of float, shape (N,), optional
        Frequency or sampling weights.
    known_classes : sequence of int or None, shape (N,), optional
        The latent class, from 1, of respondents whose class is known; None or NaN for the others.
    categories : sequence, or mapping from item to sequence, optional
        The values of the categories in order, where they are not 0, 1, ...
    missing : value or values, or mapping from item to them, optional
        Codes that mean a missing answer.
    attributes : sequence of str, optional
        Names of the attributes; default the columns of ``q_matrix`` if it is a frame, else
        ``"theta1"``, ``"theta2"``, ...; without a ``q_matrix``, ``"theta"``.
    category_scores : sequence, or mapping from item to sequence, optional
        Real-valued scores of the categories (GPCM), for all items or by item; default 0, 1, ...
    invariance : {"configural", "metric", "scalar"}, default "configural"
        What is equal across groups: nothing; slopes; slopes, intercepts and guessing. The variances
        of all groups but the reference (metric), and their means too (scalar), are then free.
    free_items : sequence of str, optional
        Items that may differ between groups all the same: partial invariance.
    reference : label, optional
        The group whose mean and variance set the scale; default the first.
    items_by_group, attributes_by_group : mapping from group label to names, optional
        Items and attributes of groups that do not have all of them; default the items that anybody
        in the group answered, and all attributes.
    n_classes : int, default 1
        Number of latent classes (within each observed group): a mixture.
    class_invariance, class_free_items
        The same as ``invariance`` and ``free_items``, across latent classes.
    quadrature : {"rectangular", "gauss-hermite"}, default "rectangular"
        The rule; see ``docs/numerics.md``.
    n_quadrature : int or sequence of int, optional
        Points per attribute; default 64 for one attribute, 32 each for two, 20 for three, 12 for
        four, 8 for five, 6 beyond.
    prune : float, optional
        With ``"gauss-hermite"``: drop nodes whose weight is below this share of the largest.
    start : Result or mapping from kind to number, optional
        Where to start: at another fit's estimates, matched by name, or for instance
        ``{"slope": 1.0}``.
    n_starts : int, optional
        Random starts of a model with latent classes, default 10 (20 without attributes): each makes
        a short run, the better half go on until they converge. One start for one class, and where
        start values tell the classes apart.
    seed : int, optional
        Seed of the random starts; with the same one, the result is the same. Default: a random one,
        to be found in `r.seed`.
    progress : bool, callable or None, default None
        Show cycle, log-likelihood and largest change on standard error, on one line that is wiped
        at the end: None after two seconds if it is a terminal or a notebook; True at once, and
        elsewhere in a line every ten seconds; False never. Of several starts, the line first says
        how many have made their short run, then the cycles of the one that leads and how many of
        the others have finished. Or call ``progress(loglik, change, rejected)`` after every cycle;
        of several starts, after those of the one that leads.
    acceleration : {"anderson", "squarem", "none"}, default "anderson"
        Acceleration of the EM algorithm; ``"none"`` is the paper's.
    max_cycles : int, default 2000
        EM cycles at the most. With 0 nothing is estimated: the result is that of the start values,
        its log-likelihood, standard errors and scores included.
    tol_parameter, tol_deviance : float, default 1e-5
        The fit has converged when no parameter is further than ``tol_parameter`` from where it is
        heading, and -2 log-likelihood changes by less than ``tol_deviance`` in a cycle. The paper
        uses .001 for both.
    max_newton : int, optional
        Newton iterations in each M-step. Default 1, the paper's; but 3 for items that can be
        guessed, whose log-likelihood is not concave: the fit then takes half as many cycles.
    n_threads : int, optional
        Threads; default one per processor. Results do not depend on it.

    Returns
    -------
    Result
        Estimates, log-likelihood and history; scores respondents and simulates responses.

    Raises
    ------
    DataError
        If the responses cannot be used; names the item, group and row.
    SpecError, IdentificationError
        If the model cannot be estimated; says what to change.
    EstimationError
        If responses cannot occur under the model.

    Warns
    -----
    ConvergenceWarning
        If the cycles ran out (not with ``max_cycles=0``).
    BoundaryWarning
        If parameters were stopped by a bound.
    RunawayWarning
        If slopes or intercepts grew beyond what any responses could determine.
    ReplicationWarning
        If only one of several starts reached the highest log-likelihood.
    LikelihoodDecreaseWarning, QuadratureWarning
        If the quadrature grid is too coarse.
    DataWarning
        If the responses look transposed.

    Examples
    --------
    >>> import mixirt
    >>> lsat7 = mixirt.datasets.load("lsat7").responses
    >>> r = mixirt.fit(lsat7, "2pl")
    >>> round(r.loglik, 3)
    -2658.805

    The log-likelihood of the same responses when all slopes are 1, without estimating anything:

    >>> round(mixirt.fit(lsat7, "2pl", start={"slope": 1.0}, max_cycles=0).loglik, 3)
    -2664.917
    """
    settings = Settings(
        acceleration, max_cycles, tol_parameter, tol_deviance, max_newton, n_threads
    )
    structure = {
        "q_matrix": q_matrix,
        "attributes": attributes,
        "category_scores": category_scores,
        "invariance": invariance,
        "free_items": free_items,
        "reference": reference,
        "items_by_group": items_by_group,
        "attributes_by_group": attributes_by_group,
        "n_classes": n_classes,
        "class_invariance": class_invariance,
        "class_free_items": class_free_items,
        "quadrature": quadrature,
        "n_quadrature": n_quadrature,
        "prune": prune,
    }
    structure = {name: value for name, value in structure.items() if value is not None}
    groups, weights = own_columns(responses, groups, weights)
    reading = {
        "groups": groups, "weights": weights, "categories": categories, "missing": missing,
    }  # fmt: skip
    if isinstance(model, Model):
        if structure:
            raise SpecError(
                f"{quoted(structure)} cannot be given together with a Model, which has settings of "
                "its own; make the Model with them"
            )
        read = responses_for(responses, model, **reading)
    else:
        read = Responses.read(responses, **reading)
        model = model_for(read, model, **structure)
    model = _with_start(model, start)
    plan = plan_starts(model.design, model.table, n_starts, seed)
    settings = replace(settings, n_starts=plan.n_starts, seed=plan.seed)
    known = read_known_classes(known_classes, read, model.design.n_classes)
    model.check(some_known=known is not None)
    return estimate(read, model, settings, progress, known)


def _with_start(model: Model, start: Any) -> Model:
    if start is None:
        return model
    if isinstance(start, Result):
        return start.start_for(model)
    if not isinstance(start, Mapping):
        raise SpecError(
            "start must be a fit or a mapping such as {'slope': 1.0}; found "
            f"{type(start).__name__}"
        )
    for kind, value in start.items():
        if kind not in SELECTABLE:
            raise SpecError(unknown("kind of parameter", kind, SELECTABLE))
        model = model.start(kind, value)
    return model
