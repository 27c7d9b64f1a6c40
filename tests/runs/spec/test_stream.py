"""Specifications of streams: four kinds, each with one clear sentence for what is impossible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from clnp_core.runs.spec import stream
from clnp_core.runs.spec.stream import OwnSpec, PermutedSpec, RotatedSpec, SplitSpec, StreamSpec
from clnp_core.tasks.datasets import DATASETS, classes, image_shape

SPECS = TypeAdapter(StreamSpec)
PERMUTED = {"kind": "permuted", "dataset": "mnist", "tasks": 10, "validation": 5000}
SPLIT = {"kind": "split", "datasets": ["cifar10", "cifar100"], "classes_per_task": 10, "tasks": 11, "validation": 0.1}
ROTATED = {"kind": "rotated", "dataset": "mnist", "tasks": 10, "validation": 5000, "degrees": 15.0}
OWN = {"kind": "own", "name": "my-birds", "image_shape": [3, 20, 30], "classes": 7, "tasks": 4, "validation": 0.1}


@pytest.mark.parametrize(
    ("data", "kind", "shape", "heads", "name"),
    [
        (PERMUTED, PermutedSpec, (1, 28, 28), 10, "mnist"),
        (ROTATED, RotatedSpec, (1, 28, 28), 10, "mnist"),
        (SPLIT, SplitSpec, (3, 32, 32), 10, "cifar10 + cifar100"),
        (OWN, OwnSpec, (3, 20, 30), 7, "my-birds"),
    ],
)
def test_each_kind_says_what_a_network_must_fit(data, kind, shape, heads, name):
    spec = SPECS.validate_python(data)
    assert type(spec) is kind
    assert (spec.image_shape, spec.classes, spec.data) == (shape, heads, name)
    assert SPECS.validate_python(spec.model_dump(mode="json")) == spec
    assert SPECS.validate_json(spec.model_dump_json()) == spec
    assert SPECS.validate_python(spec) == spec


def test_a_specification_without_a_kind_is_permuted():
    old = {name: value for name, value in PERMUTED.items() if name != "kind"}
    assert SPECS.validate_python(old) == SPECS.validate_python(PERMUTED)


def test_a_permuted_stream_is_written_as_before():
    written = PERMUTED | {"identity_first": False}
    assert SPECS.validate_python(PERMUTED).model_dump(mode="json") == written
    assert SPECS.validate_python(PERMUTED | {"share": 1}).model_dump(mode="json") == written
    assert SPECS.validate_python(PERMUTED | {"share": 0}).model_dump(mode="json") == written | {"share": 0.0}


def test_what_is_not_given_of_what_is_drawn_is_not_written():
    assert "seed" not in SPECS.validate_python(OWN).model_dump(mode="json")
    given = SPLIT | {"seed": 3, "class_order": list(range(110))}
    assert SPECS.validate_python(given).model_dump(mode="json") == given


def test_one_data_set_need_not_be_in_a_list():
    assert SPECS.validate_python(SPLIT | {"datasets": "mnist", "tasks": 1}).datasets == ("mnist",)


@given(st.lists(st.sampled_from(DATASETS), min_size=1, max_size=10), st.integers(2, 100), st.integers(1, 100))
def test_a_split_is_possible_if_the_data_sets_give_its_tasks(names, per_task, tasks):
    possible = (
        len({image_shape(name) for name in names}) == 1
        and all(classes(name) >= per_task for name in names)
        and tasks <= sum(classes(name) // per_task for name in names)
    )
    try:
        SplitSpec(datasets=names, classes_per_task=per_task, tasks=tasks, validation=0.1)
    except ValidationError:
        assert not possible
    else:
        assert possible


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            SPLIT | {"tasks": 12},
            r"stream\.tasks: 12 is more than the 11 tasks that cifar10 \+ cifar100 gives .* at most 11",
        ),
        (
            SPLIT | {"classes_per_task": 20},
            "stream.classes_per_task: 20 is more than the 10 classes of cifar10; give at",
        ),
        (SPLIT | {"datasets": ["mnist", "cifar10"]}, r"mnist has images of \[1, 28, 28\], cifar10 of \[3, 32, 32\]"),
        (SPLIT | {"datasets": ["mnist", "cats"]}, "Input should be 'cifar10', 'cifar100', 'digits'"),
        (SPLIT | {"datasets": []}, "at least 1 item"),
        (SPLIT | {"datasets": ["mnist"] * 11}, "at most 10 items"),
        (SPLIT | {"classes_per_task": 1}, "greater than or equal to 2"),
        (SPLIT | {"class_order": "by size"}, "'by size' is no order of classes; give a list of the classes, such as"),
        (SPLIT | {"class_order": 3}, "3 is no order of classes"),
        (SPLIT | {"class_order": list(range(99))}, "99 classes are too few for 11 tasks of 10; give 110"),
        (SPLIT | {"class_order": [*range(1, 111)]}, "110 is no class of cifar10 . cifar100; the classes are 0 to 109"),
        (SPLIT | {"class_order": [*range(109), 3]}, "the class 3 is there twice"),
        (SPLIT | {"class_order": [*range(5, 110), *range(5)]}, "task 1 has classes of several data sets, 5, 6"),
        (SPLIT | {"seed": -1}, "greater than or equal to 0"),
        (PERMUTED | {"class_order": "random"}, "Extra inputs are not permitted"),
        (SPLIT | {"validation": 0}, "greater than 0"),
        (SPLIT | {"validation": 1}, "less than 1"),
        (SPLIT | {"validation": float("nan")}, "finite number"),
        (SPLIT | {"dataset": "mnist"}, "Extra inputs are not permitted"),
        (PERMUTED | {"validation": 0.1}, "valid integer"),
        (PERMUTED | {"tasks": 1001}, "less than or equal to 1000"),
        (PERMUTED | {"share": 1.01}, "less than or equal to 1"),
        (PERMUTED | {"share": -0.01}, "greater than or equal to 0"),
        (PERMUTED | {"share": float("nan")}, "finite number"),
        (PERMUTED | {"degrees": 15}, "Extra inputs are not permitted"),
        (ROTATED | {"degrees": 361}, "less than or equal to 360"),
        (ROTATED | {"degrees": -1}, "greater than or equal to 0"),
        (ROTATED | {"share": 0.5}, "Extra inputs are not permitted"),
        (OWN | {"name": "../birds"}, "should match pattern"),
        (OWN | {"name": "birds\n"}, "should match pattern"),
        (OWN | {"name": "b" * 61}, "should match pattern"),
        (OWN | {"image_shape": [3, 20]}, "Field required"),
        (OWN | {"image_shape": [3, 20, 0]}, "greater than or equal to 1"),
        (OWN | {"classes": 1}, "greater than or equal to 2"),
        (OWN | {"labels": [[*"abcdefg"]] * 3}, r"stream\.labels: they are of 3 tasks; give those of 4"),
        (OWN | {"labels": [[*"abc"]] * 4}, r"stream\.classes: 7, where stream\.labels are 3; give 3"),
        (OWN | {"labels": [["g\n"]]}, "it must be a name of 1 to 200 characters that can be shown"),
        (OWN | {"labels": [[2**60]]}, "it must be a whole number of at most"),
        (OWN | {"labels": [[True, 0]]}, "valid integer"),
        (OWN | {"kind": "owned"}, r"stream\.kind: 'owned' is not possible; give permuted, rotated, split, own"),
        (OWN | {"kind": ["own"]}, r"stream\.kind: \['own'\] is not possible"),
        ("mnist", "valid dictionary"),
    ],
)
def test_what_is_impossible_is_refused(data, said):
    with pytest.raises(ValidationError, match=said) as refusal:
        SPECS.validate_python(data)
    assert refusal.value.error_count() <= 2


def test_a_table_is_not_rotated(monkeypatch):
    monkeypatch.setattr(stream, "image_shape", lambda name: (1, 1, 13))
    assert SPECS.validate_python(PERMUTED).image_shape == (1, 1, 13)
    with pytest.raises(
        ValidationError, match=r"mnist has samples of \[1, 1, 13\], .* only square images can be rotated"
    ):
        SPECS.validate_python(ROTATED)


def test_a_task_has_the_classes_of_its_data_set():
    split = SPECS.validate_python(SPLIT | {"tasks": 3, "classes_per_task": 10})
    assert [split.labels_of(task, seed=0) for task in (1, 2, 3)] == [(*range(10),), (*range(10),), (*range(10, 20),)]
    assert SPECS.validate_python(PERMUTED).labels_of(2, seed=0) == (*range(10),)
    own = SPECS.validate_python(OWN | {"labels": [[*"abcdefg"], [853, 854], [*"abcdefg"], [1]]})
    assert (own.labels_of(2, seed=0), own.class_counts) == ((853, 854), (7, 2, 7, 1))


def test_specifications_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        SPECS.validate_python(OWN).tasks = 3
