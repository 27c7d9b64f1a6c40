"""The command line: `clnp run`, `clnp list`, `clnp dashboard` and so on, a module for each group of commands.

Commands that only read import no torch: each command imports the heavy modules that it needs.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

from clnp_core import __version__
from clnp_core.cli import compare, completion, files, learn, manage, serve, store
from clnp_core.cli.options import FAILED, Help, examples
from clnp_core.errors import ArchiveError, ClnpError, DataError, DeviceError, SpecError, StoreError
from clnp_core.files import descriptor
from clnp_core.printing import kept_standard_streams

BAD_INPUT = 2
INTERRUPTED = 130
READER_GONE = 128 + signal.SIGPIPE
"""As a shell has it of other commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `clnp` and return its exit status: 0, 1 for a failed run, 2 for bad input, 130 if interrupted.

    If all went well but some of what was printed was lost: 141 if its reader went away, else 1.
    """
    parser = _parser()
    completion.complete(parser)
    with kept_standard_streams() as stdout:
        status = _carried_out(parser.parse_args(arguments))
        sys.stdout.flush()
        if status or not stdout or not stdout.error:
            return status
        if isinstance(stdout.error, BrokenPipeError):
            return READER_GONE
        print(f"clnp: all is done, but standard output was lost: {stdout.error.strerror}.", file=sys.stderr)
        return FAILED


def _carried_out(options: argparse.Namespace) -> int:
    beside = redirect_stdout(sys.stderr) if _is_output(options) else nullcontext()
    try:
        with beside:
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


def _is_output(options: argparse.Namespace) -> bool:
    """Tell whether a file to write is standard output, so that nothing else may be printed there."""
    values = [each for value in vars(options).values() for each in (value if isinstance(value, list) else [value])]
    return any(descriptor(value) == 1 for value in values if isinstance(value, Path))


def _parser() -> argparse.ArgumentParser:
    about, first = "Continual Learning via Neural Pruning.", examples("clnp run digits", "clnp list", "clnp dashboard")
    parser = argparse.ArgumentParser(prog="clnp", description=about, epilog=first, formatter_class=Help)
    parser.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (learn, compare, manage, files, serve, store, completion):
        group.add_to(commands)
    return parser
