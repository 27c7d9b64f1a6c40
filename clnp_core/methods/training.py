"""The one training loop.

It trains several networks side by side: those that have the same shape, and are as far, are one program whose tensors
have a leading replica axis. A small network's step costs less than calling its operations does, so a grid of candidates
takes little longer than one of them. A replica's bits do not depend on which others are trained beside it. Networks
with convolutions, BatchNorm or dropout are trained one after the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.adam import adam

from clnp_core.arithmetic import aligned, is_lone, owned
from clnp_core.networks.layers import activate, as_input, joined, passed_on, spatial_mean
from clnp_core.networks.sources import Sources
from clnp_core.networks.subnetwork import Trainable
from clnp_core.seeds import derive_seed
from clnp_core.tasks.streams import Split, Task

SMALL_ACTIVITY = 1e-3
"""Mean activity at or below which a neuron leaves a training that shrinks progressively."""

_EVALUATION_BATCH = 1024  # its activations stay in the processor's cache
# Shrunk layers are as wide as a multiple of this: small enough to cost little, and replicas keep equal shapes.
_WIDTH_STEP = {"dense": 64, "conv": 16}
# Batches are gathered several at a time, up to about this many numbers.
_GATHERED = 2**20
_ADAM = {
    "amsgrad": False,
    "beta1": 0.9,
    "beta2": 0.999,
    "weight_decay": 0.0,
    "eps": 1e-8,
    "maximize": False,
    "fused": True,
}
_MILESTONE_FACTOR = 0.05
_NETWORKS = ("weights", "average", "square", "_best")  # of a replica


@dataclass(frozen=True)
class Hyperparameters:
    """How one candidate is trained.

    Attributes
    ----------
    l1 : tuple of float
        L1 coefficient λ of each hidden layer and, last, of the output layer.
    learning_rate : float
        Of Adam, started afresh for each task.
    cooldown : float
        Share of the epochs, the last ones, over which the learning rate falls linearly towards 0. Without it weights
        that L1 has driven to nothing go on hovering around 0 by about the learning rate.
    batch_size, epochs : int
        Samples a step; passes over the training set at most.
    patience : int or None
        Training ends after this many epochs without a better validation accuracy, and leaves the weights of the best
        epoch, of several equal ones the last, which is the sparsest. None: it goes through all epochs, and leaves the
        weights of the last.
    shrink : {"exact", "progressive", "none"}
        Which free neurons leave the training at the end of an epoch: those whose activity on the training set is
        exactly 0, or also those whose mean activity in the epoch was at most `SMALL_ACTIVITY`, or none.
    cache_mb : int
        The activations of frozen neurons are computed once, for all of a training, if they take at most this many
        MiB; else batch by batch.
    milestones : tuple of int
        Epochs after which the learning rate falls to a twentieth.
    """

    l1: tuple[float, ...]
    learning_rate: float
    cooldown: float
    batch_size: int
    epochs: int
    patience: int | None
    shrink: str = "exact"
    cache_mb: int = 256
    milestones: tuple[int, ...] = ()

    def learning_rate_in(self, epoch: int) -> float:
        """The learning rate of that epoch, 1 for the first."""
        cooling = self.cooldown * self.epochs
        fallen = _MILESTONE_FACTOR ** sum(epoch > milestone for milestone in self.milestones)
        return self.learning_rate * fallen * min(1.0, (self.epochs - epoch + 1) / (cooling + 1))


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set came to.

    Attributes
    ----------
    epoch : int
        1 for the first.
    loss : float
        Mean cross-entropy over the epoch's samples, as they were trained on, without the L1 term.
    validation_accuracy : float
        Fraction, after the epoch.
    seconds : float
    """

    epoch: int
    loss: float
    validation_accuracy: float
    seconds: float


def accuracy(network: Callable[[Tensor], Tensor], split: Split) -> float:
    """Fraction of samples whose largest logit is their label's."""
    return _accuracy(lambda rows: network(split.x[rows]), split.y)


