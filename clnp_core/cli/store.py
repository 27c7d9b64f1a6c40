"""Commands that maintain a store: `clnp store prune`."""

from __future__ import annotations

import argparse
from typing import Any

from clnp_core.cli.options import add_command, opened
from clnp_core.cli.serve import hand_on


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    store = commands.add_parser("store", help="maintain the store", description="Maintain the store.")
    parts = store.add_subparsers(required=True, metavar="COMMAND")
    prune = add_command(parts, "prune", _prune, help="delete results that no run needs")
    prune.add_argument("--dry-run", action="store_true", help="only list them")


def _prune(options: argparse.Namespace) -> int:
    """Delete the artifacts that no run in the store needs."""
    store = opened(options)
    if options.dry_run:
        for key in store.unneeded():
            path = store.artifacts.path(key)
            print(f"{path.stat().st_size:>12,}  {path}")
        return 0
    before = {run.id for run in store.active()}
    print(f"{store.prune():,} bytes freed")
    if not before.issuperset(run.id for run in store.active()):
        hand_on(store)  # who asked for a run meanwhile was told that the store is served
    return 0
