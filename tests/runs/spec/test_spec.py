"""Specifications: JSON in and out, and one clear sentence for what is impossible."""

import json

import pytest
from torch import nn

from clnp_core.errors import SpecError
from clnp_core.networks.sequential import from_sequential
from clnp_core.runs import submit
from clnp_core.runs.spec import RunSpec, fork, parse, parse_assignment, preset, preset_names
from clnp_core.runs.spec.changes import changed

OWN = {
    "name": "mine",
    "input_shape": [1, 8, 8],
    "hidden": [
        {"kind": "conv", "name": "c", "width": 4, "kernel": 3},
        {"kind": "dense", "name": "d", "width": 5},
    ],
    "outputs": 10,
}


def with_layer(**changes):
    """That network with its first layer changed."""
    first, *others = OWN["hidden"]
    return OWN | {"hidden": [first | changes, *others]}


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_json(name):
    spec = preset(name)
    assert spec.preset == name
    assert spec.about
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_presets_asked_for_are_there():
    permuted = ["digits", "digits-multihead", "permuted-mnist", "permuted-mnist-paper", "permuted-mnist-quick"]
    small = ["split-digits", "split-digits-cnn", "split-fashion", "split-mnist"]
    cifar = ["split-cifar-narrow", "split-cifar-narrow-ft", "split-cifar-quick", "split-cifar-wide"]
    assert preset_names()[0] == "digits"
    assert sorted(preset_names()) == sorted([*permuted, *small, *cifar, "compare-mnist"])


def test_the_paper_preset_has_the_paper_settings():
    spec = preset("permuted-mnist-paper")
    assert spec.grid == [((1e-7, 1e-5, 1e-6), 2e-3, {})]
    assert (spec.margin, spec.batch_size, spec.stream.tasks, spec.head) == (0.0005, 256, 10, "single")
    assert spec.architecture.widths == (2000, 2000)
    assert (spec.epochs, spec.patience) == ((150,), None), "in fewer, L1 does not empty the network (docs/guide.md)"


def test_the_grid_is_the_product_of_its_axes():
    spec = preset("digits", {"lambda.1": [1e-4, 1e-3], "learning_rate": [1e-2, 5e-3]})
    assert [(point.l1[0], point.learning_rate) for point in spec.grid] == [
        (1e-4, 1e-2),
        (1e-4, 5e-3),
        (1e-3, 1e-2),
        (1e-3, 5e-3),
    ]
    assert (spec.fits(1), spec.fits(2)) == (4, 1)
    assert preset("digits", {"lambda.1": [1e-4, 1e-3], "search": "every-task"}).fits(2) == 2


