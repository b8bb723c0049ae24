"""Checks of what was observed: whether every category of every item has an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._coding import MAX_CATEGORIES
from mixirt._options import aside, option
from mixirt._respondents import Groups
from mixirt._warn import warn
from mixirt._words import listed, shown
from mixirt.errors import DataError, DataWarning

__all__ = ["check_groups", "check_observed", "warn_of_identifiers"]

#: Answers to an item of which no two are the same are no accident from this many on.
_MANY_ANSWERS = 20


def warn_of_identifiers(names: Sequence[str], counts: NDArray[np.uint32]) -> None:
    """Warn of items that, unlike others, nobody answered as anybody else did: row numbers, say.

    Parameters
    ----------
    names
        Names of the items.
    counts
        Number of respondents that count by item and code, shape (I, 256).
    """
    answers = counts[:, :MAX_CATEGORIES]
    unlike = (answers.max(axis=1) == 1) & (answers.sum(axis=1) >= _MANY_ANSWERS)
    if unlike.any() and not unlike.all():
        warn(
            f"no two respondents gave the same answer to {_subject(names, unlike)}; a column that "
            f"is no item has to be left out{aside('exclude')}",
            DataWarning,
        )


def check_observed(
    names: Sequence[str],
    labels: Sequence[tuple[Any, ...]],
    by_default: NDArray[np.bool_],
    counts: NDArray[np.uint32],
) -> None:
    """Refuse items whose parameters the answers cannot determine.

    Parameters
    ----------
    names
        Names of the items.
    labels
        Values of the categories of each item.
    by_default
        Whether whole numbers stand for themselves in the item, shape (I,).
    counts
        Number of respondents that count by item and code, shape (I, 256).

    Raises
    ------
    DataError
        If an item has no answers, a single observed category, or a category without answers.
    """
    observed = counts[:, :MAX_CATEGORIES] > 0
    n_observed = observed.sum(axis=1)
    _refuse_unanswered(names, n_observed == 0)
    _refuse_constant(names, labels, n_observed == 1, observed)
    _refuse_one_based(names, labels, by_default & ~observed[:, 0] & observed[:, 1])
    _refuse_empty(names, labels, by_default, observed)


def _subject(names: Sequence[str], items: NDArray[np.bool_]) -> str:
    chosen = [names[i] for i in np.flatnonzero(items).tolist()]
    return f"item{'s' if len(chosen) > 1 else ''} {listed(chosen)}"


def _refuse_unanswered(names: Sequence[str], items: NDArray[np.bool_]) -> None:
    if items.any():
        raise DataError(f"nobody answered {_subject(names, items)}; leave out what has no answers")


def _refuse_constant(
    names: Sequence[str],
    labels: Sequence[tuple[Any, ...]],
    items: NDArray[np.bool_],
    observed: NDArray[np.bool_],
) -> None:
    if not items.any():
        return
    first = int(items.argmax())
    value = shown(labels[first][int(observed[first].argmax())])
    raise DataError(
        f"all answers to {_subject(names, items)} are in one category ({value} in "
        f"{names[first]!r}); an item needs answers in two at least, so leave it out"
    )


def _refuse_one_based(
    names: Sequence[str], labels: Sequence[tuple[Any, ...]], items: NDArray[np.bool_]
) -> None:
    if not items.any():
        return
    lists = {names[i]: list(range(1, len(labels[i]))) for i in np.flatnonzero(items).tolist()}
    first = next(iter(lists.values()))
    alike = items.all() and all(values == first for values in lists.values())
    cure = option("categories", first if alike else lists)
    has = "has" if len(lists) == 1 else "have"
    raise DataError(
        f"{_subject(names, items)} {has} no answer in category 0: the codes look 1-based. "
        f"Categories count from 0: say {cure}, or subtract 1 from the codes"
    )


def _refuse_empty(
    names: Sequence[str],
    labels: Sequence[tuple[Any, ...]],
    by_default: NDArray[np.bool_],
    observed: NDArray[np.bool_],
) -> None:
    n_categories = np.array([len(values) for values in labels])
    empty = (np.arange(MAX_CATEGORIES) < n_categories[:, np.newaxis]) & ~observed
    items = np.flatnonzero(empty.any(axis=1))
    if not items.size:
        return
    first = int(items[0])
    lacking = [labels[first][code] for code in np.flatnonzero(empty[first])]
    kept = [labels[first][code] for code in np.flatnonzero(observed[first])]
    others = f" (nor in one of {listed(names[i] for i in items[1:])})" if items.size > 1 else ""
    them = "it" if len(lacking) == 1 else "them"
    last = int(np.flatnonzero(observed[first])[-1])
    if by_default[first] and last > 2 and not observed[first, last - 2 : last].any():
        # A code far from the others hardly is a category.
        code = labels[first][last]
        raise DataError(
            f"item {names[first]!r}: somebody answered {shown(code)}, but nobody {listed(lacking)}"
            f"{others}. If {shown(code)} means no answer, say {option('missing', code)}; if it is "
            f"a category, say which there are, as in {option('categories', {names[first]: kept})}"
        )
    raise DataError(
        f"item {names[first]!r}: nobody answered in category {listed(lacking)}{others}, so its "
        f"parameters cannot be estimated. Merge {them} with a neighbour, leave {them} out, as in "
        f"{option('categories', {names[first]: kept})}, or, if an answer is a code for a missing "
        f"one, name it in {option('missing=')}"
    )


def check_groups(
    groups: Groups, answered: NDArray[np.bool_], counting: NDArray[np.bool_] | None
) -> None:
    """Refuse groups without respondents or without answers.

    Parameters
    ----------
    groups
        The group of each respondent.
    answered
        Which respondents answered anything, shape (N,).
    counting
        Which respondents have a positive weight, shape (N,); None for all.
    """
    n_groups = len(groups.labels)
    present = np.bincount(groups.index, weights=counting, minlength=n_groups) > 0
    if counting is not None:
        answered = answered & counting
    with_answers = np.bincount(groups.index, weights=answered, minlength=n_groups) > 0
    for has, what in ((present, "respondents"), (with_answers, "answers")):
        lacking = [groups.labels[g] for g in np.flatnonzero(~has)]
        if lacking:
            noun = "group" if len(lacking) == 1 else "groups"
            extra = " of positive weight" if counting is not None else ""
            raise DataError(
                f"the {noun} {listed(lacking)} without {what}{extra} cannot be estimated; "
                f"leave the {noun} out"
            )
