"""The command line: `clnp run`, `clnp list`, `clnp dashboard` and so on, a module for each group of commands.

What only reads imports no torch: heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clnp_core import __version__
from clnp_core.cli import files, learn, manage, serve, store
from clnp_core.cli.options import FAILED
from clnp_core.errors import ArchiveError, ClnpError, DataError, SpecError, StoreError

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `clnp`. Returns the exit status: 0, 2 for what the user can put right, 1 for a failed run."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
        return status
    except (SpecError, DataError, StoreError, ArchiveError) as error:
        print(f"clnp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ClnpError as error:
        print(f"clnp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("clnp: interrupted; what was finished is kept.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clnp", description="Continual Learning via Neural Pruning.")
    parser.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (learn, manage, files, serve, store):
        group.add_to(commands)
    return parser
