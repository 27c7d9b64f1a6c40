"""Commands that maintain a store: `clnp store prune`."""

from __future__ import annotations

import argparse
from typing import Any

from clnp_core.cli.options import Help, add_command, examples, opened


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    about, example = "maintain the store", examples("clnp store prune --dry-run")
    store = commands.add_parser(
        "store", help=about, description="Maintain the store.", epilog=example, formatter_class=Help
    )
    parts = store.add_subparsers(required=True, metavar="COMMAND")
    prune = add_command(parts, "prune", _prune, "clnp store prune --dry-run", help="delete results that no run needs")
    prune.add_argument("--dry-run", action="store_true", help="only list them")


def _prune(options: argparse.Namespace) -> int:
    """Delete the artifacts that no run in the store needs."""
    store = opened(options)
    if options.dry_run:
        for key in store.unneeded():
            path = store.artifacts.path(key)
            print(f"{path.stat().st_size:>12,}  {path}")
        return 0
    print(f"{store.prune():,} bytes freed")
    return 0
