"""What a network makes of single test images of a task: which class, how surely, through which neurons.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from clnp_core.analysis.anatomy import LINK_COLUMNS, Anatomy
from clnp_core.bounds import Label
from clnp_core.errors import SpecError

_MOST_LINKS = 24  # between two layers


@dataclass(frozen=True, eq=False)
class Look:
    """Some test images, and what a network makes of them.

    Attributes
    ----------
    images : int array [k]
        Their places among the task's test images, from 0.
    pixels : float32 array [k, channels, height, width]
        As a person sees them: where the task permutes pixels, that is undone.
    probabilities : float32 array [k, classes]
        Softmax of the logits.
    activities : tuple of float32 arrays [k, N_l]
        Per hidden layer, the activation of each neuron on each image, of a channel its mean over the image; 0 for
        neurons that the task's network does not have. Empty if the method claims no neurons.
    """

    images: np.ndarray
    pixels: np.ndarray
    probabilities: np.ndarray
    activities: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Examples:
    """What a network answers to all test images of a task.

    Attributes
    ----------
    task : int
    after : int
        Number of tasks that the network had learned.
    classes : tuple of int or str
        The task's classes as they were given, in the order of the outputs.
    labels, answers : int64 arrays [N]
        As indices into `classes`.
    confidence : float32 array [N]
        Probability of the answer.
    read : callable
        Looks at images: int array [k] → `Look`.
    """

    task: int
    after: int
    classes: tuple[Label, ...]
    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    read: Callable[[np.ndarray], Look]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def wrong(self) -> np.ndarray:
        """Whether each image is answered with another class: bool [N]."""
        different: np.ndarray = self.labels != self.answers
        return different

    def chosen(self, only_wrong: bool = False, label: Label | None = None, answer: Label | None = None) -> np.ndarray:
        """Find images: the wrong ones first, the surest of them first, then the others in their order.

        Parameters
        ----------
        only_wrong : bool
        label, answer : int or str, optional
            Only images of this class, and only those answered with this class.

        Returns
        -------
        int array
            Places among the test images.

        Raises
        ------
        SpecError
            If the task has no such class.
        """
        wanted = self.wrong.copy() if only_wrong else np.ones(len(self), bool)
        for what, of in ((label, self.labels), (answer, self.answers)):
            if what is not None:
                wanted &= of == self._place(what)
        places = np.flatnonzero(wanted)
        order = np.lexsort((places, np.where(self.wrong, -self.confidence, 0)[places]))
        chosen: np.ndarray = places[order]
        return chosen

    def _place(self, label: Label) -> int:
        if label not in self.classes:
            raise SpecError(f"Task {self.task} has no class {label!r}; it has {', '.join(map(repr, self.classes))}.")
        return self.classes.index(label)

    def look(self, images: Sequence[int] | np.ndarray) -> Look:
        """Look at some images.

        Raises
        ------
        SpecError
            If there is no such image.
        StoreError
            If no engine answers.
        """
        for image in np.asarray(images).tolist():
            if not 0 <= image < len(self):
                raise SpecError(f"There is no image {image}; task {self.task} has {len(self)}, counted from 0.")
        return self.read(np.asarray(images, np.int64))


@dataclass(frozen=True, eq=False)
class Lit:
    """The neurons that a network answers an image through.

    Attributes
    ----------
    activities : tuple of float arrays [N_l]
        Activation of each hidden neuron on the image, 0 or more.
    output : int
        Index of the output that answers.
    links : table
        The links that carry the most to the answer, as in `clnp_core.analysis.anatomy.Related`.
    """

    activities: tuple[np.ndarray, ...]
    output: int
    links: pd.DataFrame


def lit(anatomy: Anatomy, task: int, look: Look, place: int = 0) -> Lit:
    """Find what an image lights up on the way to its answer.

    Of the links between two layers those carry the most for which |weight| times the activation below is largest, among
    links into neurons that are active too; into the output, among those of the answer.

    Parameters
    ----------
    anatomy : Anatomy
        Of the network that was looked at.
    task : int
        The one that the image is of.
    look : Look
    place : int
        Which of its images.
    """
    answer = int(look.probabilities[place].argmax())
    owners = anatomy.owners_at(len(anatomy.names) - 1)
    output = answer if anatomy.head == "single" else int(np.flatnonzero(owners == task)[answer])
    activities = tuple(layer[place] for layer in look.activities)
    answering = np.arange(len(owners)) == output
    rows: list[tuple[int, int, int, int, float]] = []
    for layer, (below, above) in enumerate(pairwise((*activities, answering)), start=2):
        links = anatomy.links(layer)
        carried = np.abs(links) * below * (above > 0)[:, None]
        most = np.argpartition(carried, -min(_MOST_LINKS, carried.size), axis=None)[-_MOST_LINKS:]
        ends = zip(*np.unravel_index(most, carried.shape), strict=True)
        rows += [(layer - 1, at, layer, neuron, links[neuron, at]) for neuron, at in ends if carried[neuron, at] > 0]
    return Lit(activities, output, pd.DataFrame(rows, columns=LINK_COLUMNS))
