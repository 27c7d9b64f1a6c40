"""What stages come to, as data: its JSON there and back, older JSON, and JSON that lies."""

import json
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from clnp_core.runs.fold.results import RESULTS, Record, Settled, Summary
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import preset
from tests.made_up import RECORD, record

KIND = {"processor": "A Processor", "capability": "AVX2", "torch": "2.13.0", "sample": "0" * 16}
TOLD = {"seconds": 1.5, "machine": KIND | {"threads": 1}}
EPOCH = {"epoch": 1, "loss": 0.5, "validation_accuracy": 0.9, "seconds": 0.1, "neurons": [64, 20]}
POINT = {"theta": [0.1, 0.1], "accuracy": 0.9, "claimed": [20, 10]}
CHOICE = {"candidate": 1, "point": POINT, "floor": -0.01, "within_margin": True}
FINGERPRINT = {"layers": ["a" * 64, "b" * 64], "logits": "c" * 64, "compact": "d" * 64, "kind": KIND}
HYPERPARAMETERS = {"l1": [0.0, 1e-3, 0.0], "learning_rate": 0.01, "patience": None}
CANDIDATE = {
    "accuracy": 0.9,
    "curve": [POINT],
    "hyperparameters": HYPERPARAMETERS,
    "pruned": None,
    "epochs": [EPOCH],
    **TOLD,
}
NOT_YET = ("grown", "single_task_accuracy")
SETTLED = {
    "network": "e" * 64,
    "candidate": 0,
    "hyperparameters": HYPERPARAMETERS,
    "fingerprints": [FINGERPRINT],
    "record": {name: value for name, value in RECORD.items() if name not in NOT_YET},
    **TOLD,
}
RECORDED = {
    "stream": TOLD,
    "fit": CANDIDATE,
    "tune": CANDIDATE | {"pruned": CHOICE},
    "alone": {"accuracy": 0.9, "epochs": [EPOCH], **TOLD},
    "grow": {"network": "e" * 64, "fingerprints": [FINGERPRINT], **TOLD},
    "settle": SETTLED,
    "measure": {"memory": [100, 2**40], "validation": [0.9, 0.8], "untold_accuracy": 0.5, **TOLD},
}
"""By the kind of stage, the JSON that is stored of it."""