def _accuracy(logits: Callable[[slice], Tensor], labels: Tensor) -> float:
    correct = torch.zeros((), dtype=torch.int64, device=labels.device)
    with torch.no_grad():
        for start in range(0, len(labels), _EVALUATION_BATCH):
            rows = slice(start, start + _EVALUATION_BATCH)
            correct += (logits(rows).argmax(1) == labels[rows]).sum()
    return int(correct) / len(labels)


class Checkpoint:
    """Where a training keeps its state between epochs. This one keeps nothing."""

    def load(self) -> dict[str, Tensor] | None:
        """The state last saved; None if there is none."""
        return None

    def is_due(self, epoch: int) -> bool:
        """Whether the state after that epoch is to be saved."""
        return False

    def save(self, epoch: int, state: dict[str, Tensor]) -> None:
        """Keep the state after that epoch."""


@dataclass(frozen=True)
class Hooks:
    """What goes on beside a training. None of it changes the result.

    Attributes
    ----------
    on_epoch : callable
        Told of every epoch; where the training goes on from a checkpoint, first of those before it.
    checkpoint : Checkpoint
        Where to go on from, and where to keep the state.
    """

    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)


NO_HOOKS = Hooks()


@dataclass(frozen=True)
class Mixture:
    """Several tasks trained at once: their outputs stand side by side, and so do their labels.

    Attributes
    ----------
    classes : int
        Of one task. A sample's logits compete only among those of its own task.
    order : callable
        Draws an epoch: from a generator the samples in their order, int64 [N].
    head_mask : tensor [outputs, F_L, ...] or None
        1 for the output weights that may move, where not all may.
    """

    classes: int
    order: Callable[[torch.Generator], Tensor]
    head_mask: Tensor | None = None

    def within(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits [..., outputs] with those of other tasks than the label's at minus infinity; labels [...]."""
        outputs = torch.arange(logits.shape[-1], device=logits.device)
        others = outputs // self.classes != (labels // self.classes)[..., None]
        return logits.masked_fill(others, -math.inf)


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes
    ----------
    network : Trainable
        As it starts. Training leaves it as it is.
    task : Task
        On the same device.
    hyperparameters : Hyperparameters
    seed : int
        Decides the batches of every epoch.
    hooks : Hooks
    mixture : Mixture or None
        Where the task is several at once.
    """

    network: Trainable
    task: Task
    hyperparameters: Hyperparameters
    seed: int
    hooks: Hooks
    mixture: Mixture | None = None


def no_pulse() -> None:
    """The pulse of work that nobody means to stop."""


def train(jobs: Sequence[Job], pulse: Callable[[], None] = no_pulse) -> list[tuple[Trainable, float]]:
    """Train the free rows of each job's network: cross-entropy plus L1 on every free weight (section 2.2).

    Batches are drawn per epoch from the job's seed, so a training that goes on from a checkpoint draws those it would
    have drawn. Which epoch's weights are left is up to `Hyperparameters.patience`; free neurons that have died leave on
    the way (`Hyperparameters.shrink`).

    Parameters
    ----------
    jobs : sequence of Job
    pulse : callable
        Called before every step. What it raises ends the training of all.

    Returns
    -------
    For each job the network it leaves, with the free neurons that were still in it, and its validation accuracy, a
    fraction; nan if training diverged.
    """
    sources: dict[tuple[int, int, int], list[Sources]] = {}
    replicas = []
    for job in jobs:
        limit = job.hyperparameters.cache_mb * 2**20
        shared = id(job.network), id(job.task), limit
        if shared not in sources:
            sources[shared] = [Sources(job.network, split.x, limit) for split in (job.task.train, job.task.validation)]
        replicas.append(_Replica(job, *sources[shared]))
    while left := [replica for replica in replicas if not replica.is_over]:
        behind = min(len(replica.history) for replica in left)
        level = [replica for replica in left if len(replica.history) == behind]
        level.sort(key=lambda replica: (replica.form, replica.learning_rate))
        for _, alike in groupby(level, key=lambda replica: replica.form):
            together = list(alike)
            for part in [together] if together[0].is_plain else ([replica] for replica in together):
                _train_epoch(part, pulse)
    return [replica.result() for replica in replicas]


def _train_epoch(replicas: list[_Replica], pulse: Callable[[], None]) -> None:
    """Train replicas of the same form for an epoch."""
    start = time.perf_counter()
    plain = replicas[0].is_plain
    twice = plain and is_lone(len(replicas), *replicas[0].batches)
    program = _Program if plain else _LoneProgram
    losses, activities = program(replicas * 2 if twice else replicas).run(pulse)
    seconds = (time.perf_counter() - start) / len(replicas)
    for replica, loss, activity in zip(replicas, losses, activities, strict=False):
        replica.end_epoch(loss, activity, seconds)


class _Replica:
    """The state of one training: weights, Adam's averages, the best weights so far, and the epochs behind it."""

    def __init__(self, job: Job, sources: Sources, validation: Sources) -> None:
        self.job = job
        self.sources = sources
        self._validation = validation
        self.weights = job.network.each(torch.clone)
        self.average = job.network.each(torch.zeros_like)
        self.square = job.network.each(torch.zeros_like)
        self._best = job.network
        self.history: list[Epoch] = []
        self._restore(job.hooks.checkpoint.load())
        for epoch in self.history:
            job.hooks.on_epoch(epoch)

    @property
    def is_plain(self) -> bool:
        """Whether it can be trained beside others as one program: one task, and dense layers with ReLU alone."""
        return self.job.network.architecture.is_plain and self.job.mixture is None

    @property
    def form(self) -> tuple:
        """What replicas have in common that can be trained as one program."""
        tensors = (*self.weights.parameters(), *self.weights.frozen_biases)
        return tuple(tuple(tensor.shape) for tensor in tensors), self.job.hyperparameters.batch_size, len(self.sources)

    @property
    def batches(self) -> tuple[int, int]:
        """Samples of a whole batch, and of the last one of an epoch; 0 where none is left for it."""
        size = self.job.hyperparameters.batch_size
        return size, len(self.sources) % size

    @property
    def learning_rate(self) -> float:
        """Of the epoch to come."""
        return self.job.hyperparameters.learning_rate_in(len(self.history) + 1)

    @property
    def order(self) -> Tensor:
        """int64 [N]: the order of the samples in the epoch to come."""
        drawn = torch.Generator().manual_seed(derive_seed(self.job.seed, "batches", len(self.history) + 1))
        mixture = self.job.mixture
        return mixture.order(drawn) if mixture else torch.randperm(len(self.sources), generator=drawn)

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

    def end_epoch(self, loss: float, activity: list[np.ndarray], seconds: float) -> None:
        """Take in an epoch: its mean loss and each free neuron's mean activity in it. Then shrink."""
        start = time.perf_counter()
        reached = _accuracy(self._validation_logits, self.job.task.validation.y)
        seconds += time.perf_counter() - start
        self.history.append(Epoch(len(self.history) + 1, loss, reached, seconds))
        if not self._diverged and reached >= self._reached:
            self._best = self.weights.each(torch.clone)
        hooks = self.job.hooks
        hooks.on_epoch(self.history[-1])
        if not self.is_over:
            self._shrink(activity)
            if hooks.checkpoint.is_due(len(self.history)):
                hooks.checkpoint.save(len(self.history), self._state())

    def _validation_logits(self, rows: slice) -> Tensor:
        logits, _ = self.weights.forward(self._validation.at(rows))
        mixture = self.job.mixture
        return mixture.within(logits, self.job.task.validation.y[rows]) if mixture else logits

    @property
    def _reached(self) -> float:
        """The validation accuracy of the best epoch so far; where none is chosen, of the last."""
        if self.job.hyperparameters.patience is None:
            return self.history[-1].validation_accuracy
        return max(epoch.validation_accuracy for epoch in self.history)

    def result(self) -> tuple[Trainable, float]:
        """The best weights and their validation accuracy, nan if training diverged."""
        return self._best.each(torch.Tensor.contiguous), math.nan if self._diverged else self._reached

    def _shrink(self, activity: list[np.ndarray]) -> None:
        """Drop free neurons that have died, where the epochs to come gain more by it than looking costs."""
        given = self.job.hyperparameters
        if given.shrink == "none":
            return
        exact = given.shrink == "exact"
        dead = [mean <= (0.0 if exact else SMALL_ACTIVITY) for mean in activity]
        kept = self._kept(dead, activity)
        sizes = self._sizes([np.ones(len(mean), bool) for mean in activity])
        saved = (sum(sizes) - sum(self._sizes(kept))) * (given.epochs - len(self.history))
        # Looking is a forward pass up to the layer below the last, an epoch's steps are three of all layers.
        if not saved or (exact and saved < sum(sizes[:-2]) / 3):
            return
        if exact:
            fire = fires(self.weights, self.sources, dead)
            kept = self._kept([layer & ~fired for layer, fired in zip(dead, fire, strict=True)], activity)
        if not all(layer.all() for layer in kept):
            self.weights = self.weights.keep(kept)
            self.average = self.average.keep(kept)
            self.square = self.square.keep(kept)

    def _kept(self, dead: list[np.ndarray], activity: list[np.ndarray]) -> list[np.ndarray]:
        """Per layer the neurons to go on with: all that live, and of the dead the most active up to a `_WIDTH_STEP`."""
        kept = []
        for layer, gone, mean in zip(self.weights.architecture.hidden, dead, activity, strict=True):
            step = _WIDTH_STEP[layer.kind]
            keep = np.zeros(len(gone), bool)
            keep[np.lexsort((-mean, gone))[: -(-np.count_nonzero(~gone) // step) * step]] = True
            kept.append(keep)
        return kept

    def _sizes(self, kept: list[np.ndarray]) -> list[float]:
        """Multiplications of each layer's free rows for a sample, the head's last, with only those free neurons."""
        architecture = self.weights.architecture
        _, below, *_ = architecture.weight_shapes[0]
        sizes, rows = [], [*(int(keep.sum()) for keep in kept), architecture.outputs]
        for shape, products, count, read in zip(
            architecture.weight_shapes, architecture.products, rows, (*self.weights.read, 0), strict=True
        ):
            sizes.append(products * (count / shape[0]) * (below / shape[1]))
            below = read + count
        return sizes

    def _state(self) -> dict[str, Tensor]:
        """All of it as named tensors."""
        state = {"history": torch.tensor([astuple(epoch) for epoch in self.history], dtype=torch.float64)}
        for name in _NETWORKS:
            network: Trainable = getattr(self, name)
            tensors = (*network.parameters(), *network.statistics())
            state |= {f"{name}.{place}": tensor.contiguous() for place, tensor in enumerate(tensors)}
            state |= {f"{name}.free.{layer}": torch.tensor(free) for layer, free in enumerate(network.free)}
        return state

    def _restore(self, state: dict[str, Tensor] | None) -> None:
        """Go back to what `state` gave; None is the beginning."""
        if state is None:
            return
        self.history = [Epoch(int(epoch), *rest) for epoch, *rest in state["history"].tolist()]
        start, device = self.job.network, self.job.network.head_weight.device
        for name in _NETWORKS:
            count = len(start.parameters())
            tensors = [state[f"{name}.{place}"].to(device) for place in range(count + len(start.statistics()))]
            network = start.with_parameters(tensors[:count]).with_statistics(tensors[count:])
            free = tuple(state[f"{name}.free.{layer}"].numpy() for layer in range(len(start.free)))
            setattr(self, name, replace(network, free=free))


def fires(network: Trainable, sources: Sources, asked: list[np.ndarray]) -> list[np.ndarray]:
    """Which of the free neurons asked about have an activation above 0 on any sample.

    Parameters
    ----------
    network : Trainable
    sources : Sources
        Of the samples.
    asked : per hidden layer a bool array [F_l]

    Returns
    -------
    Per hidden layer a bool array [F_l], False for those not asked about.
    """
    architecture, device = network.architecture, network.head_weight.device
    rows = [torch.from_numpy(np.flatnonzero(layer)).to(device) for layer in asked]
    last = max((layer for layer, wanted in enumerate(rows) if len(wanted)), default=0)
    highest = [torch.zeros(len(wanted), device=device) for wanted in rows]
    parameters = list(zip(network.weights, network.biases, network.norms, strict=True))
    # Of the last layer asked about only the neurons asked about, which is what makes looking cheap.
    weight, bias, norm = parameters[last]
    parameters[last] = weight[rows[last]], bias[rows[last]], norm and norm.each(lambda tensor: tensor[rows[last]])
    with torch.no_grad():
        for start in range(0, len(sources), _EVALUATION_BATCH):
            x, *frozen = sources.at(slice(start, start + _EVALUATION_BATCH))
            x = as_input(architecture, x)
            for layer, wanted in enumerate(rows[: last + 1]):
                x = activate(architecture, layer, x, *parameters[layer])
                if len(wanted):
                    own = x if layer == last else x[:, wanted]
                    highest[layer] = torch.maximum(highest[layer], own.transpose(0, 1).flatten(1).amax(1))
                if layer < last:
                    x = joined(frozen, layer, passed_on(architecture, layer, x))
    fired = [np.zeros(len(layer), bool) for layer in asked]
    for layer, wanted, most in zip(fired, rows, highest, strict=True):
        layer[wanted.cpu()] = (most > 0).cpu()
    return fired


class _Program:
    """One epoch of R replicas of the same form as one program: every tensor with R along its first axis.

    Matrices stand as [R, inputs, outputs], in which layout their gradients come out, biases as [R, 1, outputs]. What a
    layer reads, its active and its free neurons, and what it gives are each filled up with zeros to an `aligned` count,
    so that every replica's part of every operand and of every result begins where it would begin alone. What is filled
    up stays 0: it reads 0, its gradient is 0, and so is Adam's step.
    """

    def __init__(self, replicas: list[_Replica]) -> None:
        self._replicas = replicas
        first = replicas[0]
        self._device = first.weights.head_weight.device
        self._orders = torch.stack([replica.order for replica in replicas]).to(self._device)  # [R, N]
        self._whole, rest = divmod(self._orders.shape[1], first.job.hyperparameters.batch_size)
        # A single sample cannot be normalised by its own statistics, and is left out.
        self._has_rest = rest > any(norm is not None for norm in first.weights.norms)
        self._matrices = len(first.weights.weights) + 1  # the hidden layers' and the head's stand before all biases
        self._outputs = first.weights.architecture.outputs
        self._weights = self._stacked("weights")
        self._averages = self._stacked("average")
        self._squares = self._stacked("square")
        for tensor in self._weights:
            tensor.requires_grad_()
        coefficients = torch.tensor([replica.job.hyperparameters.l1 for replica in replicas], device=self._device)
        self._penalties = [
            (place, _beside(l1, self._weights[place]), torch.empty_like(self._weights[place], requires_grad=False))
            for place, l1 in enumerate(coefficients.unbind(1))
            if any(replica.job.hyperparameters.l1[place] for replica in replicas)
        ]

    def run(self, pulse: Callable[[], None]) -> tuple[list[float], list[list[np.ndarray]]]:
        """Train for an epoch and hand the weights back to the replicas.

        Returns
        -------
        For each replica the mean cross-entropy, and per hidden layer the free neurons' mean activity [F_l], both over
        the samples as they were trained on.
        """
        count = len(self._replicas)
        losses = torch.zeros(count, device=self._device)
        widths = [len(free) for free in self._replicas[0].weights.free]
        activity = [torch.zeros(count, self._room(width), device=self._device) for width in widths]
        samples = 0
        update = self._adam()
        for sources, labels in self._batches():
            pulse()
            logits, trained = self._forward(sources, labels)
            each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
            share = torch.full_like(each, 1 / labels.shape[1])
            gradients = torch.autograd.grad(each, self._weights, share, materialize_grads=True)
            with torch.no_grad():
                for place, l1, sign in self._penalties:
                    gradients[place].addcmul_(torch.sign(self._weights[place], out=sign), l1)
                update(gradients)
                samples += labels.shape[1]
                losses += each.sum(1)
                for total, activation in zip(activity, trained, strict=True):
                    total += activation.sum(1)
        self._hand_back()
        means = [(total[:, :width] / samples).cpu().numpy() for total, width in zip(activity, widths, strict=True)]
        return (losses / samples).tolist(), [[layer[place] for layer in means] for place in range(count)]

    def _forward(self, sources: list[Tensor], labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits [R, batch, outputs] and the free neurons' activations [R, batch, F_l filled up]; labels [R, batch]."""
        x, *frozen = sources
        *weights, head = self._weights[: self._matrices]
        *biases, head_bias = (*self._weights[self._matrices :], None)[: self._matrices]
        trained = []
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = torch.baddbmm(bias, x, weight).relu_()
            trained.append(x)
            x = joined(frozen, layer, x)
        logits = torch.bmm(x, head) if head_bias is None else torch.baddbmm(head_bias, x, head)
        return logits[..., : self._outputs], trained

    def _batches(self) -> Iterator[tuple[list[Tensor], Tensor]]:
        """What each step reads: sources [R, batch, ...] and labels [R, batch]. Gathered several steps at a time."""
        size = self._replicas[0].job.hyperparameters.batch_size
        whole, rest = self._orders.split((self._whole * size, self._orders.shape[1] - self._whole * size), 1)
        steps = whole.unflatten(1, (-1, size)).transpose(0, 1)  # [steps, R, batch]
        numbers = len(self._replicas) * size * self._replicas[0].sources.numbers
        for rows in (*steps.split(max(1, _GATHERED // numbers)), *([rest[None]] if self._has_rest else [])):
            sources, labels = self._gathered(rows)
            for step in range(len(rows)):
                yield [source[step] for source in sources], labels[step]

    def _gathered(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """rows [steps, R, batch] → sources [steps, R, batch, ...], labels [steps, R, batch]."""
        first = self._replicas[0]
        if all(replica.sources is first.sources for replica in self._replicas):
            return list(map(self._filled_up, first.sources.at(rows))), first.job.task.train.y[rows]
        each = [replica.sources.at(rows[:, place]) for place, replica in enumerate(self._replicas)]
        labels = [replica.job.task.train.y[rows[:, place]] for place, replica in enumerate(self._replicas)]
        sources = [self._filled_up(torch.stack(source, 1)) for source in zip(*each, strict=True)]
        return sources, torch.stack(labels, 1)

    def _adam(self) -> Callable[[Sequence[Tensor]], None]:
        """What makes a step of Adam from gradients: replicas that adjoin and have the same learning rate together."""
        places = [place for place, tensor in enumerate(self._weights) if tensor.numel()]
        first = self._replicas[0]
        done = float(len(first.history) * (self._whole + self._has_rest))
        updates: list[tuple[slice, Callable]] = []
        start = 0
        for rate, alike in groupby(replica.learning_rate for replica in self._replicas):
            span = slice(start, start + len(list(alike)))
            start = span.stop
            moved, averages, squares = (
                [tensors[place].detach()[span] for place in places]
                for tensors in (self._weights, self._averages, self._squares)
            )
            steps = [torch.tensor(done, device=self._device) for _ in places]
            state = {"exp_avgs": averages, "exp_avg_sqs": squares, "max_exp_avg_sqs": [], "state_steps": steps}
            updates.append((span, partial(adam, moved, **state, **_ADAM, lr=rate)))

        def update(gradients: Sequence[Tensor]) -> None:
            for span, step in updates:
                step(grads=[gradients[place][span] for place in places])

        return update

    @staticmethod
    def _room(count: int) -> int:
        """How many places so many neurons take."""
        return aligned(count)

    def _filled_up(self, source: Tensor) -> Tensor:
        """source [..., n] as the program reads it."""
        room = self._room(source.shape[-1])
        return F.pad(source, (0, room - source.shape[-1])) if room > source.shape[-1] else source

    def _parts(self, place: int) -> list[tuple[slice, slice]]:
        """Where the rows of the parameter in that place stand: what a layer reads of active and of free neurons."""
        first = self._replicas[0].weights
        if not place:
            counts = [first.weights[0].shape[1]]
        elif place < self._matrices:
            counts = [first.read[place - 1], len(first.free[place - 1])]
        else:
            return [(slice(1), slice(1))]
        own = np.cumsum([0, *counts]).tolist()
        here = np.cumsum([0, *map(self._room, counts)]).tolist()
        starts = zip(own, here, counts, strict=False)
        return [(slice(one, one + count), slice(other, other + count)) for one, other, count in starts]

    def _stacked(self, name: str) -> list[Tensor]:
        stacked = []
        networks = [getattr(replica, name).parameters() for replica in self._replicas]
        for place, tensors in enumerate(zip(*networks, strict=True)):
            turned = torch.stack([tensor.mT if place < self._matrices else tensor[None] for tensor in tensors])
            parts = self._parts(place)
            rows = sum(self._room(own.stop - own.start) for own, _ in parts) if place < self._matrices else 1
            filled = turned.new_zeros(len(turned), rows, self._room(turned.shape[2]))
            for own, here in parts:
                filled[:, here, : turned.shape[2]] = turned[:, own]
            stacked.append(filled)
        return stacked

    def _hand_back(self) -> None:
        for name, stacked in (("weights", self._weights), ("average", self._averages), ("square", self._squares)):
            networks = [getattr(replica, name) for replica in self._replicas]
            own = [[] for _ in networks]
            for place, (tensor, like) in enumerate(zip(stacked, networks[0].parameters(), strict=True)):
                parts = [tensor.detach()[:, here, : like.shape[0]] for _, here in self._parts(place)]
                for tensors, each in zip(own, torch.cat(parts, 1), strict=True):
                    tensors.append(owned(each).mT if place < self._matrices else owned(each[0]))
            for replica, network, tensors in zip(self._replicas, networks, own, strict=True):
                setattr(replica, name, network.with_parameters(tensors))


class _LoneProgram(_Program):
    """One epoch of a single replica of any architecture: R is 1, and parameters stand as the network has them."""

    def __init__(self, replicas: list[_Replica]) -> None:
        super().__init__(replicas)
        (self._replica,) = replicas
        self._network = self._replica.weights
        seed = derive_seed(self._replica.job.seed, "dropout", len(self._replica.history) + 1)
        self._drops = torch.Generator(self._device).manual_seed(seed)

    def _forward(self, sources: list[Tensor], labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        parameters = [tensor[0] for tensor in self._weights]
        mixture = self._replica.job.mixture
        if mixture and mixture.head_mask is not None:
            parameters[self._matrices - 1] = parameters[self._matrices - 1] * mixture.head_mask
        network = self._network.with_parameters(parameters)
        logits, trained = network.forward([source[0] for source in sources], training=True, drops=self._drops)
        if mixture:
            logits = mixture.within(logits, labels[0])
        return logits[None], [spatial_mean(activation.detach())[None] for activation in trained]

    @staticmethod
    def _room(count: int) -> int:
        return count

    def _filled_up(self, source: Tensor) -> Tensor:
        return source

    def _stacked(self, name: str) -> list[Tensor]:
        # Lent, so that a large network is not copied every epoch.
        return [tensor.contiguous()[None] for tensor in getattr(self._replicas[0], name).parameters()]

    def _hand_back(self) -> None:
        for name, stacked in (("weights", self._weights), ("average", self._averages), ("square", self._squares)):
            network = getattr(self._replica, name)
            setattr(self._replica, name, network.with_parameters([tensor.detach()[0] for tensor in stacked]))


def _beside(values: Tensor, tensor: Tensor) -> Tensor:
    """values [R] to be combined with a tensor [R, ...]."""
    return values.view(-1, *[1] * (tensor.ndim - 1))
