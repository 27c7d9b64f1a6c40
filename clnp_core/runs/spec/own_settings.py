"""The own settings of methods in a specification: as each method has them, but that a number may be several to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, create_model
from pydantic.fields import FieldInfo

from clnp_core.methods import METHODS
from clnp_core.methods.method import Settings
from clnp_core.runs.spec.stream import Strict


def as_axis(value: Any) -> Any:
    """One value of a grid axis stands for a grid of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _as_told(values: tuple[float, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def axes(settings: type[Settings]) -> list[str]:
    """Names of the settings that may be several: the numbers."""
    return [name for name, field in settings.model_fields.items() if field.annotation in (int, float)]


def _axis(field: FieldInfo) -> tuple[Any, Any]:
    one: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    several: Any = Annotated[tuple[one, ...], Field(min_length=1), BeforeValidator(as_axis), PlainSerializer(_as_told)]
    return several, Field(default=(field.default,))


def _with_axes(name: str, settings: type[Settings]) -> type[BaseModel]:
    fields: dict[str, Any] = {each: (field.annotation, field) for each, field in settings.model_fields.items()}
    fields |= {each: _axis(settings.model_fields[each]) for each in axes(settings)}
    return create_model(name, __base__=Strict, **fields)


def _of_every_method() -> type[BaseModel]:
    own = {name: _with_axes(name, method.Settings) for name, method in METHODS.items() if method.Settings.model_fields}
    fields: dict[str, Any] = {name: (model, Field(default_factory=model)) for name, model in own.items()}
    return create_model("MethodSettings", __base__=Strict, **fields)


if TYPE_CHECKING:
    MethodSettings = BaseModel
else:  # of the methods there are, which no type checker knows
    MethodSettings = _of_every_method()
    """The own settings of every method that has some, under its name."""
