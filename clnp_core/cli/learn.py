"""Commands that learn sequences of tasks: `clnp run` and `clnp sweep`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from clnp_core.cli import FAILED
from clnp_core.cli.options import add_command, add_set, add_table, add_workers, check_writable, keys, opened, output
from clnp_core.cli.serve import see_through
from clnp_core.errors import StoreError
from clnp_core.files import write_whole
from clnp_core.machine import check_device
from clnp_core.runs.spec import RunSpec, parse_assignment, preset_names, specified

if TYPE_CHECKING:
    from clnp_core.runs.store import Run


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    few, many = "clnp run digits --tasks 3 --json summary.json", "clnp run digits --set margin=0.02 --set lambda.1=1e-4"
    run = add_command(commands, "run", _run, few, many, more=keys(), help="learn a sequence of tasks")
    add_settings(run)
    run.add_argument("--json", type=output, metavar="FILE", help="write the summary to this file; - is standard output")
    add_workers(run)

    example = "clnp sweep digits --over margin=0.005,0.02 --over seed=0,1,2 --out sweep.csv"
    about = "learn a sequence of tasks with every combination of several settings"
    sweep = add_command(commands, "sweep", _sweep, example, more=keys(), help=about)
    add_settings(sweep)
    sweep.add_argument(
        "--over",
        action="append",
        required=True,
        metavar="KEY=A,B,...",
        help="a setting and its values, such as margin=0.005,0.02; can be repeated: every combination is one sequence",
    )
    add_table(sweep)
    add_workers(sweep)


def add_settings(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the options that say what is learned. Without `default` a preset or a file has to be named."""
    told = f"{', '.join(preset_names())}; or a file of a specification, as clnp show RUN --spec prints it"
    if default:
        told += f"; default {default}"
    named: Any = parser.add_argument(
        "preset", nargs="?" if default else None, default=default, metavar="PRESET|FILE.json", help=told
    )
    named.completer = complete_presets
    parser.add_argument("--seed", metavar="N", help="seed of everything random for which stream.seed is not set")
    parser.add_argument("--tasks", metavar="N", help="number of tasks to learn")
    parser.add_argument("--epochs", metavar="N", help="maximum number of epochs per task")
    parser.add_argument("--device", metavar="NAME", help="cpu or cuda: where to train")
    add_set(parser)


def _run(options: argparse.Namespace) -> int:
    """Learn a sequence of tasks and print the results.

    If the command was stopped in any way, give it again with the same arguments to continue, on the same data.
    """
    spec = specified(options.preset, changes_of(options))
    if options.json:
        check_writable("--json", options.json)
    check_device(spec.device, options.scheduler)
    check_data([spec])

    from clnp_core.runs.estimate import estimate
    from clnp_core.tasks.content import content_digest
    from clnp_core.terminal import LiveDisplay, print_summary

    store = opened(options)
    begun, data = store.unfinished(spec), content_digest(spec.stream.model_dump(mode="json"))
    before = next((run for run in begun if run.data in (None, data)), None)
    if begun and not before:
        print(f"{begun[0].id} was begun on other data, which has changed since, and stays as it is; this is a new run")
    if not before:
        print(f"takes {estimate(spec, store) or 'a time that is unknown until its first epoch'}")
    run = before.id if before else store.add(spec)
    if before and not before.is_active:
        with suppress(StoreError):  # the same command elsewhere was first
            store.resume(run)
    with LiveDisplay(store, run) as display:
        see_through(store, [run], options, display.update)
    ended = store.run(run)
    if ended.state != "finished" or ended.summary is None:
        print(f"clnp: {run} is {ended.state}. {ended.error or ''}".rstrip(), file=sys.stderr)
        return FAILED
    # What a program reads comes first. What cannot be written is told after the rest.
    try:
        if options.json:
            write_whole(options.json, (json.dumps(ended.summary.to_json(), indent=2) + "\n").encode())
    finally:
        print_summary(ended.summary)
        print(f"run {run} in {store.location}")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    """Learn a sequence of tasks with every combination of several settings, and print a table of the results.

    Training that sequences have in common is done once. If the command was stopped in any way, give it again with the
    same arguments to continue.
    """
    from clnp_core.runs import sweep

    axes = sweep.parse_axes(options.over)
    specs = sweep.sequences(options.preset, changes_of(options), axes)
    for path in options.out:
        sweep.check_format(path)
        check_writable("--out", path)
    for spec in specs:
        check_device(spec.device, options.scheduler)
    check_data(specs)

    from clnp_core.terminal import RunsDisplay, print_sweep

    store = opened(options)
    asked = sweep.ask(store, axes, specs)
    with RunsDisplay(asked, lambda: list(store.sweep_runs(asked).values())) as display:
        runs = [run.id for run in store.sweep_runs(asked).values()]
        see_through(store, runs, options, display.update)
    frame = sweep.table(store, asked)
    with ExitStack() as afterwards:  # whichever file cannot be written, the others and the table are
        afterwards.callback(print, f"sweep {asked} in {store.location}")
        afterwards.callback(print_sweep, frame, list(axes))
        for path in reversed(options.out):
            afterwards.callback(sweep.write, frame, path)
    return tell_unfinished(store.sweep_runs(asked).values())


def tell_unfinished(runs: Iterable[Run]) -> int:
    """Say of runs that ended otherwise how, and return the exit status."""
    unfinished = [run for run in runs if run.state != "finished"]
    for run in unfinished:
        print(f"clnp: {run.id} is {run.state}. {run.error or ''}".rstrip(), file=sys.stderr)
    return FAILED if unfinished else 0


def complete_presets(**_: Any) -> list[str]:
    """List what can be run by name, for the completion of a command line."""
    return preset_names()


def changes_of(options: argparse.Namespace) -> dict[str, Any]:
    """Collect the settings in which the run differs from the preset or the file."""
    named = {
        "seed": options.seed,
        "stream.tasks": options.tasks,
        "epochs": options.epochs,
        "device": options.device,
    }
    changes = dict(parse_assignment(f"{key}={value}") for key, value in named.items() if value is not None)
    return changes | dict(map(parse_assignment, options.set))


def check_data(specs: Sequence[RunSpec]) -> None:
    """Check the data before a run is stored, so that unavailable data leaves no run behind."""
    from clnp_core.tasks.content import check

    streams = [spec.stream for spec in specs]
    for place, stream in enumerate(streams):
        if stream not in streams[:place]:
            check(stream.model_dump(mode="json"))
