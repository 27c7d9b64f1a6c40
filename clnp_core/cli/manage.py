"""Commands on the runs of a store, such as `clnp list`, `show`, `rename`, `cancel`, `rm` and `fork`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clnp_core.cli.options import add_command, add_run, add_runs, add_set, keys, opened
from clnp_core.errors import ClnpError
from clnp_core.runs.spec import fork, parse_assignment

if TYPE_CHECKING:
    from clnp_core.runs.store import Store


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    listed = add_command(commands, "list", _list, "clnp list", "clnp list --json | jq '.[].id'", help="list the runs")
    listed.add_argument("--json", action="store_true", help="print them as JSON, each as clnp show --json does")

    for name, command, about in (
        ("cancel", _cancel, "cancel runs"),
        ("pause", _pause, "pause runs"),
        ("resume", _resume, "continue stopped runs"),
        ("rm", _remove, "remove runs"),
    ):
        one, several = f"clnp {name} digits-3f09ab", f"clnp {name} digits-3f permuted-mnist-41"
        add_runs(add_command(commands, name, command, one, several, help=about))
    called = 'clnp rename digits-3f09ab "wide, small λ"', 'clnp rename digits-3f09ab ""'
    renamed = add_command(commands, "rename", _rename, *called, help="give a run a name")
    add_run(renamed)
    renamed.add_argument("name", metavar="NAME", help="what it is to be called; empty for its id alone")

    verified = add_command(
        commands, "verify", _verify, "clnp verify digits-3f09ab", help="check that a run has forgotten nothing"
    )
    add_run(verified)

    spec = "clnp show digits-3f09ab --spec > spec.json", "clnp run spec.json --seed 2"
    show = add_command(commands, "show", _show, "clnp show digits-3f", *spec, help="show one run")
    add_run(show)
    form = show.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print all of it as JSON: state, results, specification")
    form.add_argument(
        "--spec", action="store_true", help="print its specification alone, as clnp run FILE.json takes it"
    )

    example = "clnp fork digits-3f09ab --at-task 3 --set margin=0.05"
    forked = add_command(
        commands, "fork", _fork, example, more=keys(), help="continue from one of a run's tasks with other settings"
    )
    add_run(forked)
    forked.add_argument("--at-task", type=int, required=True, metavar="K", help="the first task to learn again")
    add_set(forked)


def _list(options: argparse.Namespace) -> int:
    """List the runs, newest first."""
    from clnp_core.terminal import print_runs

    store = opened(options)
    if options.json:
        print(json.dumps([run.to_json() for run in store.runs()], indent=2))
    else:
        print_runs(store.runs(), store.engine())
    return 0


def _show(options: argparse.Namespace) -> int:
    """Show one run: its progress, results, data, settings and events."""
    from clnp_core.terminal import print_run

    store = opened(options)
    run = store.run(options.run)
    if options.json or options.spec:
        print(json.dumps(run.spec.to_json() if options.spec else run.to_json(), indent=2))
    else:
        print_run(store, run)
    return 0


def _cancel(options: argparse.Namespace) -> int:
    """Cancel runs. Finished work is kept, and clnp resume can continue it."""
    return _each(options, lambda store, run: store.cancel(run))


def _pause(options: argparse.Namespace) -> int:
    """Pause runs; clnp resume continues them."""
    return _each(options, lambda store, run: store.pause(run))


def _resume(options: argparse.Namespace) -> int:
    """Put paused, interrupted, cancelled or failed runs back into the queue.

    So is a finished run of which results are damaged or missing: these are computed anew.
    """
    status = _each(options, lambda store, run: store.resume(run))
    _say_if_nobody_works(opened(options))
    return status


def _each(options: argparse.Namespace, act: Callable[[Store, str], None]) -> int:
    """Do something with each of several runs. If it is refused for some, the others have it done, and all are told."""
    store, refused = opened(options), []
    for run in options.runs:
        try:
            act(store, run)
        except ClnpError as error:
            refused.append(error)
    for earlier in refused[:-1]:
        print(f"clnp: {earlier}", file=sys.stderr)
    if refused:
        raise refused[-1]
    return 0


def _say_if_nobody_works(store: Store) -> None:
    if store.engine() is None:
        print("No engine serves this store; start one with: clnp engine")


def _remove(options: argparse.Namespace) -> int:
    """Remove runs from the store. clnp store prune then deletes their results that no other run needs."""
    return _each(options, lambda store, run: store.remove(run))


def _rename(options: argparse.Namespace) -> int:
    """Give a run a name, which stands for it wherever it is shown and can be given as RUN. It keeps its id."""
    opened(options).rename(options.run, options.name)
    return 0


def _fork(options: argparse.Namespace) -> int:
    """Queue a run that shares a run's tasks before K and continues from there with other settings."""
    store = opened(options)
    forked = store.run(options.run)
    print(store.add(fork(forked.spec, options.at_task, dict(map(parse_assignment, options.set))), like=forked))
    _say_if_nobody_works(store)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Recompute every task's answers with the network after the run's last task, and compare with when it was learned.

    Methods that promise that nothing is forgotten are held to it; of the others it says how far logits have moved.
    """
    from clnp_core.arithmetic import TOLERANCE
    from clnp_core.runs.views.verify import moved, verify

    store = opened(options)
    if not store.run(options.run).spec.exact:
        for task, furthest, scale in moved(store, options.run):
            if furthest is None:
                print(f"task {task}: the network does not answer for it any more")
            else:
                print(f"task {task}: its logits, up to {scale:.3g} in size, have moved by up to {furthest:.3g}")
        return 0
    for task, elsewhere in verify(store, options.run):
        if elsewhere is None:
            print(f"task {task}: identical")
        else:
            print(f"task {task}: the same to {TOLERANCE:g} of its largest logit; it was learned on {elsewhere}")
    return 0
