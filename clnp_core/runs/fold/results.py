"""What a stage comes to, and a run, as data: written by the work, read by everything else. Imports no torch.

As JSON it is stored, printed and archived. Fields that have a default are those that earlier versions did not write.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from clnp_core.arithmetic import Machine
from clnp_core.bounds import Digest, Label, Natural, Positive, Share, Text
from clnp_core.methods.graceful import Choice, Curve, ScanPoint
from clnp_core.methods.training.settings import Epoch, Measure, best_unpruned
from clnp_core.networks.fingerprint import Fingerprint

_MOST = 10_000  # epochs of a training, points of a scan
Bytes = Annotated[int, Field(ge=0, le=2**53)]

FINGERPRINTS = TypeAdapter(tuple[Fingerprint, ...])
"""Fingerprints, from plain data and back."""


class Data(BaseModel):
    """Data that does not change."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """As plain data; without what was never told, so that older data stays as it was."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Result(Data):
    """What every stage says of itself, and all that the drawing of a stream does.

    Attributes
    ----------
    seconds : float
        How long it took.
    machine : Machine or None
        What computed it.
    """

    seconds: Positive = 0.0
    machine: Machine | None = None

    @property
    def made(self) -> tuple[str, ...]:
        """Keys of the artifacts that the stage made besides its own."""
        return ()


class Trained(Result):
    """Of a stage that trains.

    Attributes
    ----------
    epochs : tuple of Epoch
    """

    epochs: Annotated[tuple[Epoch, ...], Field(max_length=_MOST)]


class Candidate(Trained):
    """Of `fit` and `tune`; the network and the activities are tensors beside it.

    Attributes
    ----------
    accuracy : float or None
        Validation accuracy before pruning, a fraction in the run's measure; None if training diverged.
    curve : tuple of ScanPoint
    hyperparameters : dict
        As the stages of the tasks after it take them over into their inputs.
    pruned : Choice or None
        How it was pruned before it was fine-tuned.
    """

    accuracy: Share | None
    curve: Annotated[tuple[ScanPoint, ...], Field(max_length=_MOST)]
    hyperparameters: dict[str, Any]
    pruned: Choice | None

    @property
    def scanned(self) -> Curve:
        """Its accuracy unpruned and at each threshold."""
        gradual = self.hyperparameters.get("gradual") if self.pruned is None else None
        unpruned = best_unpruned(self.epochs, gradual["first_epoch"]) if gradual else None
        return Curve(math.nan if self.accuracy is None else self.accuracy, self.curve, unpruned)


class Alone(Trained):
    """Of `alone`.

    Attributes
    ----------
    accuracy : float
        Test accuracy, a fraction.
    """

    accuracy: Share


def _comparable(told: Any) -> Any:
    """Without those of earlier versions, which kept no logits to compare, and did not say what computed them."""
    if not isinstance(told, list):
        return told
    return [each for each in told if not isinstance(each, dict) or each.keys() != {"layers", "logits", "compact"}]


class Changed(Result):
    """Of a stage that leads to another network: of `grow`.

    Attributes
    ----------
    network : str
        The hash of its content.
    fingerprints : tuple of Fingerprint
        One per learned task; none of a method that does not partition.
    """

    network: Digest
    fingerprints: Annotated[tuple[Fingerprint, ...], BeforeValidator(_comparable)] = ()

    @property
    def made(self) -> tuple[str, ...]:
        return (self.network, *(taken.logits for taken in self.fingerprints))


class Measured(Result):
    """Of `measure`.

    Attributes
    ----------
    memory : tuple of int
        Bytes that have to be kept after each lesson, to answer for all tasks so far and to learn on.
    validation : tuple of float
        Validation accuracy on each task after the last one, a fraction in the run's measure.
    untold_accuracy : float or None
        See `clnp_core.runs.engine.at_end`; None where the method has no answer for each task.
    """

    memory: tuple[Bytes, ...]
    validation: tuple[Share, ...]
    untold_accuracy: Share | None


class ByClass(Data):
    """A task's images and answers, class by class.

    Attributes
    ----------
    classes : tuple of int
        The labels of the task's images, ascending.
    training, validation, test : tuple of int
        Images of each class.
    answered, right : tuple of int
        Test images that are taken for the class, and those of them that are of the class.
    """

    classes: tuple[Natural, ...]
    training: tuple[Natural, ...]
    validation: tuple[Natural, ...]
    test: tuple[Natural, ...]
    answered: tuple[Natural, ...]
    right: tuple[Natural, ...]

    @model_validator(mode="after")
    def _fits(self) -> ByClass:
        counts = (self.training, self.validation, self.test, self.answered, self.right)
        if any(len(each) != len(self.classes) for each in counts):
            raise ValueError("it does not count each of its classes")
        if list(self.classes) != sorted(set(self.classes)) or not any(self.test):
            raise ValueError("its classes are not in order, or have no test image")
        if any(right > least for *both, right in zip(*counts[2:], strict=True) for least in both):
            raise ValueError("more of a class are right than there are")
        return self

    @property
    def accuracy(self) -> list[float | None]:
        """Of the test images of each class, fractions; None where there are none."""
        return [right / images if images else None for right, images in zip(self.right, self.test, strict=True)]

    @property
    def balanced(self) -> float:
        """Balanced accuracy on the test images: the mean over the classes that have any."""
        return fmean(each for each in self.accuracy if each is not None)