def nested(depth):
    inner = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lambda.1": -1}, "lambda.1 = -1 is not possible: it should be greater than or equal to 0"),
        ({"lambda.2": [1e-3, -2]}, "lambda.2 = -2 is not possible"),
        ({"lambda.output": float("nan")}, "lambda.output = NaN is not possible: it should be a finite number"),
        ({"lambda.3": 1}, "no setting 'lambda.3'"),
        ({"lamda.1": 1}, "did you mean 'lambda.1'"),
        ({"margn": 1}, "did you mean 'margin'"),
        ({"stream.taks": 1}, "did you mean 'stream.tasks'"),
        ({"MARGIN": 0.02}, "did you mean 'margin'"),
        ({"settings": {"nothing": {}}}, "no setting 'settings.nothing'; there are (?!name, input_shape)"),
        ({"margin": -0.01}, "margin = -0.01 is not possible: it should be greater than or equal to 0"),
        ({"margin": 1}, "margin = 1 is not possible: it should be less than 1"),
        ({"theta": "high"}, 'theta = "high" is not possible: it should be a valid number'),
        ({"theta": [1, 2, 3]}, "theta: 3 thresholds for 2 hidden layers"),
        ({"stream.tasks": 0}, "stream.tasks = 0 is not possible: it should be greater than or equal to 1"),
        ({"epochs": 2.5}, "epochs = 2.5 is not possible"),
        ({"learning_rate": 0}, "learning_rate = 0 is not possible: it should be greater than 0"),
        ({"learning_rate": []}, "learning_rate = .* is not possible"),
        ({"network": "zenke-mlp"}, r"network: zenke-mlp takes images of \[1, 28, 28\], digits has \[1, 8, 8\]"),
        ({"network": "vgg"}, "network = \"vgg\" is not possible: it should be 'digits-mlp', .* or 'table3-cnn'"),
        ({"network": "table2-cnn"}, r"network: table2-cnn takes images of \[3, 32, 32\], digits has \[1, 8, 8\]"),
        ({"network": OWN | {"outputs": 5}}, "network: mine has 5 outputs for the 10 classes of a task; give at least"),
        ({"network": with_layer(groups=2)}, "no setting 'network.hidden.1.groups'; there are name, width, kernel"),
        ({"network": with_layer(kind="transposed")}, r'network.hidden.1.kind = "transposed" is not possible'),
        ({"network": with_layer(name="d")}, "network: 2 layers are called 'd'; give each a name of its own"),
        ({"network": with_layer(kernel=30)}, "network: c takes 30 pixels at once where only 8 are left"),
        ({"network": OWN | {"hidden": OWN["hidden"][::-1]}}, "c is a convolution after a dense layer; put it before"),
        ({"network": with_layer(batch_norm=True), "batch_size": 1}, "batch_size: a batch of 1 cannot be normalised"),
        ({"epochs": [2, 0]}, "epochs = 0 is not possible: it should be greater than or equal to 1"),
        ({"method": "ewc2"}, "method = \"ewc2\" is not possible: it should be 'clnp', 'single', "),
        ({"fine_tuning.epochs": 5}, "The setting 'fine_tuning.learning_rate' is missing"),
        ({"fine_tuning": {"epochs": 5, "learning_rate": 0}}, "fine_tuning.learning_rate = 0 is not possible"),
        ({"fine_tuning": {"epochs": 5, "learning_rate": 1, "rate": 5}}, "'fine_tuning.rate'; there are epochs"),
        ({"grow.1": 5}, "grow: it needs a time to grow"),
        ({"grow.7": 5, "grow_below": 0.2}, "grow: digits-mlp has no hidden layer '7'; it has 1, 2"),
        ({"grow_below": 0.2}, "grow_below: it needs layers to grow"),
        ({"layer_weights.1": 2}, "layer_weights: give one for each of the layers 1, 2"),
        ({"stream": {"kind": "ring"}}, "stream.kind: 'ring' is not possible; give permuted, rotated, split, own"),
        ({"stream": {"kind": "split"}}, "The setting 'stream.datasets' is missing"),
        ({"lambda": {"1": 1e-3}}, "lambda: digits-mlp has the layers 1, 2, output, but values are given for 1"),
        ({"lambda.1": [1e-3] * 300}, "the grid has 300 points; at most 256"),
        ({"seed": -1}, "seed = -1 is not possible"),
        ({"preset": "../x"}, "preset = .* is not possible"),
        ({"grow": 5, "grow.1": 3}, "grow = 5 has no setting '1'; give one or the other"),
        ({"stream": "digits", "stream.tasks": 3}, "stream = \"digits\" has no setting 'tasks'"),
        ({"lambda": [1], "lambda.1": 3}, r"lambda = \[1\] has no setting '1'"),
        ({1: 2}, "changes = .* is not possible: give a dict"),
        ([1], r"changes = \[1\] is not possible: give a dict"),
        ({"imported": "a" * 64}, "imported: no setting can make a run an imported one"),
        (dict([parse_assignment("network=" + 3000 * "[")]), r'network = "\[\[\[\[.*\.\.\. is not possible'),
        (dict([parse_assignment("margin=" + 5000 * "1")]), 'margin = "1111.* is not possible'),
        ({"network": nested(3000)}, "network = something of type list that cannot be shown is not possible"),
        ({"margin": 10**5000}, "margin = something of type int that cannot be shown is not possible"),
    ],
)
def test_what_is_impossible_is_refused_in_a_sentence(changes, said):
    with pytest.raises(SpecError, match=said) as refusal:
        preset("digits", changes)
    assert "\n" not in str(refusal.value)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(SpecError, match=r"no preset 'digit' \(did you mean 'digits'\?\); there are digits, "):
        preset("digit")
    with pytest.raises(SpecError, match="no preset None; there are digits, "):
        preset(None)


def test_what_is_no_specification_is_not_started():
    with pytest.raises(SpecError, match="'digits' is no specification; give one"):
        submit("digits")


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
        (2, {"seed": 9}, "seed: a fork cannot change it"),
        (2, {"head": "multi"}, "head: a fork cannot change it"),
        (2, {"stream.identity_first": True}, "stream: a fork cannot change it"),
        (2, {"margin": -1}, "margin = -1 is not possible"),
    ],
)
def test_impossible_forks_are_refused(at_task, changes, said):
    with pytest.raises(SpecError, match=said):
        fork(preset("digits"), at_task, changes)


