"""The lesson's steps about later tasks: the cut, the promise, reuse, and a full network."""

from __future__ import annotations

import pandas as pd

from clnp_core.analysis import figures
from clnp_core.analysis.figures import Theme
from clnp_core.lesson.parts import ENOUGH, claimed_later, learned_well, shipped, used_again
from clnp_core.lesson.runs import TASKS
from dashboard.learn.step import Shown, Step, lesson_code, rounded
from dashboard.shared.number_text import margin_text

_LOWEST = 0.3
_METHODS = {"CLNP": "clnp", "Fine-tuning": "finetune"}
_HEADS = {"one for all tasks": "shared", "one for each task": "own"}


def interference() -> Step:
    data = shipped("interference")
    cut, left, usual = data["cut"], data["left"], data["with_l1"]

    def show(place: int, theme: Theme) -> Shown:
        curves = [{"interference cut": cut}, {"interference cut": cut, "interference left in": left}][place]
        lines = "" if place else '{"interference cut": data["cut"]}'
        lines = lines or '{"interference cut": data["cut"], "interference left in": data["left"]}'
        says = [
            f"Cut: {rounded(cut[0])} when task 1 has been learned, and {rounded(cut[-1])} after task {len(cut)}.",
            f"Left in: {rounded(left[0])} at first, {rounded(left[-1])} after task {len(left)}. Cut: "
            f"{rounded(cut[-1])} all the time.",
        ][place]
        return Shown(
            figures.accuracy_on_first(curves, lowest=_LOWEST, theme=theme),
            says,
            lesson_code(f'data = shipped("interference")\nfigures.accuracy_on_first({lines}, lowest={_LOWEST})'),
        )

    return Step(
        title="Cut the interference",
        text="When task 1 has been learned and pruned, its interference weights are set to exactly 0. That costs a "
        f"little at once: {rounded(left[0])} become {rounded(cut[0])}. Is it worth it? Here is the same network with "
        f"them left in, while it learns tasks 2 to {len(cut)}. It was trained without L1 and with a margin of "
        f"{margin_text(data['margin'])}, so that its {data['weights']:,} interference weights are large enough to "
        "matter.",
        part="interference",
        label="Interference weights",
        places=("cut", "cut, and left in"),
        start=0,
        show=show,
        try_this="Before you add the other line: what will task 1's accuracy do if they are left in?",
        question=f"With the usual λ and a margin of {margin_text(usual['margin'])} leaving them in does no harm for "
        f"{len(usual['left'])} tasks: task 1 stays at {rounded(min(usual['left']))} or more. Why cut them all the "
        "same?",
        answer=f"There L1 has driven most of them to nearly nothing: half are below {usual['median']:.1g}, here below "
        f"{data['median']:.1g}. That is half of the reason for L1. But nearly nothing is not nothing. A later task may "
        "make the neurons behind them as loud as it likes, and nobody would notice what that does to task 1. A weight "
        "that is exactly 0 passes on nothing, however loud.",
    )


def identical() -> Step:
    data = shipped("identity")
    answers = {name: data[key]["logits"] for name, key in _METHODS.items()}
    hashes = {name: data[key]["sha256"] for name, key in _METHODS.items()}

    def show(place: int, theme: Theme) -> Shown:
        task = place + 1
        told = [
            f"{name}: SHA-256 of all answers for task 1 `{each[0][:12]}…` when it was learned, `{each[place][:12]}…` "
            f"after task {task}: {'**identical**' if each[0] == each[place] else '**different**'}."
            for name, each in hashes.items()
        ]
        return Shown(
            figures.answers_compared(answers, task, data["label"], theme),
            "  \n".join(told),
            lesson_code(
                'data = shipped("identity")\n'
                'answers = {"CLNP": data["clnp"]["logits"], "Fine-tuning": data["finetune"]["logits"]}\n'
                f'figures.answers_compared(answers, {task}, data["label"])'
            ),
        )

    return Step(
        title="A second task, and not one bit changes",
        text="Now task 2 trains the free weights, and after it tasks 3, 4 and 5. Bars are what the network answers "
        "for one of task 1's images after the later task; the lines are what it answered when it had just learned "
        "task 1. With CLNP they are not close: they are **the same numbers, to the last bit**, and so are those of "
        "all other test images. Every run checks that again after every task.",
        part="identity",
        label="After learning",
        places=tuple(f"task {task}" for task in range(1, TASKS + 1)),
        start=1,
        show=show,
        try_this="Go from task 1 to task 5 and compare the two sides.",
        question="Most methods against forgetting hold important weights back instead of freezing them. What can they "
        "not promise?",
        answer="That task 1's answers stay as they are. They slow forgetting down; how much is lost in the end "
        "depends on the tasks to come, which nobody knows. Here it does not depend on them: no weight that task 1 "
        "reads is ever written again.",
    )


