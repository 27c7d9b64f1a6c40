"""A network after a task, taken apart: its neurons, what its weights are, and what a neuron looks at.

Imports no torch. Where a neuron is a channel, the weights between two of them are one link, of the strength of their
root sum of squares: a kernel, or the block of a dense layer that reads the channel's pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from clnp_core.analysis import backprojection
from clnp_core.networks import partition
from clnp_core.networks.architectures import Architecture
from clnp_core.networks.partition import FREE_OWNER, WeightClass

INPUT = -1
"""Stands for the owner of the network's inputs, which belong to nobody and are always there."""

SHARED = -2
"""Stands for the owner of the outputs of a single head, which all tasks share."""

_MOST_SKETCHED = 300  # a sketch of each takes some 150 characters
_NAMED_INPUTS = 3
_MOST_LINKS = 8


class Kind(IntEnum):
    """What a weight is: the classes of `clnp_core.networks.partition`, and of two of them what carries knowledge over.

    A reused weight is active and leads from an earlier task's neuron to a later one's. A transfer weight is free and
    reads a neuron that some task has claimed, so that the next task may build on it (section 2.1, Fig. 1).
    """

    ACTIVE = 0
    FREE = 1
    INTERFERENCE = 2
    SEVERED = 3
    REUSE = 4
    TRANSFER = 5

    @property
    def weight_class(self) -> WeightClass:
        """The class it is part of."""
        return WeightClass({Kind.REUSE: Kind.ACTIVE, Kind.TRANSFER: Kind.FREE}.get(self, self))


