"""Prints live progress, tables of runs and results on the terminal. Imports no torch."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console as RichConsole
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from clnp_core.analysis.epochs import ALONE, TUNED
from clnp_core.bounds import Label
from clnp_core.methods.training.settings import VALIDATION
from clnp_core.printing import printable, size_text
from clnp_core.runs.estimate import seconds_left
from clnp_core.runs.fold.notes import task_notes
from clnp_core.runs.fold.results import ByClass, Record, Summary
from clnp_core.runs.fold.summary import seeds_of, summarise, words_for
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import Run, Store
from clnp_core.runs.store.results import MENDED
from clnp_core.runs.views.forks import drawn
from clnp_core.tasks.labels import short, shown

if TYPE_CHECKING:
    import pandas as pd

_WIDTH_ELSEWHERE = 120  # of output that does not go to a terminal
_ENDLESS = 10_000


class Console(RichConsole):
    """A console whose tables are as wide as what its encoding can write."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        if not self.width:  # COLUMNS=0, as of what knows no width, would let nothing be printed
            self.width = _WIDTH_ELSEWHERE

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable(text, self.encoding), **how)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(),
        disable=not sys.stdout.isatty(),
    )


class LiveDisplay:
    """Live display of a run: a progress bar, and a line per learned task and per result that is computed anew.

    If the output does not go to a terminal, only the lines are printed.
    """

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run
        self._shown = 0
        self._told = 0
        self._bar = _bar()
        self._whole = self._bar.add_task(run, total=1.0, left="")

    def __enter__(self) -> LiveDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self) -> Run:
        """Show the run's present state and return the run."""
        run = self._store.run(self._run)
        records, events = self._store.learned(self._run), self._store.events(self._run)
        for _, text in events[self._told :]:
            if text.startswith(MENDED):
                self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        self._told = len(events)
        for record in records[self._shown :]:
            self._bar.console.print(_line(run.spec.at(record.task), record), highlight=False)
        self._shown = len(records)
        if not self._bar.disable:
            self._bar.update(
                self._whole,
                completed=run.fraction,
                description=f"{run.id} · {self._where(run.spec)}",
                left=words_for(run.seconds_left),
            )
        return run

    def _where(self, spec: RunSpec) -> str:
        trained = [epoch for epoch in self._store.epochs(self._run) if epoch["candidate"] != ALONE]
        if self._store.waits_for_workers(self._run):
            return "starting workers"
        if not trained:
            return "starting"
        # Epochs are in the order in which candidates, and rounds of fine-tuning after them, were started.
        *_, last = sorted(trained, key=lambda epoch: epoch["task"])
        loss = "–" if last["loss"] is None else f"{last['loss']:.3f}"
        task, own = last["task"], spec.at(last["task"])
        tuning = own.fine_tuning if last["candidate"] == TUNED else None
        what, epochs = ("fine-tuning", tuning.epochs) if tuning else ("epoch", own.epochs_of(task))
        return (
            f"task {task}/{spec.stream.tasks} · {what} {last['epoch']}/{epochs} · "
            f"loss {loss} · {VALIDATION[own.measure]} {last['validation_accuracy']:.1%}"
        )


class RunsDisplay:
    """Live display of several runs: a progress bar and a line per run that has ended.

    If the output does not go to a terminal, only the lines are printed.

    Parameters
    ----------
    name : str
        Of the sweep or comparison.
    runs : callable
        Reads the runs as they are now.
    """

    def __init__(self, name: str, runs: Callable[[], list[Run]]) -> None:
        self._name = name
        self._runs = runs
        self._ended: set[str] = set()
        self._bar = _bar()
        self._whole = self._bar.add_task(name, total=None, left="")

    def __enter__(self) -> RunsDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self) -> list[Run]:
        """Show the present state of the runs and return them."""
        runs = self._runs()
        for run in runs:
            if not run.is_active and run.id not in self._ended:
                self._ended.add(run.id)
                reached = f", mean accuracy {run.summary.mean_accuracy:.2%}" if run.summary else ""
                self._bar.console.print(f"{run.called}: {run.state}{reached}", highlight=False, markup=False)
        self._bar.update(
            self._whole,
            total=len(runs),
            completed=sum(run.fraction for run in runs),
            description=f"{self._name} · {sum(run.state == 'finished' for run in runs)} of {len(runs)} sequences",
            left=words_for(seconds_left(runs)),
        )
        return runs


def _line(spec: RunSpec, record: Record) -> str:
    layers = zip(spec.architecture.hidden, record.claimed, record.free, strict=False)
    claimed = ", ".join(f"{layer.name} {count} (free {free})" for layer, count, free in layers)
    notes = "".join(f" {note}" for note in task_notes(spec, record)[record.task])
    claims = f"; claimed {claimed}" if claimed else ""
    return f"task {record.task}: accuracy {record.accuracy[-1]:.2%}{claims}.{notes}"


