"""How far a run is, and how long the rest of it takes, against a clock that stands where it is put."""

from types import SimpleNamespace

import pytest

from clnp_core.runs.engine import pace
from clnp_core.runs.engine.pace import Pace
from clnp_core.runs.fold import stages
from clnp_core.runs.spec import preset

SPEC = preset("digits", {"stream.tasks": 2, "epochs": 10, "single_task": False, "lambda.2": [1e-3, 2e-3]})
ONE, TWO = stages.fit_stages(SPEC, "digest", 1, None, None)


@pytest.fixture
def clock(monkeypatch):
    """`clock.now` is the time, in seconds."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_work_is_counted_in_epochs_of_all_candidates(clock):
    run = Pace(SPEC, 0.0)  # 2 candidates for task 1 and 1 for task 2: 30 epochs
    assert (run.fraction, run.seconds_left) == (0.0, None)
    run.reached(ONE.key, 5)
    clock.now += 10
    assert run.fraction == pytest.approx(5 / 30)
    assert run.seconds_left == pytest.approx(50)
    run.reached(ONE.key, 3)
    assert run.fraction == pytest.approx(5 / 30), "an epoch that is told of late takes nothing back"
    assert run.finished(ONE) == 10
    assert run.fraction == pytest.approx(10 / 30), "a training that stopped early counts as if it had not"


def test_what_was_found_says_nothing_of_speed(clock):
    run = Pace(SPEC, 7.0)
    run.found(ONE)
    clock.now += 4
    assert (run.seconds, run.seconds_left) == (11.0, None)
    run.reached(TWO.key, 4)
    assert run.seconds_left == pytest.approx(16)


def test_training_alone_and_fine_tuning_are_work_too(clock):
    tuned = {"fine_tuning.epochs": 5, "fine_tuning.learning_rate": 1e-3, "fine_tuning.rounds": 2}
    run = Pace(preset("digits", {"stream.tasks": 1, "epochs": 10, "single_task": True} | tuned), 0.0)
    run.finished(ONE)
    assert run.fraction == pytest.approx(10 / 30)
