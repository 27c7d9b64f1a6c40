"""The tables of a store's database."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import sqlalchemy as sql
from pydantic import ValidationError

from clnp_core.errors import StoreError
from clnp_core.runs.fold.results import Data, Record, Summary
from clnp_core.runs.spec import RunSpec, parse

# More than anybody has runs. Pages that follow runs read all of them again and again, always in the same order: a cache
# with room for fewer would have none of them when it is asked.
_MOST_CACHED = 16_384


_LATEST = 253_402_300_799  # the end of the year 9999, after which there are no dates


def _damaged(what: str, value: Any) -> StoreError:
    return StoreError(
        f"The store's database is damaged: what it has for {what} begins {str(value)[:40]!r}; use a copy of the store "
        "from before."
    )


@lru_cache(maxsize=_MOST_CACHED)
def _parsed(text: str) -> RunSpec:
    return parse(json.loads(text))


class Specification(sql.types.TypeDecorator[RunSpec]):
    impl = sql.String
    cache_ok = True

    def process_bind_param(self, value: RunSpec | None, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value.to_json())

    def process_result_value(self, value: str | None, dialect: Any) -> RunSpec | None:
        return None if value is None else _parsed(value)


@lru_cache(maxsize=1024)
def as_data(form: type[Data], text: str) -> Data:
    """Read what a `Typed` column keeps, cached as specifications are."""
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(f"a {form.__name__.lower()}", text) from error


class Moment(sql.types.TypeDecorator[float]):
    """Seconds since 1970."""

    impl = sql.Float
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> float | None:
        if value is None or (isinstance(value, float) and 0 <= value <= _LATEST):
            return value
        raise _damaged("a moment", value)


class Typed(sql.types.TypeDecorator[Data]):
    """JSON, as data of that form."""

    impl = sql.String
    cache_ok = True

    def __init__(self, form: type[Data]) -> None:
        super().__init__()
        self.form = form

    def process_bind_param(self, value: Data | None, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value.to_json())

    def process_result_value(self, value: str | None, dialect: Any) -> Data | None:
        return None if value is None else as_data(self.form, value)


METADATA = sql.MetaData()
RUNS = sql.Table(
    "runs",
    METADATA,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("spec", Specification, nullable=False),
    sql.Column("state", sql.String, nullable=False, index=True),
    sql.Column("wanted", sql.String, nullable=False),
    sql.Column("created", Moment, nullable=False),
    sql.Column("started", Moment),
    sql.Column("finished", Moment),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("fraction", sql.Float, nullable=False),
    sql.Column("seconds_left", sql.Float),
    sql.Column("error", sql.String),
    sql.Column("detail", sql.String),
    sql.Column("summary", Typed(Summary)),
    sql.Column("data", sql.String),  # the digest of its data, from its first stage on
    sql.Column("name", sql.String),  # what people call it
    sql.Column("parent", sql.String),  # of a fork the run that it goes on from, also once that is removed
    sql.Column("owner", sql.String),  # the student of a class whose run it is; of all others it is nobody's
    sql.Column("shared", sql.Boolean, nullable=False, server_default=sql.true()),  # whether all of a class see it
)
STAGES = sql.Table(
    "stages",
    METADATA,
    sql.Column("key", sql.String, primary_key=True),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("inputs", sql.JSON, nullable=False),
    sql.Column("computed", sql.Integer, nullable=False),  # how often; 1 if several runs share it
    sql.Column("seconds", sql.Float),
    sql.Column("network", sql.String),  # the artifact of the network it committed
)
# The inputs that are equal for candidates that differ only in λ and learning rate. An index on them finds a candidate's
# rivals among thousands of stages, but only for a query that has exactly this expression.
FAMILY: sql.ColumnElement[str] = sql.literal_column(
    "json_remove(inputs, '$.hyperparameters.l1', '$.hyperparameters.learning_rate')"
)
IS_FIT: sql.ColumnElement[bool] = sql.literal_column("kind = 'fit'")
FAMILIES = f"CREATE INDEX IF NOT EXISTS ix_stages_family ON stages ({FAMILY}) WHERE {IS_FIT}"
RUN_STAGES = sql.Table(
    "run_stages",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sql.Column("stage", sql.ForeignKey("stages.key"), nullable=False),
    sql.Column("task", sql.Integer),
    sql.Column("candidate", sql.Integer, nullable=False),
    sql.UniqueConstraint("run", "stage"),
)
EPOCHS = sql.Table(
    "epochs",
    METADATA,
    sql.Column("stage", sql.ForeignKey("stages.key"), primary_key=True),
    sql.Column("epoch", sql.Integer, primary_key=True),
    sql.Column("loss", sql.Float),  # none if it is infinite or not a number
    sql.Column("validation_accuracy", sql.Float, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("neurons", sql.JSON),  # of each hidden layer
)
LEARNED = sql.Table(
    "learned",
    METADATA,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("task", sql.Integer, primary_key=True),
    sql.Column("record", Typed(Record), nullable=False),
)
EVENTS = sql.Table(
    "events",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    sql.Column("time", Moment, nullable=False),
    sql.Column("text", sql.String, nullable=False),
)

PRUNED = sql.Table(
    "pruned",
    METADATA,
    sql.Column("stage", sql.ForeignKey("stages.key"), primary_key=True),
    sql.Column("split", sql.String, primary_key=True),
    sql.Column("theta", sql.String, primary_key=True),  # of each hidden layer, as JSON
    sql.Column("accuracy", sql.Float, nullable=False),
)
SWEEPS = sql.Table(
    "sweeps",
    METADATA,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("over", sql.JSON, nullable=False),
    sql.Column("created", Moment, nullable=False),
    sql.Column("owner", sql.String),
)
SWEEP_RUNS = sql.Table(
    "sweep_runs",
    METADATA,
    sql.Column("sweep", sql.ForeignKey("sweeps.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("place", sql.Integer, primary_key=True),
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
)
RUN_NOTES = sql.Table(
    "run_notes",
    METADATA,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("tags", sql.JSON, nullable=False),
    sql.Column("note", sql.String, nullable=False),
)
BASELINE = sql.Table(
    "baseline",
    METADATA,
    sql.Column("place", sql.Integer, primary_key=True),  # always 1: there is one at most
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
)
STUDENTS = sql.Table(
    "students",
    METADATA,
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("came", Moment, nullable=False),
)
BETS = sql.Table(
    "bets",
    METADATA,
    sql.Column("question", sql.String, primary_key=True),
    sql.Column("student", sql.String, primary_key=True),
    sql.Column("place", sql.Integer, nullable=False),  # of the question's slider, from 0
)
REVEALED = sql.Table("revealed", METADATA, sql.Column("question", sql.String, primary_key=True))
# A summary is long, and of most runs that are read nobody looks at it: it is taken as text.
_READ: list[sql.ColumnElement[Any]] = [
    sql.type_coerce(each, sql.String).label("told") if each.name == "summary" else each for each in RUNS.c
]
DESCRIBED_RUNS: sql.Select[Any] = sql.select(*_READ, RUN_NOTES.c.tags, RUN_NOTES.c.note).select_from(
    RUNS.outerjoin(RUN_NOTES)
)
