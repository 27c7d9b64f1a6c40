"""The course of a run: which stages follow which, with made-up results in place of computed ones."""

import pytest

from clnp_core.analysis.epochs import ALONE, TUNED
from clnp_core.runs.fold.course import Learned, Wanted, course, fold
from clnp_core.runs.fold.results import RESULTS, Alone, Record, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec, preset
from tests.made_up import record

WIDTHS = [100, 100]
_KIND = {"processor": "a processor", "capability": "AVX2", "torch": "2.13", "sample": "0" * 16}
FINGERPRINT = {"layers": ["a" * 64] * 2, "logits": "f" * 64, "compact": "c" * 64, "kind": _KIND}


def made_up(stage: Stage, free: list[int]) -> Result:
    """What a stage might come to: a network named after its key, and that many neurons left free."""
    promised = [*stage.inputs.get("fingerprints", []), FINGERPRINT]
    settled = record(task=stage.inputs.get("task", 1), free=free, widths=WIDTHS)
    data = {
        "network": stage.key,
        "fingerprints": promised,
        "accuracy": 0.95,
        "curve": [],
        "pruned": None,
        "epochs": [],
        "candidate": 0,
        "hyperparameters": {"l1": [0.0] * 3, "learning_rate": 0.02, "epochs": 6},
        "record": settled,
        "memory": [7] * len(stage.inputs.get("networks", ())),
        "validation": [0.9],
        "untold_accuracy": 0.5,
    }
    return RESULTS[stage.kind].model_validate(data)


def stages_of(spec: RunSpec, free: list[int] | None = None) -> tuple[list[tuple[Stage, int]], list[Record]]:
    """Every stage with its candidate's number, in order, and the records."""
    asked = []

    def result(stage, candidate):
        asked.append((stage, candidate))
        return made_up(stage, free or [50, 50])

    return asked, fold(spec, "digest", result)


def kinds(asked: list[tuple[Stage, int]]) -> list[tuple[str, int]]:
    return [(stage.kind, candidate) for stage, candidate in asked]


def test_a_grid_is_searched_for_the_first_task_and_each_task_goes_on_from_the_network_before():
    short = {"stream.tasks": 2, "single_task": False, "lambda.2": [1e-3, 2e-3]}
    asked, records = stages_of(preset("digits", short))
    assert kinds(asked) == [("stream", 0), ("fit", 0), ("fit", 1), ("settle", 0), ("fit", 0), ("settle", 0)]
    _, one, two, settle, fit, last = (stage for stage, _ in asked)
    assert settle.inputs["candidates"] == [one.key, two.key]
    assert fit.inputs["network"] == last.inputs["network"] == settle.key
    assert last.inputs["fingerprints"] == [FINGERPRINT]
    assert [record.task for record in records] == [1, 2]
    assert records[0].single_task_accuracy is None


def test_rounds_of_fine_tuning_lead_on_to_settling_and_training_alone_waits_for_nobody():
    tuned = {"fine_tuning.epochs": 2, "fine_tuning.learning_rate": 1e-3, "fine_tuning.rounds": 2}
    spec = preset("split-digits", {"stream.tasks": 1, "single_task": True} | tuned)
    asked, records = stages_of(spec)
    fits = spec.fits(1)
    assert kinds(asked)[1 + fits :] == [("tune", TUNED), ("tune", TUNED), ("settle", 0), ("alone", ALONE)]
    first, second, settle, _ = (stage for stage, _ in asked[1 + fits :])
    assert first.inputs["candidates"] == [stage.key for stage, _ in asked[1 : 1 + fits]]
    assert (second.inputs["candidates"], settle.inputs["candidates"]) == ([first.key], [second.key])
    assert records[0].single_task_accuracy == 0.95


def test_a_single_head_that_has_nothing_left_to_read_ends_the_run_unless_it_grows():
    short = {"stream.tasks": 3, "single_task": False}
    asked, records = stages_of(preset("digits", short), [50, 0])
    assert len(records) == 1
    grows = short | {"grow.2": 7, "grow_below": 0.1}
    asked, records = stages_of(preset("digits", grows), [50, 0])
    assert len(records) == 3
    grow = next(stage for stage, _ in asked if stage.kind == "grow")
    assert (grow.inputs["task"], grow.inputs["neurons"]) == (2, [0, 7])
    assert [record.grown for record in records] == [(), (0, 7), (0, 7)]


@pytest.mark.parametrize(
    ("changes", "free", "networks"),
    [
        ({}, [50, 50], ["1", "2", "3"]),
        ({}, [50, 0], ["1"]),  # full after task 1
        ({"grow.2": 7, "grow_below": 0.1}, [50, 0], ["1", "2", "3"]),
        ({"method": "joint"}, [50, 50], ["3"]),
    ],
)
def test_what_methods_are_compared_by_is_measured_once_after_the_last_task(changes, free, networks):
    short = {"stream.tasks": 3, "single_task": False, "for_comparison": True}
    asked, records = stages_of(preset("digits", short | changes), free)
    (measure,) = (stage for stage, _ in asked if stage.kind == "measure")
    assert measure == asked[-1][0]
    assert list(measure.inputs["networks"]) == networks
    assert set(measure.inputs["networks"].values()) <= set(measure.needs)
    assert [record.memory for record in records] == [()] * (len(records) - 1) + [(7,) * len(networks)]
    plain, _ = stages_of(preset("digits", short | changes | {"for_comparison": False}), free)
    assert kinds(plain) == kinds(asked)[:-1]
    assert [stage.key for stage, _ in plain] == [stage.key for stage, _ in asked[:-1]]


def test_steps_come_one_at_a_time_for_whoever_computes_their_results():
    spec = preset("digits", {"stream.tasks": 1, "single_task": True})
    steps = course(spec, "digest")
    kinds = []
    for step in steps:
        if isinstance(step, Wanted):
            kinds.append([stage.kind for stage, _ in step.stages])
            step.results = [made_up(stage, [50, 50]) for stage, _ in step.stages]
        else:
            assert isinstance(step, Learned)
            kinds.append([step.alone.kind])
            step.alone_trained(Alone(accuracy=0.8, epochs=()))
            assert step.record.single_task_accuracy == 0.8
    assert kinds == [["stream"], ["fit"], ["settle"], ["alone"]]
