"""What tasks are made of in the Lab's form: the data, and what is drawn at random for them."""

from typing import Any

import streamlit as st

from clnp_core.runs.spec import RunSpec, parse_assignment
from clnp_core.tasks.datasets import DATASETS, image_shape, training_images

_WAYS = {"permuted": "Order of pixels", "rotated": "Rotation"}


def choose_data(base: RunSpec) -> dict[str, Any]:
    """Choose among the data sets that the network takes, where there are several.

    Returns dotted path → value, as `preset` takes it; so do the others.
    """
    stream, key = base.stream, base.preset
    fitting = [name for name in DATASETS if image_shape(name) == stream.image_shape]
    if stream.kind == "split" and len(fitting) > 1:
        chosen = st.multiselect(
            "Data sets", fitting, list(stream.datasets), key=f"{key} stream.datasets", select_all=False
        )
        return {"stream.datasets": chosen}
    if stream.kind in _WAYS:
        fitting = [name for name in fitting if training_images(name) > stream.validation]
        if len(fitting) > 1:
            place = fitting.index(stream.dataset)
            return {"stream.dataset": st.selectbox("Data set", fitting, place, key=f"{key} stream.dataset")}
    return {}


def choose_way(base: RunSpec) -> dict[str, Any]:
    """Choose, where tasks show the same images, in what they differ, and how much."""
    stream, key = base.stream, base.preset
    if stream.kind not in _WAYS:
        return {}
    way = st.segmented_control(
        "Tasks differ in",
        list(_WAYS),
        default=stream.kind,
        required=True,
        format_func=_WAYS.get,
        key=f"{key} stream.kind",
        help="All tasks have the same images. Each has their pixels in another order, or turns them further than the "
        "task before.",
    )
    if way == "permuted":
        share = st.number_input(
            "Share of the pixels permuted",
            0.0,
            1.0,
            getattr(stream, "share", 1.0),
            0.05,
            format="%g",
            key=f"{key} stream.share",
            help="The fewer, the more alike tasks are. Which ones change places is drawn for each task; all others "
            "stay where they are.",
        )
        return {"stream.kind": way, "stream.share": share}
    degrees = st.number_input(
        "Degrees a task",
        0.0,
        360.0,
        getattr(stream, "degrees", 15.0),
        5.0,
        format="%g",
        key=f"{key} stream.degrees",
        help="Task 1 sees the images as they are, each later one turned counterclockwise by so much more.",
    )
    return {"stream.kind": way, "stream.degrees": degrees}


def choose_drawn(base: RunSpec) -> dict[str, Any]:
    """Choose the seed of the stream and, where tasks are groups of classes, their order."""
    key = base.preset
    changes: dict[str, Any] = {
        "stream.seed": st.number_input(
            "Stream seed",
            0,
            2**31 - 1,
            base.stream.seed,
            key=f"{key} stream.seed",
            placeholder="as the seed",
            help="Seed of what is drawn for the tasks: permutations, a random order of classes, the validation images. "
            "Keep it and change the seed below to see the spread over trainings alone, or the other way round.",
        )
    }
    if base.stream.kind == "split":
        order = base.stream.class_order or ()
        typed = st.text_input(
            "Order of classes",
            order if isinstance(order, str) else ", ".join(map(str, order)),
            key=f"{key} stream.class_order",
            placeholder="as they are numbered",
            help="The classes in the order in which tasks take them, such as 4, 0, 3, 1, 2, 5; or random, which the "
            "stream's seed draws.",
        )
        changes["stream.class_order"] = parse_assignment(f"stream.class_order={typed or ''}")[1] or None
    return changes