def reuse() -> Step:
    tables = {name: pd.DataFrame(shipped("reuse")[key]) for name, key in _HEADS.items()}
    counts = {
        name: used_again(shipped("reuse")[key]).groupby("layer")["used"].sum().to_dict() for name, key in _HEADS.items()
    }
    layers = list(tables["one for all tasks"]["layer"].unique())

    def show(place: int, theme: Theme) -> Shown:
        name = list(_HEADS)[place]
        used = ", ".join(f"{counts[name].get(layer, 0)} times in {layer}" for layer in layers)
        return Shown(
            figures.neurons_in_use(tables[name], theme),
            f"Output layers: {name}. Tasks 2 to {TASKS} used neurons of earlier tasks again: {used}.",
            lesson_code(
                f'import pandas as pd\n\nfigures.neurons_in_use(pd.DataFrame(shipped("reuse")["{_HEADS[name]}"]))'
            ),
        )

    return Step(
        title="Reuse",
        text="A later task may read what earlier ones have learned. Solid parts are neurons that a task claimed "
        "itself; hatched parts are those of earlier tasks, in their colours, that are active for it too. The more it "
        "reuses, the fewer it has to claim, and the longer the network lasts.",
        part="reuse",
        label="Output layers",
        places=tuple(_HEADS),
        start=0,
        show=show,
        try_this="Switch between one output layer for all tasks and one for each. Which layer changes, and why?",
        question="Why is no neuron of layer 2 used again with one output layer for all tasks?",
        answer="All tasks would then answer through the same output weights. To keep them apart a mask hides from each "
        "task the neurons of the last hidden layer that others claimed. With an output layer of its own, a task may "
        "read them all.",
    )


def alike() -> Step:
    shares, tables = shipped("alike")["share"], shipped("alike")["tables"]
    places = tuple(f"{100 * share:g}\N{NO-BREAK SPACE}%" for share in shares)

    def show(place: int, theme: Theme) -> Shown:
        again = used_again(tables[place])
        of_earlier = 100 * again["used"].sum() / again["neurons"].sum()
        return Shown(
            figures.neurons_in_use(pd.DataFrame(tables[place]), theme),
            f"{places[place]} of the pixels are permuted. Tasks 2 to {TASKS} claim {claimed_later(tables[place])} "
            f"neurons, and use {of_earlier:.0f}\N{NO-BREAK SPACE}% of what earlier tasks have claimed.",
            lesson_code(
                f'import pandas as pd\n\nfigures.neurons_in_use(pd.DataFrame(shipped("alike")["tables"][{place}]))'
            ),
        )

    return Step(
        title="How alike are the tasks?",
        text="What a later task uses again, and what it has to claim, tells how much the tasks have in common, though "
        "nobody tells the network. Here each task permutes a share of the pixels only. At "
        f"{places[0]} all tasks are the same, at {places[-1]} they share nothing but the ten digits.",
        part="alike",
        label="Pixels permuted",
        places=places,
        start=len(places) - 1,
        show=show,
        try_this=f"Go from {places[-1]} down to {places[0]}. What do later tasks claim of each layer?",
        question="When all tasks are the same, where does a later task get its features from?",
        answer="From the first one. What it needs of layer 1 is there already, and hardly a neuron of it is claimed "
        "anew. That tasks are alike is seen in the partition alone. With real tasks "
        "this shows which of them have something to give to each other.",
    )


def full() -> Step:
    sequences = shipped("full")["sequences"]
    learned = list(map(learned_well, sequences))

    def show(place: int, theme: Theme) -> Shown:
        sequence = sequences[place]
        return Shown(
            figures.filling(sequences, place, theme),
            f"m = {margin_text(sequence['margin'])}: the network is full after task {len(sequence['accuracy'])}. "
            f"{learned[place]} tasks were learned so that at least {100 * ENOUGH:.0f} % of their images are right, and "
            "still are.",
            lesson_code(f'figures.filling(shipped("full")["sequences"], {place})'),
        )

    return Step(
        title="A full network",
        text="Every task takes some neurons for good. Here a narrower network, 200 neurons a layer, learns tasks "
        "until no neuron of its last layer is free. What happens then is the opposite of forgetting: **the old tasks "
        "stay, and the new one finds no room**.",
        part="full",
        label="Margin m",
        places=tuple(margin_text(sequence["margin"]) for sequence in sequences),
        start=1,
        show=show,
        try_this="Compare the last task of each line with the first ones.",
        question="How many more tasks does a wider margin buy here, and what does it cost?",
        answer="; ".join(
            f"m = {margin_text(sequence['margin'])}: {count} tasks"
            for sequence, count in zip(sequences, learned, strict=True)
        )
        + ". With L1 most neurons are silent anyway, so that the margin decides about few of them, and a task more or "
        "less may be chance: another seed would tell. When a network gets full it can also grow: see the Lab.",
    )
