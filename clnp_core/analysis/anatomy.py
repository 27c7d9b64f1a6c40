"""Takes a network after a task apart: its neurons, the kinds of its weights, and what each neuron looks at.

If neurons are channels, the weights between two of them (a kernel, or the block of a dense layer that reads the
channel's pixels) count as one link, whose strength is the root of their sum of squares. Imports no torch.
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
"""Owner of the network's inputs, which no task claims and which every task reads."""

SHARED = -2
"""Owner of a single head's outputs, which all tasks share."""

_MOST_SKETCHED = 300  # a sketch of each takes some 150 characters
_NAMED_INPUTS = 3
_MOST_LINKS = 8

LINK_COLUMNS = ["from_layer", "from_neuron", "layer", "neuron", "weight"]
"""Columns of a table of links between neurons."""


class Kind(IntEnum):
    """The kind of a weight: its class in `clnp_core.networks.partition`, with weights that carry knowledge set apart.

    A reused weight is active and leads from an earlier task's neuron to a later task's. A transfer weight is free and
    reads a neuron that a task has claimed, so that the next task may build on it (section 2.1, Fig. 1).
    """

    ACTIVE = 0
    FREE = 1
    INTERFERENCE = 2
    SEVERED = 3
    REUSE = 4
    TRANSFER = 5

    @property
    def weight_class(self) -> WeightClass:
        """The weight class that the kind belongs to."""
        return WeightClass({Kind.REUSE: Kind.ACTIVE, Kind.TRANSFER: Kind.FREE}.get(self, self))


