"""The figures of the examples page: images side by side, and what the network makes of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from plotly.graph_objects import Figure

from clnp_core.analysis import figures
from clnp_core.analysis.examples import Examples, Look, lit
from clnp_core.analysis.thumbnails import thumbnails
from clnp_core.runs.store import Run, Store
from clnp_core.runs.views.anatomy import anatomy
from clnp_core.tasks.labels import short
from dashboard.components.live_chart import live_chart
from dashboard.examples.state import View, change
from dashboard.shared.confusion import confusion_chart
from dashboard.shared.kept_figure import shared_figure
from dashboard.shared.notebook_code import run_code
from dashboard.shared.run_text import plain
from dashboard.shared.style import style_sheet


def show_wall(run: Run, view: View, examples: Examples, look: Look, image: int, shown: int) -> None:
    """Show images side by side; one that is clicked is looked at."""
    theme, images, rows = _theme(), look.images.tolist(), -(-shown // figures.EXAMPLES_IN_A_ROW)
    wrong = int(examples.wrong[look.images].sum())
    live_chart(
        shared_figure(
            ("examples", run.id, examples.task, examples.after, images, image, rows, theme),
            lambda: figures.example_wall(examples, look, image, theme, rows=rows),
        ),
        f"examples {run.id}",
        f"{len(images)} test images of task {examples.task}; {wrong} of them are answered with another class.",
        code=_code(run, examples, images, f"figures.example_wall(examples, look, {image}, rows={rows})"),
        on_click=lambda at: None if at is None else change(view, lambda now: replace(now, image=int(at))),
    )


def show_answer(run: Run, examples: Examples, look: Look) -> None:
    """Show the image that is looked at, and how probable the network takes each class to be."""
    image = int(look.images[0])
    label, answer = (examples.classes[each[image]] for each in (examples.labels, examples.answers))
    right = "and the network says so" if label == answer else f"but the network says **{plain(short(answer))}**"
    picture, bars = st.columns([1, 2.2], gap="small")
    with picture:
        (address,) = thumbnails(look.pixels)
        st.html(f'<img class="clnp-example" src="{address}" alt="{escape(short(label))}">{_STYLE}')
        st.markdown(f"Image {image} is of class **{plain(short(label))}**, {right} ({examples.confidence[image]:.1%}).")
    with bars:
        probabilities, theme = look.probabilities[0], _theme()
        live_chart(
            figures.class_probabilities(probabilities, examples.classes, label, theme),
            f"probabilities {run.id}",
            f"The network takes it for class {answer} with a probability of {examples.confidence[image]:.1%}.",
            code=_code(
                run,
                examples,
                [image],
                f"figures.class_probabilities(look.probabilities[0], examples.classes, {label!r})",
            ),
        )


def show_lit(store: Store, run: Run, examples: Examples, look: Look) -> None:
    """Show through which neurons the image's answer comes, on the partition."""
    if not look.activities:
        st.info(
            f"{run.spec.method} claims no neurons. Of a run of CLNP the neurons that an image lights up would be here.",
            icon=":material/info:",
        )
        return
    network, theme = anatomy(store, run.id, examples.after), _theme()
    image, title = int(look.images[0]), f"Neurons that image {look.images[0]} of task {examples.task} lights up"

    def draw() -> Figure:
        shown = lit(network, examples.task, look)
        return figures.partition_graph(network.neurons, network.bundles, theme=theme, lit=shown, title=title)

    counts = [
        f"{int((layer[0] > 0).sum())} in {name}"
        for layer, name in zip(look.activities, network.names[1:-1], strict=True)
    ]
    live_chart(
        shared_figure(("lit", run.id, examples.task, examples.after, image, theme), draw),
        f"lit {run.id}",
        f"{title}: {', '.join(counts)}.",
        code=_code(
            run,
            examples,
            [image],
            f"network = run.anatomy({examples.after})",
            f"shown = lit(network, {examples.task}, look)",
            f'figures.partition_graph(network.neurons, network.bundles, lit=shown, title="{title}")',
            imported="from clnp_core.analysis.examples import lit\n",
        ),
    )
    earlier = _earlier(network.owners, look, examples.task)
    st.caption(
        f"Active on it: {', '.join(counts)}{earlier}. The brighter a neuron, the more active; the lines are the links "
        "that carry the most to the answer."
    )


def _earlier(owners: Sequence[Any], look: Look, task: int) -> str:
    """Tell how many of the lit neurons earlier tasks have claimed."""
    if task == 1:
        return ""
    pairs = zip(look.activities, owners, strict=True)
    count = sum(int(((layer[0] > 0) & (owner > 0) & (owner < task)).sum()) for layer, owner in pairs)
    return f"; {count} of them are neurons of earlier tasks, used again"


def show_confusion(store: Store, run: Run, view: View, examples: Examples) -> None:
    """Show what the task's images are taken for; a cell that is clicked chooses its images."""
    if not any(examples.task in record.by_class for record in store.learned(run.id)):
        return  # an earlier version kept none

    def choose(cell: Sequence[Any] | None) -> None:
        if cell:
            label, answer = (examples.classes.index(each) for each in cell[:2])
            change(view, lambda now: replace(now, label=label, answer=answer, only_wrong=False, image=None))

    live_chart(**confusion_chart(store, run, examples.task, examples.after), on_click=choose)
    st.caption("Click a cell to look at its images.")


def _code(run: Run, examples: Examples, images: list[int], *lines: str, imported: str = "") -> str:
    begin = f"examples = run.examples({examples.task})", f"look = examples.look({images})"
    return imported + run_code(run.id, "\n".join((*begin, *lines)))


def _theme() -> figures.Theme:
    return st.context.theme.type or "light"


_STYLE = style_sheet(Path(__file__).with_name("example.css"))
