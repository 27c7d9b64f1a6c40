"""The lesson's steps about the first task: sparsity, who is active, the partition, and how much is pruned, and when."""

from __future__ import annotations

import numpy as np

from clnp_core.analysis import figures
from clnp_core.analysis.figures import Theme
from clnp_core.analysis.tradeoff import Outcome, TradeOff, Trained
from clnp_core.lesson.parts import as_trade_off, neurons_needed, shipped
from clnp_core.lesson.runs import RUNS, TASKS
from dashboard.learn.step import Shown, Step, lesson_code, rounded
from dashboard.shared.number_text import margin_text, scientific

_L1 = 1e-3
_LAYER = 1  # the second hidden one
_THETAS = 24
_SKETCHED = 8
_MARGINS = (0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2)
_WHEN = {"while it trains": "while", "after": "after"}
_IMAGES = "On the 150 images held out for validation an accuracy moves in steps of 0.7 points."


def sparsity() -> Step:
    table = neurons_needed(as_trade_off(shipped("sparsity")))
    names, rows = list(table.columns[2:]), table.to_dict("records")

    def show(place: int, theme: Theme) -> Shown:
        row = rows[place]
        return Shown(
            figures.neurons_needed(table, place, theme),
            f"λ = {scientific(row['lambda'])}: {rounded(row['accuracy'])} right with "
            f"{' and '.join(f'{row[name]} neurons of {name}' for name in names)}.",
            lesson_code(
                f'table = neurons_needed(as_trade_off(shipped("sparsity")))\nfigures.neurons_needed(table, {place})',
                "as_trade_off, neurons_needed, shipped",
            ),
        )

    first, last = rows[0], rows[-1]
    return Step(
        title="Sparsity leaves room",
        text="Each hidden layer has 400 neurons, far more than a task needs. While task 1 is trained, **L1** adds λ "
        "times the sum of all weights' magnitudes to the loss: a weight that is not worth its price goes to 0, and "
        "neurons fall silent. The bars show how many neurons it takes to stay within a point of the accuracy reached.",
        part="sparsity",
        label="λ of layer 2",
        places=tuple(scientific(value) for value in table["lambda"]),
        start=list(table["lambda"]).index(_L1),
        show=show,
        try_this="Raise λ from 0. When does accuracy begin to suffer?",
        question="Why not simply choose the highest λ?",
        answer=f"Without L1 on layer 2 it takes {first[names[1]]} of its neurons for {rounded(first['accuracy'])}. At "
        f"λ = {scientific(last['lambda'])} accuracy is down to {rounded(last['accuracy'])}, and not even fewer neurons "
        f"are needed: the penalty hinders training itself. {_IMAGES}",
    )


def active() -> Step:
    tradeoff, candidate = _candidate()
    name = tradeoff.before.names[_LAYER]
    thetas = _thetas(candidate)

    def show(place: int, theme: Theme) -> Shown:
        outcome = tradeoff.at(candidate, thetas[place])
        counts = tradeoff.distribution(outcome)
        ranked = np.sort(candidate.free[_LAYER])[::-1]
        return Shown(
            figures.activities(counts[counts["layer"] == name], ranked, thetas[place], theme),
            f"θ = {thetas[place]:.3g}: {outcome.claimed[_LAYER]} of {tradeoff.before.widths[_LAYER]} neurons of {name} "
            f"are active{_right(tradeoff, outcome)}.",
            lesson_code(
                f'tradeoff = as_trade_off(shipped("sparsity"))\n'
                f"candidate = tradeoff.find({candidate.l1}, {candidate.learning_rate})\n"
                f"counts = tradeoff.distribution(tradeoff.at(candidate, {thetas[place]!r}))\n"
                f"ranked = sorted(candidate.free[{_LAYER}], reverse=True)\n"
                f'figures.activities(counts[counts["layer"] == "{name}"], ranked, {thetas[place]!r})',
                "as_trade_off, shipped",
            ),
        )

    dead = tradeoff.before.widths[_LAYER] - tradeoff.at(candidate, 0.0).claimed[_LAYER]
    return Step(
        title="Who is active?",
        text="A neuron's **activity** is its mean output over all training images of the task. With ReLU it is 0 for a "
        "neuron that never fires, and small for one that hardly matters. Neurons above the **threshold θ** count as "
        "active: task 1 *claims* them. The others are given back.",
        part="sparsity",
        label="Threshold θ",
        places=tuple(f"{theta:.3g}" for theta in thetas),
        start=_start(tradeoff, candidate, thetas),
        show=show,
        try_this="Move θ to 0, then slowly up. Which neurons go first, and when does it cost accuracy?",
        question="At θ = 0 many neurons are given back already. What does that cost?",
        answer=f"Nothing. The {dead} neurons of {name} that are not active at θ = 0 never fire on any training image: "
        "what the network computes there is computed by the others alone. It is a narrower network inside a wide one.",
    )


