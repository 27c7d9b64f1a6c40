"""The lesson's first steps: a network that learns one task after the other, and forgets."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from clnp_core.analysis import figures
from clnp_core.analysis.figures import Theme
from clnp_core.lesson.parts import HELD, shipped
from clnp_core.lesson.runs import TASKS
from dashboard.learn.step import Shown, Step, lesson_code, rounded
from dashboard.shared.number_text import counted

_DIGITS = 6  # as many as can be told apart on a small screen
_BETS = tuple(range(0, 101, 5))
_CLOSE = 0.1


def two_tasks() -> Step:
    alone = shipped("tasks")["alone"]

    def show(place: int, theme: Theme) -> Shown:
        task, data = place + 1, shipped("tasks")
        first = "the digits as they are" if task == 1 else "the same digits with their pixels in another order"
        return Shown(
            figures.permuted_images(data["images"][:_DIGITS], data["permutations"], task, theme),
            f"Task {task}: {first}. Learned alone, {rounded(data['alone'][place])} of its test images are right.",
            lesson_code(
                'data = shipped("tasks")\n'
                f'figures.permuted_images(data["images"][:{_DIGITS}], data["permutations"], {task})'
            ),
        )

    return Step(
        title="One network, several tasks",
        text="A small network learns to read digits: **task 1**. In **task 2** the same digits come with their pixels "
        "in another order, the same one for every image; in task 3 in yet another. The network does not know which "
        "pixels are neighbours, so that one task is as hard as the other: alone, it learns each to "
        f"{rounded(min(alone))} to {rounded(max(alone))}. Now one network is to learn all of them, **one after the "
        "other**, without ever seeing earlier images again.",
        part="tasks",
        label="Compare with",
        places=tuple(f"task {task}" for task in range(1, TASKS + 1)),
        start=1,
        show=show,
        try_this="Pick out a digit in the lower row before you look at the upper one. Can you learn to?",
        question="Why can this network learn the scrambled digits as well as the plain ones, where you cannot?",
        answer="Every neuron of its first layer is connected to all 64 pixels and starts from random weights. Give the "
        "weights the same other order as the pixels, and you have the same network again. Your eye, and a "
        "convolution, count on neighbours; this network does not.",
    )


def place_your_bet() -> Step:
    reached = [row[0] for row in shipped("forgetting")["accuracy"]]
    just_learned = [row[-1] for row in shipped("forgetting")["accuracy"]]
    held = {HELD[name]: [row[0] for row in rows] for name, rows in shipped("forgetting")["held"].items()}
    curves = {"plain": reached, **held}

    def show_bet(place: int, theme: Theme) -> Shown:
        bet = _BETS[place] / 100
        return Shown(
            figures.accuracy_on_first({"plain": reached[:1]}, bet, TASKS, theme=theme),
            f"When task 1 has been learned, {rounded(reached[0])} of its images are right. Your bet: {100 * bet:.0f} % "
            f"after task {TASKS}.",
            lesson_code(
                'reached = [row[0] for row in shipped("forgetting")["accuracy"]]\n'
                f'figures.accuracy_on_first({{"plain": reached[:1]}}, bet={bet}, tasks={TASKS})'
            ),
        )

    def show(place: int, theme: Theme) -> Shown:
        bet = _BETS[place] / 100
        off = abs(100 * bet - 100 * reached[-1])
        others = " and ".join(f"{name} {rounded(each[-1])}" for name, each in held.items())
        return Shown(
            figures.accuracy_on_first(curves, bet, theme=theme),
            f"After task {TASKS}, {rounded(reached[-1])} of task 1's images are right: your bet of {100 * bet:.0f} % "
            f"is {off:.0f} points off. Guessing would give 10 %. Two methods that hold back the weights which task 1 "
            f"needs keep more: {others}.",
            lesson_code(
                'data = shipped("forgetting")\n'
                'rows = {"plain": data["accuracy"], "EWC": data["held"]["ewc"], "SI": data["held"]["si"]}\n'
                "curves = {name: [row[0] for row in each] for name, each in rows.items()}\n"
                f"figures.accuracy_on_first(curves, bet={bet})"
            ),
        )

    def show_bets(places: Sequence[int], theme: Theme) -> Shown:
        bets = [_BETS[place] / 100 for place in sorted(places)]
        close = sum(abs(bet - reached[-1]) <= _CLOSE for bet in bets)
        middle = f", the middle one {100 * median(bets):.0f} %" if bets else ""
        near = {0: "None is", 1: "One is"}.get(close, f"{close} are")
        return Shown(
            figures.bets_on_first(bets, reached[-1], theme=theme),
            f"{counted(len(bets), 'bet')}{middle}. {near} within {100 * _CLOSE:.0f} points of what is right, "
            f"{rounded(reached[-1])}.",
            lesson_code(f'figures.bets_on_first({bets}, right=shipped("forgetting")["accuracy"][-1][0])'),
        )

    return Step(
        title="Place your bet",
        text="The network has learned task 1. Now it is trained on task 2, then 3, 4 and 5, in the plainest way: all "
        "its weights go on from where they are (*fine-tuning*). Only the images of the task at hand are seen. How many "
        "of task 1's test images does it still get right at the end?",
        part="forgetting",
        label=f"Right on task 1, after task {TASKS}",
        places=tuple(f"{bet} %" for bet in _BETS),
        start=_BETS.index(70),
        show=show,
        show_bet=show_bet,
        show_bets=show_bets,
        try_this="Set the slider to what you expect, then press **Place the bet**.",
        question="Is task 5 learned badly as well?",
        answer=f"No: each task is learned well when its turn comes ({', '.join(map(rounded, just_learned))} right "
        "after it). The network has not become worse at learning. It has lost what it knew: *catastrophic forgetting*.",
    )


def overwritten() -> Step:
    line = shipped("between")
    both = np.minimum(line["task_1"], line["task_2"])
    best = int(both.argmax())

    def show(place: int, theme: Theme) -> Shown:
        share = line["share"][place]
        return Shown(
            figures.between_tasks(line, place, theme),
            f"{100 * share:.0f} % of the way from task 1's weights to task 2's: {rounded(line['task_1'][place])} of "
            f"task 1's images are right, and {rounded(line['task_2'][place])} of task 2's.",
            lesson_code(f'figures.between_tasks(shipped("between"), {place})'),
        )

    return Step(
        title="Why: the same weights",
        text="Both tasks live in the same weights, and training on task 2 has no reason to spare those that task 1 "
        f"needs. It changed {100 * line['moved']:.0f} % of all weights by more than half their own size; that is "
        "enough. Walk in a straight line from the weights after task 1 to those after task 2, and watch what the "
        "network still knows.",
        part="between",
        label="Way from task 1's weights to task 2's",
        places=tuple(f"{100 * share:.0f} %" for share in line["share"]),
        start=0,
        show=show,
        try_this="Look for a place at which both tasks are known well.",
        question="Where on the line is the worse of the two tasks known best, and how well?",
        answer=f"At {100 * line['share'][best]:.0f} % of the way: there both reach {rounded(both[best])} or more. No "
        "place on the line serves both tasks as well as its own end serves one: a compromise between all weights is "
        "not enough. Some weights must be left alone.",
    )
