"""The part of RESULTS.md on the methods that forget, on permuted MNIST. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from clnp_core.analysis import compare, figures
from clnp_core.results import published
from clnp_core.results.experiments import (
    ANPYC,
    EWC,
    FINE_TUNING,
    GRADUAL,
    PERMUTED_MNIST,
    RIVALS,
    SI,
    SUPERPOSITION,
    Found,
)
from clnp_core.results.kept import Kept
from clnp_core.results.layout import best_of, compared, mean_of, met, picture, table

_ASKED_OF_EWC = 0.96
_ASKED_OF_SI = 0.005
"""Most that SI at its authors' c may be off from what they stored, after any task."""
_AUTHORS_C = 0.1


def beside_the_rivals(found: Found, pictures: Path, shown: str) -> list[str]:
    """Write how the others go from task to task, beside CLNP, and what was asked of them."""
    lines = [*_si_curves(found), "", *_verdicts(found)]
    if any(found[each.name] for each in RIVALS):
        families = (EWC.values(), SI.values(), SUPERPOSITION, ANPYC, [FINE_TUNING])
        best = [each for family in families if (each := best_of(family, found))]
        groups = compared([PERMUTED_MNIST, GRADUAL, *best], found)
        drawn = figures.mean_accuracies(compare.after_each_task(groups))
        caption = "Mean accuracy over the tasks learned so far, each method at its best setting."
        lines += ["", *picture(drawn, pictures, shown, "table-1", caption)]
    return lines


def _steps(runs: Sequence[Kept]) -> list[float]:
    """Mean accuracy over the tasks seen so far, after each, mean over the runs."""
    return [fmean(own) for own in zip(*(list(map(fmean, run.summary.accuracy)) for run in runs), strict=True)]


def _si_curves(found: Found) -> list[str]:
    """Write the mean accuracy over the tasks seen so far, after each, beside what SI's authors stored."""
    rows = []
    for c, curve in published.SI_CURVES.items():
        rows.append((f"c = {c:g}, quoted", *(f"*{100 * each:.2f}*" for each in curve)))
        runs = found[SI[c].name]
        if runs:
            steps = _steps(runs)
            rows.append(("ours", *(f"{100 * each:.2f}" for each in steps)))
            rows.append(
                ("difference", *(f"{100 * (one - other):+.2f}" for one, other in zip(steps, curve, strict=True)))
            )
    return [
        "### Synaptic Intelligence, task by task",
        "",
        f"Mean accuracy over the tasks seen so far, in per cent. Quoted: {published.ZENKE}.",
        "",
        *table(("tasks seen", *range(1, 11)), rows),
    ]


def _verdicts(found: Found) -> list[str]:
    """Write what was asked of the rivals, and whether it was reached."""
    lines = []
    if si := found[SI[_AUTHORS_C].name]:
        off = [abs(one - other) for one, other in zip(_steps(si), published.SI_CURVES[_AUTHORS_C], strict=True)]
        within = sum(each <= _ASKED_OF_SI for each in off)
        lines.append(
            f"- SI at c = {_AUTHORS_C:g} is asked to be within {100 * _ASKED_OF_SI:g} points of its authors' curve "
            f"after every task: it is after {within} of {len(off)}, and furthest off after task "
            f"{1 + off.index(max(off))}, by {100 * max(off):.2f} points: {met(within == len(off))}."
        )
    if best := best_of(EWC.values(), found):
        mean = mean_of(best, found)
        lines.append(
            f"- {best.name} is the best of EWC: {100 * mean:.2f} %, asked {100 * _ASKED_OF_EWC:g} % or more: "
            f"{met(mean >= _ASKED_OF_EWC, _ASKED_OF_EWC - mean)}."
        )
    if found[FINE_TUNING.name]:
        lines.append(
            f"- Fine-tuning is left with {100 * mean_of(FINE_TUNING, found):.2f} %, in the stored results of SI's "
            f"authors with {100 * published.SI_CURVES[0.0][-1]:.2f} %."
        )
    return lines
