"""Writes RESULTS.md: each table and figure of the paper beside our results. Imports no torch."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from clnp_core.analysis import compare, figures
from clnp_core.analysis.compare import spread
from clnp_core.results import kept, published
from clnp_core.results.claims import claims
from clnp_core.results.experiments import ALL, NARROW, PAPER_SEEDS, QUICK, WIDE, Experiment, Found
from clnp_core.results.kept import Kept
from clnp_core.results.layout import (
    NOTHING,
    best_of,
    compared,
    layers,
    mean_of,
    means,
    met,
    names,
    percent,
    picture,
    table,
)
from clnp_core.results.permuted import permuted_mnist, used_by
from clnp_core.results.published import Published
from clnp_core.runs.fold.summary import duration
from clnp_core.runs.store import Store

_ASKED_ABOVE_SI = 0.05
"""By how much CLNP is asked to be above SI on split CIFAR."""


def write(store: Store, path: Path, pictures: Path) -> None:
    """Write RESULTS.md and its pictures, and keep the runs that it is written from.

    Parameters
    ----------
    store : Store
    path : Path
        Path of RESULTS.md.
    pictures : Path
        A folder beside or below it. Runs are kept in its folder `runs`; those that are there already count as well.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    shown = pictures.relative_to(path.parent).as_posix()
    runs = {run.id: run for run in (*kept.read(pictures / "runs"), *kept.kept_of(store))}.values()
    found = {each.name: each.among(runs) for each in ALL}
    unfinished = {each.name: each.unfinished_among(runs) for each in ALL}
    kept.write((run for of in (found, unfinished) for runs in of.values() for run in runs), pictures / "runs")
    parts = [
        _head(),
        claims(found),
        permuted_mnist(found, pictures, shown),
        _split_cifar(found, pictures, shown),
        _wide(found, pictures, shown),
    ]
    parts += [_not_run(found), *([_not_finished(unfinished)] if any(unfinished.values()) else []), _runs(found)]
    path.write_text("\n".join(line for part in parts for line in [*part, ""]), "utf-8")


def _head() -> list[str]:
    return [
        "# Results",
        "",
        "Written by `make results` from the runs of a store; nothing here is typed by hand. Accuracies are on test",
        "images, in per cent: mean ± standard deviation over seeds, of one seed without a deviation. What is *quoted*",
        "was published by others and not measured here. What was measured before validation images were held out class",
        "by class stands [apart](docs/results/2026-11-22.md).",
    ]


def _split_cifar(found: Found, pictures: Path, shown: str) -> list[str]:
    lines = [
        "## Split CIFAR, narrow (section 3.2)",
        "",
        "### Figure 4a: accuracy of the six tasks after the last",
        "",
        *_by_task((*NARROW, *QUICK), published.SPLIT_CIFAR, found),
        "",
        "The paper shows its own values of Figure 4a in a drawing alone, so that none can be quoted.",
        "",
        *_cifar_verdicts(found),
    ]
    if groups := compared(NARROW, found):
        caption = "Figure 4a: test accuracy of the six tasks after the last."
        drawn = figures.accuracy_by_task(compare.by_task(groups))
        lines += ["", *picture(drawn, pictures, shown, "figure-4a", caption)]
    drawn_first = next((each for each in (*NARROW, *QUICK) if found[each.name]), None)
    if drawn_first:
        run = found[drawn_first.name][0]
        caption = f"Figure 4b: used capacity of each layer by task, {drawn_first.name}, {run.id}."
        lines += ["", *picture(figures.capacity(layers(run)), pictures, shown, "figure-4b", caption)]
    notes = [(each, note) for each in (*NARROW, *QUICK) for run in found[each.name][:1] for note in run.summary.notes]
    lines += ["", *(f"- {each.name}: {note}" for each, note in notes)] if notes else []
    return lines


def _cifar_verdicts(found: Found) -> list[str]:
    """Write what was asked of CLNP here, where it is not the best, and what pruning while it trains leaves free."""
    done = [each for each in NARROW if found[each.name]]
    ours = [each for each in done if found[each.name][0].spec.method == "clnp"]
    best = best_of(ours, found)
    if best is None:
        return []
    asked = published.SI_ON_CIFAR + _ASKED_ABOVE_SI
    mean = mean_of(best, found)
    lines = [
        f"- {best.name} is the best of CLNP: {100 * mean:.1f} %, asked {100 * asked:.1f} %, SI as published and "
        f"{100 * _ASKED_ABOVE_SI:g} points: {met(mean >= asked, asked - mean)}."
    ]
    last = {each.name: fmean(run.summary.accuracy[-1][-1] for run in found[each.name]) for each in done}
    ours_last = max(last[each.name] for each in ours)
    if better := [f"{name} {100 * reached:.1f} %" for name, reached in last.items() if reached > ours_last]:
        lines.append(
            f"- On the last task alone CLNP, at best {100 * ours_last:.1f} %, is not the most accurate: "
            f"{', '.join(better)}. They may change every weight."
        )
    pruned = [each for each in (*NARROW, *QUICK) if found[each.name] and found[each.name][0].summary.layers]
    layers_of = [layer.name for layer in found[pruned[0].name][0].summary.layers]
    rows = [(each.name, percent(*spread(means(found[each.name])), 1), *_free(found[each.name])) for each in pruned]
    return [*lines, "", "Neurons free at the end:", "", *table(("", "mean accuracy", *layers_of), rows)]


