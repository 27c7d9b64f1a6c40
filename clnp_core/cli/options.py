"""What commands of several groups take, and how it is read."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clnp_core.errors import SpecError

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

FAILED = 1
"""Exit status where a run, or a command, failed."""


def add_command(
    commands: Any, name: str, command: Callable[[argparse.Namespace], int], **described: Any
) -> argparse.ArgumentParser:
    """Add a command that works on a store; its docstring describes it. Returns its parser."""
    added: argparse.ArgumentParser = commands.add_parser(name, description=command.__doc__, **described)
    added.add_argument(
        "--store", type=Path, metavar="DIR", help="where runs are kept; default CLNP_STORE, else your data folder"
    )
    added.set_defaults(command=command)
    return added


def add_set(parser: argparse.ArgumentParser) -> None:
    """Let settings be changed by name."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as margin=0.02 or lambda.1=1e-4,1e-3; may be given again",
    )


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """Let a Dask cluster be named."""
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("CLNP_SCHEDULER") or None,
        metavar="ADDRESS",
        help="compute on that Dask cluster, tcp://host:8786; default CLNP_SCHEDULER, else this machine",
    )


def opened(options: argparse.Namespace) -> Store:
    """Open the store that was named."""
    from clnp_core.runs.store import Store

    return Store(options.store)


def check_writable(option: str, path: Path) -> None:
    """Refuse before hours of training what could not be written after them."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SpecError(f"{option} {path}: no file can be written there; give a file name in a folder that exists.")
