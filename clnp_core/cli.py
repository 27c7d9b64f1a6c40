"""The command line: `clnp run`, `clnp list`, `clnp dashboard` and so on.

What only reads imports no torch: heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clnp_core import __version__
from clnp_core.errors import ArchiveError, ClnpError, DataError, SpecError, StoreError
from clnp_core.runs.spec import RunSpec, fork, parse_assignment, preset, preset_names

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

_POLL_SECONDS = 0.2
_NICENESS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `clnp`. Returns the exit status: 0, 2 for what the user can put right, 1 for a failed run."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (SpecError, DataError, StoreError, ArchiveError) as error:
        print(f"clnp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ClnpError as error:
        print(f"clnp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("clnp: interrupted; what was finished is kept.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clnp", description="Continual Learning via Neural Pruning.")
    parser.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], among: Any = commands, **described: Any
    ) -> argparse.ArgumentParser:
        added = among.add_parser(name, description=command.__doc__, **described)
        added.add_argument(
            "--store", type=Path, metavar="DIR", help="where runs are kept; default CLNP_STORE, else your data folder"
        )
        added.set_defaults(command=command)
        return added

    run = add("run", _run, help="learn a sequence of tasks")
    _add_settings(run)
    run.add_argument("--json", type=Path, metavar="FILE", help="write the summary there")
    _add_scheduler(run)

    sweep = add("sweep", _sweep, help="learn a sequence of tasks with every combination of some settings")
    _add_settings(sweep)
    sweep.add_argument(
        "--over",
        action="append",
        required=True,
        metavar="KEY=A,B,...",
        help="a setting and its values, such as margin=0.005,0.02: a sequence for each; may be given again, and then "
        "there is one for every combination",
    )
    sweep.add_argument(
        "--out",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="write the table there, as .csv or .parquet; may be given again",
    )
    _add_scheduler(sweep)

    add("list", _list, help="list the runs")
    for name, command, about in (
        ("show", _show, "show one run"),
        ("cancel", _cancel, "stop a run for good"),
        ("pause", _pause, "stop a run for now"),
        ("resume", _resume, "let a stopped run go on"),
        ("rm", _remove, "forget a run"),
        ("verify", _verify, "check that a run has forgotten nothing"),
    ):
        add(name, command, help=about).add_argument("run", metavar="RUN")

    forked = add("fork", _fork, help="go on from a run's task with other settings")
    forked.add_argument("run", metavar="RUN")
    forked.add_argument("--at-task", type=int, required=True, metavar="K", help="the first task to learn anew")
    _add_set(forked)

    export = add("export", _export, help="write a task's network as ONNX or safetensors")
    export.add_argument("run", metavar="RUN")
    export.add_argument("--task", type=int, required=True, metavar="T", help="1 for the first")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a name in .onnx or .safetensors")

    archive = add("archive", _archive, help="write a run as one file, for another machine")
    archive.add_argument("run", metavar="RUN")
    archive.add_argument("--out", type=Path, required=True, metavar="FILE", help="a name in .zip")

    add("import", _import, help="take in a run that was archived").add_argument("file", type=Path, metavar="FILE")

    engine = add("engine", _engine, help="work on queued runs")
    engine.add_argument("--idle", type=float, metavar="SECONDS", help="end after so long without work")
    _add_scheduler(engine)

    dashboard = add("dashboard", _dashboard, help="open the app")
    dashboard.add_argument("--port", type=_port, default=8501, metavar="N", help="default 8501")
    dashboard.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    _add_scheduler(dashboard)

    store = commands.add_parser("store", help="look after the store", description="Look after the store.")
    parts = store.add_subparsers(required=True, metavar="COMMAND")
    prune = add("prune", _prune, parts, help="delete what no run needs")
    prune.add_argument("--dry-run", action="store_true", help="only list it")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", metavar="PRESET", help=", ".join(preset_names()))
    parser.add_argument("--seed", metavar="N", help="decides everything random")
    parser.add_argument("--tasks", metavar="N", help="tasks to learn")
    parser.add_argument("--epochs", metavar="N", help="epochs per task at most")
    parser.add_argument("--device", metavar="NAME", help="cpu or cuda: where to train")
    _add_set(parser)


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as margin=0.02 or lambda.1=1e-4,1e-3; may be given again",
    )


def _add_scheduler(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("CLNP_SCHEDULER") or None,
        metavar="ADDRESS",
        help="compute on that Dask cluster, tcp://host:8786; default CLNP_SCHEDULER, else this machine",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _store(options: argparse.Namespace) -> Store:
    from clnp_core.runs.store import Store

    return Store(options.store)


def _run(options: argparse.Namespace) -> int:
    """Learn a sequence of tasks and print what came of it.

    Given again with the same arguments after it was stopped, however it was stopped, it goes on where it was.
    """
    spec = preset(options.preset, _changes(options))
    if options.json:
        _check_writable("--json", options.json)
    _check_data([spec])

    from clnp_core.runs.views.estimate import estimate
    from clnp_core.terminal import LiveDisplay, print_summary

    store = _store(options)
    before = store.unfinished(spec)
    if not before:
        print(f"takes {estimate(spec, store) or 'a time that is unknown until its first epoch'}")
    run = before.id if before else store.add(spec)
    if before and not before.is_active:
        store.resume(run)
    with LiveDisplay(store, run) as display:
        _see_through(store, [run], options.scheduler, lambda: display.update().is_active)
    ended = store.run(run)
    if ended.state != "finished":
        print(f"clnp: {run} is {ended.state}. {ended.error or ''}".rstrip(), file=sys.stderr)
        return FAILED
    print_summary(ended.summary)
    print(f"run {run} in {store.location}")
    if options.json:
        _write_json(options.json, ended.summary)
    return 0


def _sweep(options: argparse.Namespace) -> int:
    """Learn a sequence of tasks with every combination of some settings, and print a table of what came of each.

    What sequences have in common is trained once. Given again with the same arguments after it was stopped, however it
    was stopped, it goes on where it was.
    """
    from clnp_core.runs import sweep

    axes = sweep.parse_axes(options.over)
    specs = sweep.sequences(options.preset, _changes(options), axes)
    for path in options.out:
        sweep.check_format(path)
        _check_writable("--out", path)
    _check_data(specs)

    from clnp_core.terminal import SweepDisplay, print_sweep

    store = _store(options)
    asked = sweep.ask(store, axes, specs)
    with SweepDisplay(store, asked) as display:
        runs = [run.id for run in store.sweep_runs(asked).values()]
        _see_through(store, runs, options.scheduler, lambda: any(run.is_active for run in display.update()))
    frame = sweep.table(store, asked)
    print_sweep(frame, list(axes))
    print(f"sweep {asked} in {store.location}")
    for path in options.out:
        sweep.write(frame, path)
    unfinished = [run for run in store.sweep_runs(asked).values() if run.state != "finished"]
    for run in unfinished:
        print(f"clnp: {run.id} is {run.state}. {run.error or ''}".rstrip(), file=sys.stderr)
    return FAILED if unfinished else 0


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """In what a run is not as the preset has it."""
    named = {
        "seed": options.seed,
        "stream.tasks": options.tasks,
        "epochs": options.epochs,
        "device": options.device,
    }
    changes = dict(parse_assignment(f"{key}={value}") for key, value in named.items() if value is not None)
    return changes | dict(map(parse_assignment, options.set))


def _check_data(specs: Sequence[RunSpec]) -> None:
    """Refuse at once what a worker would refuse later; data that cannot be had leaves no run behind."""
    from clnp_core.tasks.content import check

    streams = [spec.stream for spec in specs]
    for place, stream in enumerate(streams):
        if stream not in streams[:place]:
            check(stream.model_dump(mode="json"))


def _see_through(store: Store, runs: Collection[str], scheduler: str | None, update: Callable[[], bool]) -> None:
    """Watch runs until they have ended: those of an engine there is, else be the engine. An interrupt pauses them.

    `update` shows them as they are now, and says whether any is still active.
    """
    try:
        if store.engine() is None:
            _serve(store, runs, scheduler, update)
        else:
            _follow(store, update)
    except KeyboardInterrupt:
        if store.engine() is None:
            for run in runs:
                if store.run(run).is_active:
                    store.pause(run)
        raise


def _follow(store: Store, update: Callable[[], bool]) -> None:
    """Watch runs that an engine elsewhere works on, for as long as it does."""
    while update() and store.engine() is not None:
        time.sleep(_POLL_SECONDS)


def _serve(store: Store, runs: Collection[str], scheduler: str | None, update: Callable[[], bool]) -> None:
    """Be the engine, for some runs."""
    from clnp_core.runs.engine.service import Engine

    async def serve() -> None:
        serving = asyncio.create_task(Engine(store, scheduler).serve(only=runs))
        try:
            while not serving.done():
                update()
                await asyncio.wait({serving}, timeout=_POLL_SECONDS)
        finally:
            serving.cancel()
            await asyncio.wait({serving})
        serving.result()
        update()

    _until_terminated(serve())


def _until_terminated(work: Coroutine) -> Any:
    """Run until done; a polite request to terminate ends it as an interrupt from the keyboard does."""

    async def terminable() -> Any:
        # Of all that goes on only the work itself is told: what it still needs to end well, such as its connections to
        # workers, it ends by itself.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
        return await work

    try:
        return asyncio.run(terminable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _check_writable(option: str, path: Path) -> None:
    """Refuse before hours of training what could not be written after them."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SpecError(f"{option} {path}: no file can be written there; give a file name in a folder that exists.")


