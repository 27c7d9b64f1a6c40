"""A network taken apart: every weight has one kind, neurons have their families, and look at what they look at."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional as F

from clnp_core.analysis.anatomy import INPUT, SHARED, Anatomy, Kind, by_owner, kinds, unlearned
from clnp_core.networks import partition
from clnp_core.networks.architectures import ARCHITECTURES, Architecture, Conv, Dense
from clnp_core.networks.partition import WeightClass

TASKS = 3
layer_owners = st.integers(1, 9).flatmap(lambda width: arrays(np.int16, width, elements=st.integers(0, TASKS)))
two_layers = st.tuples(layer_owners, layer_owners)
heads = st.sampled_from(["single", "multi"])


def anatomy_of(owners: tuple[np.ndarray, ...], head: str = "single", **changes) -> Anatomy:
    """A network of those owners, of random weights that are 0 where the partition has them so."""
    hidden = tuple(Dense(f"layer {number}", len(owner)) for number, owner in enumerate(owners, start=1))
    architecture = Architecture("small", (1, 2, 3), hidden, 2)
    generator = np.random.default_rng(0)
    weights = [generator.standard_normal(shape).astype(np.float32) for shape in architecture.weight_shapes]
    for place, (weight, owner) in enumerate(zip(weights, owners, strict=False)):
        classes = partition.weight_classes(owner, owners[place - 1] if place else 6)
        weight[(classes == WeightClass.INTERFERENCE) | (classes == WeightClass.SEVERED)] = 0
    start = unlearned(architecture, head)
    outputs = [weights[-1]] * (TASKS if head == "multi" else 1)
    activity = tuple(np.where(owner > 0, 1.0, np.nan)[None].repeat(TASKS, 0) for owner in owners)
    given = {"task": TASKS, "owners": owners, "activity": activity, "read": weights.__getitem__}
    return replace(start, **given | {"read_heads": lambda: outputs} | changes)


@given(layer_owners, layer_owners | st.integers(1, 9))
def test_kinds_are_the_classes_of_the_partition_and_two_of_them_say_more(target, source):
    sources = np.full(source, INPUT, np.int16) if isinstance(source, int) else source
    kind, classes = kinds(target, sources), partition.weight_classes(target, source)
    assert [[Kind(each).weight_class for each in row] for row in kind] == classes.tolist()
    ends = [(t, s) for t in target.tolist() for s in sources.tolist()]
    reused = [0 < s < t for t, s in ends]
    assert (kind == Kind.REUSE).ravel().tolist() == reused
    assert (kind == Kind.TRANSFER).ravel().tolist() == [t == 0 and s > 0 for t, s in ends]


@given(two_layers, heads)
def test_counts_of_the_kinds_cover_every_layer_and_are_those_of_the_partition(owners, head):
    anatomy = anatomy_of(owners, head)
    *hidden, head_shape = anatomy.architecture.weight_shapes
    sources = (6, owners[0])
    for layer, (owner, source, shape) in enumerate(zip(owners, sources, hidden, strict=True), start=1):
        counts = anatomy.counts(layer)
        assert sum(counts.values()) == np.prod(shape)
        by_class = {each: sum(n for kind, n in counts.items() if kind.weight_class is each) for each in WeightClass}
        assert by_class == partition.class_counts(owner, source)
    counts = anatomy.counts(3)
    classes = (
        [partition.single_head_classes(owners[-1], 2)]
        if head == "single"
        else [partition.multi_head_classes(owners[-1], task, 2) for task in range(1, TASKS + 1)]
    )
    assert sum(counts.values()) == np.prod(head_shape) * len(classes)
    for each in WeightClass:
        n = sum(int((one == each).sum()) for one in classes)
        assert n == sum(n for kind, n in counts.items() if kind.weight_class is each)
    assert anatomy.bundles["weights"].sum() == sum(sum(anatomy.counts(layer).values()) for layer in (1, 2, 3))


def test_a_channels_weights_are_counted_one_by_one_and_are_one_link():
    anatomy = unlearned(ARCHITECTURES["digits-cnn"], "multi")
    assert anatomy.counts(2)[Kind.FREE] == 48 * 24 * 9
    assert anatomy.counts(3)[Kind.FREE] == 128 * 48 * 16
    weight = np.random.default_rng(0).standard_normal((48, 24, 3, 3))
    links = replace(anatomy, read=lambda place: weight).links(2)
    assert links.shape == (48, 24)
    assert links[3, 5] == pytest.approx(np.linalg.norm(weight[3, 5]))


@given(two_layers)
def test_neurons_are_sorted_by_owner_the_free_ones_last(owners):
    (owner, _) = owners
    placed = owner[by_owner(owner)].tolist()
    claimed = [each for each in placed if each]
    assert placed == sorted(claimed) + [0] * (len(placed) - len(claimed))


@given(two_layers, st.data())
def test_ancestors_are_no_younger_and_descendants_no_older(owners, data):
    anatomy = anatomy_of(owners)
    second = data.draw(st.integers(0, len(owners[1]) - 1))
    related = anatomy.related(2, second)
    reads = anatomy.read(1)[second] != 0
    assert related.ancestors[1].tolist() == reads.tolist()
    assert related.ancestors[0].all() == reads.any()
    if owners[1][second]:
        assert all(0 < owner <= owners[1][second] for owner in owners[0][reads].tolist())
    for first in np.flatnonzero(reads).tolist():
        assert anatomy.related(1, first).descendants[2][second]
    assert related.counts == (reads.sum(), 0)


def test_the_strongest_inputs_come_first_and_are_named_by_their_pixels():
    permutations = np.array([[5, 4, 3, 2, 1, 0]] * TASKS)
    anatomy = anatomy_of((np.array([1, 2], np.int16), np.array([1], np.int16)), permutations=permutations)
    row = anatomy.read(0)[1]
    inputs = anatomy.strongest_inputs(1, 1, count=3)
    assert inputs["weight"].abs().is_monotonic_decreasing
    at = int(np.abs(row).argmax())
    assert (inputs["place"][0], inputs["source"][0]) == (at, f"pixel {(5 - at) // 3},{(5 - at) % 3}")
    assert anatomy.strongest_inputs(2, 0)["owner"].tolist() == [1]


def test_a_tasks_permutation_is_undone():
    permutations = np.stack([np.random.default_rng(task).permutation(6) for task in range(TASKS)])
    anatomy = anatomy_of((np.array([2, 0], np.int16), np.array([1], np.int16)), permutations=permutations)
    image = anatomy.looks_at(1, 0)
    assert image.shape == (1, 2, 3)
    assert image.ravel()[permutations[1]].tolist() == anatomy.read(0)[0].tolist()
    assert anatomy.looks_at(1, 1).ravel()[permutations[2]].tolist() == anatomy.read(0)[1].tolist()


def test_further_up_magnitudes_are_led_down():
    anatomy = anatomy_of((np.array([1, 1, 0], np.int16), np.array([1, 0], np.int16)))
    first, second = (np.abs(anatomy.read(place)) for place in (0, 1))
    assert anatomy.looks_at(2, 0).ravel() == pytest.approx(second[0] @ first, rel=1e-5)


@pytest.mark.parametrize("name", ["digits-cnn", "table2-cnn", "zenke-cnn"])
def test_through_convolutions_it_is_the_gradient_of_the_magnitudes(name):
    architecture = ARCHITECTURES[name]
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(shape, generator=generator) for shape in architecture.weight_shapes]
    anatomy = replace(unlearned(architecture, "multi"), task=1, read=lambda place: weights[place].numpy())
    x = torch.ones(1, *architecture.input_shape, requires_grad=True)
    layer, out = len(architecture.hidden), x
    for form, weight in zip(architecture.hidden, weights, strict=False):
        if form.kind == "dense":
            out = (out.flatten() * weight[3].abs().flatten()).sum()
            break
        out = F.conv2d(out, weight.abs(), stride=form.stride, padding=form.padding)
        if pool := form.pool:
            out = F.avg_pool2d(out, pool.kernel, pool.stride, pool.padding) * pool.kernel**2
    out.backward()
    seen = torch.from_numpy(anatomy.looks_at(layer, 3))
    assert torch.allclose(seen.float(), x.grad[0], rtol=1e-4)


def test_below_a_dense_layer_it_is_the_patch_that_one_pixel_reads():
    hidden = (Conv("conv 1", 2, kernel=3, padding=1), Conv("conv 2", 3, kernel=3, stride=2))
    architecture = Architecture("two", (3, 9, 9), hidden, 2)
    weights = [np.random.default_rng(0).standard_normal(shape) for shape in architecture.weight_shapes]
    anatomy = replace(unlearned(architecture, "multi"), task=1, read=weights.__getitem__)
    assert (anatomy.looks_at(1, 0) == weights[0][0]).all()
    seen = anatomy.looks_at(2, 1)
    assert seen.shape == (3, 5, 5)
    assert seen[1, 0, 0] == pytest.approx(np.abs(weights[1][1, :, 0, 0]) @ np.abs(weights[0][:, 1, 0, 0]))
    assert seen.sum() == pytest.approx(np.einsum("aij,abkl->", np.abs(weights[1][1]), np.abs(weights[0])))


def test_neurons_say_what_is_known_of_them():
    anatomy = anatomy_of((np.array([1, 0], np.int16), np.array([3], np.int16)))
    told = anatomy.neurons.set_index(["layer", "neuron"])
    assert told.loc[(0, 0), "size"] == 6
    assert told.loc[(1, 0), "activity"] == "1 (task 1), 1 (task 2), 1 (task 3)"
    assert told.loc[(1, 0), "inputs"].startswith("pixel ")
    assert [len(line) for line in told.loc[(1, 0), "sketch"].split("<br>")] == [6, 6]
    assert told.loc[(1, 1), ["activity", "inputs", "sketch"]].tolist() == [""] * 3
    assert told.loc[[(3, 0), (3, 1)], "owner"].tolist() == [SHARED] * 2
