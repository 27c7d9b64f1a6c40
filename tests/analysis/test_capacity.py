"""The forecast, on examples worked out by hand."""

import pytest

from clnp_core.analysis.capacity import forecast, in_words


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


@pytest.mark.parametrize(
    ("left", "tasks", "said"),
    [
        (
            {"layer 1": 14.3, "layer 2": 3.4},
            6,
            "Layer 2 would be full after about 3 more tasks, layer 1 after about 14 more tasks, if tasks go on "
            "claiming as many neurons as the last ones did.",
        ),
        ({"layer 1": 1.2}, 4, "Layer 1 would be full after about 1 more task, if"),
        ({"layer 1": 0.7}, 4, "Layer 1 would be full with the next task, if"),
        ({"layer 1": 2.0}, 1, "After one task the forecast is too low: later tasks reuse its neurons."),
        ({"conv 1": 0.0}, 4, "Conv 1 is full."),
        ({"conv 1": 0.0, "conv 2": 0.0, "dense 1": 3.0}, 4, "Conv 1 and conv 2 are full. Dense 1 would be full after"),
        ({"layer 1": None, "layer 2": None}, 4, "The last tasks claimed nothing of layer 1 and layer 2: there is no"),
    ],
)
def test_the_forecast_in_words_names_the_layer_that_is_full_first(left, tasks, said):
    layers = [{"name": name, "claimed": [1] * tasks, "tasks_left": each} for name, each in left.items()]
    assert said in in_words(layers)
