"""The figures of the pages Capacity and Accuracy: what is drawn, and that every part says what it is."""

import numpy as np
import pandas as pd
import pytest

from clnp_core.analysis import capacity, figures
from clnp_core.analysis.export import tidy

LAYERS = [
    {"name": "layer 1", "claimed": [50, 25], "free_after": [150, 125], "tasks_left": 5.0},
    # It grew by 50 before its second task.
    {"name": "layer 2", "claimed": [50, 60], "free_after": [0, 0], "tasks_left": 0.0},
]
LONGER = [
    {"name": "layer 1", "width": 100, "claimed": [50, 10, 6, 8], "free_after": [50, 40, 34, 26]},
    {"name": "layer 2", "width": 100, "claimed": [20, 20, 20, 20], "free_after": [80, 60, 40, 20]},
]
EMPTY = [layer | {"claimed": [], "free_after": [], "tasks_left": None} for layer in LAYERS]
REUSE = pd.DataFrame(
    [
        (1, "layer 1", 1, 50, 50),
        (1, "layer 2", 1, 20, 20),
        (2, "layer 1", 1, 50, 40),
        (2, "layer 1", 2, 10, 10),
        (2, "layer 2", 2, 30, 30),
        (3, "layer 1", 1, 50, 10),
        (3, "layer 1", 2, 10, 5),
        (3, "layer 1", 3, 0, 0),
        (3, "layer 2", 3, 5, 5),
    ],
    columns=["task", "layer", "owner", "neurons", "used"],
)
MATRIX = [[0.9], [0.7, 0.95], [0.8, 0.85, 0.6]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda theme: figures.used_capacity(LAYERS, 4, theme),
        lambda theme: figures.used_capacity(EMPTY, theme=theme),
        lambda theme: figures.neurons_in_use(REUSE, theme),
        lambda theme: figures.neurons_in_use(REUSE[:2], theme),
        lambda theme: figures.reuse_matrix(REUSE, "layer 1", theme),
        lambda theme: figures.reuse_matrix(REUSE[:2], "layer 2", theme),
        lambda theme: figures.reuse_by_layer(REUSE, theme),
        lambda theme: figures.reuse_by_layer(REUSE[:2], theme),
        lambda theme: figures.accuracy_over_tasks(MATRIX, [0.9, None, 0.8], 4, theme),
        lambda theme: figures.accuracy_over_tasks([], theme=theme),
        lambda theme: figures.mean_accuracy(MATRIX, [0.9, None, 0.8], theme=theme),
        lambda theme: figures.mean_accuracy([], theme=theme),
    ],
)
def test_every_figure_has_title_axis_labels_hover_text_and_data_to_save(draw, theme):
    figure = draw(theme)
    layout = figure.to_dict()["layout"]
    assert layout["title"]["text"]
    assert layout["font"]["color"] == figures.INK[theme]
    assert all(trace.hovertemplate for trace in figure.data if trace.hoverinfo != "skip")
    assert all(axis["title"]["text"] for name, axis in layout.items() if name.startswith(("xaxis", "yaxis")))
    figure.to_json()
    assert set(tidy(figure)) >= {"series", "x", "y"}


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_used_capacity_is_of_the_layer_as_wide_as_it_was_then():
    figure = figures.used_capacity(LAYERS)
    assert list(named(figure, "Layer 1").y) == pytest.approx([0, 25, 37.5])
    assert list(named(figure, "Layer 2").y) == pytest.approx([0, 100, 100])
    grown = figures.used_capacity([LAYERS[1] | {"free_after": [0, 110]}])
    assert list(grown.data[0].y) == pytest.approx([0, 100, 50])


def test_the_forecast_goes_on_to_full_and_no_farther_than_can_be_looked_at():
    figure = figures.used_capacity(LAYERS)
    forecast = named(figure, "Layer 1, forecast")
    assert (list(forecast.x), list(forecast.y), forecast.line.dash) == ([2, 7], [37.5, 100], "dash")
    assert "Layer 2, forecast" not in [trace.name for trace in figure.data]
    assert figure.layout.xaxis.range[1] == pytest.approx(7.21)
    lasting = figures.used_capacity([LAYERS[0] | {"tasks_left": 900.0}])
    assert lasting.layout.xaxis.range[1] < 8
    assert figures.used_capacity(EMPTY, 10).layout.xaxis.range[1] == pytest.approx(10.3)


