"""How important weights are: what a run kept of it, how concentrated it is, and the map of it."""

import numpy as np
import pytest

from clnp_core.analysis import figures
from clnp_core.analysis.importance import Importance, concentration


def test_links_sum_up_a_kernel():
    kernels = np.arange(24.0).reshape(2, 3, 2, 2)
    shown = Importance(1, ("input", "conv 1"), lambda layer: kernels)
    np.testing.assert_array_equal(shown.links(1), kernels.sum((2, 3)))


@pytest.mark.parametrize(
    ("values", "share"), [([[1.0, 1.0], [1.0, 1.0]], 1.0), ([[0.0, 100.0], [1.0, 1.0]], 0.25), ([[9.0, 1.0]], 0.5)]
)
def test_it_is_as_concentrated_as_nine_tenths_of_it(values, share):
    assert concentration(np.array(values)) == share


def test_nothing_is_not_concentrated():
    assert np.isnan(concentration(np.zeros((2, 2))))


@pytest.mark.parametrize("shape", [(3, 2), (300, 784)])
def test_the_map_has_all_of_the_importance_the_most_of_it_first(shape):
    values = np.random.default_rng(0).exponential(size=shape)
    (trace,) = figures.weight_importance(values, ("input", "layer 1"), 1).data
    tops, lefts = np.diff(trace.y), np.diff(trace.x)
    assert np.asarray(trace.customdata).shape == np.asarray(trace.z).shape == (len(tops), len(lefts))
    rows = np.asarray(trace.customdata) @ lefts  # mean importance of the neurons of a row of cells
    assert (np.diff(rows) <= 1e-9).all()
    np.testing.assert_allclose(tops @ rows, values.sum())


def test_a_map_of_nothing_is_drawn():
    assert figures.weight_importance(np.zeros((2, 2)), ("input", "layer 1"), 1, "dark").data