def kinds(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Determine the kind of every weight between two layers.

    Parameters
    ----------
    target, source : int arrays [n], [k]
        Owners of the upper and the lower layer. A source may be `INPUT`, a target `SHARED`.

    Returns
    -------
    int8 array [n, k] of `Kind`.
    """
    kind = partition.weight_classes(target, source)
    # The mask of a single head keeps tasks apart: a weight belongs to the owner of the neuron that it reads.
    kind[target == SHARED] = np.where(source == FREE_OWNER, Kind.FREE, Kind.ACTIVE)
    own, earlier = target[:, None] != source[None, :], (source > FREE_OWNER)[None, :]
    kind[(kind == Kind.ACTIVE) & own & earlier & (target != SHARED)[:, None]] = Kind.REUSE
    kind[(kind == Kind.FREE) & earlier & (target != SHARED)[:, None]] = Kind.TRANSFER
    return kind


@dataclass(frozen=True, eq=False)
class Cut:
    """The interference weights that committing a task cut, with their trained values.

    Attributes
    ----------
    rows, columns : int arrays [n], [k]
        Neurons that the task claimed, and those of the layer below that it gave back.
    links : float32 array [n, k]
        The links between them before they were set to 0.
    """

    rows: np.ndarray
    columns: np.ndarray
    links: np.ndarray


@dataclass(frozen=True, eq=False)
class Related:
    """The neurons that a neuron depends on and those that depend on it, through nonzero weights.

    Attributes
    ----------
    layer, neuron : int
        The neuron: its layer, 1 for the first hidden one, and its index there, from 0.
    ancestors, descendants : tuples of bool arrays [N_l]
        One per layer: the input first, then the hidden layers, then the output.
    links : table
        The neuron's strongest links: from_layer, from_neuron, layer, neuron, weight.
    """

    layer: int
    neuron: int
    ancestors: tuple[np.ndarray, ...]
    descendants: tuple[np.ndarray, ...]
    links: pd.DataFrame

    @property
    def counts(self) -> tuple[int, int]:
        """Number of hidden neurons among the ancestors and among the descendants."""
        above, below = (sum(int(layer.sum()) for layer in each[1:-1]) for each in (self.ancestors, self.descendants))
        return above, below


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A network after a task. Layer 0 is the input and layer 1 the first hidden one.

    Attributes
    ----------
    architecture : Architecture
        With its widths after that task.
    head : {"single", "multi"}
    task : int
        Number of tasks learned; 0 before the first.
    owners : tuple of int16 arrays [N_l]
        Owners of each hidden layer's neurons; see `clnp_core.networks.partition`.
    activity : tuple of float arrays [task, N_l]
        Per hidden layer, mean activity on each task's training images of the neurons that its network may read, nan
        for all others. For unclaimed neurons it is their activity for the last task, which gave them back.
    cuts : tuple of Cut or None
        The weights that the task's pruning cut, per hidden layer and, last, in the head.
    permutations : int array [tasks, inputs] or None
        Task t sees pixel permutations[t - 1, i] at position i; None if the pixels are not permuted.
    read : callable
        Returns the stored weights of hidden layer l (0 for the first), [N_l, N_{l-1}, ...].
    read_heads : callable
        Returns the weights of the heads, [outputs, N_L, ...] each; a list of one for a single head.
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
        """Names of all layers: input, hidden layers, output."""
        return ("input", *(layer.name for layer in self.architecture.hidden), "output")

    def owners_at(self, layer: int) -> np.ndarray:
        """Return the owners of any layer, int16: `INPUT` for the input, `SHARED` for a single head, else the tasks."""
        if layer == 0:
            return np.full(self.architecture.weight_shapes[0][1], INPUT, np.int16)
        if layer <= len(self.owners):
            return self.owners[layer - 1]
        if self.head == "single":
            return np.full(self.architecture.outputs, SHARED, np.int16)
        tasks = np.arange(1, self.task + 1, dtype=np.int16)
        return np.repeat(tasks, np.array([self.architecture.outputs_of(task) for task in tasks.tolist()], int))

    def links(self, layer: int) -> np.ndarray:
        """Return the links into a layer, float32 [N_l, N_{l-1}]: weights, or the strength of several weights."""
        if layer <= len(self.owners):
            return as_links(self.read(layer - 1))
        heads = [as_links(head) for head in self.read_heads()]
        return np.concatenate(heads) if heads else np.zeros((0, len(self.owners[-1])), np.float32)

    def counts(self, layer: int) -> dict[Kind, int]:
        """Count the weights of each kind into a layer. The cost grows with the number of pairs of owners."""
        counts = dict.fromkeys(Kind, 0)
        for row in self._bundles(layer):
            counts[row["kind"]] += row["weights"]
        return counts

    @cached_property
    def bundles(self) -> pd.DataFrame:
        """All weights, bundled by kind and by the owner of the neurons they lead to.

        Returns
        -------
        table
            layer (the one they lead to), target (the owner there), low and high (the lowest and highest owner of the
            neurons they come from), kind, weights (their number), cut and cut_sum (for interference that the task's
            pruning cut: the number of nonzero links and the sum of their magnitudes).
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
            if target == SHARED:  # with a single head each task's neurons have weights of their own to the output
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
        """All hidden neurons and outputs, a row each, and one row for all inputs.

        Returns
        -------
        table
            layer, name (of the layer), neuron (its index there, from 0), owner, size (the number of neurons that the
            row stands for); and in words or characters, empty for unclaimed neurons: activity (per task), inputs (the
            strongest) and, for the first layer, sketch (what the neuron looks at).
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
        """Describe the activity, strongest inputs and sketch of each neuron of a hidden layer, in words."""
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
        """Name in words what a neuron that `task` owns reads at a position of the layer below."""
        if layer > 1:
            return f"neuron {place}"
        channels, height, width = self.architecture.input_shape
        if self.architecture.hidden[0].kind == "conv":
            return f"channel {place}"
        at = place if self.permutations is None else self.permutations[task - 1, place]
        channel, row, column = np.unravel_index(at, (channels, height, width))
        return f"pixel {row},{column}" + (f" of channel {channel}" if channels > 1 else "")

    def strongest_inputs(self, layer: int, neuron: int, count: int = _MOST_LINKS) -> pd.DataFrame:
        """List the strongest links into a hidden neuron, strongest first: source (in words), place, owner, weight."""
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
        """Return the task on whose images a neuron was last trained."""
        return int(self.owners[layer - 1][neuron]) or max(self.task, 1)

    def related(self, layer: int, neuron: int) -> Related:
        """Find the ancestors and descendants of a hidden neuron."""
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
        return pd.DataFrame([row for row in rows if row[-1]], columns=LINK_COLUMNS)

    def looks_at(self, layer: int, neuron: int) -> np.ndarray:
        """Draw what a hidden neuron looks at as an image, with its task's permutation of the pixels undone.

        See `clnp_core.analysis.backprojection`. For a neuron of a convolutional layer the image is the patch that one
        of its pixels reads.

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
    """Make the anatomy of a network before its first task, with every neuron free and no weights drawn yet."""
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
    """Turn weights [n, k, ...] into links [n, k]."""
    return weight if weight.ndim == 2 else np.sqrt(np.square(weight).sum(tuple(range(2, weight.ndim))))


def by_owner(owners: np.ndarray) -> np.ndarray:
    """Sort the indices of a layer's neurons by owner, with unclaimed neurons last."""
    return np.argsort(np.where(owners == FREE_OWNER, np.iinfo(np.int16).max, owners), kind="stable")


def _strongest(magnitude: np.ndarray, count: int) -> np.ndarray:
    """Find the indices of the greatest values of each row, the greatest first: [n, k] → [n, count]."""
    count = min(count, magnitude.shape[1])
    places = np.argpartition(magnitude, -count, axis=1)[:, -count:]
    order = np.argsort(-np.take_along_axis(magnitude, places, 1), axis=1, kind="stable")
    return np.take_along_axis(places, order, 1)