def test_a_plan_is_drawn_as_measured_then_extrapolated_with_the_width_that_is_enough():
    plan = capacity.plan([LONGER], 6)
    figure = figures.planned_capacity(plan)
    assert list(named(figure, "Layer 1").y) == [0, 50, 60, 66, 74]
    assert list(named(figure, "Layer 1, extrapolated").y) == pytest.approx([74, 82, 90])
    assert list(named(figure, "Layer 1, present width").y) == [100, 100]
    assert [named(figure, f"Layer {n}, enough").y for n in (1, 2)] == [(width,) for width in plan.widths]
    short = figures.planned_capacity(capacity.plan([LONGER], 2))
    assert list(named(short, "Layer 2").y) == [0, 20, 40]
    table = tidy(figure).set_index(["series", "x"])
    assert table.loc[("Layer 1, extrapolated", 6), "error"] == pytest.approx(plan.layers[0].needed(6)[1])


def test_layers_differ_by_mark_as_well_as_by_shade():
    lines = [trace for trace in figures.used_capacity(LAYERS).data if trace.showlegend is None]
    assert len({line.line.color for line in lines}) == len({line.marker.symbol for line in lines}) == 2


def test_neurons_in_use_are_hatched_where_they_are_used_again_and_in_their_owners_colour():
    figure = figures.neurons_in_use(REUSE)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    first = bars[0]
    assert (list(first.x), list(first.y)) == ([1, 2, 3], [50, 40, 10])
    assert list(first.marker.pattern.shape) == ["", "/", "/"]
    assert first.marker.color == figures.task_colour(1)
    assert {bar.yaxis for bar in bars} == {"y", "y2"}
    shares = named(figure, "layer 1, in use").text
    assert list(shares) == ["", "80%", "100%"]
    assert list(named(figure, "layer 2, in use").text) == ["", "", ""]


def test_the_reuse_matrix_is_of_the_owners_neurons_with_their_number_on_the_diagonal():
    shares, own = figures.reuse_matrix(REUSE, "layer 1").data
    nan = float("nan")
    expected = [[nan, nan, nan], [80, nan, nan], [20, 50, nan]]
    np.testing.assert_allclose(np.asarray(shares.z, float), expected)
    np.testing.assert_allclose(np.diag(np.asarray(own.z, float)), [50, 10, 0])
    assert shares.customdata[2][0].tolist() == [10, 50]


def test_reuse_by_layer_has_the_mean_and_every_task_and_says_what_is_masked():
    figure = figures.reuse_by_layer(REUSE)
    mean = named(figure, "mean")
    assert list(mean.x) == pytest.approx([100 * (40 / 50 + 15 / 60) / 2])
    assert [trace.name for trace in figure.data] == ["mean", "2", "3"]
    assert list(named(figure, "3").x) == [25]
    assert figure.layout.yaxis.ticktext == ("Layer 1<br><b>52%</b>", "Layer 2")
    assert [note.text for note in figure.layout.annotations] == ["none: masked by the single head"]


def test_a_tasks_line_begins_when_it_was_learned_and_stands_beside_the_task_alone():
    figure = figures.accuracy_over_tasks(MATRIX, [0.9, None, 0.8])
    second = named(figure, "2")
    assert (list(second.x), list(second.y)) == ([2, 3], pytest.approx([95, 85]))
    assert second.line.color == figures.task_colour(2)
    alone = named(figure, "alone")
    assert (list(alone.x), list(alone.y)) == ([1, 3], pytest.approx([90, 80]))


def test_mean_accuracy_is_of_the_tasks_so_far():
    figure = figures.mean_accuracy(MATRIX, [0.9, 0.8, None])
    assert list(figure.data[0].y) == pytest.approx([90, 82.5, 75])
    assert list(figure.data[1].y) == pytest.approx([90, 85])
    at_once = figures.mean_accuracy([[], [0.8, 0.9]]).data
    assert [(list(trace.x), list(trace.y)) for trace in at_once] == [([2], [pytest.approx(85)])]
