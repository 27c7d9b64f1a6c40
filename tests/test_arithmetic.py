"""The rules by which a number's last bit depends on what is computed and on nothing else."""

import math
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clnp_core.arithmetic import ALIGNMENT, aligned, computing, is_lone, is_rounding, kind, linear, machine, owned

OTHERWISE = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
"""Makes torch, and the libraries behind it, compute as on a processor with fewer instructions."""


@given(st.integers(0, 10**6))
def test_an_aligned_count_fills_whole_lines(count):
    assert aligned(count) * 4 % ALIGNMENT == 0
    assert count <= aligned(count) < count + ALIGNMENT // 4


@given(st.integers(1, 33), st.integers(0, 20))
def test_a_tensor_in_memory_of_its_own_begins_at_a_line(size, start):
    inside = torch.arange(100.0)[start : start + size]
    assert owned(inside).data_ptr() % ALIGNMENT == 0
    assert torch.equal(owned(inside), inside)


@given(st.integers(1, 300), st.integers(1, 5), st.integers(2, 40), st.integers(0, 2**20))
def test_what_a_single_neuron_computes_does_not_depend_on_which_samples_are_together(inputs, neurons, samples, seed):
    drawn = torch.Generator().manual_seed(seed)
    x, weight = torch.rand(samples, inputs, generator=drawn), torch.rand(neurons, inputs, generator=drawn)
    bias = torch.rand(neurons, generator=drawn)
    with computing(1):
        one, both = linear(x, weight[:1], bias[:1]), linear(x, weight[:1].expand(2, -1), bias[:1].expand(2))
    assert one.shape == (samples, 1)
    assert torch.equal(one, both[:, :1])


@pytest.mark.parametrize(("replicas", "batches", "lone"), [(1, (8, 1), True), (2, (8, 1), False), (1, (8, 0), False)])
def test_one_sample_of_one_replica_is_lone(replicas, batches, lone):
    assert is_lone(replicas, *batches) is lone


def test_the_kind_is_another_one_with_other_instructions():
    """That it is the same in another process, tests see that verify here what workers have learned."""
    code = "from clnp_core.arithmetic import kind; print(kind().sample, end='')"
    told = subprocess.check_output([sys.executable, "-c", code], env=os.environ | OTHERWISE, text=True)
    assert told != kind().sample


def test_what_a_result_was_computed_on_says_how_many_threads():
    with computing(1):
        assert machine().threads == 1


@pytest.mark.parametrize(("furthest", "largest"), [(1e-6, 0.5), (7e-8, 6e-3), (9e-5, 10.0), (0.0, 0.0)])
def test_rounding_is_beside_the_largest_logit_or_beside_what_cancelled(furthest, largest):
    """The second pair: two products of about 1 whose difference is 0.006, in another order."""
    assert is_rounding(furthest, largest)


@pytest.mark.parametrize(("furthest", "largest"), [(1e-4, 0.5), (2e-4, 10.0), (math.nan, 1.0), (1.0, math.nan)])
def test_more_than_rounding_is_told(furthest, largest):
    assert not is_rounding(furthest, largest)
