"""The commands that use fits: score, simulate, show and compare."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixirt._words import quoted, unknown
from mixirt.cli.long import Reader, long_rows, whole_persons
from mixirt.cli.output import Columns, table_writer
from mixirt.cli.tables import Chunk, Kind, Source, check_columns, open_source, shown_name
from mixirt.cli.terminal import row_reporter, show_progress
from mixirt.comparing import compare
from mixirt.design import Design
from mixirt.errors import DataError, SpecError
from mixirt.files import load
from mixirt.model_text import text_table

if TYPE_CHECKING:
    from mixirt.scorer import Scorer

__all__ = ["run_compare", "run_score", "run_show", "run_simulate"]

#: Information criteria by their columns.
_CRITERIA = {"aic": "AIC", "bic": "BIC", "sabic": "SABIC"}


def run_score(given: argparse.Namespace) -> None:
    """Score the respondents of a table, part by part."""
    result = load(given.fit, frames="dict")
    design = result.model.design
    if design.has_groups and given.groups is None:
        raise DataError(
            f"the fit has groups {quoted(design.groups)}; name the column that holds them: --groups"
        )
    if given.groups is not None and not design.has_groups:
        raise DataError("--groups was given, but the fit has no groups; leave it out")
    if given.exclude and given.long is None:
        raise DataError(
            "--exclude belongs to --long; columns that are no items are left out anyway"
        )
    scores = _wide_scores if given.long is None else _long_scores
    with open_source(given.table, given.missing, given.delimiter) as source:
        shown = show_progress(given.quiet)
        scorer = result.scorer(given.method)
        with table_writer(given.out) as write, row_reporter(shown) as report:
            n_rows = 0
            for n, columns in scores(scorer, design, source, given):
                write(columns)
                n_rows += n
                report(n_rows)
            if not n_rows:
                raise DataError(f"{shown_name(given.table)} has no rows to score")


def _wide_scores(
    scorer: Scorer, design: Design, source: Source, given: argparse.Namespace
) -> Iterator[tuple[int, Columns]]:
    """Score part by part where there is a row per person; give numbers of rows, and scores."""
    others = [name for name in (given.id, given.groups) if name is not None]
    check_columns(given.table, source.names, others)
    lacking = [item for item in design.items if item not in source.names]
    if lacking:
        items = "item" if len(lacking) == 1 else "items"
        raise DataError(
            f"{shown_name(given.table)} has no column for {quoted(lacking)}, {items} of "
            f"{given.fit}; add an empty one where nobody was given the {items}"
        )
    for chunk in source.chunks(given.chunk_rows, [*others, *design.items]):
        responses = chunk.table(_kinds(design), "dict")
        groups = None if given.groups is None else _labels(chunk, given.groups, design)
        scores = scorer.score(responses, groups=groups, n_threads=given.threads, progress=False)
        columns: dict[str, Any] = {} if given.id is None else {given.id: chunk.values(given.id)}
        for name, values in scores.frame().items():
            columns[f"{name}_score" if name == given.id else name] = values
        yield len(chunk.lines), columns


def _long_scores(
    scorer: Scorer, design: Design, source: Source, given: argparse.Namespace
) -> Iterator[tuple[int, Columns]]:
    """Score part by part where there is a row per answer; give numbers of rows, and scores."""
    names = dict(zip(("person", "item", "response"), given.long, strict=True))
    readers: dict[str, Reader] = {}
    if given.groups is not None:
        names["group"] = given.groups
        readers["group"] = lambda chunk, name: _labels(chunk, name, design)
    check_columns(given.table, source.names, names.values())
    kinds = _kinds(design)
    chunks = source.chunks(given.chunk_rows, list(names.values()))
    parts = (long_rows(chunk, names, kinds, readers) for chunk in chunks)
    for rows in whole_persons(parts):
        own = rows.without(given.exclude)
        own.check_items(design.items)
        if len(own):
            responses = own.responses(None, "dict")
            scores = scorer.score(responses, n_threads=given.threads, progress=False)
            yield len(rows), scores.frame()


def _kinds(design: Design) -> dict[str, Kind]:
    """Say how the answers to each item are written, by the labels of its categories."""
    kinds: dict[str, Kind] = {}
    for item, labels in zip(design.items, design.category_labels, strict=True):
        kinds[item] = "auto"
        if any(isinstance(label, str) for label in labels):
            kinds[item] = "text"
        elif any(isinstance(label, bool) for label in labels):
            kinds[item] = "truth"
    return kinds


def _labels(chunk: Chunk, name: str, design: Design) -> list[Any]:
    """Find the group of each row by its label, whatever type the label has."""
    known = {str(label): label for label in design.groups}
    labels = []
    for row, value in enumerate(chunk.values(name)):
        label = str(value)
        if label not in known:
            found = "no group" if value is None else f"group {value!r}"
            raise DataError(
                f"{chunk.where(row)}, column '{name}': found {found}; the fit has the groups "
                f"{quoted(design.groups)}"
            )
        labels.append(known[label])
    return labels


def run_simulate(given: argparse.Namespace) -> None:
    """Draw responses."""
    result = load(given.fit, frames="dict")
    design, groups = result.model.design, None
    if given.group is not None:
        if not design.has_groups:
            raise DataError("--group was given, but the fit has no groups; leave it out")
        label = {str(label): label for label in design.groups}.get(given.group)
        if label is None:
            raise DataError(unknown("group", given.group, design.groups))
        n = given.n or result.data.group_sizes[design.groups.index(label)]
        groups = [label] * n
    elif given.n is not None and len(design.groups) > 1:
        raise DataError(f"the fit has groups {quoted(design.groups)}; choose one with --group")
    with table_writer(given.out) as write:
        write(result.simulate(given.n if groups is None else None, groups=groups, seed=given.seed))


def run_show(given: argparse.Namespace) -> None:
    """Print a fit on a page, or its parameters as CSV."""
    result = load(given.fit, frames="dict")
    if given.parameters:
        with table_writer(None) as write:
            write(result.parameters())
        return
    print(result.summary())


def run_compare(given: argparse.Namespace) -> None:
    """Print fit statistics and likelihood-ratio tests; refuse fits to different responses."""
    results = [load(path, frames="dict") for path in given.fits]
    names = _short_names(given.fits)
    table = compare(*results, names=names)
    rows = [
        [
            name,
            str(n_parameters),
            f"{loglik:.4f}",
            *(f"{criterion:.2f}" for criterion in criteria),
            *_test_in_words(*test),
        ]
        for name, loglik, n_parameters, *criteria, test in zip(
            *(table[k] for k in ("fit", "loglik", "n_parameters", *_CRITERIA)),
            zip(*(table[k] for k in ("chi_square", "df", "p_value")), strict=True),
            strict=True,
        )
    ]
    header = ["fit", "parameters", "loglik", *_CRITERIA.values(), "chi2", "df", "p"]
    print(f"{text_table(header, rows)}\n")
    for key, words in _CRITERIA.items():
        print(f"best by {words:5s}  {table['fit'][int(np.argmin(table[key]))]}")
    for name, result in zip(names, results, strict=True):
        if not result.converged:
            print(f"NOT CONVERGED  {name}")


def _short_names(paths: Sequence[str]) -> list[str]:
    """Call fits by their files: without folders and endings, where that tells them apart."""
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise SpecError(f"{twice} was named twice; compare takes different fits")
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def _test_in_words(chi_square: float, df: int, p: float) -> list[str]:
    """Write a test against the fit above; nothing where there is none."""
    if math.isnan(chi_square):
        return ["", "", ""]
    said = "" if math.isnan(p) else "< 0.0001" if p < 1e-4 else f"{p:.4f}"
    return [f"{chi_square:.4f}", str(df), said]
