"""Published results to compare ours with: quoted, not measured here. Fractions, not per cent."""

from __future__ import annotations

from dataclasses import dataclass

PAPER = "Golkar, Kagan, Cho 2019"
ZENKE = "Zenke et al. 2017, stored results of their code"


@dataclass(frozen=True)
class Published:
    """A published result.

    Attributes
    ----------
    method : str
    accuracy : float
        A fraction; the mean over the tasks if the result lists them separately.
    deviation : float or None
        Standard deviation over runs.
    source : str
    by_task : tuple of float
        Accuracy on each task after the last one; empty if only the mean was published.
    """

    method: str
    accuracy: float
    deviation: float | None
    source: str
    by_task: tuple[float, ...] = ()


def _of_tasks(method: str, *percent: float) -> Published:
    by_task = tuple(round(value / 100, 6) for value in percent)
    return Published(method, sum(by_task) / len(by_task), None, ZENKE, by_task)


CLNP = Published("CLNP", 0.9842, 0.0004, f"{PAPER}, Table 1")
SINGLE_TASK = Published("each task alone", 0.9848, 0.0005, f"{PAPER}, Table 1")
PERMUTED_MNIST = (
    Published("Cheung et al. (superposition)", 0.976, None, f"{PAPER}, Table 1"),
    Published("Zenke et al. (SI)", 0.972, None, f"{PAPER}, Table 1"),
    Published("Kirkpatrick et al. (EWC)", 0.970, None, f"{PAPER}, Table 1"),
    Published("SI, c = 0.1", 0.9694, None, ZENKE),
    Published("SI, c = 0.02", 0.9391, None, ZENKE),
    Published("SI, c = 0.01", 0.9200, None, ZENKE),
    Published("SI, c = 0 (fine-tuning)", 0.5741, None, ZENKE),
)
"""Mean test accuracy over ten tasks of permuted MNIST."""

SI_CURVES = {
    0.1: (0.9830, 0.9832, 0.9827, 0.9799, 0.9789, 0.9777, 0.9756, 0.9746, 0.9712, 0.9694),
    0.02: (0.9832, 0.9788, 0.9752, 0.9720, 0.9698, 0.9627, 0.9513, 0.9484, 0.9468, 0.9391),
    0.01: (0.9840, 0.9647, 0.9499, 0.9575, 0.9398, 0.9412, 0.9278, 0.9329, 0.9320, 0.9200),
    0.0: (0.9813, 0.9493, 0.8459, 0.8075, 0.7743, 0.7286, 0.6670, 0.6680, 0.5850, 0.5741),
}
"""By c: mean test accuracy over the tasks seen so far, after each of ten tasks of permuted MNIST, as `ZENKE`."""

USED_AFTER_TEN = (0.18, 0.40)
"""Shares of the two hidden layers in use after ten tasks of permuted MNIST (section 3.1)."""
HOW_IT_GROWS = ("hardly grows after the first task", "grows linearly with each task")
"""What the paper says of the two layers' use, in short."""
TASKS_THAT_FIT = 25
"""Tasks of permuted MNIST until the last hidden layer is full, about (section 3.1)."""

SPLIT_CIFAR = (
    _of_tasks("SI, c = 0.01", 74.6, 71.8, 71.4, 74.4, 70.4, 78.6),
    _of_tasks("SI, c = 0.1", 78.3, 74.3, 68.2, 71.9, 67.0, 72.5),
    _of_tasks("fine-tuning", 45.9, 54.9, 57.0, 68.7, 67.5, 81.0),
    _of_tasks("each from scratch", 80.4, 69.0, 64.7, 73.3, 67.9, 71.3),
)
"""Test accuracy of the six tasks of split CIFAR on Zenke's network, after the last."""
SI_ON_CIFAR = max(each.accuracy for each in SPLIT_CIFAR[:2])
"""Mean accuracy over these of SI at its better c."""
