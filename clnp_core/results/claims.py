"""The part of RESULTS.md that comes first: what the paper claims, beside what ours came to. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from clnp_core.analysis.compare import spread
from clnp_core.results import published
from clnp_core.results.experiments import ALONE, EWC, GRADUAL, NARROW, PERMUTED_MNIST, SI, SUPERPOSITION, Found
from clnp_core.results.kept import Kept
from clnp_core.results.layout import best_of, mean_of, means, met, number, percent, table
from clnp_core.results.permuted import UNTIL_FULL_OF, growth, hardly_grows, tasks_that_fit, used_by

_NOT_RUN = "not run"
_ALL_BUT_FULL = 0.85
_ABOUT = 0.9 * published.TASKS_THAT_FIT


def claims(found: Found) -> list[str]:
    """Write a row for each claim: the paper's number, and of each way to prune ours, met or missed and by how much."""
    columns = [found[each.name] for each in (PERMUTED_MNIST, GRADUAL)]
    rows = [
        ("Mean accuracy over ten tasks (Table 1)", _paper(published.CLNP.accuracy), *map(_mean, columns)),
        (
            "More accurate than superposition, SI and EWC (Table 1)",
            _rivals_in_words(),
            *(_above_rivals(runs, found) for runs in columns),
        ),
        (
            "At most so far below each task alone (Table 1)",
            _points(published.SINGLE_TASK.accuracy - published.CLNP.accuracy),
            *(_below_alone(runs, found[ALONE.name]) for runs in columns),
        ),
        ("Nothing is forgotten (section 2.2)", "nothing", *map(_forgets_nothing, columns)),
        *(
            (
                f"Layer {place + 1} in use after ten tasks (Figure 3)",
                f"{100 * quoted:.0f} %",
                *(_in_use(runs, place) for runs in columns),
            )
            for place, quoted in enumerate(published.USED_AFTER_TEN)
        ),
        ("Layer 1 hardly grows after the first task (Figure 3)", "in a drawing", *map(_hardly_grows, columns)),
        (
            "Tasks until the network is full (section 3.1)",
            f"about {published.TASKS_THAT_FIT}",
            *(
                _fit(runs, found[UNTIL_FULL_OF[each.name].name])
                for runs, each in zip(columns, (PERMUTED_MNIST, GRADUAL), strict=True)
            ),
        ),
    ]
    return [
        "## The paper's claims, and ours",
        "",
        *table(("permuted MNIST", "the paper", "ours, pruned after training", "ours, pruned while it trains"), rows),
        "",
        *table(("split CIFAR, narrow", "the paper", "ours"), _of_cifar(found)),
    ]


def _paper(accuracy: float) -> str:
    return f"{100 * accuracy:.2f}"


def _points(difference: float) -> str:
    return f"{100 * difference:.2f} points"


def _mean(runs: Sequence[Kept]) -> str:
    if not runs:
        return _NOT_RUN
    missing = published.CLNP.accuracy - fmean(means(runs))
    # As printed: what is equal to two digits is met.
    return f"{percent(*spread(means(runs)))}: {met(round(100 * missing, 2) <= 0, missing)}"


def _rivals_in_words() -> str:
    rivals = published.PERMUTED_MNIST[:3]
    return f"by {_listed([published.CLNP.accuracy - each.accuracy for each in rivals])} points"


def _above_rivals(runs: Sequence[Kept], found: Found) -> str:
    if not runs:
        return _NOT_RUN
    mean = fmean(means(runs))
    by = [mean - each.accuracy for each in published.PERMUTED_MNIST[:3]]
    best = (best_of(each, found) for each in (SUPERPOSITION, SI.values(), EWC.values()))
    ours = [mean - mean_of(each, found) for each in best if each]
    over_ours = f", by {_listed(ours)} over our own runs" if len(ours) == len(by) else ""
    return f"by {_listed(by)} points over what was published{over_ours}: {met(min(by + ours) > 0)}"


def _listed(differences: Sequence[float]) -> str:
    return ", ".join(f"{100 * each:.1f}" for each in differences)