def _write_json(path: Path, summary: dict) -> None:
    from clnp_core.files import write_whole

    write_whole(path, (json.dumps(summary, indent=2) + "\n").encode())


def _list(options: argparse.Namespace) -> int:
    """List the runs, the newest first."""
    from clnp_core.terminal import print_runs

    store = _store(options)
    print_runs(store.runs(), store.engine())
    return 0


def _show(options: argparse.Namespace) -> int:
    """Show one run: how far it is, what it learned, its settings and what happened to it."""
    from clnp_core.terminal import print_run

    store = _store(options)
    print_run(store, store.run(options.run))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    """Stop a run for good. What is finished is kept."""
    _store(options).cancel(options.run)
    return 0


def _pause(options: argparse.Namespace) -> int:
    """Stop a run for now; `clnp resume` lets it go on."""
    _store(options).pause(options.run)
    return 0


def _resume(options: argparse.Namespace) -> int:
    """Put a paused, interrupted, cancelled or failed run into the queue again."""
    store = _store(options)
    store.resume(options.run)
    _say_if_nobody_works(store)
    return 0


def _say_if_nobody_works(store: Store) -> None:
    if store.engine() is None:
        print("No engine serves this store; start one with: clnp engine")


def _remove(options: argparse.Namespace) -> int:
    """Forget a run. `clnp store prune` then frees the space that no other run needs."""
    _store(options).remove(options.run)
    return 0


