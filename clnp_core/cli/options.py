"""Options that several commands share."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from clnp_core.errors import SpecError
from clnp_core.files import can_be_written
from clnp_core.runs.spec import setting_names

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

_MOST_WORKERS = 1024


class Help(argparse.HelpFormatter):
    """Help that keeps paragraphs apart, and as they are those with lines that are set in."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        fill = super()._fill_text
        return "\n\n".join(each if "\n  " in each else fill(each, width, indent) for each in paragraphs)


def examples(*lines: str) -> str:
    """Lay out examples for the end of a command's help."""
    return "\n  ".join(["examples:" if len(lines) > 1 else "example:", *lines])


def add_command(
    commands: Any, name: str, command: Callable[[argparse.Namespace], int], *example: str, more: str = "", **given: Any
) -> argparse.ArgumentParser:
    """Add a command that works on a store, described by its docstring, and return its parser.

    Parameters
    ----------
    commands : argparse's subparsers
    name : str
    command : callable
    *example : str
        Command lines for its help.
    more : str
        What else stands at the end of its help.
    **given
        As `add_parser` takes it.
    """
    end = "\n\n".join(filter(None, [examples(*example) if example else "", more]))
    added: argparse.ArgumentParser = commands.add_parser(
        name, description=inspect.getdoc(command), epilog=end, formatter_class=Help, **given
    )
    added.add_argument(
        "--store", type=_folder, metavar="DIR", help="folder of the runs; default CLNP_STORE, else your data folder"
    )
    added.set_defaults(command=command)
    return added


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the run that a command works on."""
    run: Any = parser.add_argument("run", metavar="RUN", help=_RUN)
    run.completer = complete_runs


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add the runs, one or several, that a command works on."""
    runs: Any = parser.add_argument("runs", metavar="RUN", nargs="+", help=_RUN)
    runs.completer = complete_runs


_RUN = "id or name of a run, or how its id begins where no other does; clnp list has them"


def complete_runs(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """List the runs that can be meant, for the completion of a command line."""
    return [run.id for run in opened(argparse.Namespace(store=parsed_args.store)).runs()]


def keys() -> str:
    """List the settings that the option of `add_set` changes, for the end of a command's help."""
    listed = fill(", ".join(setting_names()), 76, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return f"keys of --set (LAYER is 1, 2, … or output):\n{listed}"


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add the option that changes settings by name."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as margin=0.02 or lambda.1=1e-4,1e-3; can be repeated",
    )


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the files a table is written to."""
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        type=output,
        metavar="FILE",
        help="write the table to this file, .csv or .parquet; - is standard output, in CSV; can be repeated",
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which workers compute: a Dask cluster's, or how many of this machine."""
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("CLNP_SCHEDULER") or None,
        metavar="ADDRESS",
        help="compute on the Dask cluster at this address, tcp://host:8786; default CLNP_SCHEDULER, else this machine",
    )
    parser.add_argument(
        "--workers",
        type=_count,
        default=os.environ.get("CLNP_WORKERS") or None,
        metavar="N",
        help="number of workers on this machine; default CLNP_WORKERS, else as many as its cores and memory allow",
    )


def as_given(options: argparse.Namespace) -> list[str]:
    """Return those options as arguments for a background engine."""
    given = {"--scheduler": options.scheduler, "--workers": options.workers}
    return [f"{name}={value}" for name, value in given.items() if value]


def _folder(text: str) -> Path:
    if not text:  # as of a variable that is not set; it would be the working directory
        raise argparse.ArgumentTypeError("there is no name; give that of a folder")
    return Path(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; give a number from 1 to {_MOST_WORKERS}")
    return int(text)


def output(text: str) -> Path:
    """Take the name of a file to write; `-` is standard output."""
    return Path("/dev/stdout" if text == "-" else text)


def opened(options: argparse.Namespace) -> Store:
    """Open the store that the options name, and complete the ids of runs there that they name.

    Raises
    ------
    StoreError
        If the store cannot be opened, or has no such run.
    """
    from clnp_core.runs.store import Store

    store = Store(options.store)
    if hasattr(options, "run"):
        options.run = store.find(options.run).id
    if hasattr(options, "runs"):
        options.runs = list(dict.fromkeys(store.find(name).id for name in options.runs))
    return store


def check_writable(option: str, path: Path) -> None:
    """Check before hours of training that the file can be written after them.

    Raises
    ------
    SpecError
        If it cannot be written.
    """
    if not can_be_written(path):
        raise SpecError(f"{option} {path}: the file cannot be written; give a name in a folder that can be written to.")
