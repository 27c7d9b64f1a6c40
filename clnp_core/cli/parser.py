"""The commands of `clnp`, and the arguments they take."""

from __future__ import annotations

import argparse

from clnp_core import __version__
from clnp_core.cli import compare, completion, data, files, learn, manage, serve, store
from clnp_core.cli.options import Help, examples


def parser() -> argparse.ArgumentParser:
    """Return what parses a command line. Where a shell asks how one may go on, answer and end."""
    about, first = "Continual Learning via Neural Pruning.", examples("clnp run digits", "clnp list", "clnp dashboard")
    made = argparse.ArgumentParser(prog="clnp", description=about, epilog=first, formatter_class=Help)
    made.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for group in (learn, compare, manage, files, data, serve, store, completion):
        group.add_to(commands)
    completion.complete(made)
    return made