def _below_alone(runs: Sequence[Kept], alone: Sequence[Kept]) -> str:
    if not runs or not alone:
        return _NOT_RUN
    below = fmean(means(alone)) - fmean(means(runs))
    allowed = published.SINGLE_TASK.accuracy - published.CLNP.accuracy
    where = _points(below) if below >= 0 else f"{_points(-below)} above"
    return f"{where}: {met(round(100 * (below - allowed), 2) <= 0, below - allowed)}"


def _forgets_nothing(runs: Sequence[Kept]) -> str:
    if not runs:
        return _NOT_RUN
    same = sum(bool(run.summary.identical_logits) for run in runs)
    return f"logits identical to the bit in {same} of {len(runs)} runs: {met(same == len(runs))}"


def _in_use(runs: Sequence[Kept], place: int) -> str:
    if not runs:
        return _NOT_RUN
    used, quoted = [used_by(run)[place] for run in runs], published.USED_AFTER_TEN[place]
    return f"{percent(*spread(used), 1)} %: {met(fmean(used) <= quoted, fmean(used) - quoted)}"


def _hardly_grows(runs: Sequence[Kept]) -> str:
    if not runs:
        return _NOT_RUN
    first, later = growth(runs)[0]
    return f"{first:.0f} neurons for the first task, {later:.0f} for each later one: {met(hardly_grows(runs))}"


def _fit(runs: Sequence[Kept], full: Sequence[Kept]) -> str:
    if full:
        counted = number(*spread([run.summary.tasks for run in full]), 0)
        mean = percent(*spread(means(full)))
        enough = fmean(run.summary.tasks for run in full) >= _ABOUT
        return f"{counted}, at {mean} % on average: {met(enough)}"
    if not runs:
        return _NOT_RUN
    fit = list(map(tasks_that_fit, runs))
    return f"{number(*spread(fit))} at the pace of the last three: {met(fmean(fit) >= _ABOUT)}"


def _of_cifar(found: Found) -> list[tuple[str, ...]]:
    """Write what the paper says in words, since it shows its values in a drawing alone."""
    one, two, tuned, *_ = (found[each.name] for each in NARROW)
    return [
        (
            "m = 2 points is more accurate than SI (Figure 4a)",
            "in a drawing",
            _more(two, published.SI_ON_CIFAR, "SI as published"),
        ),
        ("m = 4 points with fine-tuning is more accurate still", "in a drawing", _more_than(tuned, two)),
        ("m = 1 point has no room after the fourth task", "task 4", _full_after(one, 4, 4)),
        ("m = 2 points has room until the last task", "task 6", _full_after(two, 6, 7)),
        ("Task 1 all but fills conv 1 and 2 at m = 1 point (Figure 4b)", "in a drawing", _first_fills(one)),
    ]


def _more(runs: Sequence[Kept], other: float, what: str) -> str:
    if not runs:
        return _NOT_RUN
    mean = fmean(means(runs))
    return f"{100 * mean:.1f}, {what} {100 * other:.1f}: {met(mean > other)}"


def _more_than(runs: Sequence[Kept], others: Sequence[Kept]) -> str:
    if not runs or not others:
        return _NOT_RUN
    one, other = (fmean(means(each)) for each in (runs, others))
    return f"{100 * one:.1f} and {100 * other:.1f}: {met(one > other)}"


def _full_after(runs: Sequence[Kept], least: int, most: int) -> str:
    """Tell after which task the last hidden layer is full: met if that is from `least` to `most` in every run."""
    if not runs:
        return _NOT_RUN
    left = [run.summary.layers[-1].free_after for run in runs]
    after = [next((task for task, free in enumerate(own, start=1) if not free), len(own) + 1) for own in left]
    told = (f"task {task}" if task <= len(own) else "none" for task, own in zip(after, left, strict=True))
    return f"{', '.join(told)}: {met(all(least <= task <= most for task in after))}"


def _first_fills(runs: Sequence[Kept]) -> str:
    if not runs:
        return _NOT_RUN
    layers = [run.summary.layers[place] for run in runs for place in (0, 1)]
    shares = [layer.claimed[0] / layer.width for layer in layers]
    return f"{100 * fmean(shares):.0f} % of their channels: {met(fmean(shares) >= _ALL_BUT_FULL)}"
