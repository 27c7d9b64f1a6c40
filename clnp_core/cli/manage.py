"""Commands on the runs of a store: `clnp list`, `show`, `cancel`, `pause`, `resume`, `rm`, `verify` and `fork`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from clnp_core.cli.options import add_command, add_set, opened
from clnp_core.runs.spec import fork, parse_assignment

if TYPE_CHECKING:
    from clnp_core.runs.store import Store


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    add_command(commands, "list", _list, help="list the runs")
    for name, command, about in (
        ("cancel", _cancel, "cancel a run"),
        ("pause", _pause, "pause a run"),
        ("resume", _resume, "continue a stopped run"),
        ("rm", _remove, "remove a run"),
        ("verify", _verify, "check that a run has forgotten nothing"),
    ):
        add_command(commands, name, command, help=about).add_argument("run", metavar="RUN")

    show = add_command(commands, "show", _show, help="show one run")
    show.add_argument("run", metavar="RUN")
    show.add_argument(
        "--json", action="store_true", help="print its specification alone, as clnp run FILE.json takes it"
    )

    forked = add_command(commands, "fork", _fork, help="continue from one of a run's tasks with other settings")
    forked.add_argument("run", metavar="RUN")
    forked.add_argument("--at-task", type=int, required=True, metavar="K", help="the first task to learn again")
    add_set(forked)


def _list(options: argparse.Namespace) -> int:
    """List the runs, newest first."""
    from clnp_core.terminal import print_runs

    store = opened(options)
    print_runs(store.runs(), store.engine())
    return 0


def _show(options: argparse.Namespace) -> int:
    """Show one run: its progress, results, data, settings and events."""
    from clnp_core.terminal import print_run

    store = opened(options)
    run = store.run(options.run)
    if options.json:
        print(json.dumps(run.spec.to_json(), indent=2))
    else:
        print_run(store, run)
    return 0


def _cancel(options: argparse.Namespace) -> int:
    """Cancel a run. Finished work is kept, and clnp resume can continue it."""
    opened(options).cancel(options.run)
    return 0


def _pause(options: argparse.Namespace) -> int:
    """Pause a run; clnp resume continues it."""
    opened(options).pause(options.run)
    return 0


def _resume(options: argparse.Namespace) -> int:
    """Put a paused, interrupted, cancelled or failed run back into the queue.

    So is a finished run of which results are damaged or missing: these are computed anew.
    """
    store = opened(options)
    store.resume(options.run)
    _say_if_nobody_works(store)
    return 0


def _say_if_nobody_works(store: Store) -> None:
    if store.engine() is None:
        print("No engine serves this store; start one with: clnp engine")


def _remove(options: argparse.Namespace) -> int:
    """Remove a run from the store. clnp store prune then deletes its results that no other run needs."""
    opened(options).remove(options.run)
    return 0


def _fork(options: argparse.Namespace) -> int:
    """Queue a run that shares a run's tasks before K and continues from there with other settings."""
    store = opened(options)
    forked = store.run(options.run)
    print(store.add(fork(forked.spec, options.at_task, dict(map(parse_assignment, options.set))), like=forked))
    _say_if_nobody_works(store)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Recompute every task's fingerprint with the network after the run's last task, and compare."""
    from clnp_core.arithmetic import TOLERANCE
    from clnp_core.runs.views.verify import verify

    for task, elsewhere in verify(opened(options), options.run):
        if elsewhere is None:
            print(f"task {task}: identical")
        else:
            print(f"task {task}: the same to {TOLERANCE:g} of its largest logit; it was learned on {elsewhere}")
    return 0
