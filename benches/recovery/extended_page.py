"""The page of the documentation on the study beyond the report."""

from __future__ import annotations

from benches.recovery.conditions import SECTIONS
from benches.recovery.extended import STUDY, Summary
from benches.recovery.figures import Figure
from benches.recovery.reading import (
    WORDS,
    excess,
    excess_se,
    falls_with_size,
    joint_words,
    others_of,
    signed,
    table_line,
)

import mixirt

#: Coverage is nominal when within this many of its Monte Carlo standard errors of 95 %.
CLOSE = 2.5


def markdown(rows: list[Summary], again: list[Figure], n: int) -> str:
    """Write the page.

    Parameters
    ----------
    rows : list of Summary
        The conditions.
    again : list of Figure
        The report's models with more data sets, and with more respondents.
    n : int
        Data sets of each condition.
    """
    parts = [
        "# Recovery beyond the report",
        _introduction(n),
        "![Root mean square error and mean standard error by sample size and share of missing "
        "answers; coverage in every condition](recovery-extended.png)",
        *(_section(title, rows) for title in SECTIONS),
        _reading(rows),
        _once_more(again),
        "Figures: [recovery-extended.csv](recovery-extended.csv), "
        "[recovery-again.csv](recovery-again.csv). See also [coverage](coverage.md), which "
        "compares the methods of standard errors.",
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(n: int) -> str:
    return (
        f"`make recovery-extended`: {n} data sets of each condition, seed {STUDY.seed}, "
        f"mixirt {mixirt.__version__}. Every data set has items of its own: log slopes "
        "N(-.02, .04), intercepts N(0, 1) (graded items: three of them, 1.2 apart, around "
        "N(0, .49)), guessing logits N(-1.4, .25). Fits have the package's defaults; they start "
        "at the truth, which changes nothing where there is one maximum and saves time. "
        "Intervals are those of `r.confint()`, from the observed information.\n\n"
        "*Bias* is the mean error, *RMSE* its root mean square, *mean SE* the root mean square of "
        "the standard errors; brackets have Monte Carlo standard errors. *Coverage* is the share "
        "of 95 % intervals that hold the truth, in per cent. *Seconds* are the median processor "
        "time of a fit, and of its standard errors."
    )


def _section(title: str, rows: list[Summary]) -> str:
    lines = [
        f"## {title}",
        "",
        "| condition | parameter | bias | RMSE | mean SE | coverage | seconds, fit | seconds, SE |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    own = [row for row in rows if row.condition in SECTIONS[title]]
    lines += [_line(row) for row in own]
    lines.append("")
    texts = {name: condition.text for name, condition in SECTIONS[title].items()}
    if len(set(texts.values())) == 1:
        lines.append(f"{next(iter(texts.values()))}.")
    else:
        lines += [f"- {name}: {text}" for name, text in texts.items()]
    return "\n".join(lines)


def _line(row: Summary) -> str:
    cells = [
        row.condition,
        f"{row.parameter} ({row.n_parameters})",
        f"{row.bias:.4f} ({row.bias_se:.4f})",
        f"{row.rmse:.4f} ({row.rmse_se:.4f})",
        f"{row.mean_se:.4f}",
        f"{100 * row.coverage:.1f} ({100 * row.coverage_se:.1f})",
        f"{row.seconds:.3f}",
        f"{row.seconds_of_errors:.3f}",
    ]
    return table_line(cells)


def _reading(rows: list[Summary]) -> str:
    far = [r for r in rows if abs(r.coverage - 0.95) > CLOSE * r.coverage_se]
    bound = [r for r in rows if r.without_se > 0]
    lost = {r.condition: r.n_unconverged for r in rows if r.n_unconverged}
    lines = [
        "## How to read it",
        "",
        f"Of the {len(rows)} coverages {len(rows) - len(far)} are within {CLOSE} Monte Carlo "
        "standard errors of 95 %."
        + (
            " The others: "
            + "; ".join(f"{r.condition}, {r.parameter} ({100 * r.coverage:.1f} %)" for r in far)
            + "."
            if far
            else ""
        ),
    ]
    if bound:
        shares = "; ".join(f"{r.condition}, {100 * r.without_se:.1f} %" for r in bound)
        lines += [
            "",
            "Estimates that stopped at a bound have no standard error and no interval; they count "
            f"in bias and RMSE alone. They are guessing parameters of a 3PL: {shares}.",
        ]
    if lost:
        listed = ", ".join(f"{name}: {number}" for name, number in lost.items())
        lines += ["", f"Fits that did not converge: {listed}."]
    lines += [
        "",
        "A 3PL without a prior is the warning among these models: guessing of easy items is hardly "
        "determined by the responses, its estimates and those of the intercepts scatter widely, "
        "and their likelihood is too far from a normal one for Wald intervals. A prior cures most "
        "of it. What is left with a prior is skewness: most misses are on one side, slopes "
        "estimated too low, intercepts and guessing too high.",
    ]
    return "\n".join(lines)


def _once_more(again: list[Figure]) -> str:
    small, large = sizes = sorted({row.n_respondents for row in again})
    lines = [
        "## The report's models once more",
        "",
        "The models of [the report's study](recovery.md) with the package's defaults, in other "
        "data sets: responses drawn anew, many times from each of the same "
        f"{max(row.n_truths for row in again)} truths. *Ratio* is the root mean square error over "
        "the expected information bound, with its Monte Carlo standard error; *z* says by how many "
        "of these it differs from 1. *Excess* says by how many per cent the mean squared error "
        "exceeds that of the errors which information implies for the same responses, again with "
        "its Monte Carlo standard error: there the chance of the draw is gone.",
        "",
        "| model | parameters |"
        + "".join(f" data sets | ratio, N = {n:,} | z | excess, % |" for n in sizes),
        "|---|---|" + "--:|--:|--:|--:|" * len(sizes),
    ]
    both = [others_of(row, again) for row in again if row.n_respondents == small]
    for own in both:
        cells = [own[0].design, WORDS[own[0].column]]
        for r in own:
            cells += [f"{r.n_data_sets}", f"{r.ratio:.3f} ({r.mc_se / r.bound:.3f})", signed(r.z)]
            per_cent = round(100 * excess(r), 1) + 0.0  # none of them is -0.0
            cells.append(f"{per_cent:.1f} ({100 * excess_se(r):.1f})")
        lines.append(table_line(cells))
    paragraphs = ["\n".join(lines)]
    for n in sizes:
        of_size = [row for row in again if row.n_respondents == n]
        paragraphs.append(f"With {n:,} respondents {joint_words(of_size)}")
    seen = sum(abs(excess(row)) > 2.0 * excess_se(row) for row, _ in both)
    falls = sum(falls_with_size(*own) for own in both)
    paragraphs.append(
        f"Information speaks of large samples. In samples of {small:,} an excess is to be seen, by "
        f"more than two of its standard errors, in {seen} of {len(both)} figures. It is one of "
        f"second order, which falls as one over the number of respondents: with {large:,} "
        f"{falls} of {len(both)} are within two standard errors of {small / large:g} times the "
        f"excess with {small:,}. (These standard errors leave out the chance of the respondents "
        "that the information was taken from, which comes to some tenths of a per cent.)"
    )
    return "\n\n".join(paragraphs)
