"""The page of the documentation on the report's study."""

from __future__ import annotations

import math

from benches.recovery.bound import N_SCORES
from benches.recovery.designs import COLUMNS, DESIGNS, N_RESPONDENTS
from benches.recovery.figures import Figure
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


def markdown(rows: list[Figure], n: int, seconds: float) -> str:
    """Write the page."""
    parts = [
        "# Recovery: the report's study, done again",
        _introduction(n, seconds),
        "![Root mean square errors of both runs, the information bound and the printed figures]"
        "(recovery.png)",
        _table(rows),
        _reading(rows, n),
        _printed(rows),
        _how(n),
        _times(rows),
        "[recovery.csv](recovery.csv) has every figure; [beyond the report](recovery-extended.md) "
        "has more models, samples from 500 to 100,000, missing answers, and these nine models "
        "with more data sets.",
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(n: int, seconds: float) -> str:
    return (
        f"`make recovery` repeats the simulation study of Fu (2019, Table 1): nine models, "
        f"{N_RESPONDENTS:,} respondents, 10 items, {n} data sets each. It estimates them twice: "
        "with the report's own algorithm (EM without acceleration, one Newton step, 40 or 30 x 30 "
        "Gauss-Hermite nodes, both convergence criteria .001), and with the package's defaults. "
        f"Seed {SEED}; {seconds:.0f} seconds in two processes of one thread each, "
        f"mixirt {mixirt.__version__}."
    )


def _table(rows: list[Figure]) -> str:
    lines = [
        "| model | parameters | printed | bound | report's algorithm | ratio | defaults | ratio |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for design in DESIGNS:
        for column in COLUMNS:
            own = {r.run: r for r in rows if (r.design, r.column) == (design, column)}
            if own:
                lines.append(_line(own["report"], own["defaults"]))
    notes = (
        "Root mean square errors over data sets and parameters, with their Monte Carlo standard "
        "errors in brackets. The *bound* is the error that Fisher's information at the true "
        "parameters implies; *ratio* is error over bound, with an asterisk where they differ by "
        "more than two Monte Carlo standard errors. Parameters are counted in brackets, those "
        "equal across groups once."
    )
    return "\n".join(lines) + "\n\n" + notes


def _line(first: Figure, second: Figure) -> str:
    printed = "" if math.isnan(first.printed) else f"{first.printed:.3f}"
    cells = [first.design, f"{WORDS[first.column]} ({first.n_parameters})", printed]
    cells.append(f"{first.bound:.4f}")
    for row in (first, second):
        cells += [f"{row.rmse:.4f} ({row.mc_se:.4f})", f"{row.ratio:.3f}{'*' * _is_far(row)}"]
    return f"| {' | '.join(cells)} |"


def _is_far(row: Figure) -> bool:
    return abs(row.z) > 2


def _reading(rows: list[Figure], n: int) -> str:
    """Say how many figures are near their bounds, and why the others are not."""
    paragraphs = []
    for run, words in (("report", "With the report's algorithm"), ("defaults", "With defaults")):
        own = [row for row in rows if row.run == run]
        far = [row for row in own if _is_far(row)]
        by_chance = f"{0.05 * len(own):.0f}"
        text = (
            f"{words}, {len(own) - len(far)} of {len(own)} figures are within two Monte Carlo "
            f"standard errors of the bound; by chance alone about {by_chance} would not be."
        )
        if far:
            text += " Those beyond: " + "; ".join(_far_words(row) for row in far) + "."
        paragraphs.append(text)
    paragraphs.append(
        "Two things move figures away from the bound. One is chance: the errors of the parameters "
        f"of a data set go together, {n} data sets are few, and both runs have the same ones. The "
        "other is that the bound is one of large samples. With 3,000 respondents and up to 123 "
        "parameters the maximum likelihood estimates of mixtures err a little more than it says. "
        "That is no matter of the algorithm: a start at the truth leads to the same maxima. The "
        "information *observed* in the same responses, at the same true parameters, says so too "
        "(`observed_ratio` in the CSV file): it varies from data set to data set, and its inverse "
        "is larger on average. Both explanations can be tested, and "
        "[are](recovery-extended.md#the-reports-models-once-more): with more data sets chance goes "
        "away, and with more respondents the rest."
    )
    return "## How to read it\n\n" + "\n\n".join(paragraphs)


def _far_words(row: Figure) -> str:
    return (
        f"{row.design}, {WORDS[row.column]} ({row.z:+.1f} standard errors; "
        f"{row.observed_ratio:.2f} times what the observed information implies)"
    )


def _printed(rows: list[Figure]) -> str:
    """Compare with the report's figures, and R mirt's."""
    own = {(r.design, r.column): r for r in rows if r.run == "defaults"}
    both = [row for row in own.values() if not math.isnan(row.printed)]
    below = [row for row in both if row.printed < row.bound - 2 * row.mc_se]
    above = [row for row in both if row.printed > row.bound + 2 * row.mc_se]

    def listed(far: list[Figure]) -> str:
        return "; ".join(
            f"{r.design}, {WORDS[r.column]} ({r.printed:.3f}, bound {r.bound:.3f})" for r in far
        )

    lines = [
        "## The printed figures",
        "",
        f"Of the {len(both)} figures that the report prints, "
        f"{len(both) - len(below) - len(above)} are within two of our Monte Carlo standard errors "
        "of the bound. The others cannot be reproduced from the report's description:",
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
  `mixirt.fit(..., max_cycles=0)` and `vcov("cross_product")`, and is tested against sums over
  all response patterns in plain NumPy. Standard deviations and correlations by the delta method.
- Monte Carlo standard errors come from the scatter of the {n} data sets, but are never taken to
  be less than normal errors with the covariance matrices of the bound would give: so few data
  sets tell little about scatter, and a figure that is too small by chance comes with too little
  of it.
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
    lines += [
        "",
        "Median number of cycles (of a mixture's best start) and mean seconds of a fit (of a "
        f"mixture, with all starts) on one thread. Fits that did not converge: {n_lost}.",
    ]
    return "\n".join(lines)
