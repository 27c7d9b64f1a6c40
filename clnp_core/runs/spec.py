"""A run as validated data: `RunSpec`, JSON in and JSON out, and the presets, which are such files.

Imports no torch: the dashboard and the listing commands read specifications too.
"""

from __future__ import annotations

import copy
import difflib
import json
from functools import cache
from importlib import resources
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from clnp_core.errors import SpecError
from clnp_core.networks.architectures import ARCHITECTURES, Architecture
from clnp_core.tasks.datasets import DATASETS, Dataset, image_shape

OUTPUT = "output"
"""The key of the output layer's L1 coefficient; hidden layers are "1", "2", ..."""

_MAX_GRID = 256


def _as_axis(value: Any) -> Any:
    """One value of a grid axis stands for a grid of one."""
    return value if isinstance(value, list | tuple) else (value,)


NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LambdaAxis = Annotated[tuple[NonNegative, ...], Field(min_length=1), BeforeValidator(_as_axis)]
RateAxis = Annotated[tuple[Positive, ...], Field(min_length=1), BeforeValidator(_as_axis)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StreamSpec(_Strict):
    """Which tasks, made from which images."""

    kind: Literal["permuted"] = "permuted"
    dataset: Literal[DATASETS]
    tasks: int = Field(ge=1, le=1000)
    validation: int = Field(ge=1)
    """Training images held out for validation."""
    identity_first: bool = False
    """Whether task 1 sees the pixels in their own order."""


class RunSpec(_Strict):
    """Everything a run depends on. The same specification gives the same results, to the bit.

    Grid axes (`lambda`, `learning_rate`) take one value or several; the grid is their product.
    """

    preset: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    stream: StreamSpec
    network: Literal[tuple(ARCHITECTURES)]
    method: Literal["clnp"] = "clnp"
    head: Literal["single", "multi"] = "single"
    lambda_: dict[str, LambdaAxis] = Field(alias="lambda")
    """L1 coefficients λ by layer: "1", "2", ... from the input upwards, and "output"."""
    learning_rate: RateAxis
    cooldown: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Share of the epochs, the last ones, over which the learning rate falls linearly towards 0."""
    search: Literal["first-task", "every-task"] = "first-task"
    """Whether later tasks search the grid again or keep what task 1 settled on."""
    batch_size: int = Field(ge=1, le=100_000)
    epochs: int = Field(ge=1, le=10_000)
    patience: int = Field(ge=1, le=10_000)
    """Epochs without a better validation accuracy after which training ends."""
    shrink: Literal["exact", "progressive"] = "exact"
    """Which free neurons leave a training on the way: those that no training image excites any more, or also those of
    a mean activity up to 0.001."""
    cache_mb: int = Field(default=256, ge=0, le=1_000_000)
    """MiB that the activations of frozen neurons may take for a task, to be computed once and not batch by batch."""
    theta_mode: Literal["shared", "per-layer"] = "shared"
    theta: NonNegative | tuple[NonNegative, ...] | None = None
    """Activity threshold θ, one or one per hidden layer; none: the highest that the margin allows."""
    margin: float = Field(ge=0, lt=1, allow_inf_nan=False)
    """m, a fraction: 0.01 is one point of validation accuracy."""
    single_task: bool = False
    """Whether to measure, for comparison, each task trained alone on the same network."""
    seed: int = Field(ge=0, lt=2**31)
    device: Literal["cpu", "cuda"] = "cpu"
    """Where training happens."""
    fork_of: RunSpec | None = None
    """The run this one continues in another way: its settings hold for the tasks before `at_task`."""
    at_task: int | None = Field(default=None, ge=1)
    """The first task that this specification's own settings hold for."""

    @property
    def architecture(self) -> Architecture:
        """The network, as data."""
        return ARCHITECTURES[self.network]

    @property
    def layer_keys(self) -> tuple[str, ...]:
        """Keys of `lambda`: one per hidden layer and the output's."""
        return _layer_keys(self.architecture)

    @property
    def grid(self) -> list[tuple[tuple[float, ...], float]]:
        """Candidates: (λ of each layer, output last; learning rate), in the order in which ties are broken."""
        axes = [self.lambda_[key] for key in self.layer_keys]
        return [(tuple(l1), rate) for *l1, rate in product(*axes, self.learning_rate)]

    def at(self, task: int) -> RunSpec:
        """The specification whose settings hold for that task: this one's, or before a fork the other's."""
        return self.fork_of.at(task) if self.fork_of and task < self.at_task else self

    def searches(self, task: int) -> bool:
        """Whether that task searches the grid, rather than keep what an earlier one settled on."""
        own = self.at(task)
        return own.search == "every-task" or task == (own.at_task or 1)

    def fits(self, task: int) -> int:
        """Candidates trained for that task."""
        return len(self.at(task).grid) if self.searches(task) else 1

    @model_validator(mode="after")
    def _consistent(self) -> RunSpec:
        wanted, given = image_shape(self.stream.dataset), self.architecture.input_shape
        if wanted != given:
            raise ValueError(
                f"network: {self.network} takes images of {list(given)}, {self.stream.dataset} has "
                f"{list(wanted)}; give a network that fits the data set"
            )
        if set(self.lambda_) != set(self.layer_keys):
            raise ValueError(
                f"lambda: {self.network} has the layers {', '.join(self.layer_keys)}, "
                f"but values are given for {', '.join(self.lambda_) or 'none'}"
            )
        if len(self.grid) > _MAX_GRID:
            raise ValueError(f"lambda, learning_rate: the grid has {len(self.grid)} points; at most {_MAX_GRID}")
        layers = len(self.architecture.hidden)
        if isinstance(self.theta, tuple) and len(self.theta) != layers:
            raise ValueError(
                f"theta: {len(self.theta)} thresholds for {layers} hidden layers; give one, or one per layer"
            )
        self._check_fork()
        return self

    def _check_fork(self) -> None:
        if (self.fork_of is None) != (self.at_task is None):
            raise ValueError("fork_of, at_task: a fork needs both; give both or neither")
        if self.fork_of is None:
            return
        if self.at_task > self.stream.tasks:
            raise ValueError(
                f"at_task: {self.at_task} is past the last of {self.stream.tasks} tasks; give 1 to {self.stream.tasks}"
            )
        for name in ("network", "method", "head", "seed", "device", "stream"):
            mine, other = getattr(self, name), getattr(self.fork_of, name)
            if name == "stream":
                mine, other = (stream.model_copy(update={"tasks": 1}) for stream in (mine, other))
            if mine != other:
                raise ValueError(f"{name}: a fork keeps that of the run it comes from; leave it, or start a new run")

    def check_against(self, dataset: Dataset) -> None:
        """Check what only the data can tell.

        Raises
        ------
        SpecError
            If the data set has too few images to hold that many out.
        """
        if self.stream.validation >= (images := len(dataset.x_train)):
            raise SpecError(
                f"stream.validation: {self.stream.validation} images cannot be held out of the {images} "
                f"training images of {dataset.name}; give fewer."
            )

    def to_json(self) -> dict[str, Any]:
        """As plain data, ready for `json.dumps`."""
        return self.model_dump(mode="json", by_alias=True)


def _layer_keys(architecture: Architecture) -> tuple[str, ...]:
    return (*(str(number) for number in range(1, len(architecture.hidden) + 1)), OUTPUT)


def parse(data: dict[str, Any]) -> RunSpec:
    """A specification from plain data.

    Raises
    ------
    SpecError
        Naming the first wrong field, its value and what would be right.
    """
    try:
        return RunSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    problem = error.errors()[0]
    path = ".".join(part for part in problem["loc"] if _is_field(part))
    if problem["type"] == "value_error":
        return f"{problem['ctx']['error']}."
    if problem["type"] == "extra_forbidden":
        *parents, unknown = path.split(".")
        model = StreamSpec if parents == ["stream"] else RunSpec
        names = [field.alias or name for name, field in model.model_fields.items()]
        return f"There is no setting {path!r}{_nearest(unknown, names)}; there are {', '.join(names)}."
    if problem["type"] == "missing":
        return f"The setting {path!r} is missing."
    message = problem["msg"].replace("Input should", "it should", 1)
    return f"{path} = {_shown(problem['input'])} is not possible: {message}."


def _is_field(part: int | str) -> bool:
    """Leave out of a path places in a list and what names a branch of a type."""
    return isinstance(part, str) and not ("constrained" in part or "tuple" in part or part == "float")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(word: str, names: list[str]) -> str:
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def preset_names() -> list[str]:
    """Names of the presets that ship with the package, the default first."""
    return list(_preset_files())


@cache
def _preset_files() -> dict[str, dict[str, Any]]:
    folder = resources.files("clnp_core.runs") / "presets"
    files = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return {data["preset"]: data for data in sorted(files, key=lambda data: (data["network"], data["preset"]))}


def preset(name: str, changes: dict[str, Any] | None = None) -> RunSpec:
    """A preset, with some settings changed.

    Parameters
    ----------
    name : str
    changes : dict
        Dotted path → value: {"margin": 0.02, "lambda.1": [1e-3, 2e-3], "stream.tasks": 3}.

    Raises
    ------
    SpecError
        If there is no such preset or setting, or the value is impossible.
    """
    presets = _preset_files()
    if name not in presets:
        raise SpecError(
            f"There is no preset {name!r}{_nearest(name, list(presets))}; there are {', '.join(presets)}."
        )
    return parse(_changed(presets[name], changes or {}))


def fork(spec: RunSpec, at_task: int, changes: dict[str, Any]) -> RunSpec:
    """A specification that shares tasks 1 to `at_task` - 1 with another and goes on with some settings changed.

    Raises
    ------
    SpecError
        If a setting is impossible, or one that a fork cannot change.
    """
    data = spec.to_json() | {"fork_of": spec.to_json(), "at_task": at_task}
    return parse(_changed(data, changes))


def _changed(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    for path, value in changes.items():
        group, dot, name = path.rpartition(".")
        groups = {key: data[key] for key in ("stream", "lambda")}
        if dot and (group not in groups or (group == "lambda" and name not in groups[group])):
            known = [f"{key}.{inner}" for key, content in groups.items() for inner in content]
            raise SpecError(f"There is no setting {path!r}{_nearest(path, known)}; there are {', '.join(known)}.")
        (groups[group] if dot else data)[name] = value
    return data


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read `key=value` from a command line: numbers, JSON, `a,b,c` for several values, else text.

    >>> parse_assignment("lambda.1=1e-3,2e-3")
    ('lambda.1', [0.001, 0.002])

    Raises
    ------
    SpecError
        If there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SpecError(f"{text!r} is not a setting; write key=value, such as margin=0.02.")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return [_value(part.strip()) for part in text.split(",")] if "," in text else text
