"""The command that compares methods: `clnp compare`."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from clnp_core.cli.learn import add_settings, changes_of, check_data, tell_unfinished
from clnp_core.cli.options import add_command, add_table, add_workers, check_writable, keys, opened, output
from clnp_core.cli.serve import see_through
from clnp_core.files import write_whole
from clnp_core.machine import check_device
from clnp_core.methods import METHODS

_DEFAULT = "compare-mnist"


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    example = (
        "clnp compare digits --methods clnp,finetune,single --seeds 5 --out table.csv",
        "clnp compare digits --with theirs.csv",
    )
    about = "compare methods on a sequence of tasks"
    compare = add_command(commands, "compare", _compare, *example, more=keys(), help=about)
    add_settings(compare, _DEFAULT)
    compare.add_argument(
        "--methods", type=_names, default=[], metavar="A,B,...", help=f"default all: {', '.join(METHODS)}"
    )
    compare.add_argument("--seeds", type=int, default=1, metavar="N", help="number of seeds, from --seed up; default 1")
    compare.add_argument(
        "--search-tasks",
        type=int,
        default=3,
        metavar="K",
        help="search the settings of methods on the first K tasks; default 3",
    )
    compare.add_argument(
        "--with",
        dest="matrices",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="an accuracy matrix from elsewhere, .csv or .json, as a row of the table; can be repeated",
    )
    add_table(compare)
    compare.add_argument("--json", type=output, metavar="FILE", help="write the table as JSON; - is standard output")
    add_workers(compare)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _compare(options: argparse.Namespace) -> int:
    """Compare methods on the same tasks, networks and seeds, and print a table of the results.

    Settings that a method says should be searched are searched on the validation sets of the first tasks, with the
    first seed. If the command was stopped in any way, give it again with the same arguments to continue.
    """
    from clnp_core.analysis import elsewhere
    from clnp_core.runs import benchmark, sweep

    rivals = benchmark.plan(options.preset, options.methods, options.seeds, changes_of(options), options.search_tasks)
    given = [elsewhere.read(path) for path in options.matrices]
    for path in options.out:
        sweep.check_format(path)
    for option, paths in (("--out", options.out), ("--json", [options.json] if options.json else [])):
        for path in paths:
            check_writable(option, path)
    specs = [spec for rival in rivals for several in rival.finals for spec in several]
    for spec in specs:
        check_device(spec.device, options.scheduler)
    check_data(specs)

    from clnp_core.terminal import RunsDisplay, print_comparison

    store = opened(options)

    def wait(runs: list[str]) -> None:
        with RunsDisplay(specs[0].preset, lambda: list(map(store.run, runs))) as display:
            see_through(store, runs, options, display.update)

    entered = benchmark.carry_out(store, rivals, wait)
    frame = benchmark.table(store, entered, [group for group, _ in given])
    shown = ",".join(run for each in entered for run in each.runs)
    with ExitStack() as afterwards:  # whichever file cannot be written, the others and the table are
        for group, unit in given:
            afterwards.callback(print, f"{group.name}: its numbers were taken as {unit}")
        afterwards.callback(print, f"the runs are in {store.location}; clnp dashboard has them at compare?runs={shown}")
        afterwards.callback(print_comparison, frame)
        if options.json:
            content = json.dumps(json.loads(frame.to_json(orient="records", double_precision=15)), indent=2) + "\n"
            afterwards.callback(write_whole, options.json, content.encode())
        for path in reversed(options.out):
            afterwards.callback(sweep.write, frame, path)
    return tell_unfinished(store.run(run) for each in entered for run in each.runs)
