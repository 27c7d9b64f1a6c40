"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clnp_core.errors import SpecError

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

_MOST_WORKERS = 1024

FAILED = 1
"""Exit status of a failed run or command."""


def add_command(
    commands: Any, name: str, command: Callable[[argparse.Namespace], int], **described: Any
) -> argparse.ArgumentParser:
    """Add a command that works on a store, described by its docstring, and return its parser."""
    added: argparse.ArgumentParser = commands.add_parser(name, description=command.__doc__, **described)
    added.add_argument(
        "--store", type=Path, metavar="DIR", help="folder of the runs; default CLNP_STORE, else your data folder"
    )
    added.set_defaults(command=command)
    return added


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add the option that changes settings by name."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as margin=0.02 or lambda.1=1e-4,1e-3; can be repeated",
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


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; give a number from 1 to {_MOST_WORKERS}")
    return int(text)


def opened(options: argparse.Namespace) -> Store:
    """Open the store that the options name."""
    from clnp_core.runs.store import Store

    return Store(options.store)


def check_writable(option: str, path: Path) -> None:
    """Check before hours of training that the file can be written after them.

    Raises
    ------
    SpecError
        If it cannot be written.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SpecError(f"{option} {path}: the file cannot be written; give a name in a folder that can be written to.")
