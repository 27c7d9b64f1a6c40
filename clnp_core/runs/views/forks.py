"""The runs that a run comes from, and those that come from it. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clnp_core.analysis.setting_words import different
from clnp_core.runs.store import Run


@dataclass(frozen=True)
class Fork:
    """A run in a tree of forks.

    Attributes
    ----------
    id : str
    run : Run or None
        None if it has been removed.
    depth : int
        How many forks lead to it from the root of the tree.
    change : str
        From which task on it is another run than the one before it, and what it sets otherwise, in words.
    """

    id: str
    run: Run | None
    depth: int
    change: str


def family(run: Run, runs: Sequence[Run]) -> list[Fork]:
    """List the tree of forks that a run is part of: the runs that it comes from, itself, and all that come from it.

    Each stands before its own forks, the oldest of these first.

    Parameters
    ----------
    run : Run
    runs : sequence of Run
        Those of its store.
    """
    known = {each.id: each for each in runs}
    forks: dict[str, list[Run]] = {}
    for each in sorted(runs, key=lambda each: each.created):
        forks.setdefault(each.parent or "", []).append(each)
    line = [run.id]
    while (last := known.get(line[-1])) and last.parent:
        line.append(last.parent)
    told = [_fork(each, known, depth) for depth, each in enumerate(reversed(line))]
    left = [(each, len(line)) for each in reversed(forks.get(run.id, ()))]
    while left:
        each, depth = left.pop()
        told.append(_fork(each.id, known, depth))
        left += [(fork, depth + 1) for fork in reversed(forks.get(each.id, ()))]
    return told


def drawn(run: Run, runs: Sequence[Run]) -> list[str]:
    """Draw the tree of forks that a run is part of as lines of text, the run's own marked; none if it is alone."""
    lines = []
    tree = family(run, runs)
    for fork in tree if len(tree) > 1 else ():
        called = fork.run.called if fork.run else f"{fork.id}, which has been removed"
        branch = f"{'  ' * (fork.depth - 1)}└ " if fork.depth else ""
        lines.append(f"{branch}{called}{' ◀' if fork.id == run.id else ''}  {fork.change}".rstrip())
    return lines


def _fork(id: str, known: dict[str, Run], depth: int) -> Fork:
    run = known.get(id)
    return Fork(id, run, depth, _change(run, known.get(run.parent or "")) if run else "")


def _change(run: Run, parent: Run | None) -> str:
    spec = run.spec
    if not spec.fork_of:
        return ""
    before = parent.spec if parent else spec.fork_of
    # Several specifications may lead from the one to the other: they part where the first of them does.
    between = [each for each in (spec, *spec.earlier) if len(each.earlier) > len(before.earlier)] or [spec]
    what = different(spec.to_json(), before.to_json(), ("at_task", "imported"))
    return f"from task {min(each.at_task or 1 for each in between)}" + (f": {what}" if what else "")
