"""Looks at what a learned network makes of single test images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from clnp_core.errors import SpecError, StoreError
from clnp_core.methods import METHODS
from clnp_core.networks.layers import spatial_mean
from clnp_core.networks.subnetwork import neurons_of
from clnp_core.runs.engine.stored import stored_network
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.tasks.streams import open_stream

_BATCH = 500


class Looker:
    """A learned network and a task's test images, made ready to be looked at.

    Parameters
    ----------
    stage : Stage
        The stage that settled on the network.
    task : int
    artifacts : Artifacts

    Raises
    ------
    StoreError
        If the network cannot answer for the task, or an artifact is damaged.
    DataError
        If the data is missing, damaged, or not the data that was learned.
    """

    def __init__(self, stage: Stage, task: int, artifacts: Artifacts) -> None:
        self._task = task
        self._method = METHODS[stage.inputs["method"]]
        self._network = stored_network(artifacts, artifacts.read(stage.key, Settled).network)
        predictor = self._method.predictor(self._network, task)
        if predictor is None:
            raise StoreError(f"The network after task {stage.inputs['task']} cannot answer for task {task} any more.")
        self._test = open_stream(stage.inputs["stream"], stage.inputs["seed"], task).test(task)
        with torch.no_grad():
            logits = torch.cat([predictor(x) for x in self._test.x.split(_BATCH)])  # [N, outputs]
        self._probabilities = logits.softmax(1)
        self._confidence, self._answers = self._probabilities.max(1)

    @property
    def bytes(self) -> int:
        """Bytes of memory that it takes."""
        return self._test.x.nbytes + self._probabilities.nbytes

    def look(self, images: Sequence[int]) -> dict[str, np.ndarray]:
        """See `clnp_core.runs.engine.questions.look`."""
        if wrong := [image for image in images if image >= len(self._test)]:
            raise SpecError(f"images: there is no image {wrong[0]}; the task has {len(self._test)}, counted from 0.")
        rows = torch.tensor(images, dtype=torch.int64)
        seen = {
            "labels": self._test.y,
            "answers": self._answers,
            "confidence": self._confidence,
            "pixels": self._test.x[rows],
            "probabilities": self._probabilities[rows],
        }
        if self._method.partitions and images:
            seen |= self._activities(self._test.x[rows])
        return {name: tensor.numpy() for name, tensor in seen.items()}

    def _activities(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute the activations of the task's own network, at full width."""
        told = {}
        with torch.no_grad():
            hidden = self._network.hidden(x)
        for layer, (activation, own) in enumerate(zip(hidden, neurons_of(self._network, self._task), strict=True)):
            means, places = spatial_mean(activation), torch.from_numpy(own)
            told[f"activity.{layer}"] = torch.zeros_like(means).index_copy(1, places, means[:, places])
        return told