def print_runs(runs: Sequence[Run], engine: int | None) -> None:
    """Print the list of runs."""
    console = Console(width=_width())
    columns = {
        "run": [run.id for run in runs],
        "state": [run.state for run in runs],
        "done": [f"{run.fraction:.0%}" for run in runs],
        "left": [words_for(run.seconds_left) if run.state == "running" else "" for run in runs],
        "tasks": [str(run.spec.stream.tasks) for run in runs],
        "seed": [seeds_of(run.spec) for run in runs],
        "created": [datetime.fromtimestamp(run.created).strftime("%Y-%m-%d %H:%M") for run in runs],
    }
    if any(run.name for run in runs):
        columns = {"run": columns["run"], "name": [escape(run.name) for run in runs], **columns}
    if any(run.owner for run in runs):
        columns["student"] = [escape(run.owner or "") for run in runs]
    if any(run.tags for run in runs):
        columns["tags"] = [escape(", ".join(run.tags)) for run in runs]
    if runs:
        console.print(
            _fitting(console, columns, ("created", "seed", "tasks", "tags", "left", "done", "student", "state", "name"))
        )
    else:
        console.print("There are no runs yet. Try: clnp run digits")
    if any(run.is_active for run in runs) and engine is None:
        console.print("No engine serves this store; start one with: clnp engine")


def print_status(store: Store, engine: psutil.Process | None) -> None:
    """Print which process serves a store, since when and with how many others, and the runs that go on."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"store {store.location}")
    told = "no engine serves it"
    if engine is not None:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            began, others = datetime.fromtimestamp(engine.create_time()), len(engine.children(recursive=True))
            told = f"engine: process {engine.pid} with {others} others, since {began:%Y-%m-%d %H:%M:%S}\n"
            told += f"    {shlex.join(engine.cmdline())}"
    console.print(told)
    for run in store.runs():
        if run.goes_on:
            left = words_for(run.seconds_left) if run.state == "running" else ""
            console.print(f"{run.called}: {run.state}, {run.fraction:.0%} done {left}".rstrip())


def _width() -> int | None:
    """Return the width of what is printed; None for that of the terminal, or of COLUMNS."""
    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDTH_ELSEWHERE


def _fitting(
    console: Console, columns: Mapping[str, Sequence[str]], spare: Sequence[str], right: Sequence[str] = ()
) -> Table:
    """Lay out a table in which ids of runs stay whole: where it is too wide, columns are left out.

    Parameters
    ----------
    console : Console
    columns : mapping
        Title → its cells. That of the ids is "run".
    spare : sequence of str
        Columns that may be left out, the first one first.
    right : sequence of str
        Columns that are set to the right.
    """
    left_out = [name for name in spare if name in columns]
    shown = dict(columns)
    endless = console.options.update_width(_ENDLESS)
    while True:
        table = Table()
        for name in shown:
            # Not even a column of ids alone may fit: then they are folded.
            whole = name == "run" and len(shown) > 1
            table.add_column(name, no_wrap=whole, overflow="fold", justify="right" if name in right else "left")
        for row in zip(*shown.values(), strict=True):
            table.add_row(*row)
        if not left_out or Measurement.get(console, endless, table).minimum <= console.width:
            return table
        del shown[left_out.pop(0)]


def print_run(store: Store, run: Run) -> None:
    """Print a run's state, results, settings and events."""
    console = Console()
    told = f"{run.called}: {run.state}, {run.fraction:.0%} done {words_for(run.seconds_left)}"
    console.print(told.rstrip(), markup=False)
    for line in drawn(run, store.runs()):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if run.tags:
        console.print(f"tags: {', '.join(run.tags)}", highlight=False, markup=False)
    if run.note:
        console.print(run.note, highlight=False, markup=False)
    if run.error:
        console.print(run.error, style="red", highlight=False, markup=False)
    if run.data:
        console.print(
            f"data: {run.spec.stream.data}, SHA-256 {run.data}", highlight=False, markup=False, soft_wrap=True
        )
    records = store.learned(run.id)
    if records:
        print_summary(run.summary or summarise(run.spec, records, run.seconds))
    console.print_json(data=run.spec.to_json())
    for moment, text in store.events(run.id):
        console.print(f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M:%S}  {text}", highlight=False, markup=False)


