"""The state of one training between its epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clnp_core.arithmetic import aligned
from clnp_core.lazy import torch
from clnp_core.methods.graceful import in_margin
from clnp_core.methods.training.evaluation import answers, measured
from clnp_core.methods.training.job import Job, OptimiserState, Trained
from clnp_core.methods.training.settings import Epoch
from clnp_core.methods.training.shrinking import survivors
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable
from clnp_core.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

_SMALL_STEP = 64
_BEST = "best"  # the name of the best network in a checkpoint; its memory has its own name after that


class Replica:
    """The state of one training: weights, Adam's averages, memory, the best weights so far, and the epochs behind it.

    Attributes
    ----------
    networks : dict of str to Trainable
        All that shrinks together: "weights", "average", "square", and the regulariser's memory by its names.
    history : list of Epoch
    """

    def __init__(self, job: Job, sources: Sources, validation: Sources) -> None:
        self.job = job
        self.sources = sources
        self._validation = validation
        start = job.optimiser
        self.networks = {
            "weights": job.network.each(torch.clone),
            "average": start.average.each(torch.clone) if start else job.network.each(torch.zeros_like),
            "square": start.square.each(torch.clone) if start else job.network.each(torch.zeros_like),
            **job.regulariser.memory(job.network),
        }
        self._best = {_BEST: job.network}
        self.history: list[Epoch] = []
        self._restore(job.hooks.checkpoint.load())
        for epoch in self.history:
            job.hooks.on_epoch(epoch)

    @property
    def weights(self) -> Trainable:
        """The network as it is now."""
        return self.networks["weights"]

    @property
    def memory(self) -> dict[str, Trainable]:
        """The regulariser's."""
        own = ("weights", "average", "square")
        return {name: network for name, network in self.networks.items() if name not in own}

    @property
    def form(self) -> tuple[Any, ...]:
        """What replicas have in common that can be trained as one program, in which their widths have the same room."""
        network, architecture = self.weights, self.weights.architecture
        ends = architecture.inputs, len(network.head_weight), network.head_bias is None, self.room(1)
        widths = tuple(network.read), tuple(self.room(len(free)) for free in network.free)
        about = (
            self.job.hyperparameters.batch_size,
            len(self.sources),
            type(self.job.regulariser).__name__,
            self.job.pruner.by_gradient,
        )
        return ends, widths, about

    def room(self, neurons: int) -> int:
        """Places that so many neurons take in a program of several replicas: `aligned`.

        In small networks that are pruned on the way the steps are coarser: replicas of different widths then stay
        together, which saves more than zeros cost. It is the replica's own matter, and not that of those beside it.
        """
        small = self.job.hyperparameters.gradual and self.weights.architecture.threads == 1
        step = _SMALL_STEP if small else 1
        return aligned(-(-neurons // step) * step)

    @property
    def batches(self) -> tuple[int, int]:
        """Samples of a whole batch, and of the last one of an epoch; 0 where none is left for it."""
        size = self.job.hyperparameters.batch_size
        return size, self._length % size

    @property
    def _length(self) -> int:
        return self.job.objective.length(len(self.sources))

    @property
    def learning_rate(self) -> float:
        """Of the epoch to come."""
        return self.job.hyperparameters.learning_rate_in(len(self.history) + 1)

    @property
    def order(self) -> Tensor:
        """int64 [N]: the order of the samples in the epoch to come."""
        drawn = torch.Generator().manual_seed(derive_seed(self.job.seed, "batches", len(self.history) + 1))
        return self.job.objective.order(len(self.sources), drawn)

    @property
    def steps(self) -> int:
        """Steps of an epoch. A single sample cannot be normalised by its own statistics, and is left out."""
        size, rest = self.batches
        return self._length // size + (rest > any(layer.norm is not None for layer in self.weights.layers))

    @property
    def steps_before(self) -> int:
        """Steps that Adam's averages had seen before this training."""
        return self.job.optimiser.steps if self.job.optimiser else 0

    @property
    def _diverged(self) -> bool:
        return bool(self.history) and not math.isfinite(self.history[-1].loss)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, none has improved for too long, or training diverged."""
        if not self.history:
            return False
        given = self.job.hyperparameters
        if self._diverged or len(self.history) >= given.epochs:
            return True
        if given.patience is None:
            return False
        reached = [epoch.validation_accuracy for epoch in self.history]
        return len(reached) - 1 - reached.index(max(reached)) >= given.patience

    def end_epoch(
        self,
        loss: float,
        activity: list[np.ndarray],
        importance: list[np.ndarray],
        seconds: float,
        pulse: Callable[[], None],
    ) -> None:
        """Take in an epoch: its mean loss, each free neuron's mean activity and importance in it. Then shrink."""
        start = time.perf_counter()
        labels = self.job.task.validation.y
        answered = answers(self._validation_logits, len(labels))
        reached = measured(answered, labels, self.job.hyperparameters.measure)
        seconds += time.perf_counter() - start
        neurons = tuple(map(len, self.weights.free))
        self.history.append(Epoch(len(self.history) + 1, loss, reached, seconds, neurons))
        if not self._diverged and self._is_kept(len(self.history)):
            best = {_BEST: self.weights} | {f"{_BEST}.{name}": network for name, network in self.memory.items()}
            self._best = {name: network.each(torch.clone) for name, network in best.items()}
        hooks, given = self.job.hooks, self.job.hyperparameters
        hooks.on_epoch(self.history[-1])
        if self.is_over:
            return
        kept = survivors(self.weights, activity, self.sources, given, given.epochs - len(self.history))
        if kept is not None:
            self._keep(kept)
            importance = [layer[keep] for layer, keep in zip(importance, kept, strict=True)]
        kept = self.job.pruner.survivors(self.weights, importance, self._validation, self.history)
        if kept is not None:
            self._keep(kept)
        self.job.regulariser.after_epoch(self.job, len(self.history), self.networks, pulse)
        if hooks.checkpoint.is_due(len(self.history)):
            hooks.checkpoint.save(len(self.history), self._state())

    def _validation_logits(self, rows: slice) -> Tensor:
        logits, _ = self.weights.forward(self._validation.at(rows), reads=self.job.reads)
        return self.job.objective.logits(logits, self.job.task.validation.y[rows])

    def _keep(self, kept: list[np.ndarray]) -> None:
        """Go on with those free neurons only."""
        self.networks = {name: network.keep(kept) for name, network in self.networks.items()}

    def _is_kept(self, epoch: int) -> bool:
        """Whether the network after that epoch takes the place of the one kept before it."""
        if self.job.hyperparameters.patience is None:
            return True
        *before, reached = (each.validation_accuracy for each in self.history[:epoch])
        return in_margin(reached, self.job.pruner.floor(max(before, default=0.0)))

    @property
    def _reached(self) -> float:
        """The validation accuracy of the network that is kept."""
        kept = next(filter(self._is_kept, range(len(self.history), 0, -1)))
        return self.history[kept - 1].validation_accuracy

    def result(self, pulse: Callable[[], None]) -> Trained:
        """What the training leaves."""
        network = self._best[_BEST].each(torch.Tensor.contiguous)
        memory = {name: self._best.get(f"{_BEST}.{name}", as_it_is) for name, as_it_is in self.memory.items()}
        return Trained(
            network=network,
            accuracy=math.nan if self._diverged else self._reached,
            memory=memory | self.job.regulariser.conclude(network, self.job.task, pulse),
            optimiser=OptimiserState(
                self.networks["average"], self.networks["square"], self.steps_before + self.steps * len(self.history)
            ),
            epochs=self.history,
        )

    def _state(self) -> dict[str, Tensor]:
        """All of it as named tensors."""
        state = {
            "history": torch.tensor(
                [[*astuple(epoch)[:-1], *epoch.neurons] for epoch in self.history], dtype=torch.float64
            )
        }
        for name, network in {**self.networks, **self._best}.items():
            tensors = (*network.parameters(), *network.statistics())
            state |= {f"{name}.{place}": tensor.contiguous() for place, tensor in enumerate(tensors)}
            state |= {f"{name}.free.{layer}": torch.tensor(free) for layer, free in enumerate(network.free)}
        return state

    def _restore(self, state: dict[str, Tensor] | None) -> None:
        """Go back to what `state` gave; None is the beginning."""
        if state is None:
            return
        self.history = [
            Epoch(int(epoch), loss, reached, seconds, tuple(map(int, neurons)))
            for epoch, loss, reached, seconds, *neurons in state["history"].tolist()
        ]
        best = [_BEST, *(f"{_BEST}.{name}" for name in self.memory)]
        self._best = {name: self._restored(name, state) for name in best if f"{name}.0" in state}
        self.networks = {name: self._restored(name, state) for name in self.networks}

    def _restored(self, name: str, state: dict[str, Tensor]) -> Trainable:
        start, device = self.job.network, self.job.network.head_weight.device
        count = len(start.parameters())
        tensors = [state[f"{name}.{place}"].to(device) for place in range(count + len(start.statistics()))]
        network = start.with_parameters(tensors[:count]).with_statistics(tensors[count:])
        free = tuple(state[f"{name}.free.{layer}"].numpy() for layer in range(len(start.free)))
        return replace(network, free=free)
