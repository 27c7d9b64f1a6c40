"""Computes a stored network's outputs with NumPy, without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from clnp_core.runs.store import Store
from clnp_core.runs.views.anatomy import anatomy
from clnp_core.tasks.datasets import Dataset, load


@dataclass(frozen=True, eq=False)
class Plain:
    """A network of dense layers with one output layer, at full width.

    Attributes
    ----------
    weights, biases : tuples of float32 arrays [N_l, N_{l-1}], [N_l]
        Weights and biases of each hidden layer.
    head : float32 array [outputs, N_L]
    owner : int16 array [N_L]
        Owners of the last hidden layer's neurons.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    head: np.ndarray
    owner: np.ndarray

    def logits(self, x: np.ndarray, task: int | None = None) -> np.ndarray:
        """Compute logits [N, outputs] of images [N, inputs]; with `task` only its own neurons count (section 2.1)."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = np.maximum(_product(x, weight) + bias, 0)
        return _product(x, self.head if task is None else np.where(self.owner == task, self.head, 0))

    def towards(self, other: Plain, share: float) -> Plain:
        """Interpolate linearly to another network: share 0 is this one, 1 the other."""

        def between(one: np.ndarray, two: np.ndarray) -> np.ndarray:
            return (1 - np.float32(share)) * one + np.float32(share) * two

        return replace(
            self,
            weights=tuple(map(between, self.weights, other.weights)),
            biases=tuple(map(between, self.biases, other.biases)),
            head=between(self.head, other.head),
        )


def plain_network(store: Store, run: str, task: int) -> Plain:
    """Load a run's network after a task.

    Raises
    ------
    StoreError
        If an artifact is damaged.
    """
    (key,) = (each["network"] for each in store.stages(run) if (each["kind"], each["task"]) == ("settle", task))
    arrays = {name: store.artifacts.arrays(key, name) for name in ("weights", "biases", "head_weights", "owners")}
    return Plain(tuple(arrays["weights"]), tuple(arrays["biases"]), arrays["head_weights"][0], arrays["owners"][-1])


def uncut(store: Store, run: str, task: int) -> tuple[Plain, np.ndarray]:
    """Load the network after a task with the interference that task 1's pruning cut restored; and those weights [n, k].

    With a shared output no later task reads the neurons that these weights lead to, so leaving them in does not change
    the training of later tasks: this is the network that training without the cut gives. Weights from neurons that
    died and left the training are not stored and stay cut.
    """
    _, cut, _ = anatomy(store, run, 1).cuts
    assert cut is not None  # pruning cut there
    network = plain_network(store, run, task)
    first, second = (weight.copy() for weight in network.weights)
    second[np.ix_(cut.rows, cut.columns)] = cut.links
    return replace(network, weights=(first, second)), cut.links


@cache
def digits() -> Dataset:
    """Load the digits, once."""
    return load("digits")


def seen(images: np.ndarray, permutation: np.ndarray) -> np.ndarray:
    """Permute images [N, 1, 8, 8] as a task sees them: float32 [N, 64], from 0 to 1."""
    return images.reshape(len(images), -1).take(permutation, axis=1).astype(np.float32) / digits().white


def _product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply rows [N, k] by weights [n, k] to [N, n], to the same bits with any number of threads.

    A product of BLAS (`x @ weight.T`) sums in another order with two threads than with one.
    """
    product: np.ndarray = np.einsum("ni,ki->nk", x, weight)
    return product


def accuracy(logits: np.ndarray) -> float:
    """Compute the share of test images that logits [N, outputs] classify correctly."""
    return float(np.mean(logits.argmax(1) == digits().y_test))


def tasks_of(store: Store, run: str) -> range:
    """Return the numbers of the tasks that a run has learned."""
    return range(1, len(store.learned(run)) + 1)


def test_images(store: Store, run: str, tasks: int) -> list[np.ndarray]:
    """Return the test images as the first tasks see them."""
    orders = permutations(store, run, tasks)
    return [seen(digits().x_test, orders[task]) for task in range(tasks)]


def permutations(store: Store, run: str, tasks: int) -> np.ndarray:
    """Return the permutations of the first tasks; see `Anatomy.permutations`."""
    orders = anatomy(store, run, tasks).permutations
    assert orders is not None  # the lesson is on permuted digits
    return orders