def test_a_fork_may_learn_more_tasks():
    assert fork(preset("digits"), 10, {"stream.tasks": 20}).stream.tasks == 20


def test_a_stream_can_be_of_another_kind_which_keeps_what_both_kinds_have():
    turned = preset("digits", {"stream.degrees": 15, "stream.tasks": 3, "stream.kind": "rotated"})
    wanted = {"kind": "rotated", "dataset": "digits", "tasks": 3, "validation": 150, "degrees": 15.0}
    assert turned.stream.model_dump() == wanted
    back = changed(turned, {"stream.kind": "permuted", "stream.share": 0.5})
    assert back == preset("digits", {"stream.tasks": 3, "stream.share": 0.5})
    with pytest.raises(SpecError, match=r"The setting 'stream\.degrees' is missing"):
        preset("digits", {"stream.kind": "rotated"})


def test_a_network_of_ones_own_is_part_of_the_specification():
    lambdas = {"1": 1e-4, "2": 1e-4, "output": 0}
    spec = preset("digits", {"network": OWN, "lambda": lambdas})
    assert spec.architecture.weight_shapes == ((4, 1, 3, 3), (5, 4, 36), (10, 5))
    assert spec.network_name == "mine"
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_network_can_be_given_as_the_object_it_is():
    network = from_sequential(nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10)), (1, 8, 8))
    spec = preset("digits", {"network": network, "lambda": {"1": 1e-4, "output": 0}})
    assert spec.architecture is network
    assert parse(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_outputs_follow_the_stream():
    assert preset("split-digits").architecture.outputs == 2
    own = {"name": "own", "input_shape": [1, 8, 8], "hidden": [{"kind": "dense", "name": "a", "width": 9}]}
    given = {"network": own | {"outputs": 5}, "lambda": {"1": 0, "output": 0}}
    assert preset("split-digits", given).architecture.outputs == 2
    with pytest.raises(SpecError, match="task_outputs follow from the classes of the stream; leave them out"):
        preset("split-digits", given | {"network": own | {"outputs": 5, "task_outputs": [2, 5]}})
    assert preset("split-cifar-wide").architecture.outputs == 10


def test_the_paper_presets_of_split_cifar_have_the_paper_settings():
    narrow, tuned, wide = (preset(f"split-cifar-{name}") for name in ("narrow", "narrow-ft", "wide"))
    assert (narrow.stream.tasks, narrow.head, narrow.margin, narrow.epochs) == (6, "multi", 0.02, (60,))
    assert narrow.grid == [((5e-5,) * 6, 1e-3, {})]
    assert (tuned.margin, tuned.fine_tuning.epochs, tuned.fine_tuning.learning_rate) == (0.04, 20, 1e-4)
    assert (wide.stream.tasks, wide.head, wide.network) == (11, "single", "table3-cnn")


def test_epochs_may_differ_by_task():
    spec = preset("digits", {"epochs": [6, 24]})
    assert [spec.epochs_of(task) for task in (1, 2, 9)] == [6, 24, 24]


def test_layers_grow_when_they_are_too_full_or_where_a_fork_says():
    spec = preset("digits", {"grow": {"2": 30}, "grow_below": 0.25})
    assert spec.growth(3, [0.1, 0.3]) == (0, 0)
    assert spec.growth(3, [0.1, 0.2]) == (0, 30)
    by_hand = fork(preset("digits"), 4, {"grow.1": 7})
    assert [by_hand.growth(task, [0.1, 0.1]) for task in (3, 4, 5)] == [(0, 0), (7, 0), (0, 0)]
    with pytest.raises(SpecError, match="grow: nothing is learned before task 1"):
        fork(preset("digits"), 1, {"grow.1": 7})
    with pytest.raises(SpecError, match="fork_of: joint learns all tasks at once"):
        fork(preset("digits", {"method": "joint"}), 3, {})


def test_what_is_about_pruning_has_no_effect_on_other_methods():
    tuned = preset("digits", {"fine_tuning": {"epochs": 2, "learning_rate": 1e-3}, "grow.1": 5, "grow_below": 0.5})
    other = preset("digits", tuned.to_json() | {"method": "single"})
    assert (tuned.tuning_rounds, tuned.growth(2, [0.1, 0.1])) == (1, (5, 0))
    assert (other.tuning_rounds, other.growth(2, [0.1, 0.1])) == (0, (0, 0))
