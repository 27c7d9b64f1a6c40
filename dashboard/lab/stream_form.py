"""What tasks are made of in the Lab's form: the data, and what is drawn at random for them."""

from typing import Any

import streamlit as st

from clnp_core.runs.spec import RunSpec, parse_assignment
from clnp_core.tasks.datasets import DATASETS, image_shape, training_images


def choose_data(base: RunSpec) -> dict[str, Any]:
    """Choose among the data sets that the network takes, where there are several.

    Returns dotted path → value, as `preset` takes it; so does the other.
    """
    stream, key = base.stream, base.preset
    fitting = [name for name in DATASETS if image_shape(name) == stream.image_shape]
    if stream.kind == "split" and len(fitting) > 1:
        chosen = st.multiselect(
            "Data sets", fitting, list(stream.datasets), key=f"{key} stream.datasets", select_all=False
        )
        return {"stream.datasets": chosen}
    if stream.kind == "permuted":
        fitting = [name for name in fitting if training_images(name) > stream.validation]
        if len(fitting) > 1:
            place = fitting.index(stream.dataset)
            return {"stream.dataset": st.selectbox("Data set", fitting, place, key=f"{key} stream.dataset")}
    return {}


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
