"""Specifications: JSON in and out, and one clear sentence for what is impossible."""

import json

import pytest

from clnp_core.errors import SpecError
from clnp_core.runs.spec import RunSpec, fork, parse, parse_assignment, preset, preset_names
from clnp_core.tasks import datasets


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_json(name):
    spec = preset(name)
    assert spec.preset == name
    assert spec.about
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_presets_asked_for_are_there():
    assert preset_names() == ["digits", "digits-multihead", "permuted-mnist", "permuted-mnist-quick"]


def test_the_paper_preset_has_the_paper_settings():
    spec = preset("permuted-mnist")
    assert spec.grid == [((1e-7, 1e-5, 1e-6), 2e-3)]
    assert (spec.margin, spec.batch_size, spec.stream.tasks, spec.head) == (0.0005, 256, 10, "single")
    assert spec.architecture.widths == (2000, 2000)


def test_the_grid_is_the_product_of_its_axes():
    spec = preset("digits", {"lambda.1": [1e-4, 1e-3], "learning_rate": [1e-2, 5e-3]})
    assert [(l1[0], rate) for l1, rate in spec.grid] == [(1e-4, 1e-2), (1e-4, 5e-3), (1e-3, 1e-2), (1e-3, 5e-3)]
    assert (spec.fits(1), spec.fits(2)) == (4, 1)
    assert preset("digits", {"lambda.1": [1e-4, 1e-3], "search": "every-task"}).fits(2) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lambda.1": -1}, "lambda.1 = -1 is not possible: it should be greater than or equal to 0"),
        ({"lambda.2": [1e-3, -2]}, "lambda.2 = -2 is not possible"),
        ({"lambda.output": float("nan")}, "lambda.output = NaN is not possible: it should be a finite number"),
        ({"lambda.3": 1}, "no setting 'lambda.3'"),
        ({"lamda.1": 1}, "did you mean 'lambda.1'"),
        ({"margn": 1}, "did you mean 'margin'"),
        ({"stream.taks": 1}, "did you mean 'tasks'"),
        ({"margin": -0.01}, "margin = -0.01 is not possible: it should be greater than or equal to 0"),
        ({"margin": 1}, "margin = 1 is not possible: it should be less than 1"),
        ({"theta": "high"}, 'theta = "high" is not possible: it should be a valid number'),
        ({"theta": [1, 2, 3]}, "theta: 3 thresholds for 2 hidden layers"),
        ({"stream.tasks": 0}, "stream.tasks = 0 is not possible: it should be greater than or equal to 1"),
        ({"epochs": 2.5}, "epochs = 2.5 is not possible"),
        ({"learning_rate": 0}, "learning_rate = 0 is not possible: it should be greater than 0"),
        ({"learning_rate": []}, "learning_rate = .* is not possible"),
        ({"network": "zenke-mlp"}, r"network: zenke-mlp takes images of \[1, 28, 28\], digits has \[1, 8, 8\]"),
        ({"network": "vgg"}, "network = \"vgg\" is not possible: it should be 'digits-mlp' or 'zenke-mlp'"),
        ({"lambda": {"1": 1e-3}}, "lambda: digits-mlp has the layers 1, 2, output, but values are given for 1"),
        ({"lambda.1": [1e-3] * 300}, "the grid has 300 points; at most 256"),
        ({"seed": -1}, "seed = -1 is not possible"),
        ({"preset": "../x"}, "preset = .* is not possible"),
    ],
)
def test_what_is_impossible_is_refused_in_a_sentence(changes, said):
    with pytest.raises(SpecError, match=said) as refusal:
        preset("digits", changes)
    assert "\n" not in str(refusal.value)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(SpecError, match=r"no preset 'digit' \(did you mean 'digits'\?\); there are digits, "):
        preset("digit")


def test_a_missing_setting_is_named():
    data = preset("digits").to_json()
    del data["margin"]
    with pytest.raises(SpecError, match="The setting 'margin' is missing"):
        parse(data)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("margin=0.02", ("margin", 0.02)),
        ("lambda.1=1e-3,2e-3", ("lambda.1", [1e-3, 2e-3])),
        ("theta=[0.1, 0.2]", ("theta", [0.1, 0.2])),
        ("head=multi", ("head", "multi")),
        ("single_task=false", ("single_task", False)),
        ("about=a=b", ("about", "a=b")),
    ],
)
def test_assignments_are_read(text, wanted):
    assert parse_assignment(text) == wanted


@pytest.mark.parametrize("text", ["margin", "=3", ""])
def test_what_is_no_assignment_is_refused(text):
    with pytest.raises(SpecError, match="write key=value"):
        parse_assignment(text)


def test_specifications_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        preset("digits").seed = 3
    assert isinstance(preset("digits"), RunSpec)


def test_a_fork_has_the_settings_of_both():
    spec = fork(preset("digits", {"lambda.2": [1e-3, 2e-3]}), 4, {"margin": 0.05, "lambda.2": 5e-4})
    assert [spec.at(task).margin for task in (1, 3, 4, 10)] == [0.01, 0.01, 0.05, 0.05]
    assert [spec.fits(task) for task in (1, 3, 4, 5)] == [2, 1, 1, 1]
    assert [spec.searches(task) for task in (1, 3, 4, 5)] == [True, False, True, False]
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec
    again = fork(spec, 6, {"margin": 0.1})
    assert [again.at(task).margin for task in (1, 4, 6)] == [0.01, 0.05, 0.1]


@pytest.mark.parametrize(
    ("at_task", "changes", "said"),
    [
        (0, {}, "at_task = 0 is not possible"),
        (11, {}, "at_task: 11 is past the last of 10 tasks"),
        (2, {"seed": 9}, "seed: a fork keeps that of the run it comes from"),
        (2, {"head": "multi"}, "head: a fork keeps"),
        (2, {"stream.identity_first": True}, "stream: a fork keeps"),
        (2, {"margin": -1}, "margin = -1 is not possible"),
    ],
)
def test_impossible_forks_are_refused(at_task, changes, said):
    with pytest.raises(SpecError, match=said):
        fork(preset("digits"), at_task, changes)


def test_a_fork_may_learn_more_tasks():
    assert fork(preset("digits"), 10, {"stream.tasks": 20}).stream.tasks == 20


def test_no_more_can_be_held_out_than_there_is():
    digits = datasets.load("digits")
    preset("digits").check_against(digits)
    with pytest.raises(SpecError, match="1437 images cannot be held out"):
        preset("digits", {"stream.validation": 1437}).check_against(digits)
