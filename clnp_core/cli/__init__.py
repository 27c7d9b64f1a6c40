"""The command line: `clnp run`, `clnp list`, `clnp dashboard` and so on, a module for each group of commands.

Commands that only read import no torch: each command imports the heavy modules that it needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clnp_core import __version__
from clnp_core.cli import completion, files, learn, manage, serve, store
from clnp_core.cli.options import FAILED, Help, examples
from clnp_core.errors import ArchiveError, ClnpError, DataError, DeviceError, SpecError, StoreError

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `clnp` and return its exit status: 0, 1 for a failed run, 2 for bad input, 130 if interrupted."""
    parser = _parser()
    completion.complete(parser)
    options = parser.parse_args(arguments)
    try:
        status: int = options.command(options)
        return status
    except (SpecError, DataError, DeviceError, StoreError, ArchiveError) as error:
        print(f"clnp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ClnpError as error:
        print(f"clnp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("clnp: interrupted; finished work is kept.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    about, first = "Continual Learning via Neural Pruning.", examples("clnp run digits", "clnp list", "clnp dashboard")
    parser = argparse.ArgumentParser(prog="clnp", description=about, epilog=first, formatter_class=Help)
    parser.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (learn, manage, files, serve, store, completion):
        group.add_to(commands)
    return parser