def partition() -> Step:
    tradeoff, candidate = _candidate()
    widths = tradeoff.before.widths
    thetas = _thetas(candidate)
    shown = [_spread(layer) for layer in candidate.free]
    sizes = (len(shipped("tasks")["images"][0]), *widths, len(shipped("tasks")["images"]))

    def show(place: int, theme: Theme) -> Shown:
        outcome = tradeoff.at(candidate, thetas[place])
        free = sum(width - count for width, count in zip(widths, outcome.claimed, strict=True))
        return Shown(
            figures.partition_sketch(sizes, outcome.claimed, shown, thetas[place], theme),
            f"θ = {thetas[place]:.3g}: {free} of {sum(widths)} neurons are free for later tasks"
            f"{_right(tradeoff, outcome)}.",
            lesson_code(
                f"figures.partition_sketch(\n    {sizes},\n    {outcome.claimed},\n    {shown},\n"
                f"    {thetas[place]!r},\n)"
            ),
        )

    return Step(
        title="The partition",
        text="Active and inactive neurons split all weights into three classes. **Active** weights join active "
        "neurons: they are task 1 and are frozen. **Free** weights lead *into* an inactive neuron, from anywhere: the "
        "next task may train every one of them. **Interference** weights lead from an inactive neuron into an active "
        "one. They are the only way in which a later task could reach task 1.",
        part="sparsity",
        label="Threshold θ",
        places=tuple(f"{theta:.3g}" for theta in thetas),
        start=_start(tradeoff, candidate, thetas),
        show=show,
        try_this="Watch one neuron turn inactive: which of its weights change class, and into what?",
        question="Why may the next task read task 1's neurons, but not write to them?",
        answer="A weight from an active neuron into a free one is a free weight: training it changes what the free "
        "neuron computes, and nothing else. That is transfer. A weight from a free neuron into an active one would "
        "change what the active one computes, and with it task 1's answers. That is interference.",
    )


def graceful() -> Step:
    tradeoff = as_trade_off(shipped("sparsity"))
    best = tradeoff.verdict(0.0).best

    def show(place: int, theme: Theme) -> Shown:
        verdict = tradeoff.verdict(_MARGINS[place])
        chosen, mark = verdict.outcome, tradeoff.mark(verdict.outcome)
        free = sum(chosen.free)
        return Shown(
            figures.trade_off(tradeoff.table, (verdict.floor, verdict.best), selected=mark, theme=theme),
            f"m = {margin_text(_MARGINS[place])}: {100 * (best - chosen.accuracy):.1f} points of accuracy are given "
            f"up, {free} of {sum(tradeoff.before.widths)} neurons stay free, and there is room for about "
            f"{chosen.lasts:.0f} more tasks that take as much.",
            lesson_code(
                'tradeoff = as_trade_off(shipped("sparsity"))\n'
                f"verdict = tradeoff.verdict({_MARGINS[place]})\n"
                "band, chosen = (verdict.floor, verdict.best), tradeoff.mark(verdict.outcome)\n"
                "figures.trade_off(tradeoff.table, band, selected=chosen)",
                "as_trade_off, shipped",
            ),
        )

    return Step(
        title="Graceful forgetting",
        text="How sparse should task 1 be? The **margin m** says how much of the best accuracy may be given up, once "
        "and under control. Among all λ and θ that stay within it, the rule takes the sparsest network. Whoever gives "
        "up nothing has little room left for later tasks; whoever gives up too much knows no task well.",
        part="sparsity",
        label="Margin m",
        places=tuple(margin_text(margin) for margin in _MARGINS),
        start=_MARGINS.index(0.01),
        show=show,
        try_this="Find the margin beyond which more accuracy wins hardly any more neurons.",
        question="How is this forgetting different from that of the fine-tuned network?",
        answer="It is chosen, it is small, it is paid once when the task has been learned, and it is measured on "
        "images held out for that. Fine-tuning forgets later, without limit and without notice. " + _IMAGES,
    )


