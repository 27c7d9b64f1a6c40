"""What a run came to, from the records of its tasks."""

import pytest

from clnp_core.runs.fold.results import Record, Summary
from clnp_core.runs.fold.summary import duration, settled, summarise, words_for
from clnp_core.runs.spec import preset
from tests import made_up


def record(task: int, free: list[int], **more) -> Record:
    """Of a learned task, after which the tasks so far have accuracies of 0.9, 0.89, ..."""
    accuracy = [0.9 - 0.01 * place for place in range(task)]
    return made_up.record(task=task, accuracy=accuracy, widths=[100, 40], free=free, **more)


def summary(changes: dict | None = None, records: list[Record] | None = None) -> Summary:
    short = {"stream.tasks": 3, "single_task": False} | (changes or {})
    return summarise(preset("digits", short), records or [record(1, [80, 30]), record(2, [60, 20])], 12.345)


def test_layers_and_measures_are_brought_together():
    told = summary()
    assert told.accuracy == ((0.9,), (0.9, 0.89))
    assert told.mean_accuracy == pytest.approx(0.895)
    assert (told.forgetting, told.tasks, told.seconds) == (0.0, 2, 12.35)
    first, second = told.layers
    assert (first.claimed, first.free_after, first.free) == ((20, 20), (80, 60), 60)
    assert (second.width, second.reused) == (40, (0, 0))
    assert told.theta == (0.1, 0.1), "one for all layers is one number"
    assert summary({"theta_mode": "per-layer"}).theta == ((0.1, 0.1),) * 2


def test_rounding_on_another_processor_is_told_and_older_records_say_nothing_of_it():
    assert summary().identical_logits is True
    assert summary(records=[record(1, [80, 30]), record(2, [60, 20], rounded=[1])]).identical_logits is False
    older = record(1, [80, 30]).to_json()
    del older["rounded"]
    assert summary(records=[Record.model_validate(older)]).identical_logits is True


def test_a_task_that_is_not_trained_alone_yet_leaves_forward_transfer_open():
    learned = [record(1, [80, 30], single_task_accuracy=0.9), record(2, [60, 20])]
    assert summary({"single_task": True}, learned).forward_transfer is None
    learned[1] = record(2, [60, 20], single_task_accuracy=0.87)
    told = summary({"single_task": True}, learned)
    assert told.single_task_accuracy == (0.9, 0.87)
    assert told.forward_transfer == pytest.approx(0.02)


def test_notes_tell_of_growth_and_of_a_network_that_is_full():
    learned = [record(1, [80, 30]), record(2, [60, 0], grown=[0, 7], notes=["no candidate stays within the margin"])]
    assert summary(records=learned).notes == (
        "Before task 2 the network grew: layer 2 by 7 neurons.",
        "Task 2: no candidate stays within the margin",
        "The network is full after task 2 of 3: no neuron of layer 2 is free, and a single head cannot learn without "
        "one.",
    )


def test_a_method_without_a_partition_has_no_layers_and_no_thresholds():
    told = summary({"method": "finetune"})
    assert told.layers == ()
    assert not {"identical_logits", "theta", "lambda"} & told.to_json().keys()


def test_the_candidate_settled_on_is_found_in_its_grid():
    spec = preset("digits", {"lambda.2": [5e-4, 1e-3], "learning_rate": [0.01, 0.02]})
    assert settled(spec, [record(1, [80, 30]), record(2, [60, 20])]) == {1: 3}


@pytest.mark.parametrize(("seconds", "words"), [(42.3, "42 s"), (200, "3 min"), (7300, "2.0 h"), (200_000, "2.3 days")])
def test_times_are_said_in_words(seconds, words):
    assert duration(seconds) == words
    assert words_for(seconds) == f"{words} left"
    assert words_for(None) == ""