class Record(Data):
    """What learning a task came to.

    Attributes
    ----------
    task : int
    validation_accuracy : float
        A fraction, in the run's measure; after pruning, where the method prunes.
    theta : tuple of float
        Threshold of each hidden layer, where the method prunes.
    claimed, reused, free : tuple of int
        Neurons of each hidden layer, where the method partitions: claimed by this task; claimed before and used by it;
        left.
    notes : tuple of str
        What a person should know about it, a sentence each.
    lambda_ : tuple of float
        L1 coefficient of each layer.
    learning_rate : float
    accuracy : tuple of float
        Test accuracy on each task so far, fractions.
    by_class : dict of int to ByClass
        Of this task, and of the earlier ones whose answers may have changed, by task; earlier versions kept none.
    widths : tuple of int
        Of the hidden layers.
    fingerprint : str or None
        Digest of the task's logits, where the method is exact.
    settings : dict
        Those of the method's own settings that the grid goes over.
    rounded : tuple of int
        Earlier tasks whose logits are the same but for rounding.
    grown : tuple of int
        Neurons by which the hidden layers grew before the task; empty for the first.
    single_task_accuracy : float or None
        Test accuracy of the task trained alone, once it is.
    memory, validation, untold_accuracy
        As `Measured`: of the last task, where the run is for a comparison.
    """

    task: int
    validation_accuracy: Share
    theta: tuple[Positive, ...]
    claimed: tuple[Natural, ...]
    reused: tuple[Natural, ...]
    notes: Annotated[tuple[Text, ...], Field(max_length=20)]
    lambda_: Annotated[tuple[Positive, ...], Field(alias="lambda")]
    learning_rate: Positive
    accuracy: tuple[Share, ...]
    widths: tuple[Natural, ...]
    free: tuple[Natural, ...]
    fingerprint: Digest | None
    by_class: dict[int, ByClass] = Field(default_factory=dict)
    settings: dict[str, float] = Field(default_factory=dict)
    rounded: tuple[Natural, ...] = ()
    grown: tuple[Natural, ...] = ()
    single_task_accuracy: Share | None = None
    memory: tuple[Bytes, ...] = ()
    validation: tuple[Share, ...] = ()
    untold_accuracy: Share | None = None


class Settled(Changed):
    """Of `settle`.

    Attributes
    ----------
    candidate : int
        The winner's place in the grid.
    hyperparameters : dict
        The winner's, as `Candidate`.
    record : Record
        Not yet told: growth before the task, and the task trained alone.
    """

    candidate: Natural
    hyperparameters: dict[str, Any]
    record: Record


RESULTS: dict[str, type[Result]] = {
    "stream": Result,
    "fit": Candidate,
    "tune": Candidate,
    "alone": Alone,
    "grow": Changed,
    "settle": Settled,
    "measure": Measured,
}
"""The results of each kind of stage."""


class LayerSummary(Data):
    """A hidden layer of a run's network.

    Attributes
    ----------
    name : str
    width : int
    claimed, reused, free_after : tuple of int
        Neurons claimed by, used again by, and left free after task 1, 2, ...
    free : int
        Neurons that are free now.
    tasks_left : float or None
        See `clnp_core.analysis.capacity.forecast`.
    """

    name: str
    width: int
    claimed: tuple[int, ...]
    reused: tuple[int, ...]
    free: int
    free_after: tuple[int, ...]
    tasks_left: float | None


class Summary(Data):
    """What a run came to. What does not apply to its method is None here, and missing as JSON.

    Attributes
    ----------
    accuracy : tuple of tuple of float
        Test accuracies, fractions: lower triangular, row i after task i, empty where nothing was measured.
    mean_accuracy, forgetting, backward_transfer, forward_transfer : float or None
        See `clnp_core.analysis.metrics`; None where they cannot be told.
    by_class : dict of int to ByClass
        By task, as it answers now; without those of earlier versions.
    measure : {"accuracy", "balanced"}
        What validation accuracy is, by which epochs, candidates and θ were chosen.
    layers : tuple of LayerSummary
        The hidden layers, where the method partitions.
    notes : tuple of str
        What a person should know about it, a sentence each.
    seconds : float
        Wall time.
    identical_logits : bool
        Where the method is exact; false only where another kind of processor went on, on which logits are the same
        but for rounding.
    theta : tuple of float or of tuple of float
        By task, where the method prunes: one number where θ is shared by the layers, else one for each.
    lambda_ : tuple of tuple of float
        By task and layer, where the method prunes; `lambda` as JSON.
    settings : tuple of dict
        By task: the method's own settings that it settled on, where several values were tried.
    single_task_accuracy : tuple of float or None
        By task, trained alone, where the run does that; None for those that are not yet.
    classes : tuple of tuple of int or str
        By task: its classes as they were given, in the order of the outputs; earlier versions did not tell.
    memory, validation, untold_accuracy
        As `Measured`, where the run is for a comparison.
    environment : dict
        Where it was learned, once finished; earlier versions did not tell.
    """

    preset: str
    method: str
    seed: int
    tasks: int
    accuracy: tuple[tuple[float, ...], ...]
    mean_accuracy: float
    forgetting: float | None
    backward_transfer: float | None
    layers: tuple[LayerSummary, ...]
    learning_rate: tuple[float, ...]
    notes: tuple[str, ...]
    seconds: float
    identical_logits: bool | None = None
    theta: tuple[float | tuple[float, ...], ...] | None = None
    lambda_: Annotated[tuple[tuple[float, ...], ...] | None, Field(alias="lambda")] = None
    settings: tuple[dict[str, float], ...] | None = None
    single_task_accuracy: tuple[float | None, ...] | None = None
    forward_transfer: float | None = None
    memory: tuple[int, ...] | None = None
    validation: tuple[float, ...] | None = None
    untold_accuracy: float | None = None
    classes: tuple[tuple[Label, ...], ...] | None = None
    environment: dict[str, Any] | None = None
    by_class: dict[int, ByClass] = Field(default_factory=dict)
    measure: Measure = "accuracy"