def gradual() -> Step:
    data, spec = shipped("gradual"), RUNS["gradual"]
    trainings = {f"pruned {when}": data[key] for when, key in _WHEN.items()}
    epochs = len(data["while"]["neurons"]) - 1

    def show(place: int, theme: Theme) -> Shown:
        neurons, other = (" / ".join(map(str, each["neurons"][place])) for each in trainings.values())
        right, others = (rounded(each["accuracy"][place]) for each in trainings.values())
        when = f"After epoch {place + 1}" if place < epochs else f"Pruned to m = {margin_text(spec.margin)}"
        return Shown(
            figures.shrinking(trainings, data["layers"], place, theme),
            f"{when}: {neurons} neurons are left, and {right} of the held-out images are right. In the network that is "
            f"pruned only after it trained: {other}, and {others}.",
            lesson_code(
                'data = shipped("gradual")\n'
                'trainings = {"pruned while it trains": data["while"], "pruned after": data["after"]}\n'
                f'figures.shrinking(trainings, data["layers"], {place})'
            ),
        )

    given = spec.gradual
    last = [data[key]["neurons"][-1] for key in _WHEN.values()]
    free = [sum(data[key]["free"][-1]) for key in _WHEN.values()]
    return Step(
        title="Prune while it trains",
        text="So far a network was trained, and then pruned. It can also be pruned **while it trains**: from epoch "
        f"{given.first_epoch} on, after every epoch, the least active neurons leave for good, at most "
        f"{given.largest_share:.0%} of a layer and no more than validation accuracy allows. Those that stay train on "
        "without them. Beside it the same network is pruned only after it trained, from the same weights and with the "
        "images in the same order: what leaves it before that is dead.",
        part="gradual",
        label="After epoch",
        places=(*(f"{epoch}" for epoch in range(1, epochs + 1)), "the last, pruned"),
        start=19,
        show=show,
        try_this="Go to the last place, where both have been pruned to the margin. Who loses neurons there?",
        question="Why can the network that was pruned on the way do with fewer neurons?",
        answer="When a neuron leaves early, the others can still learn what it did. Pruned at the end, the network has "
        f"to do with what is left as it is. So {' and '.join(map(str, last[0]))} neurons do for what takes "
        f"{' and '.join(map(str, last[1]))} otherwise, with {rounded(data['while']['test'])} of the test images right "
        f"against {rounded(data['after']['test'])}. After {TASKS} tasks {free[0]} neurons are free, not {free[1]}. "
        f"This is one seed, and the margin counts from what each network had reached. {_IMAGES}",
    )


def _candidate() -> tuple[TradeOff, Trained]:
    """Give task 1's candidates, and the one with the λ of the preset."""
    tradeoff = as_trade_off(shipped("sparsity"))
    return tradeoff, next(each for each in tradeoff.candidates if each.l1[_LAYER] == _L1)


def _thetas(candidate: Trained) -> list[float]:
    """Pick thresholds whose accuracy is known, from the lowest to one that leaves hardly anything."""
    known = candidate.thresholds()
    return [known[place] for place in np.linspace(0, len(known) - 2, _THETAS).round().astype(int)]


def _start(tradeoff: TradeOff, candidate: Trained, thetas: list[float]) -> int:
    """Find the last place whose θ is within a point of the candidate's own accuracy."""
    within = [tradeoff.at(candidate, theta).accuracy >= candidate.curve.accuracy - 0.01 for theta in thetas]
    return max(place for place, is_within in enumerate(within) if is_within)


def _spread(activity: np.ndarray) -> list[float]:
    """Pick activities of a few neurons: evenly by rank among those that are not dead, and one that is."""
    alive = np.sort(activity[activity > 0])[::-1]
    places = np.linspace(0, len(alive) - 1, _SKETCHED - 1).round().astype(int)
    return [*alive[places].tolist(), 0.0]


def _right(tradeoff: TradeOff, outcome: Outcome) -> str:
    known = tradeoff.accuracy(outcome, "validation", only_known=True)
    return "" if known is None else f", and {rounded(known)} of the held-out images are right"