def _free(runs: Sequence[Kept]) -> list[str]:
    """Write how many neurons of each hidden layer are free, mean over the runs."""
    each = zip(*(run.summary.layers for run in runs), strict=True)
    return [f"{fmean(one.free for one in own):.3g} of {own[0].width}" for own in each]


def _wide(found: Found, pictures: Path, shown: str) -> list[str]:
    heading = ["## Split CIFAR, wide (Table 3, Figure 5)", ""]
    done = [each for each in WIDE if found[each.name]]
    if not done:
        return [*heading, "Not run; see below."]
    lines = [*heading, *_by_task(WIDE, (), found)]
    if drawn := next((each for each in done if found[each.name][0].summary.layers), None):
        run = found[drawn.name][0]
        caption = f"Figure 5b: used capacity of each layer by task, {drawn.name}, {run.id}."
        lines += ["", *picture(figures.capacity(layers(run)), pictures, shown, "figure-5b", caption)]
        lines += ["", *(f"- {drawn.name}: {note}" for note in run.summary.notes)]
    return lines


def _by_task(experiments: Sequence[Experiment], quoted: Sequence[Published], found: Found) -> list[str]:
    done = [(each, runs) for each in experiments if (runs := found[each.name])]
    count = max([len(each.by_task) for each in quoted] + [runs[0].summary.tasks for _, runs in done], default=0)
    rows = []
    for each, runs in done:
        values = list(zip(*(run.summary.accuracy[-1] for run in runs), strict=True))
        means = [percent(*spread(own), 1) for own in values]
        mean = percent(*spread([run.summary.mean_accuracy for run in runs]), 1)
        rows.append((each.name, *means, *[NOTHING] * (count - len(means)), mean, names(runs)))
    for figure in quoted:
        cells = [f"*{100 * value:.1f}*" for value in figure.by_task]
        rows.append((figure.method, *cells, f"*{100 * figure.accuracy:.1f}*", f"quoted: {figure.source}"))
    tasks = [f"task {number}" for number in range(1, count + 1)]
    return table(("method", *tasks, "mean", "runs, or where it is quoted from"), rows)


def _not_run(found: Found) -> list[str]:
    rows = []
    for each in ALL:
        seeds = len(found[each.name])
        if each.is_full and seeds < PAPER_SEEDS:
            rows.append((each.name, each.place, f"{seeds} of {PAPER_SEEDS}", f"`{each.command}`"))
    return [
        "## Not run, or not at all seeds",
        "",
        *table(("experiment", "in the paper", "seeds", "what runs it"), rows),
    ]


def _not_finished(unfinished: Found) -> list[str]:
    """Write how far runs came that did not finish: no earlier answer of CLNP would have changed any more."""

    def reached(each: Experiment, run: Kept) -> tuple[str, ...]:
        return (
            f"{run.summary.tasks} of {run.spec.stream.tasks}",
            ", ".join(f"{100 * accuracy:.1f}" for accuracy in run.summary.accuracy[-1]),
            f"{100 * run.summary.mean_accuracy:.2f}",
            ", ".join(f"{100 * share:.0f}" for share in used_by(run)) or NOTHING,
        )

    return [
        "## Not finished",
        "",
        "How far runs came that were cut short, of seeds that no run has finished. Of each hidden layer the share that",
        "was in use then is given in per cent.",
        "",
        *_listed(unfinished, ("tasks learned", "accuracy of each", "mean", "in use"), reached),
    ]


def _runs(found: Found) -> list[str]:
    def learned(each: Experiment, run: Kept) -> tuple[str, ...]:
        return (
            f"`{each.command} --seed {run.spec.seed}`",
            "true" if run.summary.identical_logits else NOTHING,
            duration(run.training),
        )

    about = "What a run finds in the store, trained for another one, counts as its own training."
    return ["## Runs", "", about, "", *_listed(found, ("settings", "`identical_logits`", "training"), learned)]


def _listed(found: Found, columns: Sequence[str], cells: Callable[[Experiment, Kept], tuple[str, ...]]) -> list[str]:
    """Write a row for each run: which it is, what the cells tell of it, and where and when it was learned."""
    rows = [
        (f"`{run.id}`", each.name, run.spec.seed, *cells(each, run), _machine(run.summary.environment), _date(run))
        for each in ALL
        for run in found[each.name]
    ]
    return table(("run", "experiment", "seed", *columns, "machine", "date"), rows)


def _date(run: Kept) -> str:
    return datetime.datetime.fromtimestamp(run.finished, datetime.UTC).date().isoformat()


def _machine(environment: dict[str, Any] | None) -> str:
    if not environment:
        return "not recorded"
    on = f"{environment['accelerator']}, " if "accelerator" in environment else ""
    return on + "{processor}, {cores} cores, torch {torch}, Python {python}".format(**environment)
