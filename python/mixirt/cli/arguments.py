"""What can be said on the command line."""

from __future__ import annotations

import argparse
import textwrap

from mixirt._checks import LARGEST
from mixirt._core import __version__
from mixirt.cli import fitting, using
from mixirt.cli.endings import fit_to_write, table_to_read, table_to_write
from mixirt.covariance import VCOV_METHODS
from mixirt.families import ITEM_MODELS
from mixirt.presets import INVARIANCE

__all__ = ["parser"]

_FILES = """\
Tables have a header line and a column for every item or, with --long, a row for every answer. The
ending of a name says what a file is: .csv or .txt; .tsv, with tabs between fields; .parquet or .pq
(needs pyarrow or polars). No ending means CSV, and - standard input, CSV or Parquet. Empty fields,
NA, NaN, nan and null are missing answers."""


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands; a parsed command has the function `run`."""
    top = argparse.ArgumentParser(
        prog="mixirt",
        description="Item response and latent class models by marginal maximum likelihood.",
        epilog="mixirt COMMAND --help shows the options of a command, with examples.",
    )
    top.add_argument("--version", action="version", version=f"mixirt {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _fit(commands)
    _lca(commands)
    _score(commands)
    _simulate(commands)
    _show(commands)
    _compare(commands)
    return top


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help_: str,
    examples: str,
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help_,
        description=f"{help_[0].upper()}{help_[1:]}.\n\n{_FILES}",
        epilog=f"examples:\n{textwrap.indent(textwrap.dedent(examples).strip(), '  ')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _fit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "fit",
        "estimate an item response model",
        """
        mixirt fit responses.csv --model 2pl --out m.json
        mixirt fit survey.csv --model gpcm --groups country --invariance scalar --id person \\
            --out m.json
        mixirt fit answers.csv --items q1,q2,q3 --categories no,maybe,yes --missing 9 --model grm
        mixirt fit mixed.csv --model grm --categories q1=no,yes --categories q2=low,mid,high
        mixirt fit bank.parquet --long person item answer --model rasch --out m.json
        """,
    )
    _reading(command)
    command.add_argument("--model", default="2pl", choices=list(ITEM_MODELS), help="default 2pl")
    command.add_argument(
        "--item-model",
        action="append",
        default=[],
        metavar="ITEM=MODEL",
        help="another model for one item; may be repeated",
    )
    command.add_argument(
        "--q-matrix",
        type=table_to_read,
        metavar="FILE",
        help="CSV with a line per item: its name, then 0 or 1 for each attribute of the header",
    )
    command.add_argument("--groups", metavar="COLUMN", help="observed group of each respondent")
    command.add_argument(
        "--invariance", choices=list(INVARIANCE), help="what is equal across groups"
    )
    command.add_argument(
        "--reference", metavar="GROUP", help="the group that sets the scale; default the first"
    )
    command.add_argument(
        "--free-items", type=_names, metavar="ITEMS", help="items exempt from --invariance"
    )
    command.add_argument("--classes", type=_whole, metavar="N", help="latent classes (a mixture)")
    command.add_argument("--quadrature", choices=["rectangular", "gauss-hermite"])
    command.add_argument("--n-quadrature", type=_whole, metavar="N", help="points per attribute")
    command.add_argument("--start", metavar="M.JSON", help="start at the estimates of another fit")
    _estimating(command)
    command.set_defaults(run=fitting.run_fit)


def _lca(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "lca",
        "estimate a latent class model",
        """
        mixirt lca responses.csv --classes 3 --starts 50 --seed 1 --out m.json
        """,
    )
    _reading(command)
    command.add_argument("--classes", type=_whole, required=True, metavar="N")
    command.add_argument("--groups", metavar="COLUMN", help="observed group of each respondent")
    _estimating(command)
    command.set_defaults(run=fitting.run_lca)


def _score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "score",
        "score respondents with a fit",
        """
        mixirt score m.json new.csv --id person --out scores.csv
        mixirt score m.json new.parquet --method mode --groups country --out scores.parquet
        mixirt score m.json bank.csv --long person item answer --out scores.csv
        zcat big.csv.gz | mixirt score m.json - > scores.csv
        """,
    )
    command.add_argument("fit", metavar="M.JSON", help="a fit that was saved")
    command.add_argument(
        "table", type=table_to_read, metavar="FILE", help="responses; read in parts, of any length"
    )
    command.add_argument("--method", default="eap", choices=["eap", "map", "mode", "ml", "wle"])
    _persons(command, "column to carry over to the scores")
    command.add_argument("--groups", metavar="COLUMN", help="observed group of each respondent")
    command.add_argument(
        "--exclude",
        type=_names,
        default=[],
        metavar="ITEMS",
        help="items to leave out (--long)",
    )
    _fields(command)
    command.add_argument(
        "--chunk-rows",
        type=_whole,
        default=50_000,
        metavar="N",
        help="rows read at a time; with --long, rows of a person have to come together if there "
        "are more",
    )
    _table_out(command)
    command.add_argument("--threads", type=_whole, metavar="N")
    command.add_argument("--quiet", action="store_true", help="no progress on the terminal")
    command.set_defaults(run=using.run_score)


def _simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "simulate",
        "draw responses from a fit",
        """
        mixirt simulate m.json -n 100 --seed 1 --out drawn.csv
        """,
    )
    command.add_argument("fit", metavar="M.JSON", help="a fit that was saved")
    command.add_argument(
        "-n", type=_whole, metavar="N", help="respondents; default as many as were fitted"
    )
    command.add_argument("--group", metavar="LABEL", help="the group they are in")
    command.add_argument("--seed", type=_seed, metavar="N", help="for the same draws again")
    _table_out(command)
    command.set_defaults(run=using.run_simulate)


def _show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "show",
        "show a fit",
        """
        mixirt show m.json
        mixirt show m.json --parameters > parameters.csv
        """,
    )
    command.add_argument("fit", metavar="M.JSON", help="a fit that was saved")
    command.add_argument(
        "--parameters", action="store_true", help="all parameters as CSV instead of a page"
    )
    command.set_defaults(run=using.run_show)


def _compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "compare",
        "compare fits to the same responses: criteria and likelihood-ratio tests",
        """
        mixirt compare rasch.json 2pl.json 3pl.json
        """,
    )
    command.add_argument("fits", metavar="M.JSON", nargs="+", help="fits that were saved")
    command.set_defaults(run=using.run_compare)


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("table", type=table_to_read, metavar="FILE", help="responses")
    _persons(command, "column that is no item")
    command.add_argument("--items", type=_names, metavar="ITEMS", help="default all others")
    command.add_argument(
        "--exclude",
        type=_names,
        default=[],
        metavar="ITEMS",
        help="columns that are no items; with --long, items to leave out",
    )
    command.add_argument("--weights", metavar="COLUMN", help="frequency or sampling weights")
    command.add_argument(
        "--categories",
        action="append",
        default=[],
        metavar="[ITEM=]VALUES",
        help="the categories of all items, in order, as in no,maybe,yes; or of one item, as in "
        "q1=no,yes; may be repeated; default 0, 1, ...",
    )
    _fields(command)


def _persons(command: argparse.ArgumentParser, help_: str) -> None:
    choice = command.add_mutually_exclusive_group()
    choice.add_argument("--id", metavar="COLUMN", help=help_)
    choice.add_argument(
        "--long",
        nargs=3,
        metavar=("PERSON", "ITEM", "ANSWER"),
        help="a row for every answer: the columns with its person, its item, and itself",
    )


def _fields(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--missing", type=_names, default=[], metavar="VALUES", help="more codes of missing answers"
    )
    command.add_argument(
        "--delimiter", metavar="C", help="between CSV fields; default a comma, a tab in .tsv files"
    )


def _table_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out",
        type=table_to_write,
        metavar="FILE",
        help=".csv, .tsv or .parquet; default standard output",
    )


def _estimating(command: argparse.ArgumentParser) -> None:
    command.add_argument("--starts", type=_whole, metavar="N", help="random starts for classes")
    command.add_argument("--seed", type=_seed, metavar="N", help="of the random starts")
    command.add_argument("--max-cycles", type=_whole, metavar="N", help="EM cycles at the most")
    command.add_argument("--threads", type=_whole, metavar="N")
    command.add_argument(
        "--se", choices=list(VCOV_METHODS), help="compute standard errors and keep them in --out"
    )
    command.add_argument("--out", type=fit_to_write, metavar="M.JSON", help="where to save the fit")
    command.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"must be names between commas; found {text!r}")
    return names


def _whole(text: str) -> int:
    return _whole_number(text, 1)


def _seed(text: str) -> int:
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= LARGEST:
        most = f" and at most {LARGEST}" if value > LARGEST else ""
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least {least}{most}; found {text!r}"
        )
    return value
