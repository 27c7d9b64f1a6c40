"""The partition covers every weight exactly once, whatever the owners are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clnp_core.networks import partition
from clnp_core.networks.partition import WeightClass

owners = st.integers(1, 12).flatmap(lambda width: arrays(np.int16, width, elements=st.integers(0, 4)))
sources = owners | st.integers(1, 12)


def class_of(target: int, source: int | None) -> WeightClass:
    """The definition, in words, for one weight; the source is None for an input of the network."""
    if target == 0:
        return WeightClass.FREE
    if source is None:
        return WeightClass.ACTIVE
    if source == 0:
        return WeightClass.INTERFERENCE
    return WeightClass.SEVERED if source > target else WeightClass.ACTIVE


@given(owners, sources)
def test_every_weight_has_the_class_its_two_ends_give_it(target, source):
    classes = partition.weight_classes(target, source)
    ends = [None] * source if isinstance(source, int) else source.tolist()
    assert classes.tolist() == [[class_of(t, s) for s in ends] for t in target.tolist()]


@given(owners, sources)
def test_counts_agree_with_the_matrix_and_cover_it(target, source):
    classes = partition.weight_classes(target, source)
    counts = partition.class_counts(target, source)
    assert counts == {kind: int((classes == kind).sum()) for kind in WeightClass}
    assert sum(counts.values()) == classes.size


@given(owners, st.integers(1, 4), st.integers(1, 5))
def test_heads_are_partitioned_too(last, task, outputs):
    single = partition.single_head_classes(last, outputs)
    assert single.tolist() == [[WeightClass.ACTIVE if o else WeightClass.FREE for o in last.tolist()]] * outputs
    multi = partition.multi_head_classes(last, task, outputs)
    assert multi.tolist() == [[class_of(task, o) for o in last.tolist()]] * outputs


@given(owners)
def test_neurons_are_active_or_inactive_and_belong_to_one_task(owner):
    both = np.concatenate((partition.active(owner), partition.inactive(owner)))
    assert sorted(both.tolist()) == list(range(len(owner)))
    assert sum(partition.claimed_per_task(owner, 4)) + partition.free_count(owner) == len(owner)
    masks = np.stack([partition.single_head_mask(owner, task) for task in range(1, 5)])
    assert masks.sum(0).tolist() == (owner > 0).astype(int).tolist()
    assert set(partition.of_task(owner, 2)) == set(np.flatnonzero((owner == 1) | (owner == 2)))
