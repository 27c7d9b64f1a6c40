"""Specifications of runs on own data, with settings to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clnp_core.networks.architectures import Architecture, architecture_data, layered
from clnp_core.runs.spec.changes import preset, preset_names
from clnp_core.runs.spec.run import OUTPUT, RunSpec

_BASE = "digits"
_MOST_NAME = 60  # characters of a preset's
_RATE, _EPOCHS = 3e-3, 40
# λ: weak where much is read of images, stronger above, as in the presets; somewhat lower, for data that is not known.
_CONV, _FIRST_CONV, _DENSE, _FIRST_DENSE, _HEAD = 1e-4, 3e-5, 3e-4, 1e-5, 1e-4


def own_network(stream: Mapping[str, Any], widths: Sequence[int], channels: Sequence[int] = ()) -> Architecture:
    """Build a network for own data from its widths; see `layered`.

    Parameters
    ----------
    stream : mapping
        As `from_file` and `from_arrays` return it.
    widths, channels : sequence of int
        As for `layered`.

    Raises
    ------
    SpecError
    """
    counts = tuple(map(len, stream.get("labels", ())))
    shape: tuple[int, int, int] = tuple(stream["image_shape"])
    network = layered(f"{stream['name']}-network"[-_MOST_NAME:], shape, stream["classes"], widths, channels)
    return network.with_outputs(stream["classes"], counts if len({*counts}) > 1 else ())


def own_run(stream: Mapping[str, Any], network: Architecture, changes: Mapping[str, Any] | None = None) -> RunSpec:
    """Specify a run on own data, with settings to begin with: pruned while it trains, 40 epochs a task.

    Each task has an output layer of its own where tasks have different classes, else one is shared. The run is called
    as the data is.

    Parameters
    ----------
    stream : mapping
        As `from_file` and `from_arrays` return it.
    network : Architecture
        As `own_network` and `from_sequential` build it.
    changes : mapping, optional
        As for `preset`.

    Raises
    ------
    SpecError
        If the network does not fit the data, or a change is impossible.
    """
    name, labels = stream["name"], stream.get("labels", [])
    penalties = {
        str(number): (_FIRST_CONV if number == 1 else _CONV)
        if layer.kind == "conv"
        else (_FIRST_DENSE if number == 1 else _DENSE)
        for number, layer in enumerate(network.hidden, 1)
    }
    given = {
        "preset": (name if name not in preset_names() else f"own-{name}")[:_MOST_NAME],
        "about": f"Your own data {name}, with settings to begin with.",
        "stream": dict(stream),
        "network": architecture_data(network),
        "head": "multi" if any(task != labels[0] for task in labels) else "single",
        "lambda": {**penalties, OUTPUT: _HEAD},
        "learning_rate": _RATE,
        "epochs": _EPOCHS,
        "patience": _EPOCHS,
        "single_task": False,
    }
    return preset(_BASE, {**given, **(changes or {})})
