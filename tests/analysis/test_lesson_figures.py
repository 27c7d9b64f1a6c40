"""The lesson's figures: that they say what they are, and show what they are given."""

import numpy as np
import pandas as pd
import pytest

from clnp_core.analysis import figures

LINE = {"share": [0.0, 0.5, 1.0], "task_1": [0.9, 0.5, 0.2], "task_2": [0.1, 0.6, 0.95]}
NEEDED = pd.DataFrame({"lambda": [0.0, 1e-3], "accuracy": [0.98, 0.96], "layer 1": [60, 30], "layer 2": [200, 15]})
ANSWERS = {"kept": [[1.0, -2.0], [1.0, -2.0]], "lost": [[1.0, -2.0], [-3.0, 4.0]]}
IMAGES, ORDERS = np.arange(8).reshape(2, 4), [[0, 1, 2, 3], [3, 2, 1, 0]]
SEQUENCES = [
    {"margin": margin, "accuracy": [0.9, 0.8], "layers": [{"name": "layer 1", "width": 10, "free_after": [6, 0]}]}
    for margin in (0.0, 0.01)
]
TRAININGS = {
    name: {"accuracy": [0.5, 0.9, 0.8], "neurons": [[40, 50], [40 - lost, 50 - lost], [8, 9]]}
    for name, lost in (("on the way", 30), ("after", 0))
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda theme: figures.permuted_images(IMAGES, ORDERS, 2, theme),
        lambda theme: figures.accuracy_on_first({"task 1": [0.9, 0.1]}, 0.5, theme=theme),
        lambda theme: figures.bets_on_first([0.5, 0.5, 0.7], 0.64, theme=theme),
        lambda theme: figures.between_tasks(LINE, 1, theme),
        lambda theme: figures.neurons_needed(NEEDED, 1, theme),
        lambda theme: figures.partition_sketch((4, 6, 6, 2), (2, 3), [[0.5, 0.1], [0.2, 0.0]], 0.15, theme),
        lambda theme: figures.answers_compared(ANSWERS, 2, 1, theme),
        lambda theme: figures.filling(SEQUENCES, 1, theme),
        lambda theme: figures.shrinking(TRAININGS, ["layer 1", "layer 2"], 1, theme),
    ],
)
def test_every_figure_has_a_title_axis_labels_hover_text_and_the_themes_ink(draw, theme):
    figure = draw(theme)
    layout = figure.to_dict()["layout"]
    assert layout["title"]["text"]
    assert layout["font"]["color"] == figures.INK[theme]
    assert all(trace.hovertemplate for trace in figure.data)
    axes = [axis for name, axis in layout.items() if name[1:5] == "axis" and axis.get("visible", True)]
    assert all(axis["title"]["text"] for axis in axes)
    figure.to_json()


def test_the_same_image_stands_below_in_another_order():
    (drawn,) = figures.permuted_images(IMAGES, ORDERS, 2).data
    cells = np.asarray(drawn.z, dtype=float)
    assert cells[:2, :2].ravel().tolist() == [0, 1, 2, 3]
    assert cells[3:, :2].ravel().tolist() == [3, 2, 1, 0]
    assert np.isnan(cells[2]).all()
    assert np.isnan(cells[:, 2]).all()


def test_a_bet_stands_where_the_last_task_will():
    bet = figures.accuracy_on_first({"task 1": [0.9]}, 0.7, tasks=5).data[-1]
    assert (bet.x, bet.y) == ((5,), (70.0,))
    assert [trace.name for trace in figures.accuracy_on_first({"cut": [1], "left in": [1]}).data] == ["cut", "left in"]


def test_bets_are_counted_and_the_right_one_marked():
    bars, right = figures.bets_on_first([0.7, 0.5, 0.7], 0.64).data
    assert (list(bars.x), list(bars.y), list(right.x)) == ([50, 70], [1, 2], [64, 64])
    assert list(figures.bets_on_first([], 0.64).data[0].x) == []


def test_the_place_on_the_way_is_marked_on_both_lines():
    figure = figures.between_tasks(LINE, 1)
    marks = {trace.name: (trace.x[0], trace.y[0]) for trace in figure.data if trace.mode == "markers"}
    assert marks == {"1, here": (50, 50), "2, here": (50, 60)}
    assert figure.layout.shapes[0].x0 == 50


def test_weights_of_the_sketch_are_counted_by_class():
    def weights(theta: float, claimed: tuple[int, int]) -> dict[str, int]:
        figure = figures.partition_sketch((4, 6, 5, 2), claimed, [[0.5, 0.1], [0.2, 0.0]], theta)
        named = (trace.name.split(": ") for trace in figure.data if ": " in trace.name)
        return {name: int(count.split()[0]) for name, count in named}

    counts = weights(0.15, (2, 3))
    assert counts == {"free": 4 * 4 + 2 * 6, "active": 2 * 4 + 3 * 2 + 2 * 3, "interference": 3 * 4 + 2 * 2}
    assert sum(counts.values()) == 4 * 6 + 6 * 5 + 5 * 2
    assert weights(0.0, (6, 5))["interference"] == 0


def test_how_many_answers_are_the_same_is_said():
    notes = [note.text for note in figures.answers_compared(ANSWERS, 2, 1).layout.annotations]
    assert notes == ["<b>kept</b><br>2 of 2 the same, says 0", "<b>lost</b><br>0 of 2 the same, says 1"]


def test_the_sequence_looked_at_lies_on_top():
    figure = figures.filling(SEQUENCES, 0)
    assert [trace.name for trace in figure.data] == ["m = 1", "m = 1", "m = 0", "m = 0"]
    assert figure.data[-1].y.tolist() == [100, 60, 0]
    assert figure.data[-1].line.width > figure.data[0].line.width


@pytest.mark.parametrize("place", range(3))
def test_networks_that_shrink_have_the_neurons_and_the_accuracy_of_the_epoch_looked_at(place):
    figure = figures.shrinking(TRAININGS, ["layer 1", "layer 2"], place)
    assert [trace.name for trace in figure.data] == [name for name in TRAININGS for _ in range(3)]
    for name, curve, mark, bars in zip(TRAININGS, *(figure.data[kind::3] for kind in range(3)), strict=True):
        assert list(bars.x) == TRAININGS[name]["neurons"][place]
        assert curve.y == pytest.approx([50, 90, 80])
        assert (mark.x[0], mark.y[0]) == (curve.x[place], curve.y[place])
        assert mark.customdata[0] == ("epoch 1", "epoch 2", "then pruned to the margin")[place]
        assert mark.x[0] == figure.layout.shapes[0].x0
