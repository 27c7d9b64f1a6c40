"""The forecast, on examples worked out by hand."""

import pytest

from clnp_core.analysis.capacity import forecast


@pytest.mark.parametrize(
    ("claimed", "free", "tasks"),
    [
        ([50], 100, 2),  # nothing but the first task to go by
        ([50, 20], 100, 5),
        ([50, 20, 30], 100, 4),
        ([50, 20, 10, 20, 30], 100, 5),  # the last three alone: 20 on average
        ([50, 20, 20], 50, 2.5),
        ([50, 20, 0, 10], 10, 1),
        ([50, 40], 0, 0),
        ([90, 10, 0, 0, 0], 0, 0),  # full, and for that reason growing no more
        ([50, 20, 0, 0, 0], 30, None),
        ([50, 0], 50, None),
        ([0], 100, None),
        ([], 100, None),
    ],
)
def test_free_neurons_last_for_as_many_tasks_as_claim_them(claimed, free, tasks):
    layer = {"name": "layer 1", "width": sum(claimed) + free, "claimed": claimed, "reused": [], "free": free}
    assert forecast([layer]) == [None if tasks is None else pytest.approx(tasks)]


def test_every_layer_has_its_own_forecast():
    layers = [
        {"name": "layer 1", "width": 200, "claimed": [50, 25], "free": 125},
        {"name": "layer 2", "width": 60, "claimed": [40, 20], "free": 0},
    ]
    assert forecast(layers) == [5, 0]
    assert forecast([]) == []
