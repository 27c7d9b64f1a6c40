"""The forecast, on examples worked out by hand."""

import pytest

from clnp_core.analysis.capacity import forecast, in_words, plan
from clnp_core.errors import SpecError


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


def layers(*claimed: list[int], width: int = 100) -> list[dict]:
    """Hidden layers of a run with that width, by what each task claimed of them."""
    return [
        {
            "name": f"layer {number}",
            "width": width,
            "claimed": each,
            "free": width - sum(each),
            "free_after": [width - sum(each[: task + 1]) for task in range(len(each))],
        }
        for number, each in enumerate(claimed, start=1)
    ]


def test_a_plan_extrapolates_what_the_last_tasks_claimed_with_the_spread_between_them():
    (need,) = plan([layers([50, 30, 9, 12, 6])], 10).layers
    assert (need.per_task, need.deviation) == (pytest.approx(9), pytest.approx(3))
    assert need.needed(3) == (89, 0)  # measured
    assert need.needed(6)[0] == pytest.approx(116)
    # One task more: its own variance, and a third of it for a mean of three tasks. Five more: 5 and 25 thirds.
    assert need.needed(6)[1] == pytest.approx((9 + 9 / 3) ** 0.5)
    assert need.needed(10) == (pytest.approx(152), pytest.approx((5 * 9 + 25 * 9 / 3) ** 0.5))
    assert plan([layers([50, 30, 9, 12, 6])], 10).widths == (174,)  # 152 and twice 10.95
    assert plan([layers([50, 10, 10, 10])], 10).widths == (140,)  # all alike


def test_runs_with_other_seeds_are_averaged_and_widen_the_spread():
    alike = [layers([50, 10, 10, 10]), layers([50, 10, 10, 10])]
    apart = [layers([60, 12, 12, 12]), layers([40, 8, 8, 8])]
    assert plan(alike, 6).layers[0].needed(6) == (100, 0)
    assert plan(apart, 6).layers[0].needed(6) == (100, pytest.approx((2 * 20**2 * 1.5) ** 0.5))


@pytest.mark.parametrize("claimed", [[40, 10, 9, 12, 7], [10, 11, 13], [70, 9, 0, 3]])
def test_a_plan_agrees_with_the_forecast_of_the_same_run(claimed):
    (left,) = forecast(layers(claimed))
    assert plan([layers(claimed)], 5).fits_now == len(claimed) + int(left)


def test_the_same_weights_are_shared_so_that_all_layers_are_full_together():
    unequal = plan([layers([10, 5, 5, 5], [25, 20, 20, 20])], 5)
    assert unequal.fits_now == 4
    assert unequal.balanced(sum) == (7, (40, 145))  # of 200 neurons; an eighth task would need 210
    equal = plan([layers([25, 25, 25], [25, 25, 25])], 5)
    assert equal.balanced(sum) == (4, (100, 100))


@pytest.mark.parametrize(
    ("claimed", "tasks", "said"),
    [
        ([50, 10], 5, "no plan from 2 tasks: it takes 3"),
        ([60, 40, 0, 0], 5, "layer 1 was full after task 2"),
        ([50, 10, 10], 0, "tasks = 0 is not possible"),
        ([50, 10, 10], 1001, "a whole number from 1 to 1000"),
        ([50, 10, 10], 2.5, "tasks = 2.5 is not possible"),
    ],
)
def test_there_is_no_plan_from_few_tasks_or_from_those_that_found_no_room(claimed, tasks, said):
    with pytest.raises(SpecError, match=said):
        plan([layers(claimed)], tasks)


def test_the_task_that_filled_a_layer_and_later_ones_are_left_out():
    (need,) = plan([layers([50, 20, 20, 10, 0])], 5).layers
    assert need.claimed == ((50, 20, 20),)
    assert need.needed(5) == (130, 0)