def _fork(options: argparse.Namespace) -> int:
    """Queue a run that shares a run's tasks before K and goes on from there with other settings."""
    store = _store(options)
    spec = fork(store.run(options.run).spec, options.at_task, dict(map(parse_assignment, options.set)))
    print(store.add(spec))
    _say_if_nobody_works(store)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Recompute every task's fingerprint with the run's last network."""
    from clnp_core.arithmetic import TOLERANCE
    from clnp_core.runs.views.verify import verify

    for task, elsewhere in verify(_store(options), options.run):
        if elsewhere is None:
            print(f"task {task}: identical")
        else:
            print(f"task {task}: the same to {TOLERANCE:g} of its largest logit; it was learned on {elsewhere}")
    return 0


def _export(options: argparse.Namespace) -> int:
    """Write the narrow network of a learned task, for use without this project."""
    from clnp_core.runs.handle import RunHandle

    store = _store(options)
    store.run(options.run)
    _check_writable("--out", options.out)
    RunHandle(store, options.run).export(options.task, options.out)
    print(f"task {options.task} of {options.run} in {options.out}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    """Write all of a finished run as one file, which clnp import takes in on another machine."""
    from clnp_core.runs.handle import RunHandle

    store = _store(options)
    store.run(options.run)
    _check_writable("--out", options.out)
    RunHandle(store, options.run).archive(options.out)
    print(f"{options.run} in {options.out}, {options.out.stat().st_size:,} bytes")
    return 0


def _import(options: argparse.Namespace) -> int:
    """Take in a run that clnp archive wrote, here or elsewhere, and verify that its network answers as it did there."""
    from clnp_core.runs import archive

    store = _store(options)
    imported = archive.read(store, options.file)
    print(imported.verdict)
    print(f"run {imported.run} in {store.location}")
    return 0


def _engine(options: argparse.Namespace) -> int:
    """Work on queued runs in the foreground until stopped."""
    from clnp_core.runs.engine.service import Engine

    store = _store(options)
    _give_way()
    print(f"engine of {store.location}, process {os.getpid()}", flush=True)
    try:
        _until_terminated(Engine(store, options.scheduler).serve(idle_seconds=options.idle))
    except KeyboardInterrupt:
        print("engine stopped; runs in progress are queued again")
    return 0


def _give_way() -> None:
    """Whoever looks at the app, or uses the machine, comes first."""
    os.nice(_NICENESS)
    if os.getsid(0) == os.getpid():
        # Where Linux shares the processors out among sessions, niceness counts inside a session alone.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(f"{_NICENESS}")


def _dashboard(options: argparse.Namespace) -> int:
    """Serve the app on this machine only, open it in the browser, and start an engine if there is none."""
    import dashboard
    from clnp_core.runs.background import ensure_engine

    store = _store(options)
    if options.scheduler:
        os.environ["CLNP_SCHEDULER"] = options.scheduler
    ensure_engine(store)
    return subprocess.call(**dashboard.process(store.location, options.port, opens_browser=not options.no_browser))


def _prune(options: argparse.Namespace) -> int:
    """Delete artifacts that no run in the store needs."""
    store = _store(options)
    if options.dry_run:
        for key in store.unneeded():
            path = store.artifacts.path(key)
            print(f"{path.stat().st_size:>12,}  {path}")
        return 0
    print(f"{store.prune():,} bytes freed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
