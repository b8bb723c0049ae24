"""The page of the documentation on the report's study."""

from __future__ import annotations

import math

from benches.recovery.bound import N_INFORMATION
from benches.recovery.designs import DESIGNS, N_RESPONDENTS
from benches.recovery.figures import Figure
from benches.recovery.reading import (
    WORDS,
    cause,
    further,
    others_of,
    pairs,
    ratio_se,
    reading,
    signed,
    table_line,
)
from benches.recovery.study import N_STARTS, RUNAWAY, SEED

import mixirt

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
        "![Root mean square errors of both runs, both information bounds and the printed figures]"
        "(recovery.png)",
        _expected_table(rows, again),
        _realised_table(rows),
        reading(rows, again),
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


def _expected_table(rows: list[Figure], again: list[Figure]) -> str:
    lines = [
        "| model | parameters | printed | expected bound | report's algorithm | ratio | z | "
        "defaults | ratio | z | beyond 2: why |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for first, second in pairs(rows):
        printed = "" if math.isnan(first.printed) else f"{first.printed:.3f}"
        cells = [*_place(first), printed, f"{first.bound:.4f}"]
        for row in (first, second):
            cells += [f"{row.rmse:.4f} ({row.mc_se:.4f})", f"{row.ratio:.3f}", signed(row.z)]
        row = further(first, second)
        lines.append(table_line([*cells, cause(row, others_of(row, again))]))
    notes = (
        "Root mean square errors over data sets and parameters, with their Monte Carlo standard "
        "errors in brackets. The *expected bound* is the error that Fisher's information at the "
        "true parameters implies in the mean of all responses that might have been drawn; *ratio* "
        "is error over bound; *z* is their difference in Monte Carlo standard errors. Parameters "
        "are counted in brackets, those equal across groups once."
    )
    return "\n".join(lines) + "\n\n" + notes


def _realised_table(rows: list[Figure]) -> str:
    lines = [
        "The responses that were drawn are not the mean of all. For them information implies "
        "errors of their own, whose root mean square is the *bound of the same responses*:",
        "",
        "| model | parameters | bound, same responses | report's algorithm | ratio | z | "
        "defaults | ratio | z |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for both in pairs(rows):
        cells = [*_place(both[0]), f"{both[0].realised:.4f}"]
        for row in both:
            ratio = f"{row.realised_ratio:.3f} ({ratio_se(row):.3f})"
            cells += [f"{row.rmse:.4f}", ratio, signed(row.realised_z)]
        lines.append(table_line(cells))
    lines += [
        "",
        "*z* is the difference in the Monte Carlo standard errors of the first table. In brackets: "
        "the Monte Carlo standard error of the ratio, which is smaller by far, because error and "
        "bound are of the same responses.",
    ]
    return "\n".join(lines)


def _place(row: Figure) -> list[str]:
    """Give the first two cells of a line."""
    return [row.design, f"{WORDS[row.column]} ({row.n_parameters})"]


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
        "expected bound, those of a study like ours with truths of its own. The rest cannot be "
        "reproduced from the report's description:",
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
        "| model | parameters | printed | R mirt | mixirt | expected bound |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for key, value in R_MIRT.items():
        if key in own:
            r = own[key]
            errors = (r.printed, value, r.rmse, r.bound)
            lines.append(table_line([r.design, WORDS[r.column], *(f"{e:.3f}" for e in errors)]))
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
- The expected bound is the root of the mean of the variances of a figure's parameters, the
  diagonal of $I(\\theta_0)^{{-1}}$, over the true parameters $\\theta_0$ of the {n} data sets. $I$
  is Fisher's information for {N_RESPONDENTS:,} respondents, the mean of the observed one of
  {N_INFORMATION:,} drawn for it, whose own chance comes to some tenths of a per cent of a bound.
  It comes from `mixirt.fit(..., max_cycles=0)` and `vcov()`.
- The bound of the same responses $y$ is the root mean square of the errors that this information
  implies for them,

  $$e(y) = I(\\theta_0)^{{-1}} s(\\theta_0; y), \\qquad
  s(\\theta; y) = \\partial \\log L(\\theta; y) / \\partial \\theta,$$

  in the order of the true classes. The score $s$ comes from `gradient()` of a fit without cycles
  to the {N_RESPONDENTS:,} responses. The error of the maximum is $e$ and a rest that is smaller by
  one over the root of the number of respondents. Over all responses $e$ has mean 0 and covariance
  matrix $I(\\theta_0)^{{-1}}$, so that its mean square is that of the expected bound. But where the
  responses drawn are not like the mean of all, $e$ is not, and the maximum goes with it: the
  chance of the draw is in figure and bound alike, and not in their difference.
- Standard deviations and correlations have both bounds by the delta method. The tests compare the
  bounds with sums over all response patterns and with a log-likelihood in plain NumPy, and those
  of mixtures, correlated attributes included, with products of the scores of other respondents.
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
            cells = [design, f"{a.n_data_sets}", f"{a.n_cycles:.0f}", f"{b.n_cycles:.0f}"]
            lines.append(table_line([*cells, f"{a.seconds:.3f}", f"{b.seconds:.3f}"]))
    n_lost = sum(row.n_unconverged for row in rows)
    of_fits = {(r.design, r.run): r.seconds * r.n_data_sets for r in rows}
    lines += [
        "",
        "Median number of cycles (of a mixture's best start) and mean processor time of a fit (of "
        f"a mixture, with all starts): {sum(of_fits.values()):.0f} seconds for all of them; "
        "responses, bounds and starts at the truth come on top. Fits that did not converge: "
        f"{n_lost}.",
    ]
    return "\n".join(lines)
