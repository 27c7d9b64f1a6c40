"""Notes on tasks that learned nothing, or of which that cannot be told, and on what a run chose by."""

import pytest
from pydantic import ValidationError

from clnp_core.runs.fold.notes import task_notes
from clnp_core.runs.fold.results import ByClass
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.spec import fork, preset
from tests.made_up import record

SPEC = preset("digits", {"single_task": False})


def counts(**other):
    """Of three classes that are learned well."""
    told = dict.fromkeys(("training", "validation", "test"), (50, 50, 50))
    return ByClass(**{"classes": (0, 1, 2), **told, "answered": (50, 50, 50), "right": (45, 46, 47), **other})


def noted(told, **other):
    return task_notes(SPEC, record(by_class={1: told.to_json()}, **other))[1]


def test_a_task_that_is_learned_has_no_notes():
    assert noted(counts()) == []
    assert counts().accuracy == [0.9, 0.92, 0.94]
    assert counts().balanced == pytest.approx(0.92)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (counts(answered=(0, 150, 0), right=(0, 50, 0)), "It answers class 1 to every test image."),
        (counts(answered=(50, 50, 50), right=(17, 17, 17)), "no better than chance"),
        (counts(answered=(90, 60, 0), right=(32, 20, 0)), "no better than chance"),
        (counts(validation=(9, 0, 9)), "Class 1 has no validation image"),
        (counts(validation=(9, 0, 0)), "Classes 1 and 2 have no validation image"),
        (counts(training=(99, 0, 99), validation=(9, 0, 9)), "Class 1 has no training image"),
        (counts(test=(50, 50, 0), right=(45, 45, 0)), "Class 2 has no test image"),
        (
            ByClass(classes=(7,), training=(9,), validation=(1,), test=(9,), answered=(9,), right=(9,)),
            "It has a single class, 7",
        ),
    ],
)
def test_what_learned_nothing_or_cannot_be_told_is_noted(told, said):
    (note,) = noted(told)
    assert said in note


def test_many_classes_are_not_named_one_by_one():
    zeros, nines = (0,) * 10, (9,) * 10
    told = ByClass(classes=range(10), training=nines, validation=zeros, test=nines, answered=nines, right=nines)
    assert noted(told) == ["10 classes have no validation image: no choice takes that into account."]


def test_a_task_that_claims_nothing_is_noted_where_tasks_claim():
    nothing = record(claimed=[0, 0])
    assert task_notes(SPEC, nothing) == {1: ["It claims no neuron of any layer."]}
    assert task_notes(preset("digits", {"method": "finetune"}), nothing) == {1: []}


def test_of_several_tasks_the_same_is_said_once():
    learned = [record(task=task, accuracy=[0.9] * task, claimed=[0, 0]) for task in (1, 2, 3)]
    assert summarise(SPEC, learned, 1.0).notes == ("Tasks 1 to 3: It claims no neuron of any layer.",)


def test_what_learns_all_tasks_at_once_tells_of_each():
    one = counts(answered=(0, 150, 0), right=(0, 50, 0)).to_json()
    learned = [record(task=2, accuracy=[0.3, 0.9], by_class={1: one, 2: counts().to_json()})]
    summary = summarise(preset("digits", {"method": "joint"}), learned, 1.0)
    assert summary.notes == ("Task 1: It answers class 1 to every test image.",)


@pytest.mark.parametrize("measure", ["accuracy", "balanced"])
def test_a_run_of_imbalanced_classes_says_what_it_chose_by(measure):
    uneven = counts(training=(850, 90, 60))
    spec = preset("digits", {"measure": measure})
    learned = [record(task=task, accuracy=[0.9] * task, by_class={task: uneven.to_json()}) for task in (1, 2)]
    summary = summarise(spec, learned, 1.0)
    (note,) = summary.notes
    assert "60 to 850 training images; so are those of 1 more" in note
    assert f"chosen by {'balanced ' * (measure == 'balanced')}accuracy" in note
    assert (summary.measure, summary.by_class) == (measure, {1: uneven, 2: uneven})
    changed = fork(preset("digits", {"stream.tasks": 2}), 2, {"measure": "balanced"})
    assert len(summarise(changed, learned, 1.0).notes) == 2, "each task was chosen by its own"


def test_counts_that_do_not_fit_together_are_refused():
    for wrong in ({"right": (51, 1, 1)}, {"test": (50, 50)}, {"classes": (0, 2, 1)}, {"test": (0, 0, 0)}):
        with pytest.raises(ValidationError):
            counts(**wrong)