def places(data: Any, place: tuple = ()) -> list[tuple]:
    """Of every number, text, list and dictionary in it, but for the hyper-parameters, which are a stage's input."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    deeper = [found for name, value in inside if name != "hyperparameters" for found in places(value, (*place, name))]
    return [place, *deeper]


def replaced(data: Any, place: tuple, value: Any) -> Any:
    if not place:
        return value
    copy = data.copy()
    copy[place[0]] = replaced(data[place[0]], place[1:], value)
    return copy


def refuses(kind: str, data: Any) -> bool:
    try:
        RESULTS[kind].model_validate(data, extra="forbid")
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("kind", RESULTS)
def test_what_a_stage_comes_to_is_the_same_json_when_it_is_read_and_written(kind: str):
    result = RESULTS[kind].model_validate(RECORDED[kind], extra="forbid")
    assert result.to_json() == RECORDED[kind]
    assert RESULTS[kind].model_validate_json(json.dumps(result.to_json())) == result


def test_epochs_of_an_earlier_version_tell_no_neurons_and_stay_as_they_were():
    earlier = CANDIDATE | {"epochs": [{name: value for name, value in EPOCH.items() if name != "neurons"}]}
    result = RESULTS["fit"].model_validate(earlier, extra="forbid")
    assert result.epochs[0].neurons == ()
    assert result.to_json() == earlier


def test_a_loss_that_left_the_numbers_and_a_training_that_diverged_are_kept():
    diverged = CANDIDATE | {"accuracy": None, "curve": [], "epochs": [EPOCH | {"loss": math.nan}]}
    result = RESULTS["fit"].model_validate(json.loads(json.dumps(diverged)))
    assert math.isnan(result.epochs[0].loss)
    assert result.scanned.diverged
    assert json.dumps(result.to_json()["epochs"]) == json.dumps(diverged["epochs"])


def test_a_record_is_the_same_json_in_a_store_and_its_lambda_goes_by_that_name():
    assert list(record().to_json()) == list(RECORD)
    assert record().to_json() == RECORD
    assert record().lambda_ == (1e-5, 1e-3, 3e-4)


@pytest.mark.parametrize("changes", [{"single_task": True}, {"theta_mode": "per-layer"}, {"method": "finetune"}])
def test_a_summary_is_the_same_json_when_it_is_read_and_written(changes: dict):
    summary = summarise(preset("digits", {"single_task": False} | changes), [record()], 1.0)
    told = json.loads(json.dumps(summary.to_json()))
    assert told == summary.to_json()
    assert Summary.model_validate(told) == summary
    assert ("single_task_accuracy" in told) == ("single_task" in changes)
    assert ("lambda" in told) == ("method" not in changes)


def test_what_an_earlier_version_did_not_tell_is_read_and_stays_untold():
    older = {name: value for name, value in RECORD.items() if name not in ("rounded", *NOT_YET)}
    read = Record.model_validate(older)
    assert (read.rounded, read.grown, read.single_task_accuracy) == ((), (), None)
    assert read.to_json() == older
    kindless = {name: value for name, value in FINGERPRINT.items() if name != "kind"}
    untold = {name: value for name, value in SETTLED.items() if name not in TOLD}
    settled = Settled.model_validate(untold | {"record": older, "fingerprints": [kindless]})
    assert settled.machine is None
    assert settled.fingerprints == (), "without the logits behind them there is nothing to compare"
    earliest = {name: value for name, value in untold.items() if name != "fingerprints"}
    assert Settled.model_validate(earliest | {"fingerprint": kindless}).fingerprints == ()


WRONG = {
    "text": (["x"], {"x": 1}, 7.5, None, "\x1b[2J", "x" * 3000),
    "number": ("many", [1], {"x": 1}, None, -1, 1e400),
    "list": ("many", 7, None, {"x": 1}, [None]),
    "dictionary": ("many", 7, [1], {}, {"y": 1}),
}
MAY_BE_NONE = ("fingerprint", "accuracy", "pruned", "machine", "untold_accuracy")
OPEN = ("hyperparameters", "loss", "floor", "task")  # a loss may be any number, a floor any that is finite


@given(st.sampled_from(sorted(RESULTS)), st.data())
def test_a_value_of_another_type_or_out_of_bounds_is_refused_wherever_it_stands(kind: str, data: st.DataObject):
    place = data.draw(st.sampled_from([each for each in places(RECORDED[kind]) if each]))
    there: Any = RECORDED[kind]
    for name in place:
        there = there[name]
    types = {str: "text", bool: "bool", int: "number", float: "number", list: "list", dict: "dictionary"}
    wrong = WRONG.get(types.get(type(there)), ("many", [1], {"x": 1}))
    value = data.draw(st.sampled_from(wrong))
    assume(value is not None or place[-1] not in MAY_BE_NONE)
    assume(place[-1] not in OPEN or isinstance(value, str | list))
    assert refuses(kind, replaced(RECORDED[kind], place, value))


@given(st.sampled_from(sorted(RESULTS)), st.data())
def test_a_field_that_is_none_of_it_is_refused_from_elsewhere(kind: str, data: st.DataObject):
    dictionaries = [place for place in places(RECORDED[kind]) if "hyperparameters" not in place]
    place = data.draw(st.sampled_from(dictionaries))
    there: Any = RECORDED[kind]
    for name in place:
        there = there[name]
    if isinstance(there, dict):
        assert refuses(kind, replaced(RECORDED[kind], place, there | {"unknown": 1}))


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("fit", ("curve", 0, "accuracy"), 2.0),
        ("fit", ("curve",), [POINT] * 10_001),
        ("fit", ("epochs", 0, "epoch"), 0),
        ("alone", ("accuracy",), math.nan),
        ("settle", ("record", "claimed"), [2**40, 0]),
        ("settle", ("record", "notes"), ["a note"] * 21),
        ("settle", ("network",), "../" * 20 + "abcd"),
        ("settle", ("fingerprints", 0, "logits"), "C" * 64),
        ("tune", ("pruned", "floor"), math.inf),
    ],
)
def test_bounds(kind: str, place: tuple, value: Any):
    assert refuses(kind, replaced(RECORDED[kind], place, value))
