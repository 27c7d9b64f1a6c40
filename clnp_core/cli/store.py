"""Commands that maintain a store: `clnp store check` and `clnp store prune`."""

from __future__ import annotations

import argparse
from typing import Any

from clnp_core.cli import FAILED
from clnp_core.cli.options import Help, add_command, examples, opened
from clnp_core.cli.serve import hand_on


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    about, example = "maintain the store", examples("clnp store prune --dry-run")
    store = commands.add_parser(
        "store", help=about, description="Maintain the store.", epilog=example, formatter_class=Help
    )
    parts = store.add_subparsers(required=True, metavar="COMMAND")
    what = "read all results, and say what is damaged, missing or left over"
    add_command(parts, "check", _check, "clnp store check", help=what)
    prune = add_command(parts, "prune", _prune, "clnp store prune --dry-run", help="delete results that no run needs")
    prune.add_argument("--dry-run", action="store_true", help="only list them")


def _check(options: argparse.Namespace) -> int:
    """Read every result that a run needs, and say what is damaged or missing, how to mend it, and what is left over.

    The exit status is 1 if anything is damaged or missing.
    """
    found = opened(options).check()
    for line in found.database:
        print(f"The database is damaged: {line}")
    for fault in found.faults:
        print(f"{fault.what}: {fault.describes}, of {', '.join(fault.runs)}")
    for path in found.left_over:
        print(f"{path} is left over: {path.stat().st_size:,} bytes")
    print(f"{found.artifacts:,} files were checked, {len(found.faults):,} of them are damaged or missing")
    if found.unsealed:
        print(f"{found.unsealed:,} were written by an earlier version, without a digest: only their form was checked")
    for run in dict.fromkeys(fault.runs[0] for fault in found.faults):
        print(f"To have them computed anew: clnp resume {run}")
    if found.left_over:
        print("To delete what is left over: clnp store prune")
    return FAILED if found.faults or found.database else 0


def _prune(options: argparse.Namespace) -> int:
    """Delete the artifacts that no run in the store needs."""
    store = opened(options)
    if options.dry_run:
        for key in store.unneeded():
            for path in store.artifacts.files(key):
                print(f"{path.stat().st_size:>12,}  {path}")
        return 0
    before = {run.id for run in store.active()}
    print(f"{store.prune():,} bytes freed")
    if not before.issuperset(run.id for run in store.active()):
        hand_on(store)  # who asked for a run meanwhile was told that the store is served
    return 0
