"""How far a run is, and how long the rest of it takes, against a clock that stands where it is put."""

import random
from statistics import median
from types import SimpleNamespace

import pytest

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.engine import pace
from clnp_core.runs.engine.pace import Pace
from clnp_core.runs.estimate import START_SECONDS, Speed, expected_speed
from clnp_core.runs.fold import stages
from clnp_core.runs.fold.results import Result, Trained
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec, preset
from tests.made_up import epoch

SPEC = preset("digits", {"stream.tasks": 2, "epochs": 10, "single_task": False, "pruning": "after"})
PAIR = preset("digits", {"stream.tasks": 2, "epochs": 10, "single_task": False, "lambda.2": [1e-3, 2e-3]})
UNKNOWN = Speed(lambda method, task: 1.0, None, False)


def fit(spec: RunSpec, task: int = 1) -> Stage:
    return stages.fit_stages(spec, "digest", task, None, None)[0]


def settle(spec: RunSpec, task: int) -> Stage:
    return stages.settle_stage(spec, "digest", task, None, [fit(spec, task)], (), ())


@pytest.fixture
def clock(monkeypatch):
    """`clock.now` is the time, in seconds."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def begun(spec: RunSpec, speed: Speed = UNKNOWN, seconds_before: float = 0.0) -> Pace:
    run = Pace(spec, seconds_before)
    run.expects(speed)
    return run


def trained(*seconds: float) -> Trained:
    told = tuple(epoch(place, seconds=each) for place, each in enumerate(seconds, 1))
    return Trained(seconds=sum(seconds), epochs=told)


def test_work_is_counted_in_epochs_of_all_candidates(clock):
    run, first = Pace(PAIR, 0.0), fit(PAIR)  # 2 candidates for task 1 and 1 for task 2: 30 epochs
    assert run.fraction == 0.0
    run.reached(first, epoch(5))
    assert run.fraction == pytest.approx(5 / 30)
    run.reached(first, epoch(3))
    assert run.fraction == pytest.approx(5 / 30), "an epoch that is told of late takes nothing back"
    run.finished(first, trained(*[0.1] * 7))
    assert run.fraction == pytest.approx(10 / 30), "a training that stopped early counts as if it had not"


def test_training_alone_and_fine_tuning_are_work_too(clock):
    tuned = {"fine_tuning.epochs": 5, "fine_tuning.learning_rate": 1e-3, "fine_tuning.rounds": 2}
    spec = preset("digits", {"stream.tasks": 1, "epochs": 10, "single_task": True} | tuned)
    run = Pace(spec, 0.0)
    run.finished(fit(spec), trained(*[0.1] * 10))
    assert run.fraction == pytest.approx(10 / 30)


def test_until_three_epochs_are_measured_the_expectation_holds_however_long_the_start_takes(clock):
    run = begun(SPEC, Speed(lambda method, task: 1.0, lambda method, task: 2.0, False))
    assert run.seconds_left(2) == START_SECONDS + 40
    clock.now += 1000
    assert run.seconds_left(2) == START_SECONDS + 40
    for number in (1, 2):
        clock.now += 5
        run.reached(fit(SPEC), epoch(number, seconds=5))
        assert run.seconds_left(2) == 40 - 2 * number
    clock.now += 5
    run.reached(fit(SPEC), epoch(3, seconds=5))
    assert run.seconds_left(2) == pytest.approx(17 * 5, rel=0.05)
    clock.now += 2
    assert run.seconds_left(2) == pytest.approx(17 * 5 - 2, rel=0.05), "it goes down with the clock"


def test_without_an_expectation_the_first_epoch_tells(clock):
    run = begun(SPEC)
    assert run.seconds_left(2) is None
    run.reached(fit(SPEC), epoch(1, seconds=3))
    assert run.seconds_left(2) == pytest.approx(19 * 3)


def test_what_was_found_says_nothing_of_speed(clock):
    run = begun(SPEC, seconds_before=7.0)
    run.found(fit(SPEC))
    run.found(settle(SPEC, 1))
    clock.now += 4
    assert (run.seconds, run.seconds_left(2)) == (11.0, None)
    run.reached(fit(SPEC, 2), epoch(4, seconds=1))
    assert run.seconds_left(2) == pytest.approx(6)


def test_a_task_takes_as_many_epochs_as_the_one_before_it(clock):
    """Where training stops early."""
    run = begun(SPEC)
    for _ in range(4):
        clock.now += 1
        run.reached(fit(SPEC), epoch(int(clock.now) - 100, seconds=1))
    run.finished(fit(SPEC), trained(1, 1, 1, 1))
    run.finished(settle(SPEC, 1), Result())
    assert run.seconds_left(2) == pytest.approx(4, rel=0.1)
    clock.now += 1
    run.reached(fit(SPEC, 2), epoch(1, seconds=1))
    assert run.seconds_left(2) == pytest.approx(3, rel=0.1)


# Of recorded runs, rounded: milliseconds of the 60 epochs of a task, pruned gradually, on two busy cores.
DIGITS = (
    [96, 113, 44, 41, 42, 37, 46, 42, 35, 37, 34, 20, 21, 42, 32, 47, 30, 26, 27, 27] + [30, 24, 28, 22, 31, 27] * 7,
    [58, 52, 60, 40, 33, 29, 25, 27, 20, 26, 27, 30, 31, 20, 21, 21, 18, 20, 22, 20] + [18, 17, 22, 19, 20, 26] * 7,
    [157, 161, 72, 92, 102, 64, 75, 49, 43, 57, 71, 52, 52, 38, 59, 64, 47, 53, 56, 70] + [47, 33, 23, 26, 47, 38] * 7,
)
MNIST = ([4200, 3900, 3900, 4000] + [1000 + int(3000 * 0.9**each) for each in range(36)],)
AFTER = ([65, 45, 27, 22, 19, 18, 21, 20, 19, 20] + [19, 18, 20, 18, 21] * 10,)
UNPRUNED = ([2000] * 40,)

Heard = list[tuple[float, Stage, Result | Epoch]]


def recorded(spec: RunSpec, curves: tuple[list[int], ...], slower: float) -> Heard:
    """What is heard of a run on two cores, and when: tasks in turn, and each alone, unpruned, where a core is free."""
    heard: Heard = []
    chance, now, settled = random.Random(0), 0.0, {}

    def train(stage: Stage, curve: list[float], start: float) -> float:
        vary = [slower * each / 1000 * chance.uniform(0.9, 1.1) for each in curve]
        for number, seconds in enumerate(vary, 1):
            start += seconds
            heard.append((start, stage, epoch(number, seconds=seconds)))
        heard.append((start + 0.05, stage, trained(*vary)))
        return start + 0.05

    for task in spec.lessons:
        now = settled[task] = train(fit(spec, task), curves[(task - 1) % len(curves)], now) + 0.3
        heard.append((now, settle(spec, task), Result(seconds=0.1)))
    free = [0.0, now]
    for task in spec.lessons if spec.trains_alone else ():
        curve, core = curves[(task - 1) % len(curves)], free.index(min(free))
        stage = stages.alone_stage(spec, "digest", task, fit(spec, task).inputs["hyperparameters"])
        free[core] = train(stage, [0.8 * median(curve[:3])] * len(curve), max(free[core], settled[task]))
    return sorted(heard, key=lambda each: each[0])


@pytest.mark.parametrize("slower", [0.5, 8])
@pytest.mark.parametrize(
    ("name", "changes", "curves"),
    [
        ("digits", {"single_task": False}, DIGITS),
        ("digits", {"single_task": False}, DIGITS[1:2]),
        ("digits", {"single_task": True}, DIGITS),
        ("digits", {"single_task": False, "pruning": "after"}, AFTER),
        ("permuted-mnist", {"single_task": False}, MNIST),
        ("permuted-mnist", {"single_task": False, "pruning": "after"}, UNPRUNED),
    ],
)
def test_from_the_third_epoch_on_it_is_within_a_factor_of_two(
    clock, name: str, changes: dict[str, object], curves: tuple[list[int], ...], slower: float
):
    """On a machine of any speed, and although its start took long."""
    spec = preset(name, changes)
    heard = recorded(spec, curves, slower)
    run = begun(spec, expected_speed(spec))
    began = clock.now = clock.now + 48
    for place, (moment, stage, told) in enumerate(heard, 1):
        clock.now = began + moment
        if isinstance(told, Epoch):
            run.reached(stage, told)
        else:
            run.finished(stage, told)
        left, said = heard[-1][0] - moment, run.seconds_left(2)
        if place >= 3:
            assert left / 2 - 1 <= said <= 2 * left + 1, (place, left, said)
