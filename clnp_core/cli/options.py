"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clnp_core.errors import SpecError
from clnp_core.files import can_be_written

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

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


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a Dask cluster."""
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("CLNP_SCHEDULER") or None,
        metavar="ADDRESS",
        help="compute on the Dask cluster at this address, tcp://host:8786; default CLNP_SCHEDULER, else this machine",
    )


def output(text: str) -> Path:
    """Take the name of a file to write; `-` is standard output."""
    return Path("/dev/stdout" if text == "-" else text)


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
    if not can_be_written(path):
        raise SpecError(f"{option} {path}: the file cannot be written; give a name in a folder that can be written to.")