def print_summary(summary: Summary) -> None:
    """Print the table of results: per task accuracy, θ, and neurons claimed, reused and free of each layer."""
    console = Console(width=_width())
    alone = summary.single_task_accuracy
    theta = summary.theta
    about = "for each layer: neurons claimed/reused/free" if summary.layers else None
    table = Table(title=f"{summary.preset}, {summary.method}, seed {summary.seed}", caption=about)
    table.add_column("task", justify="right")
    table.add_column("accuracy", justify="right")
    if balanced := summary.measure == "balanced":
        table.add_column("balanced", justify="right")
    if summary.by_class:
        table.add_column("lowest class", justify="right")
    if alone:
        table.add_column("alone", justify="right")
    if theta:
        table.add_column("θ", justify="right")
    for layer in summary.layers:
        table.add_column(escape(layer.name), justify="right")
    for task in range(summary.tasks):
        row = [str(task + 1), f"{summary.accuracy[-1][task]:.2%}"]
        told = summary.by_class.get(task + 1)
        if balanced:
            row.append(f"{told.balanced:.2%}" if told else "")
        if summary.by_class:
            row.append(_lowest(told, summary.classes[task] if summary.classes else ()))
        if alone:
            row.append("" if alone[task] is None else f"{alone[task]:.2%}")
        if theta:
            shared = theta[task]
            given = shared if isinstance(shared, tuple) else (shared,)
            row.append(" / ".join(f"{value:.3g}" for value in given))
        row += [f"{layer.claimed[task]}/{layer.reused[task]}/{layer.free_after[task]}" for layer in summary.layers]
        table.add_row(*row)
    console.print(table)
    mean = f"mean accuracy {summary.mean_accuracy:.2%}"
    known = [accuracy for accuracy in alone if accuracy is not None] if alone else []
    if alone and len(known) == len(alone):
        mean += f", each task alone {sum(known) / len(known):.2%}"
    for name in ("forgetting", "backward_transfer", "forward_transfer"):
        if (measure := getattr(summary, name)) is not None:
            mean += f", {name.replace('_', ' ')} {100 * measure:+.2f} points"
    console.print(f"{mean}; {summary.seconds:.1f} s", highlight=False)
    if summary.identical_logits:
        console.print("the logits of every earlier task are identical to the bit", highlight=False)
    classes = [own for own in enumerate(summary.classes or (), start=1) if own[1] != tuple(range(len(own[1])))]
    if classes:
        names = "; ".join(f"task {task}: {shown(own)}" for task, own in classes)
        console.print(f"classes of {names}", highlight=False, markup=False)
    left = [f"{layer.name} {_tasks_left(layer.tasks_left)}" for layer in summary.layers]
    if left:
        console.print(f"tasks left at this pace: {', '.join(left)}", highlight=False, markup=False)
    for note in summary.notes:
        console.print(note, highlight=False, markup=False)


def _lowest(told: ByClass | None, labels: Sequence[Label]) -> str:
    """The lowest accuracy of a task's classes, and which one it is, the first of several."""
    if told is None:
        return ""
    known = zip(told.accuracy, told.classes, strict=True)
    accuracy, place = min((accuracy, place) for accuracy, place in known if accuracy is not None)
    return escape(f"{accuracy:.2%} ({short(labels[place] if labels else place)})")


def print_sweep(frame: pd.DataFrame, axes: Sequence[str]) -> None:
    """Print the table of a sweep's results, as `clnp_core.runs.sweep.table` returns it."""
    console = Console(width=_width())
    rows = frame.to_dict("records")
    columns = {path: [_axis_value(row[path]) for row in rows] for path in axes}
    columns |= {name: [row[name] for row in rows] for name in ("run", "state")}
    for name, share in (("mean accuracy", "mean_accuracy"), ("capacity used", "capacity_used")):
        columns[name] = ["–" if math.isnan(row[share]) else f"{row[share]:.2%}" for row in rows]
    columns["tasks"] = [str(row["tasks_fitted"]) for row in rows]
    columns["seconds"] = [f"{row['seconds']:.1f}" for row in rows]
    numbers = ("seconds", "tasks", "capacity used", "mean accuracy")
    console.print(_fitting(console, columns, (*numbers[:3], "state"), numbers))


def _axis_value(value: Any) -> str:
    if value is None or value != value:  # without effect on the sequence's method
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def print_comparison(frame: pd.DataFrame) -> None:
    """Print the table of a comparison, as `clnp_core.runs.benchmark.table` returns it, and what was searched."""
    console = Console(width=_width())
    rows = frame.to_dict("records")
    columns = {"method": [escape(row["method"]) for row in rows], "seeds": [str(row["seeds"]) for row in rows]}
    for name in ("mean_accuracy", "forgetting", "backward_transfer", "forward_transfer", "untold_accuracy"):
        columns[_COMPARED[name]] = [_with_spread(100 * row[name], 100 * row[f"{name} std"], 2) for row in rows]
    columns["memory"] = [size_text(row["memory"]) for row in rows]
    columns["s per task"] = [_with_spread(row["seconds_per_task"], row["seconds_per_task std"], 1) for row in rows]
    numbers = list(columns)[1:]
    spare = ("backward transfer", "seeds", "s per task", "forward transfer", "task untold")
    console.print(_fitting(console, columns, spare, numbers))
    console.print("accuracies and differences in per cent ± one standard deviation over the seeds", highlight=False)
    for row in rows:
        if row["grid"]:
            told = f"{row['method']}: {row['chosen']}, of {row['grid']}; the search took {row['search_seconds']:.1f} s"
            console.print(told, highlight=False, markup=False)


_COMPARED = {
    "mean_accuracy": "accuracy",
    "forgetting": "forgetting",
    "backward_transfer": "backward transfer",
    "forward_transfer": "forward transfer",
    "untold_accuracy": "task untold",
}


def _with_spread(mean: float, deviation: float, digits: int) -> str:
    if math.isnan(mean):
        return "–"
    return f"{mean:.{digits}f}" + ("" if math.isnan(deviation) else f" ± {deviation:.{digits}f}")


def _tasks_left(tasks: float | None) -> str:
    return "no forecast" if tasks is None else f"{tasks:.1f}"
