"""Run specifications as validated data: `RunSpec`, from and to JSON.

Imports no torch, because the dashboard and most commands read specifications.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from clnp_core.bounds import Label
from clnp_core.methods import METHODS
from clnp_core.methods.training.settings import Gradual, Measure
from clnp_core.networks.architectures import ARCHITECTURES, Architecture
from clnp_core.runs.spec.own_settings import MethodSettings, as_axis, axes
from clnp_core.runs.spec.stream import StreamSpec, Strict

OUTPUT = "output"
"""Key of the output layer's L1 coefficient; hidden layers are "1", "2", ..."""

_MAX_GRID = 256


NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LambdaAxis = Annotated[tuple[NonNegative, ...], Field(min_length=1), BeforeValidator(as_axis)]
RateAxis = Annotated[tuple[Positive, ...], Field(min_length=1), BeforeValidator(as_axis)]


Epochs = Annotated[int, Field(ge=1, le=10_000)]
EpochsAxis = Annotated[tuple[Epochs, ...], Field(min_length=1, max_length=1000), BeforeValidator(as_axis)]
if TYPE_CHECKING:
    _NetworkName = str
    _MethodName = str
else:  # of those there are, which no type checker knows
    _NetworkName = Literal[tuple(ARCHITECTURES)]
    _MethodName = Literal[tuple(METHODS)]
Network = Annotated[
    Annotated[_NetworkName, Tag("name")] | Annotated[Architecture, Tag("own")],
    Discriminator(lambda given: "own" if isinstance(given, dict | Architecture) else "name"),
]


class FineTuning(Strict):
    """Settings of fine-tuning after pruning (section 3.2, 'CLNP + fine tuning'); λ stays the same."""

    epochs: Epochs
    learning_rate: Positive
    rounds: int = Field(default=1, ge=1, le=20)
    """Number of times a task is pruned and fine-tuned."""


class GradualPruning(Strict):
    """Settings of pruning while a network is trained."""

    first_epoch: Epochs = 4
    """First epoch at whose end neurons may leave."""
    largest_share: float = Field(default=0.1, gt=0, le=1, allow_inf_nan=False)
    """Largest share of a layer's free neurons that may leave at the end of one epoch."""
    tolerance: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    """How much of an epoch's validation accuracy pruning may cost, a fraction."""
    theta_mode: Literal["shared", "per-layer"] = "shared"
    """One θ for all layers, or one for each."""
    criterion: Literal["activity", "relative", "taylor"] = "activity"
    """What θ is a threshold of: a neuron's mean "activity", the same over its layer's mean ("relative"), or the mean of
    |a ∂L/∂a| for its activation a and a sample's loss L ("taylor")."""
    start_width: int | None = Field(default=None, ge=1, le=100_000)
    """At most so many free neurons of each layer begin a task; all of them by default."""


class Point(NamedTuple):
    """A point of a grid: the settings of one candidate.

    Attributes
    ----------
    l1 : tuple of float
        λ of each layer, output last.
    learning_rate : float
    settings : dict
        Those of the method's own settings that the grid goes over.
    """

    l1: tuple[float, ...]
    learning_rate: float
    settings: dict[str, float]


