"""Stream specifications as validated data: permuted images, split classes, or own data. Imports no torch."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from clnp_core.bounds import Label
from clnp_core.tasks.datasets import DATASETS, classes, image_shape
from clnp_core.tasks.own import MAX_CLASSES, MAX_SIZE, MAX_TASKS, OWN_NAME

ImageShape = tuple[int, int, int]

Labels = Annotated[
    tuple[Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_CLASSES)], ...],
    Field(max_length=MAX_TASKS),
]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Tasks = Annotated[int, Field(ge=1, le=MAX_TASKS)]
_Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]
if TYPE_CHECKING:
    _DatasetName = str
else:  # of those there are, which no type checker knows
    _DatasetName = Literal[DATASETS]


class Strict(BaseModel):
    """Base of specifications: immutable, and without unknown settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Stream(Strict):
    """What all streams have in common: by default every task has the same number of classes."""

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Number of classes of task 1, 2, ..., if they differ."""
        return ()


class PermutedSpec(_Stream):
    """A stream of the same images in every task, with their pixels in another order."""

    kind: Literal["permuted"] = "permuted"
    dataset: _DatasetName
    tasks: Tasks
    validation: int = Field(ge=1)
    """Number of training images held out for validation."""
    identity_first: bool = False
    """Whether task 1 sees the pixels in their own order."""

    @property
    def image_shape(self) -> ImageShape:
        """(channels, height, width) of an image."""
        return image_shape(self.dataset)

    @property
    def classes(self) -> int:
        """Number of classes of a task."""
        return classes(self.dataset)

    @property
    def data(self) -> str:
        """Name of the data to show."""
        return self.dataset

    def labels_of(self, task: int) -> tuple[Label, ...]:
        """Return the classes of a task as its data set has them, in the order of their numbers."""
        return tuple(range(self.classes))


def _as_several(value: Any) -> Any:
    """Turn a single name into a tuple of one."""
    return (value,) if isinstance(value, str) else value


class SplitSpec(_Stream):
    """A stream of successive groups of classes, one data set after another."""

    kind: Literal["split"] = "split"
    datasets: Annotated[tuple[_DatasetName, ...], Field(min_length=1, max_length=10), BeforeValidator(_as_several)]
    classes_per_task: int = Field(ge=2)
    tasks: Tasks
    validation: Share
    """Share of a task's training images held out for validation."""

    @property
    def image_shape(self) -> ImageShape:
        """(channels, height, width) of an image."""
        return image_shape(self.datasets[0])

    @property
    def classes(self) -> int:
        """Number of classes of a task."""
        return self.classes_per_task

    @property
    def data(self) -> str:
        """Name of the data to show."""
        return " + ".join(self.datasets)

    def labels_of(self, task: int) -> tuple[Label, ...]:
        """Return the classes of a task as its data set has them, in the order of their numbers."""
        width = self.classes_per_task
        firsts = [first for name in self.datasets for first in range(0, classes(name) - width + 1, width)]
        return tuple(range(firsts[task - 1], firsts[task - 1] + width))

    @model_validator(mode="after")
    def _consistent(self) -> SplitSpec:
        for name in self.datasets:
            if image_shape(name) != self.image_shape:
                raise ValueError(
                    f"stream.datasets: {self.datasets[0]} has images of {list(self.image_shape)}, {name} of "
                    f"{list(image_shape(name))}; give data sets of one shape"
                )
            if classes(name) < self.classes_per_task:
                raise ValueError(
                    f"stream.classes_per_task: {self.classes_per_task} is more than the {classes(name)} classes of "
                    f"{name}; give at most {classes(name)}"
                )
        most = sum(classes(name) // self.classes_per_task for name in self.datasets)
        if self.tasks > most:
            raise ValueError(
                f"stream.tasks: {self.tasks} is more than the {most} tasks that {self.data} gives in groups of "
                f"{self.classes_per_task} classes; give at most {most}"
            )
        return self


class OwnSpec(_Stream):
    """A stream of own data, as `clnp_core.tasks.streams.from_arrays` stores it."""

    kind: Literal["own"] = "own"
    name: str = Field(pattern=f"^{OWN_NAME}$")
    image_shape: tuple[_Size, _Size, _Size]
    """(channels, height, width) of an image."""
    classes: int = Field(ge=2, le=MAX_CLASSES)
    """Number of classes of a task; of the task that has most."""
    labels: Labels = Field(default=(), exclude_if=operator.not_)
    """The classes of each task of the data as they were given, in the order of their numbers. Empty: all tasks have the
    same, 0, 1, ..."""
    tasks: Tasks
    validation: Share
    """Share of a task's training images held out for validation."""

    @property
    def data(self) -> str:
        """Name of the data to show."""
        return self.name

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Number of classes of task 1, 2, ..., if they differ."""
        counts = tuple(map(len, self.labels))
        return counts if len(set(counts)) > 1 else ()

    def labels_of(self, task: int) -> tuple[Label, ...]:
        """Return the classes of a task as they were given, in the order of their numbers."""
        return self.labels[task - 1] if self.labels else tuple(range(self.classes))

    @model_validator(mode="after")
    def _consistent(self) -> OwnSpec:
        if self.labels:
            if len(self.labels) < self.tasks:
                raise ValueError(f"stream.labels: they are of {len(self.labels)} tasks; give those of {self.tasks}")
            if self.classes != (most := max(map(len, self.labels))):
                raise ValueError(f"stream.classes: {self.classes}, where stream.labels are {most}; give {most}")
        return self


_KINDS = ("permuted", "split", "own")


def _with_kind(value: Any) -> Any:
    """Add the kind to specifications from before there were several kinds."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "permuted")
    if kind not in _KINDS:
        raise ValueError(f"stream.kind: {kind!r} is not possible; give {', '.join(_KINDS)}")
    return value | {"kind": kind}


StreamSpec = Annotated[PermutedSpec | SplitSpec | OwnSpec, Field(discriminator="kind"), BeforeValidator(_with_kind)]
"""A stream of any kind; without a kind it is permuted."""
