"""Stream specifications as validated data: permuted or rotated images, split classes, or own data. Imports no torch."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from clnp_core.bounds import Label, Natural
from clnp_core.tasks.class_order import groups_of_classes
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
    """Base of streams. As JSON, settings are missing where they are not given."""

    seed: int | None = Field(default=None, ge=0, lt=2**31)
    """Seed of all that is drawn for the stream: permutations, the order of classes, the validation split. None: as the
    run's seed, which else draws only what training needs: initial weights, batches, dropout."""

    @model_serializer(mode="wrap")
    def _as_given(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = serialise(self)
        return {name: value for name, value in told.items() if value is not None}

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Number of classes of task 1, 2, ..., if they differ."""
        return ()


class _Repeated(_Stream):
    """Base of streams that show the same images in every task, each task in a way of its own."""

    dataset: _DatasetName
    tasks: Tasks
    validation: int = Field(ge=1)
    """Number of training images held out for validation."""

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

    def labels_of(self, task: int, seed: int) -> tuple[Label, ...]:
        """Return the classes of a task as its data set has them, in the order of their numbers."""
        return tuple(range(self.classes))


class PermutedSpec(_Repeated):
    """A stream of the same images in every task, with their pixels in another order."""

    kind: Literal["permuted"] = "permuted"
    identity_first: bool = False
    """Whether task 1 sees the pixels in their own order."""
    share: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False, exclude_if=lambda share: share == 1)
    """Share of the pixels, drawn for each task, that change places; all others stay. 0: every task sees the images as
    they are."""


class RotatedSpec(_Repeated):
    """A stream of the same square images in every task, turned further with each one."""

    kind: Literal["rotated"] = "rotated"
    degrees: float = Field(ge=0, le=360, allow_inf_nan=False)
    """How much further each task turns the images, counterclockwise; task 1 sees them as they are."""

    @model_validator(mode="after")
    def _consistent(self) -> RotatedSpec:
        _, height, width = self.image_shape
        if height != width:
            raise ValueError(
                f"stream.dataset: {self.dataset} has samples of {list(self.image_shape)}, a table or oblong images, "
                f"and only square images can be rotated; give another data set, or stream.kind=permuted"
            )
        return self


def _as_several(value: Any) -> Any:
    """Turn a single name into a tuple of one."""
    return (value,) if isinstance(value, str) else value


def _as_order(value: Any) -> Any:
    """Refuse what is no order in a sentence that tells how one is written."""
    if value is not None and value != "random" and not isinstance(value, list | tuple):
        raise ValueError(
            f"stream.class_order: {repr(value)[:60]} is no order of classes; give a list of the classes, "
            "such as [3, 0, 2, 1], or random"
        )
    return value


_ClassOrder = Annotated[tuple[Natural, ...], Field(max_length=1000)]


class SplitSpec(_Stream):
    """A stream of successive groups of classes, one data set after another."""

    kind: Literal["split"] = "split"
    datasets: Annotated[tuple[_DatasetName, ...], Field(min_length=1, max_length=10), BeforeValidator(_as_several)]
    classes_per_task: int = Field(ge=2)
    tasks: Tasks
    validation: Share
    """Share of a task's training images held out for validation."""
    class_order: _ClassOrder | Literal["random"] | None = None
    """The classes in the order in which tasks take them, those of a second data set numbered on from the first's; or
    "random": each data set's in an order that is drawn. None: as they are numbered."""

    _order = field_validator("class_order", mode="before")(_as_order)

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

    def labels_of(self, task: int, seed: int) -> tuple[Label, ...]:
        """Return the classes of a task as its data set has them, in the task's order; `seed` is the run's."""
        return tuple(self._group(task, seed)[1].tolist())

    def dataset_of(self, task: int, seed: int) -> str:
        """Return the name of a task's data set; `seed` is the run's."""
        return self.datasets[self._group(task, seed)[0]]

    def _group(self, task: int, seed: int) -> tuple[int, np.ndarray]:
        counts, seed = list(map(classes, self.datasets)), seed if self.seed is None else self.seed
        return groups_of_classes(counts, self.classes_per_task, seed, self.class_order)[task - 1]

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
        if isinstance(self.class_order, tuple):
            self._check_order(self.class_order)
        return self

    def _check_order(self, order: tuple[int, ...]) -> None:
        sets = [place for place, name in enumerate(self.datasets) for _ in range(classes(name))]
        if (highest := max(order, default=0)) >= len(sets):
            raise ValueError(
                f"stream.class_order: {highest} is no class of {self.data}; the classes are 0 to {len(sets) - 1}"
            )
        if twice := [label for label in order if order.count(label) > 1]:
            raise ValueError(f"stream.class_order: the class {twice[0]} is there twice; give each class once at most")
        width = self.classes_per_task
        if len(order) < (needed := width * self.tasks):
            raise ValueError(
                f"stream.class_order: {len(order)} classes are too few for {self.tasks} tasks of {width}; give {needed}"
            )
        for task in range(1, self.tasks + 1):
            own = order[width * (task - 1) : width * task]
            if len({sets[label] for label in own}) > 1:
                raise ValueError(
                    f"stream.class_order: task {task} has classes of several data sets, {', '.join(map(str, own))}; "
                    f"give each task classes of one"
                )


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

    def labels_of(self, task: int, seed: int) -> tuple[Label, ...]:
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


KINDS: dict[str, type[_Stream]] = {
    "permuted": PermutedSpec,
    "rotated": RotatedSpec,
    "split": SplitSpec,
    "own": OwnSpec,
}
"""Every kind of stream, by name."""
_NAMES = tuple(KINDS)  # in which anything can be looked for


def _with_kind(value: Any) -> Any:
    """Add the kind to specifications from before there were several kinds."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "permuted")
    if kind not in _NAMES:
        raise ValueError(f"stream.kind: {kind!r} is not possible; give {', '.join(_NAMES)}")
    return value | {"kind": kind}


StreamSpec = Annotated[
    PermutedSpec | RotatedSpec | SplitSpec | OwnSpec, Field(discriminator="kind"), BeforeValidator(_with_kind)
]
"""A stream of any kind; without a kind it is permuted."""


def of_kind(stream: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Give a stream, as plain data, another kind: what both kinds have stays as it is."""
    has = KINDS[kind].model_fields if kind in _NAMES else stream
    return {name: value for name, value in stream.items() if name in has} | {"kind": kind}
