"""The page of the documentation on the report's study."""

from __future__ import annotations

import math

from benches.recovery.bound import N_SCORES
from benches.recovery.designs import COLUMNS, DESIGNS, N_RESPONDENTS
from benches.recovery.figures import Figure, is_far, joint
from benches.recovery.study import N_STARTS, RUNAWAY, SEED

import mixirt

WORDS = {"slope": "slope", "intercept": "intercept", "mean": "mean", "spread": "sd, correlation"}
#: R mirt's errors on the same designs, where the report's are far from the bound.
R_MIRT = {
    ("2-group GPCM", "mean"): 0.053,
    ("mixture 1PL", "intercept"): 0.145,
    ("mixture GPCM", "intercept"): 0.156,
    ("2-dimensional mixture GPCM", "intercept"): 0.198,
}


def markdown(rows: list[Figure], again: list[Figure], n: int) -> str:
    """Write the page.

    Parameters
    ----------
    rows : list of Figure
        The study, by both runs.
    again : list of Figure
        The same models with more data sets, and with more respondents.
    n : int
        Data sets of each model.
    """
    parts = [
        "# Recovery: the report's study, done again",
        _introduction(n),
        "![Root mean square errors of both runs, the information bound and the printed figures]"
        "(recovery.png)",
        _table(rows, again),
        _reading(rows, again),
        _printed(rows),
        _how(n),
        _times(rows),
        "[recovery.csv](recovery.csv) has every figure; [beyond the report](recovery-extended.md) "
        "has more models, samples from 500 to 100,000, missing answers, and these nine models "
        "with more data sets.",
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(n: int) -> str:
    return (
        f"`make recovery` repeats the simulation study of Fu (2019, Table 1): nine models, "
        f"{N_RESPONDENTS:,} respondents, 10 items, {n} data sets each. It estimates them twice: "
        "with the report's own algorithm (EM without acceleration, one Newton step, 40 or 30 x 30 "
        "Gauss-Hermite nodes, both convergence criteria .001), and with the package's defaults. "
        f"Seed {SEED}, mixirt {mixirt.__version__}."
    )


def _table(rows: list[Figure], again: list[Figure]) -> str:
    lines = [
        "| model | parameters | printed | bound | report's algorithm | ratio | z | defaults | "
        "ratio | z | beyond 2: why |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [_line(*pair, again) for pair in _pairs(rows)]
    notes = (
        "Root mean square errors over data sets and parameters, with their Monte Carlo standard "
        "errors in brackets. The *bound* is the error that Fisher's information at the true "
        "parameters implies; *ratio* is error over bound; *z* is their difference in Monte Carlo "
        "standard errors. Parameters are counted in brackets, those equal across groups once."
    )
    return "\n".join(lines) + "\n\n" + notes


def _pairs(rows: list[Figure]) -> list[tuple[Figure, Figure]]:
    """Give the figures of both runs side by side, in the order of Table 1."""
    by_place = {(row.design, row.column, row.run): row for row in rows}
    return [
        (by_place[design, column, "report"], by_place[design, column, "defaults"])
        for design in DESIGNS
        for column in COLUMNS
        if (design, column, "report") in by_place
    ]


def _line(first: Figure, second: Figure, again: list[Figure]) -> str:
    printed = "" if math.isnan(first.printed) else f"{first.printed:.3f}"
    cells = [first.design, f"{WORDS[first.column]} ({first.n_parameters})", printed]
    cells.append(f"{first.bound:.4f}")
    for row in (first, second):
        cells += [f"{row.rmse:.4f} ({row.mc_se:.4f})", f"{row.ratio:.3f}", signed(row.z)]
    further = _further(first, second)
    cells.append(_cause(further, _once_more(further, again)) if is_far(further) else "")
    return f"| {' | '.join(cells)} |"


def _further(first: Figure, second: Figure) -> Figure:
    """Give the run that is further from the bound."""
    return max(first, second, key=lambda row: abs(row.z))


def _once_more(row: Figure, again: list[Figure]) -> list[Figure]:
    """Give the figures of other data sets, by number of respondents."""
    own = [r for r in again if (r.design, r.column) == (row.design, row.column)]
    return sorted(own, key=lambda r: r.n_respondents)


def _cause(row: Figure, others: list[Figure]) -> str:
    """Say why a figure is beyond: other data sets of its size are not, or larger ones much less."""
    if not others:
        return ""
    same, larger = others[0], others[-1]
    if not is_far(same):
        return "chance"
    if abs(larger.ratio - _shrunk(same, larger)) > 2.0 * larger.mc_se / larger.bound:
        return "not explained"
    has_rest = abs(row.ratio - same.ratio) > 2.0 * row.mc_se / row.bound
    return "size of the sample" + (", and chance" if has_rest else "")


def _shrunk(same: Figure, larger: Figure) -> float:
    """Give the ratio in larger samples if the excess of the square falls as one over their size."""
    excess = (same.ratio**2 - 1.0) * same.n_respondents / larger.n_respondents
    return math.sqrt(1.0 + excess)


def joint_words(rows: list[Figure]) -> str:
    """Say how many figures are near their bounds, and what chance makes of it."""
    of_all = joint(rows)
    return (
        f"{of_all.n - of_all.n_far} of {of_all.n} figures are within two Monte Carlo standard "
        f"errors of the bound; by chance alone {of_all.expected_far:.1f} of them would be beyond. "
        f"The largest z is {signed(of_all.largest)} (the probability of one as large among "
        f"{of_all.n} is {_probability(of_all.p_largest)}); the sum of the squares of all is "
        f"{of_all.sum_of_squares:.1f} (probability {_probability(of_all.p_sum)})."
    )


def signed(z: float) -> str:
    """Write a z value with its sign; none of them is -0.0."""
    return f"{round(z, 1) + 0.0:+.1f}"


def _probability(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else f"{value:.0e}"


def _reading(rows: list[Figure], again: list[Figure]) -> str:
    """Say how many figures are near their bounds, and why the others are not."""
    paragraphs = []
    for run, words in (("report", "With the report's algorithm"), ("defaults", "With defaults")):
        paragraphs.append(f"{words}, {joint_words([row for row in rows if row.run == run])}")
    paragraphs.append(
        "The probabilities take the figures for independent, which those of one model are not "
        "quite. Both runs have the same data sets: what is beyond in one is beyond in the other. "
        "So the cause was looked for with [other data sets]"
        "(recovery-extended.md#the-reports-models-once-more) drawn from the same truths, many "
        "more of them, and with ten times as many respondents. Chance does not come again. An "
        "error of the estimator or of the bound would stay. What the bound leaves out, for it is "
        "one of large samples, shows as an excess of the squared error that falls as one over the "
        "number of respondents."
    )
    far = [row for row in (_further(*pair) for pair in _pairs(rows)) if is_far(row)]
    if far:
        paragraphs.append("\n".join(_far_line(row, _once_more(row, again)) for row in far))
    paragraphs.append(_algorithm(rows))
    return "## How to read it\n\n" + "\n\n".join(paragraphs)


def _far_line(row: Figure, others: list[Figure]) -> str:
    cause = _cause(row, others)
    seen = "".join(
        f", {r.ratio:.3f} ({r.mc_se / r.bound:.3f}) in {r.n_data_sets:,} other data sets of "
        f"{r.n_respondents:,} respondents"
        for r in others
    )
    if cause.startswith("size"):
        seen += f", where an excess that falls so would leave {_shrunk(others[0], others[-1]):.3f}"
    verdict = f" {cause[0].upper()}{cause[1:]}." if cause else ""
    return (
        f"- **{row.design}, {WORDS[row.column]}**: {row.ratio:.3f} times the bound here{seen}."
        + verdict
    )


def _algorithm(rows: list[Figure]) -> str:
    """Say that neither the report's algorithm nor local maxima are the cause."""
    pairs = _pairs(rows)
    apart = max(abs(first.rmse - second.rmse) / second.mc_se for first, second in pairs)
    text = (
        "None of it is a matter of the algorithm. The two runs, one of which stops at .001 after "
        f"single Newton steps, differ by {apart:.1f} standard errors at the most."
    )
    mixtures = {row.design: row for _, row in pairs if DESIGNS[row.design].groups == "latent"}
    if mixtures:
        n = sum(row.n_data_sets for row in mixtures.values())
        n_same = n - sum(row.n_below for row in mixtures.values())
        text += (
            f" And mixtures did not stop at local maxima: in {n_same} of {n} data sets a start at "
            f"the truth leads to no higher log-likelihood than the best of {N_STARTS} random "
            "starts."
        )
    return text


def _printed(rows: list[Figure]) -> str:
    """Compare with the report's figures, and R mirt's."""
    own = {(r.design, r.column): r for r in rows if r.run == "defaults"}
    both = [row for row in own.values() if not math.isnan(row.printed)]
    below = [row for row in both if row.printed < row.bound - 2 * _error_of_printed(row)]
    above = [row for row in both if row.printed > row.bound + 2 * _error_of_printed(row)]

    def listed(far: list[Figure]) -> str:
        return "; ".join(
            f"{r.design}, {WORDS[r.column]} ({r.printed:.3f}, bound {r.bound:.3f})" for r in far
        )

    lines = [
        "## The printed figures",
        "",
        f"Of the {len(both)} figures that the report prints, "
        f"{len(both) - len(below) - len(above)} are within two Monte Carlo standard errors of the "
        "bound, those of a study like ours with truths of its own. The rest cannot be reproduced "
        "from the report's description:",
        "",
    ]
    if above:
        lines.append(f"- larger than the bound: {listed(above)};")
    if below:
        lines.append(f"- smaller than the bound: {listed(below)}.")
    lines += [
        "",
        "With two attributes a part of this may be our choice of the items that need both. For the "
        "rest, no estimator without bias can have smaller errors than the bound of its design, and "
        "an error of three times the bound is not that of a maximum. R mirt errs on the same "
        "designs as mixirt does:",
        "",
        "| model | parameters | printed | R mirt | mixirt | bound |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for key, value in R_MIRT.items():
        if key in own:
            r = own[key]
            lines.append(
                f"| {r.design} | {WORDS[r.column]} | {r.printed:.3f} | {value:.3f} | {r.rmse:.3f} "
                f"| {r.bound:.3f} |"
            )
    lines += [
        "",
        "R mirt's figures come from other data sets of these designs, and differ by chance.",
    ]
    return "\n".join(lines)


def _error_of_printed(row: Figure) -> float:
    """Give the standard error of a printed figure beside our bound: its truths are not ours."""
    return math.sqrt(row.mc_se**2 + 2.0 * row.bound_se**2)


def _how(n: int) -> str:
    return f"""## How it is done

- Every data set has a truth of its own: log slopes normal with mean -.02 and variance .04, so
  that slopes have mean 1; intercepts standard normal. ("Lognormal with mean 1 and variance .04
  on the normal scale" could also mean log slopes with mean 1. Errors would then be twice those
  printed.)
- Attributes are standard normal, the second group's with means 1; correlations .7 and, in the
  second group, .5. With two attributes, three items need the first, two the second and five
  both. The report gives no numbers; with these the errors of one group come out as printed.
- Identification is the report's. Means and standard deviations are 0 and 1 in one group and in
  the first of two. Observed groups have all items but the last in common, and the second has a
  free distribution. Classes have nothing in common; their means and standard deviations are held
  at the true ones. Correlations are free. In the 1PL models slopes are 1.
- Mixtures start {N_STARTS} times at random; all other models at the package's start values. No
  fit starts at the truth. Whether classes 1 and 2 are called so or the other way round is
  chance. They are put in the order that is nearer to the truth, comparing intercepts as if both
  classes had mean 0: there the likelihood is the same in either order. Then each is moved to the
  mean of the class whose place it has.
- The bound of a figure is the root of the mean of its parameters' variances, from the inverse of
  Fisher's information at the true parameters of the same {n} data sets: the mean product of the
  scores of {N_SCORES:,} respondents drawn for the purpose, for {N_RESPONDENTS:,}. It comes from
  `mixirt.fit(..., max_cycles=0)` and `vcov("cross_product")`. It is tested against sums over all
  response patterns in plain NumPy for the 2PL, and for mixtures, correlated attributes included,
  against second derivatives over other respondents. Standard deviations and correlations by the
  delta method.
- Monte Carlo standard errors come from the scatter of the {n} data sets: of the squared errors of
  a data set, summed over its parameters, around the sum that the bound of its own truth implies.
  So errors that go together within a data set count as one, and bounds may differ from truth to
  truth. They are never taken to be less than normal errors with the covariance matrices of the
  bound would give: so few data sets tell little about scatter, and a figure that is too small by
  chance comes with too little of it.
- Where an intercept has no maximum, because all members of a class gave the same answer, the
  data set is left out of both runs (an estimate beyond {RUNAWAY:.0f})."""


def _times(rows: list[Figure]) -> str:
    lines = [
        "## Cycles and time",
        "",
        "| model | data sets used | cycles, report | cycles, defaults | seconds, report | "
        "seconds, defaults |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for design in DESIGNS:
        own = {row.run: row for row in rows if row.design == design}
        if own:
            a, b = own["report"], own["defaults"]
            lines.append(
                f"| {design} | {a.n_data_sets} | {a.n_cycles:.0f} | {b.n_cycles:.0f} | "
                f"{a.seconds:.3f} | {b.seconds:.3f} |"
            )
    n_lost = sum(row.n_unconverged for row in rows)
    of_fits = {(r.design, r.run): r.seconds * r.n_data_sets for r in rows}
    lines += [
        "",
        "Median number of cycles (of a mixture's best start) and mean processor time of a fit (of "
        f"a mixture, with all starts): {sum(of_fits.values()):.0f} seconds for all of them, to "
        f"which the bounds add a little. Fits that did not converge: {n_lost}.",
    ]
    return "\n".join(lines)