def kinds(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Kind of every weight between two layers.

    Parameters
    ----------
    target, source : int arrays [n], [k]
        Owners of the upper and of the lower layer; a source may be `INPUT`, a target `SHARED`.

    Returns
    -------
    int8 array [n, k] of `Kind`.
    """
    kind = partition.weight_classes(target, source)
    # The mask of a single head keeps tasks apart: a weight goes with the neuron it comes from.
    kind[target == SHARED] = np.where(source == FREE_OWNER, Kind.FREE, Kind.ACTIVE)
    own, earlier = target[:, None] != source[None, :], (source > FREE_OWNER)[None, :]
    kind[(kind == Kind.ACTIVE) & own & earlier & (target != SHARED)[:, None]] = Kind.REUSE
    kind[(kind == Kind.FREE) & earlier & (target != SHARED)[:, None]] = Kind.TRANSFER
    return kind


@dataclass(frozen=True, eq=False)
class Cut:
    """Interference that was severed when a task was committed, as training had left it.

    Attributes
    ----------
    rows, columns : int arrays [n], [k]
        Neurons the task claimed, and those of the layer below that it gave back.
    links : float32 array [n, k]
        The links between them, before they became 0.
    """

    rows: np.ndarray
    columns: np.ndarray
    links: np.ndarray


@dataclass(frozen=True, eq=False)
class Related:
    """What a neuron depends on and what depends on it, through weights that are not 0.

    Attributes
    ----------
    layer, neuron : int
        Which neuron: its layer, 1 for the first hidden one, and its place there, 0 for the first.
    ancestors, descendants : tuples of bool arrays [N_l]
        Of each layer: the input first, then the hidden layers, then the output.
    links : table
        Its strongest links: from_layer, from_neuron, layer, neuron, weight.
    """

    layer: int
    neuron: int
    ancestors: tuple[np.ndarray, ...]
    descendants: tuple[np.ndarray, ...]
    links: pd.DataFrame

    @property
    def counts(self) -> tuple[int, int]:
        """Hidden neurons among its ancestors, and among its descendants."""
        above, below = (sum(int(layer.sum()) for layer in each[1:-1]) for each in (self.ancestors, self.descendants))
        return above, below


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A network after a task. Layers are numbered as a person would: 0 the input, then 1 for the first hidden one.

    Attributes
    ----------
    architecture : Architecture
        As wide as it was then.
    head : {"single", "multi"}
    task : int
        Tasks learned; 0 before the first.
    owners : tuple of int16 arrays [N_l]
        Per hidden layer, see `clnp_core.networks.partition`.
    activity : tuple of float arrays [task, N_l]
        Per hidden layer, mean activity on a task's training images of the neurons that its network may read; nan of all
        others. Of neurons that nobody has claimed, what they did for the last task, which gave them back.
    cuts : tuple of Cut or None
        Per hidden layer and, last, the head: what the task's pruning cut.
    permutations : int array [tasks, inputs] or None
        Task t sees pixel permutations[t - 1, i] at place i; None where pixels are where they are.
    read : callable
        Weights of hidden layer l (0 for the first) as they are stored, [N_l, N_{l-1}, ...].
    read_heads : callable
        Weights of the heads, [outputs, N_L, ...] each; of a single head its only ones.
    """

    architecture: Architecture
    head: str
    task: int
    owners: tuple[np.ndarray, ...]
    activity: tuple[np.ndarray, ...]
    cuts: tuple[Cut | None, ...]
    permutations: np.ndarray | None
    read: Callable[[int], np.ndarray]
    read_heads: Callable[[], Sequence[np.ndarray]]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all layers: input, hidden layers, output."""
        return ("input", *(layer.name for layer in self.architecture.hidden), "output")

    def owners_at(self, layer: int) -> np.ndarray:
        """Owners of any layer, int16: of the input `INPUT`, of a single head `SHARED`, of others that of their task."""
        if layer == 0:
            return np.full(self.architecture.weight_shapes[0][1], INPUT, np.int16)
        if layer <= len(self.owners):
            return self.owners[layer - 1]
        outputs = self.architecture.outputs
        if self.head == "single":
            return np.full(outputs, SHARED, np.int16)
        return np.repeat(np.arange(1, self.task + 1, dtype=np.int16), outputs)

    def links(self, layer: int) -> np.ndarray:
        """Links into a layer, float32 [N_l, N_{l-1}]: the weights, or where those are several, their strength."""
        if layer <= len(self.owners):
            return as_links(self.read(layer - 1))
        heads = [as_links(head) for head in self.read_heads()]
        return np.concatenate(heads) if heads else np.zeros((0, len(self.owners[-1])), np.float32)

    def counts(self, layer: int) -> dict[Kind, int]:
        """How many weights into a layer are of each kind. Costs as much as there are pairs of owners."""
        counts = dict.fromkeys(Kind, 0)
        for row in self._bundles(layer):
            counts[row["kind"]] += row["weights"]
        return counts

    @cached_property
    def bundles(self) -> pd.DataFrame:
        """All weights, bundled by kind and by who owns the neurons they lead to.

        Returns
        -------
        table
            layer (the one they lead to), target (its owner), low and high (owners of the neurons they come from), kind,
            weights (how many), cut and cut_sum (of interference that the task's pruning severed: how many links were
            not 0, and the sum of their magnitudes).
        """
        columns = ["layer", "target", "low", "high", "kind", "weights", "cut", "cut_sum"]
        rows = [row for layer in range(1, len(self.names)) for row in self._bundles(layer)]
        return pd.DataFrame(rows, columns=columns)

    def _bundles(self, layer: int) -> list[dict[str, Any]]:
        targets, numbers = np.unique(self.owners_at(layer), return_counts=True)
        sources, others = np.unique(self.owners_at(layer - 1), return_counts=True)
        per_link = math.prod(self.architecture.weight_shapes[layer - 1][2:])
        kind = kinds(targets, sources)
        cut = self.cuts[layer - 1] if self.cuts else None
        rows = []
        for place, target in enumerate(targets.tolist()):
            groups = [np.flatnonzero(kind[place] == each) for each in np.unique(kind[place])]
            if target == SHARED:  # with a single head each task has its own way to the output
                groups = [np.array([at]) for at in range(len(sources))]
            for group in groups:
                which = Kind(kind[place, group[0]])
                severed = cut if which is Kind.INTERFERENCE and target == self.task else None
                rows.append(
                    {
                        "layer": layer,
                        "target": target,
                        "low": int(sources[group[0]]),
                        "high": int(sources[group[-1]]),
                        "kind": which,
                        "weights": int(numbers[place] * others[group].sum() * per_link),
                        "cut": int(np.count_nonzero(severed.links)) if severed else 0,
                        "cut_sum": float(np.abs(severed.links).sum()) if severed else 0.0,
                    }
                )
        return rows

    @cached_property
    def neurons(self) -> pd.DataFrame:
        """Every hidden neuron and output, and one row for all inputs.

        Returns
        -------
        table
            layer, name (of the layer), neuron (its place there, 0 for the first), owner, size (how many it stands for);
            activity, inputs and sketch: its activity per task, its strongest inputs and, of the first layer, what it
            looks at, in words and characters; empty of neurons that nobody has claimed.
        """
        inputs = {"layer": 0, "name": "input", "neuron": 0, "owner": INPUT, "size": self.architecture.inputs}
        frames = [pd.DataFrame([inputs])]
        for layer in range(1, len(self.names)):
            owners = self.owners_at(layer)
            frame = pd.DataFrame({"neuron": np.arange(len(owners)), "owner": owners, "size": 1})
            frames.append(frame.assign(layer=layer, name=self.names[layer], **self._about(layer)))
        columns = ["layer", "name", "neuron", "owner", "size", "activity", "inputs", "sketch"]
        return pd.concat(frames, ignore_index=True).reindex(columns=columns, fill_value="").fillna("")

    def _about(self, layer: int) -> dict[str, np.ndarray]:
        """Of each neuron of a hidden layer: activity, strongest inputs and sketch, in words."""
        owners = self.owners_at(layer)
        told = {name: np.full(len(owners), "", object) for name in ("activity", "inputs", "sketch")}
        claimed = np.flatnonzero(owners > FREE_OWNER)
        if layer > len(self.owners) or not len(claimed):
            return told
        links = self.links(layer)[claimed]
        strongest = _strongest(np.abs(links), _NAMED_INPUTS)
        sketched = layer == 1 and len(claimed) <= _MOST_SKETCHED
        for neuron, row, places in zip(claimed.tolist(), links, strongest, strict=True):
            active = self.activity[layer - 1][:, neuron].tolist()
            told["activity"][neuron] = ", ".join(
                f"{value:.3g} (task {task})" for task, value in enumerate(active, start=1) if value == value
            )
            own = int(owners[neuron])
            told["inputs"][neuron] = ", ".join(f"{self._source(layer, at, own)} ({row[at]:.2g})" for at in places)
            if sketched:
                told["sketch"][neuron] = backprojection.sketch(self.looks_at(layer, neuron))
        return told

    def _source(self, layer: int, place: int, task: int) -> str:
        """What a neuron of a layer reads at a place, in words; `task` owns it."""
        if layer > 1:
            return f"neuron {place}"
        channels, height, width = self.architecture.input_shape
        if self.architecture.hidden[0].kind == "conv":
            return f"channel {place}"
        at = place if self.permutations is None else self.permutations[task - 1, place]
        channel, row, column = np.unravel_index(at, (channels, height, width))
        return f"pixel {row},{column}" + (f" of channel {channel}" if channels > 1 else "")

    def strongest_inputs(self, layer: int, neuron: int, count: int = _MOST_LINKS) -> pd.DataFrame:
        """The strongest links into a hidden neuron, the strongest first: source (in words), place, owner, weight."""
        row = self.links(layer)[neuron]
        (places,) = _strongest(np.abs(row)[None], count)
        places = places[row[places] != 0]
        task = self._task_of(layer, neuron)
        return pd.DataFrame(
            {
                "source": [self._source(layer, place, task) for place in places],
                "place": places,
                "owner": self.owners_at(layer - 1)[places],
                "weight": row[places],
            }
        )

    def _task_of(self, layer: int, neuron: int) -> int:
        """The task whose images a neuron was trained on last."""
        return int(self.owners[layer - 1][neuron]) or max(self.task, 1)

    def related(self, layer: int, neuron: int) -> Related:
        """Ancestors and descendants of a hidden neuron."""
        masks = [np.zeros(len(self.owners_at(each)), bool) for each in range(len(self.names))]
        ancestors, descendants = [mask.copy() for mask in masks], [mask.copy() for mask in masks]
        start = np.arange(len(masks[layer])) == neuron
        reached = start
        for below in range(layer - 1, -1, -1):
            reached = ancestors[below] = (self.links(below + 1)[reached] != 0).any(0)
        reached = start
        for above in range(layer + 1, len(masks)):
            reached = descendants[above] = (self.links(above)[:, reached] != 0).any(1)
        return Related(layer, neuron, tuple(ancestors), tuple(descendants), self._strongest_links(layer, neuron))

    def _strongest_links(self, layer: int, neuron: int) -> pd.DataFrame:
        into, out = self.links(layer)[neuron], self.links(layer + 1)[:, neuron]
        rows = [(layer - 1, at, layer, neuron, into[at]) for at in _strongest(np.abs(into)[None], _MOST_LINKS)[0]]
        if len(out):
            rows += [(layer, neuron, layer + 1, at, out[at]) for at in _strongest(np.abs(out)[None], _MOST_LINKS)[0]]
        columns = ["from_layer", "from_neuron", "layer", "neuron", "weight"]
        return pd.DataFrame([row for row in rows if row[-1]], columns=columns)

    def looks_at(self, layer: int, neuron: int) -> np.ndarray:
        """What a hidden neuron looks at, as an image, with a task's permutation of the pixels undone.

        See `clnp_core.analysis.backprojection`. Of a neuron with only convolutions below, it is what one of its pixels
        reads.

        Returns
        -------
        float array [channels, height, width]
        """
        seen = backprojection.back_projected(self.architecture, self.read, layer - 1, neuron)
        if self.permutations is None or self.architecture.hidden[layer - 1].kind == "conv":
            return seen
        image = np.zeros(seen.size, seen.dtype)
        image[self.permutations[self._task_of(layer, neuron) - 1]] = seen.ravel()
        return image.reshape(seen.shape)


def unlearned(architecture: Architecture, head: str) -> Anatomy:
    """A network before its first task: everything is free, and no weight is drawn yet."""
    *shapes, head_shape = architecture.weight_shapes
    return Anatomy(
        architecture=architecture,
        head=head,
        task=0,
        owners=tuple(map(partition.unclaimed, architecture.widths)),
        activity=tuple(np.zeros((0, width)) for width in architecture.widths),
        cuts=(),
        permutations=None,
        read=lambda place: np.zeros(shapes[place], np.float32),
        read_heads=lambda: [np.zeros(head_shape, np.float32)] if head == "single" else [],
    )


def as_links(weight: np.ndarray) -> np.ndarray:
    """Weights [n, k, ...] as links [n, k]."""
    return weight if weight.ndim == 2 else np.sqrt(np.square(weight).sum(tuple(range(2, weight.ndim))))


def by_owner(owners: np.ndarray) -> np.ndarray:
    """Places of a layer's neurons sorted by owner, those nobody has claimed last."""
    return np.argsort(np.where(owners == FREE_OWNER, np.iinfo(np.int16).max, owners), kind="stable")


def _strongest(magnitude: np.ndarray, count: int) -> np.ndarray:
    """Places of the greatest of each row, the greatest first: [n, k] → [n, count]."""
    count = min(count, magnitude.shape[1])
    places = np.argpartition(magnitude, -count, axis=1)[:, -count:]
    order = np.argsort(-np.take_along_axis(magnitude, places, 1), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)
