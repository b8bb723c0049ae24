"""The sections of a report but for its pictures: HTML from what a fit says of itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._answers import Answers
from mixirt.diagnostics import STATUSES
from mixirt.plots import _choose
from mixirt.reports.html import Html, element, facts, join, table

if TYPE_CHECKING:
    from mixirt.responses import Responses
    from mixirt.result import Result

__all__ = ["data", "diagnostics", "distributions", "estimates", "glance", "model_words", "models"]

#: Columns of estimates that fit beside the names of items.
_MOST_COLUMNS = 8


#: Item models in words; others go by their name.
_WORDS = {
    "rasch": "Rasch",
    "1pl": "one-parameter logistic",
    "2pl": "two-parameter logistic",
    "3pl": "three-parameter logistic",
    "pcm": "partial credit",
    "gpcm": "generalised partial credit",
    "grm": "graded response",
}


def model_words(result: Result) -> str:
    """Name the model in a few words."""
    design = result.model.design
    if not design.attributes:
        return f"Latent class analysis, {_count(design.n_classes, 'class', 'classes')}"
    names = sorted({_WORDS.get(model.name, model.name) for model in design.models})
    words = f"{' and '.join(names)} model{'s' * (len(names) > 1)}"
    parts = [words[0].upper() + words[1:]]
    if len(design.attributes) > 1:
        parts.append(f"{len(design.attributes)} attributes")
    if design.has_groups:
        parts.append(_count(len(design.groups), "group"))
    if design.n_classes > 1:
        parts.append(f"mixture of {design.n_classes} classes")
    return ", ".join(parts)


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def glance(result: Result) -> Html:
    """Fit statistics, and whether they can be trusted."""
    pairs: list[tuple[str, object]] = [
        ("Log-likelihood", f"{result.loglik:.4f}"),
        ("Parameters", f"{result.n_parameters}"),
        ("AIC", f"{result.aic:.2f}"),
        ("BIC", f"{result.bic:.2f}"),
        ("Sample-size adjusted BIC", f"{result.sabic:.2f}"),
        ("EM cycles", f"{result.n_cycles}"),
    ]
    if result.log_posterior != result.loglik:
        pairs.insert(1, ("Log-posterior", f"{result.log_posterior:.4f}"))
    if result.model.design.n_classes > 1:
        pairs.append(("Entropy of the classification", _number(result.entropy)))
    pairs += _goodness(result)
    return join([_status(result), facts(pairs)])


def _goodness(result: Result) -> list[tuple[str, object]]:
    from mixirt.latent_class import LatentClassResult

    if not isinstance(result, LatentClassResult):
        return []
    fit = result.goodness_of_fit
    if fit.unavailable is not None:
        return [("Chi-square", f"none: {fit.unavailable}")]
    pairs: list[tuple[str, object]] = [("Degrees of freedom", str(fit.df))]
    for name, value, p in (("G²", fit.g2, fit.g2_p), ("Pearson X²", fit.pearson, fit.pearson_p)):
        tail = "" if p is None else f" (p {'< 0.0001' if p < 1e-4 else f'{p:.4f}'})"
        pairs.append((name, _number(value, 2) + tail))
    return pairs


def _status(result: Result) -> Html:
    line = result._status_line()
    meaning = next((f": {words}" for s, words in STATUSES.items() if line.startswith(f"{s} (")), "")
    good = result.converged and (not line or line.startswith(("maximum", "not examined")))
    state = "Converged." if result.converged else "Not converged."
    words = f"{line.partition(' (')[0].capitalize()}{meaning}." if line else ""
    return element(
        "p", element("strong", state), f" {words}", class_="status" if good else "status warn"
    )


def models(result: Result) -> Html:
    """Structure of the model, and which parameters are fixed, free and tied."""
    design = result.model.design
    pairs: list[tuple[str, object]] = [("Items", str(len(design.items)))]
    if design.attributes:
        pairs.append(("Item models", ", ".join(sorted({m.name for m in design.models}))))
        pairs.append(("Attributes", ", ".join(design.attributes)))
        pairs.append(("Quadrature", design.quadrature))
    if design.has_groups:
        pairs.append(("Groups", ", ".join(str(label) for label in design.groups)))
        pairs.append(("Reference group", str(design.reference)))
    if design.n_classes > 1:
        pairs.append(("Latent classes", str(design.n_classes)))
    settings = result._settings
    pairs.append(("Acceleration of EM", settings.acceleration))
    tolerances = f"{settings.tol_parameter:g}, {settings.tol_deviance:g}"
    pairs.append(("Tolerances of parameters and deviance", tolerances))
    text = str(result.model)
    if design.attributes:
        text += f"\n\n{result.plan()}"
    return join([facts(pairs), element("pre", text, tabindex="0")])


def data(result: Result) -> Html:
    """Sizes of the data, and how often each category was chosen."""
    design, summary = result.model.design, result.data
    pairs: list[tuple[str, object]] = [
        ("Respondents", f"{summary.n_respondents:,}"),
        ("Different response patterns", f"{summary.n_patterns:,}"),
    ]
    if summary.sum_of_weights != summary.n_respondents:
        pairs.append(("Sum of weights", f"{summary.sum_of_weights:,.6g}"))
    if design.has_groups:
        sizes = zip(design.groups, summary.group_sizes, strict=True)
        pairs += [(f"Respondents in {label}", f"{n:,}") for label, n in sizes]
    parts: list[Html] = [facts(pairs)]
    if result._fitted.is_here:
        parts.append(_frequencies(result))
    else:
        note = "The responses themselves are not part of the file that this fit was read from."
        parts.append(element("p", note, class_="note"))
    return join(parts)


def _frequencies(result: Result) -> Html:
    design, read = result.model.design, result._fitted.responses
    most = max(design.n_categories)
    alike = len(set(design.category_labels)) == 1
    labels = [str(v) for v in design.category_labels[0]] if alike else map(str, range(most))
    rows = []
    for name, n, counts in zip(design.items, design.n_categories, _counts(read), strict=True):
        own = [f"{count}" for count in counts[:n]]
        rows.append([name, *own, *[""] * (most - n), f"{read.n_rows - counts[:n].sum()}"])
    caption = "Responses in each category" + ("" if alike else ", from the lowest (0)")
    return join(_split(caption, ["item", *labels, "none"], rows))


def _counts(read: Responses) -> NDArray[np.integer]:
    """Count the respondents by item and code: shape (I, 256)."""
    codes = read.codes
    if isinstance(codes, Answers):
        return codes.counts()
    return np.array([np.bincount(column, minlength=256) for column in codes.T])


def estimates(result: Result) -> Html:
    """Item parameters, or the category probabilities of latent classes, with standard errors."""
    design = result.model.design
    parts: list[object] = [element("p", _ABOUT_ERRORS, class_="note")]
    if not design.attributes:
        return join([*parts, *_class_probabilities(result)])
    columns = _plain(result).parameters()
    place = _choose.distinct_places(result, design.items)
    for one in place:
        caption = "Item parameters" + (f", {one.name}" if one.name else "")
        parts += _item_tables(result, columns, one, caption)
    return join(parts)


_ABOUT_ERRORS = (
    "Standard errors in parentheses. Values without one are fixed, or held by a bound (†), or the "
    "standard errors were not computed."
)


def _plain(result: Result) -> Any:
    """Return the same result, with frames that need no library."""
    plain = copy.copy(result)
    plain._native = "dict"
    return plain


def _item_tables(
    result: Result, columns: dict[str, Any], place: _choose.Place, caption: str
) -> list[Html]:
    """Lay out a row per item, a column per parameter."""
    design = result.model.design
    here = np.ones(len(columns["item"]), bool)
    if design.has_groups:
        here &= np.array([g == place.where["group"] for g in columns["group"]])
    if design.n_classes > 1:
        here &= np.asarray(columns["class"]) == place.where["class_"]
    order: dict[tuple[int, int], str] = {}
    cells: dict[str, dict[str, str]] = {}
    kinds = ["slope", "intercept", "guessing"]
    for k in np.flatnonzero(here).tolist():
        kind, attribute = columns["parameter"][k], columns["attribute"][k]
        category = columns["category"][k]
        name = kind
        if kind == "slope" and len(design.attributes) > 1:
            name = f"slope on {attribute}"
        elif kind == "intercept" and max(design.n_categories) > 2:
            name = f"intercept {category}"
        position = design.attributes.index(attribute) if attribute is not None else category or 0
        order[kinds.index(kind), int(position)] = name
        cells.setdefault(columns["item"][k], {})[name] = _with_error(columns, k)
        difficulty = columns["difficulty"][k]
        if math.isfinite(difficulty):
            other = "difficulty" if name == "intercept" else f"difficulty {category}"
            order[3, int(category or 0)] = other
            cells[columns["item"][k]][other] = _number(difficulty)
    header = [order[key] for key in sorted(order)]
    rows = [[item, *(own.get(name, "") for name in header)] for item, own in cells.items()]
    return list(_split(caption, ["item", *header], rows))


def _with_error(columns: dict[str, Any], k: int) -> str:
    """Write an estimate with its standard error, and a mark where a bound holds it."""
    se, mark = float(columns["se"][k]), "†" if columns["status"][k] == "bound" else ""
    error = f" ({_number(se)})" if math.isfinite(se) else ""
    return f"{_number(columns['estimate'][k])}{error}{mark}"


def _number(value: float | None, digits: int = 3) -> str:
    """Write a number, or that there is none."""
    if value is None or not math.isfinite(value):
        return "n/a"
    return f"{value:.{digits}f}"


def _split(caption: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[Html]:
    """Cut a wide table into several that fit side by side on paper, names repeated."""
    others = len(header) - 1
    n = -(-others // _MOST_COLUMNS)
    for part in np.array_split(np.arange(1, others + 1), n):
        own = [0, *part.tolist()]
        name = caption if n == 1 else f"{caption}: {header[own[1]]} to {header[own[-1]]}"
        yield table(name, [header[i] for i in own], [[row[i] for i in own] for row in rows])


def _class_probabilities(result: Result) -> Iterator[Html]:
    design = result.model.design
    columns = _plain(result).category_probabilities()
    errors = _probability_errors(result)
    for group in design.groups:
        cells: dict[tuple[str, str], list[str]] = {}
        for k, p in enumerate(columns["probability"]):
            if design.has_groups and columns["group"][k] != group:
                continue
            key = (columns["item"][k], str(columns["category"][k]))
            se = f" ({_number(errors[k])})" if math.isfinite(errors[k]) else ""
            cells.setdefault(key, []).append(f"{p:.3f}{se}")
        header = ["item", "category", *(f"class {c + 1}" for c in range(design.n_classes))]
        caption = "Probabilities of the categories" + (f", {group}" if design.has_groups else "")
        yield table(caption, header, [[*key, *own] for key, own in cells.items()])


def _probability_errors(result: Result) -> Any:
    """Return standard errors of all category probabilities, in order; NaN where there are none."""
    n = len(_plain(result).category_probabilities()["probability"])
    if not result._is_examined() or result._covariance("oakes").flat:
        return np.full(n, math.nan)
    derived = _plain(result).derived()
    own = [k for k, kind in enumerate(derived["parameter"]) if kind == "probability"]
    return np.asarray(derived["se"], float)[own]


def distributions(result: Result) -> Html:
    """Distributions of the attributes, or sizes of the classes."""
    columns = _plain(result).distributions()
    design = result.model.design
    names = [n for n in ("group", "class", "proportion") if n in columns]
    if not design.attributes or names == ["proportion"]:
        names.remove("proportion")
    header = [*names, "parameter", "attribute", "estimate"]
    if not design.attributes:
        header.remove("attribute")
    rows = []
    for k in range(len(columns["estimate"])):
        row: list[object] = [columns[n][k] for n in names if n != "proportion"]
        if "proportion" in names:
            row.append(_number(columns["proportion"][k]))
        kind = columns["parameter"][k]
        if design.attributes:
            first, second = columns["attribute"][k], columns["attribute_2"][k]
            kind = "variance" if second == first else kind
            row += [kind, first if second in (None, first) else f"{first}, {second}"]
        else:
            row.append(kind)
        rows.append([*row, _with_error(columns, k)])
    if not names:
        # The first column names the rows.
        header = ["attribute", "parameter", "estimate"]
        rows = [[row[1], row[0], row[2]] for row in rows]
    return table(
        "Means and covariances" if design.attributes else "Class proportions", header, rows
    )


def diagnostics(result: Result) -> Html:
    """Proof of the fit, and its starts."""
    parts: list[object] = []
    if result._fitted.is_here and result._is_examined():
        parts.append(_proof(result))
    else:
        line = result._status_line() or "The fit was read from a file without its diagnostics."
        parts.append(element("p", line[0].upper() + line[1:]))
    if result.n_starts > 1:
        starts = _plain(result).starts()
        rows = [
            [str(k + 1), f"{starts['loglik'][k]:.4f}", f"{starts['times'][k]}",
             "yes" if starts["converged"][k] else "no"]
            for k in range(len(starts["loglik"]))
        ]  # fmt: skip
        caption = f"Maxima found by {result.n_starts} starts, the best first (seed {result.seed})"
        parts.append(table(caption, ["rank", "log-likelihood", "starts", "converged"], rows))
    stopped = result._at_bounds()
    if stopped:
        parts.append(element("h3", "Parameters held by a bound (†)"))
        parts.append(element("ul", *(element("li", one) for one in stopped)))
    return join(parts)


def _proof(result: Result) -> Html:
    found = result._diagnose()
    pairs: list[tuple[str, object]] = [
        ("Status", found.status),
        ("Largest gradient, per standard error", _small(found.largest_gradient)),
        ("Log-likelihood a Newton step would gain, twice", _small(found.newton_distance)),
        ("Largest step to the maximum", _small(found.largest_step)),
        ("Smallest eigenvalue of the scaled information", _small(found.eigenvalues[0])),
    ]
    if math.isfinite(found.finer_loglik):
        error = abs(found.finer_loglik - result.loglik)
        pairs.append(("Log-likelihood on twice the points differs by", _small(error)))
        pairs.append(("Largest move on twice the points", _small(found.finer_shift)))
    pairs.append(("Cycles in which the likelihood fell", str(found.n_decreases)))
    message = found.message()
    warning = [element("p", message[0].upper() + message[1:] + ".")] if message else []
    return join([*warning, facts(pairs)])


def _small(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "n/a"
