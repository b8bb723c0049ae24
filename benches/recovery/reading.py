"""What the figures of a table say together: how many are near their bounds, and why others not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from benches.recovery.designs import COLUMNS, DESIGNS
from benches.recovery.figures import Figure, is_far, is_far_realised, joint
from benches.recovery.study import N_STARTS

WORDS = {"slope": "slope", "intercept": "intercept", "mean": "mean", "spread": "sd, correlation"}
#: Both runs in the words of a sentence.
RUNS = {"report": "the report's algorithm", "defaults": "defaults"}


def reading(rows: list[Figure], again: list[Figure]) -> str:
    """Say how many figures are near their bounds, and why the others are not."""
    by_run = {run: [row for row in rows if row.run == run] for run in RUNS}
    paragraphs = [f"With {RUNS[run]}, {joint_words(own)}" for run, own in by_run.items()]
    paragraphs.append(
        "The probabilities take the figures for independent, which those of one model are not "
        "quite. Both runs have the same data sets: what is beyond in one is beyond in the other."
    )
    paragraphs.append(_realised_words(by_run))
    far = [row for row in (further(*pair) for pair in pairs(rows)) if is_far(row)]
    if far:
        paragraphs.append("\n".join(_far_line(row, others_of(row, again)) for row in far))
    paragraphs.append(_algorithm(rows))
    return "## How to read it\n\n" + "\n\n".join(paragraphs)


def pairs(rows: Sequence[Figure]) -> list[tuple[Figure, Figure]]:
    """Give the figures of both runs side by side, in the order of Table 1."""
    by_place = {(row.design, row.column, row.run): row for row in rows}
    return [
        (by_place[design, column, "report"], by_place[design, column, "defaults"])
        for design in DESIGNS
        for column in COLUMNS
        if (design, column, "report") in by_place
    ]


def further(first: Figure, second: Figure) -> Figure:
    """Give the run that is further from the expected bound."""
    return max(first, second, key=lambda row: abs(row.z))


def others_of(row: Figure, again: list[Figure]) -> list[Figure]:
    """Give the figures of other data sets, by number of respondents."""
    own = [r for r in again if (r.design, r.column) == (row.design, row.column)]
    return sorted(own, key=lambda r: r.n_respondents)


def cause(row: Figure, others: list[Figure]) -> str:
    """Say why a figure is beyond the expected bound; nothing where it is not.

    If the same responses imply such an error, it is their chance. If they do not, and its excess
    comes again in other data sets and falls as one over their size, it is the size of the sample.
    """
    if not is_far(row):
        return ""
    if not is_far_realised(row):
        return "chance"
    if others and excess(others[0]) > 2.0 * excess_se(others[0]) and falls_with_size(*others):
        return "size of the sample"
    return "not explained"


def excess(row: Figure) -> float:
    """Give the share by which the mean squared error exceeds that of the same responses' bound."""
    return row.realised_ratio**2 - 1.0


def excess_se(row: Figure) -> float:
    """Give the Monte Carlo standard error of `excess`."""
    return 2.0 * row.realised_ratio * ratio_se(row)


def ratio_se(row: Figure) -> float:
    """Give the Monte Carlo standard error of the ratio to the bound of the same responses."""
    return row.realised_se / row.realised


def falls_with_size(same: Figure, larger: Figure) -> bool:
    """Say whether the excess falls as one over the number of respondents."""
    share = same.n_respondents / larger.n_respondents
    se = math.hypot(excess_se(larger), share * excess_se(same))
    return abs(excess(larger) - share * excess(same)) < 2.0 * se


def joint_words(rows: list[Figure]) -> str:
    """Say how many figures are near their expected bounds, and what chance makes of it."""
    of_all = joint(rows)
    return (
        f"{of_all.n - of_all.n_far} of {of_all.n} figures are within two Monte Carlo standard "
        f"errors of the expected bound; by chance alone {of_all.expected_far:.1f} of them would be "
        f"beyond. The largest z is {signed(of_all.largest)} (the probability of one as large among "
        f"{of_all.n} is {_probability(of_all.p_largest)}); the sum of the squares of all is "
        f"{of_all.sum_of_squares:.1f} (probability {_probability(of_all.p_sum)})."
    )


def signed(z: float) -> str:
    """Write a z value with its sign; none of them is -0.0."""
    return f"{round(z, 1) + 0.0:+.1f}"


def table_line(cells: Sequence[str]) -> str:
    """Write a line of a table."""
    return f"| {' | '.join(cells)} |"


def _probability(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else f"{value:.0e}"


def _realised_words(by_run: dict[str, list[Figure]]) -> str:
    """Say how many figures are near the bounds of the same responses."""
    near = {run: sum(not is_far_realised(row) for row in own) for run, own in by_run.items()}
    n = len(by_run["defaults"])
    apart = np.median([abs(row.realised_ratio - 1.0) for row in by_run["defaults"]])
    return (
        f"Of the bound for the same responses, {near['report']} of {n} figures with the report's "
        f"algorithm and {near['defaults']} of {n} with defaults are within two Monte Carlo "
        f"standard errors. With defaults half of all figures are within {100 * apart:.1f} % of it: "
        "chance made the figures of the first table large or small, and it made their bounds so "
        "too. These z have no chance of the draw in them and are no sample from a normal "
        "distribution; what is left is what information leaves out, for it speaks of large "
        "samples. Such a rest comes again in [other data sets]"
        "(recovery-extended.md#the-reports-models-once-more) of the same truths, as an excess of "
        "the squared error that falls as one over the number of respondents. An error of the "
        "estimator would not fall. The figures beyond two of the expected bound:"
    )


def _far_line(row: Figure, others: list[Figure]) -> str:
    why = cause(row, others)
    text = (
        f"- **{row.design}, {WORDS[row.column]}**: {row.ratio:.3f} times the expected bound. The "
        f"same responses imply {row.realised / row.bound:.3f} times, and the error is "
        f"{_ratio(row)} times that"
    )
    if why == "chance":
        return f"{text}. Chance."
    text += "".join(
        f"; {_ratio(r)} in {r.n_data_sets:,} other data sets of {r.n_respondents:,} respondents"
        for r in others
    )
    if others:
        share = others[0].n_respondents / others[-1].n_respondents
        left = math.sqrt(1.0 + share * excess(others[0]))
        text += f", where an excess that falls so would leave {left:.3f}"
    return f"{text}. {why[0].upper()}{why[1:]}."


def _ratio(row: Figure) -> str:
    return f"{row.realised_ratio:.3f} ({ratio_se(row):.3f})"


def _algorithm(rows: list[Figure]) -> str:
    """Say that neither the report's algorithm nor local maxima are the cause."""
    both = pairs(rows)
    apart = max(abs(first.rmse - second.rmse) / second.mc_se for first, second in both)
    text = (
        "None of it is a matter of the algorithm. The two runs, one of which stops at .001 after "
        f"single Newton steps, differ by {apart:.1f} standard errors at the most."
    )
    mixtures = {row.design: row for _, row in both if DESIGNS[row.design].groups == "latent"}
    if mixtures:
        n = sum(row.n_data_sets for row in mixtures.values())
        n_same = n - sum(row.n_below for row in mixtures.values())
        text += (
            f" And mixtures did not stop at local maxima: in {n_same} of {n} data sets a start at "
            f"the truth leads to no higher log-likelihood than the best of {N_STARTS} random "
            "starts."
        )
    return text
