"""What `clnp run` shows in a terminal: live progress, and the table at the end."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from clnp_core.runs.runner import Progress as Where
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import ALONE


class LiveDisplay:
    """A progress bar for the whole run and a line per learned task. Call it with what `execute` reports.

    Where the output is no terminal only the lines are printed.
    """

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(),
            disable=not sys.stdout.isatty(),
        )
        self._whole = self._bar.add_task(spec.preset, total=1.0)

    def __enter__(self) -> LiveDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, event: Where | dict[str, Any]) -> None:
        if isinstance(event, dict):
            self._bar.console.print(self._line(event), highlight=False)
            return
        what = "alone" if event.candidate == ALONE else f"candidate {event.candidate + 1}/{event.candidates}"
        description = (
            f"{self._spec.preset} · task {event.task}/{self._spec.stream.tasks} · {what} · "
            f"epoch {event.epoch.epoch}/{self._spec.epochs} · loss {event.epoch.loss:.3f} · "
            f"validation {event.epoch.validation_accuracy:.1%}"
        )
        self._bar.update(self._whole, completed=event.fraction, description=description)

    def _line(self, record: dict[str, Any]) -> str:
        claimed = ", ".join(
            f"{layer.name} {claimed} (free {free})"
            for layer, claimed, free in zip(
                self._spec.architecture.hidden, record["claimed"], record["free"], strict=True
            )
        )
        notes = "".join(f" {note}" for note in record["notes"])
        return f"task {record['task']}: accuracy {record['accuracy'][-1]:.2%}; claimed {claimed}.{notes}"


def print_summary(summary: dict[str, Any]) -> None:
    """The table of a finished run: per task accuracy, θ, and neurons claimed, reused and free per layer."""
    console = Console()
    alone = summary.get("single_task_accuracy")
    table = Table(title=f"{summary['preset']}, seed {summary['seed']}")
    table.add_column("task", justify="right")
    table.add_column("accuracy", justify="right")
    if alone:
        table.add_column("alone", justify="right")
    table.add_column("θ", justify="right")
    for layer in summary["layers"]:
        table.add_column(f"{layer['name']}\nclaimed / reused / free", justify="right")
    for task in range(summary["tasks"]):
        row = [str(task + 1), f"{summary['accuracy'][-1][task]:.2%}"]
        if alone:
            row.append(f"{alone[task]:.2%}")
        theta = summary["theta"][task]
        row.append(" / ".join(f"{value:.3g}" for value in (theta if isinstance(theta, list) else [theta])))
        for layer in summary["layers"]:
            free = layer["width"] - sum(layer["claimed"][: task + 1])
            row.append(f"{layer['claimed'][task]} / {layer['reused'][task]} / {free}")
        table.add_row(*row)
    console.print(table)
    mean = f"mean accuracy {summary['mean_accuracy']:.2%}"
    if alone:
        mean += f", each task alone {sum(alone) / len(alone):.2%}"
    promise = "every earlier task's logits are identical to the bit" if summary["identical_logits"] else ""
    console.print(f"{mean}; {promise}; {summary['seconds']:.1f} s", highlight=False)
    for note in summary["notes"]:
        console.print(note, highlight=False)