class RunSpec(Strict):
    """Everything a run depends on. The same specification gives the same results, to the bit.

    Grid axes (`lambda`, `learning_rate`, numbers of `settings`) take one value or several; the grid is their product.

    Examples
    --------
    Presets are specifications, and `preset` changes their settings by name:

    >>> from clnp_core.runs.spec import preset
    >>> spec = preset("digits", {"stream.tasks": 2, "lambda.1": [1e-4, 1e-3]})
    >>> spec.layer_keys
    ('1', '2', 'output')
    >>> [point.l1 for point in spec.grid]  # λ of each layer
    [(0.0001, 0.001, 0.0003), (0.001, 0.001, 0.0003)]

    A specification is plain data, and every part of it is checked:

    >>> RunSpec.model_validate(spec.to_json()) == spec
    True
    >>> preset("digits", {"margin": 2})
    Traceback (most recent call last):
    clnp_core.errors.SpecError: margin = 2 is not possible: it should be less than 1.
    """

    preset: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    stream: StreamSpec
    network: Network
    """The name of a built-in network, or your own network: its name, input_shape, hidden layers and outputs. A built-in
    network gets as many outputs as the stream has classes; of your own, `preset` leaves out those that are too many."""
    method: _MethodName = "clnp"
    """The learning method. All but clnp train without L1, and neither prune nor fine-tune nor grow: such settings have
    no effect on them."""
    settings: MethodSettings = Field(default_factory=MethodSettings)
    """Settings that belong to single methods. Only those of `method` have an effect."""
    head: Literal["single", "multi"] = "single"
    lambda_: dict[str, LambdaAxis] = Field(alias="lambda")
    """L1 coefficients λ by layer: "1", "2", ... from the input upwards, and "output"."""
    learning_rate: RateAxis
    cooldown: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Share of the epochs, the last ones, over which the learning rate falls linearly towards 0."""
    search: Literal["first-task", "every-task"] = "first-task"
    """Whether later tasks search the grid again or keep the λ and learning rate that task 1 chose."""
    batch_size: int = Field(ge=1, le=100_000)
    epochs: EpochsAxis
    """Maximum number of epochs. Several values are for task 1, 2, ..., the last one for all later tasks."""
    patience: Epochs | None
    """Number of epochs without a better validation accuracy after which training stops and keeps the best epoch's
    network. None: it runs for all epochs and keeps the last one's."""
    shrink: Literal["exact", "progressive"] = "exact"
    """Which free neurons are dropped during training: "exact" drops those that no training image excites any more,
    "progressive" also those with a mean activity of at most 0.001. Some of the first might have fired again later."""
    pruning: Literal["after", "gradual"] = "after"
    """When neurons are pruned: "after" the training, as in the paper, or also "gradual" while it goes on: a few after
    each epoch, as far as validation accuracy allows."""
    gradual: GradualPruning = Field(default_factory=GradualPruning)
    """Settings of gradual pruning."""
    cache_mb: int = Field(default=256, ge=0, le=1_000_000)
    """MiB for caching the activations of frozen neurons for a task, which are then computed once and not for every
    batch."""
    theta_mode: Literal["shared", "per-layer"] = "shared"
    """One θ for all layers, as in the paper, or one for each layer, chosen to free the most within the margin."""
    layer_weights: dict[str, NonNegative] | None = None
    """Weight of a free neuron of each layer if each layer has its own θ. None: the layer that would be full first
    comes first."""
    theta: NonNegative | tuple[NonNegative, ...] | None = None
    """Activity threshold θ, one or one per hidden layer. None: the highest that the margin allows."""
    margin: float = Field(ge=0, lt=1, allow_inf_nan=False)
    """m, a fraction: 0.01 is one point of validation accuracy."""
    measure: Measure = "accuracy"
    """What validation accuracy is, by which epochs, candidates and θ are chosen: "accuracy" counts every image alike,
    "balanced" every class alike."""
    fine_tuning: FineTuning | None = None
    grow: dict[str, Annotated[int, Field(ge=1, le=100_000)]] = Field(default_factory=dict)
    """Number of neurons by which layers ("1", "2", ...) grow between tasks: in a fork once, before `at_task`; with
    `grow_below` whenever a layer is too full."""
    grow_below: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    """Free share of a layer below which it grows before the next task."""
    single_task: bool = False
    """Whether to train each task also alone on the same network, for comparison."""
    for_comparison: bool = False
    """Whether to measure at the end what methods are compared by: memory, validation accuracy on every task, and
    accuracy without being told the task."""
    seed: int = Field(ge=0, lt=2**31)
    """Seed of everything random; with `stream.seed` of what training draws alone: initial weights, batches, dropout."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device to train on."""
    fork_of: RunSpec | None = None
    """Specification of the run that this one forks, which holds for the tasks before `at_task`."""
    at_task: int | None = Field(default=None, ge=1)
    """The first task for which this specification's own settings hold."""
    imported: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the archive that the run was imported from; see `clnp_core.runs.archive`."""

    @property
    def architecture(self) -> Architecture:
        """The network's architecture, before any growth."""
        if isinstance(self.network, Architecture):
            return self.network
        return ARCHITECTURES[self.network].with_outputs(self.stream.classes, self.stream.class_counts)

    def labels_of(self, task: int) -> tuple[Label, ...]:
        """Return the classes of a task as its data has them, in the order of its outputs."""
        return self.stream.labels_of(task, self.seed)

    @property
    def network_name(self) -> str:
        """Name of the network to show."""
        return self.network.name if isinstance(self.network, Architecture) else self.network

    @property
    def partitions(self) -> bool:
        """Whether the method claims neurons for its tasks."""
        return METHODS[self.method].partitions

    @property
    def prunes(self) -> bool:
        """Whether the method prunes: λ, θ, margin and fine-tuning have an effect."""
        return METHODS[self.method].prunes

    @property
    def exact(self) -> bool:
        """Whether the method guarantees zero forgetting."""
        return METHODS[self.method].exact

    @property
    def at_once(self) -> bool:
        """Whether the method learns all tasks together."""
        return METHODS[self.method].at_once

    @property
    def weighs(self) -> bool:
        """Whether the method keeps how important each weight is."""
        return METHODS[self.method].weighs

    @property
    def tuning_rounds(self) -> int:
        """Number of times each task is pruned and fine-tuned; 0 without fine-tuning."""
        return self.fine_tuning.rounds if self.fine_tuning and self.prunes else 0

    @property
    def trains_alone(self) -> bool:
        """Whether each task is also trained alone; never for a method that learns all tasks at once."""
        return self.single_task and not self.at_once

    @property
    def lessons(self) -> list[int]:
        """Tasks with a training: all of them, or only the last for a method that learns all tasks at once."""
        last = self.stream.tasks
        return [last] if self.at_once else list(range(1, last + 1))

    @property
    def gradual_training(self) -> Gradual | None:
        """How neurons are pruned during training; None where they are not."""
        if self.pruning == "after" or not self.prunes:
            return None
        return Gradual(**self.gradual.model_dump())

    @property
    def layer_keys(self) -> tuple[str, ...]:
        """Keys of `lambda`: one per hidden layer, and the output's."""
        return (*(str(number) for number in range(1, len(self.architecture.hidden) + 1)), OUTPUT)

    @property
    def grid(self) -> list[Point]:
        """Candidates, in the order that breaks ties."""
        own = self._tried
        return [
            Point(tuple(values[len(own) :]), rate, dict(zip(own, values, strict=False)))
            for *values, rate in product(*self._axes)
        ]

    @property
    def _axes(self) -> list[tuple[float, ...]]:
        """Values of the method's own settings, of λ of each layer, and of the learning rate."""
        # Without L1 training does not depend on λ.
        l1 = [self.lambda_[key] if self.prunes else (0.0,) for key in self.layer_keys]
        return [*self._tried.values(), *l1, self.learning_rate]

    def at(self, task: int) -> RunSpec:
        """Return the specification that holds for a task: this one, or for tasks before a fork the forked one."""
        return self.fork_of.at(task) if self.fork_of and self.at_task and task < self.at_task else self

    @property
    def earlier(self) -> list[RunSpec]:
        """The specifications that it is a fork of, the one just before it first."""
        return [self.fork_of, *self.fork_of.earlier] if self.fork_of else []

    def epochs_of(self, task: int) -> int:
        """Return the maximum number of epochs of a task for which this specification holds."""
        return self.epochs[min(task, len(self.epochs)) - 1]

    def searches(self, task: int) -> bool:
        """Tell whether a task searches the grid, rather than keep the choice of an earlier task."""
        own = self.at(task)
        return own.search == "every-task" or task == (own.at_task or self.lessons[0])

    def growth(self, task: int, free: Sequence[float]) -> tuple[int, ...]:
        """Return the number of neurons by which each hidden layer grows before a task.

        Parameters
        ----------
        task : int
        free : sequence of float
            Free share of each hidden layer, 0 to 1.
        """
        own = self.at(task)
        if not own.partitions:
            return (0,) * len(free)
        due = [task == own.at_task if own.grow_below is None else share < own.grow_below for share in free]
        return tuple(own.grow.get(key, 0) * is_due for key, is_due in zip(own.layer_keys, due, strict=False))

    def fits(self, task: int) -> int:
        """Return the number of candidates trained for a task."""
        return len(self.at(task).grid) if self.searches(task) else 1

    @model_validator(mode="after")
    def _consistent(self) -> RunSpec:
        architecture, name = self.architecture, self.network_name
        wanted, given = self.stream.image_shape, architecture.input_shape
        if wanted != given:
            raise ValueError(
                f"network: {name} takes images of {list(given)}, {self.stream.data} has "
                f"{list(wanted)}; give a network that fits the data set"
            )
        if architecture.outputs < self.stream.classes:
            raise ValueError(
                f"network: {name} has {architecture.outputs} outputs for the {self.stream.classes} classes of a task; "
                f"give at least as many"
            )
        if architecture.task_outputs not in ((), self.stream.class_counts):
            raise ValueError("network: task_outputs follow from the classes of the stream; leave them out")
        if self.batch_size == 1 and any(layer.batch_norm for layer in architecture.hidden):
            raise ValueError("batch_size: a batch of 1 cannot be normalised; give at least 2")
        *layers, _ = self.layer_keys
        if set(self.lambda_) != set(self.layer_keys):
            raise ValueError(
                f"lambda: {name} has the layers {', '.join(self.layer_keys)}, "
                f"but values are given for {', '.join(self.lambda_) or 'none'}"
            )
        for setting, values in (("layer_weights", self.layer_weights), ("grow", self.grow)):
            if unknown := set(values or ()) - set(layers):
                raise ValueError(f"{setting}: {name} has no hidden layer {min(unknown)!r}; it has {', '.join(layers)}")
        if self.layer_weights and set(self.layer_weights) != set(layers):
            raise ValueError(f"layer_weights: give one for each of the layers {', '.join(layers)}")
        points = math.prod(map(len, self._axes))
        if points > _MAX_GRID:
            names = ", ".join(["lambda", "learning_rate", *(f"{self.method}.{name}" for name in self._tried)])
            raise ValueError(f"{names}: the grid has {points} points; at most {_MAX_GRID}")
        if isinstance(self.theta, tuple) and len(self.theta) != len(layers):
            raise ValueError(
                f"theta: {len(self.theta)} thresholds for {len(layers)} hidden layers; give one, or one per layer"
            )
        if self.grow_below is not None and not self.grow:
            raise ValueError("grow_below: it needs layers to grow; give grow as well, such as grow.1=100, or neither")
        self._check_fork()
        return self

    def _check_fork(self) -> None:
        if (self.fork_of is None) != (self.at_task is None):
            raise ValueError("fork_of, at_task: a fork needs both; give both or neither")
        if self.fork_of is None or self.at_task is None:
            if self.grow and self.grow_below is None:
                raise ValueError("grow: it needs a time to grow; give grow_below as well, or fork a run at a task")
            return
        if self.at_once:
            raise ValueError(f"fork_of: {self.method} learns all tasks at once; start a new run instead")
        if self.at_task == 1 and self.grow and self.grow_below is None:
            raise ValueError("grow: nothing is learned before task 1; give at_task 2 or later")
        if self.at_task > self.stream.tasks:
            raise ValueError(
                f"at_task: {self.at_task} is past the last of {self.stream.tasks} tasks; give 1 to {self.stream.tasks}"
            )
        for name in ("network", "method", "head", "seed", "device", "stream"):
            mine, other = getattr(self, name), getattr(self.fork_of, name)
            if name == "stream":
                mine, other = (stream.model_copy(update={"tasks": 1}) for stream in (mine, other))
            if mine != other:
                raise ValueError(f"{name}: a fork cannot change it; leave it as it is, or start a new run")

    @property
    def method_settings(self) -> dict[str, Any]:
        """Settings of the learning method, as plain data, without those that the grid goes over; see `grid`."""
        own = getattr(self.settings, self.method, None)
        return own.model_dump(mode="json", exclude=set(self._tried)) if own else {}

    @property
    def _tried(self) -> dict[str, tuple[float, ...]]:
        """The method's own settings of which several values are tried."""
        own = getattr(self.settings, self.method, None)
        values = {name: getattr(own, name) for name in axes(METHODS[self.method].Settings)}
        return {name: several for name, several in values.items() if len(several) > 1}

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data, ready for `json.dumps`."""
        return self.model_dump(mode="json", by_alias=True)
