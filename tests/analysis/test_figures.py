"""The figures: what is drawn, in which colour, and that every part says what it is."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from clnp_core.analysis import figures, sweeps
from clnp_core.analysis.epochs import TUNED
from clnp_core.analysis.figures.settings import brushed

MATRIX = [[0.975], [0.975, 0.96], [0.975, 0.96, 0.5]]
LAYERS = [
    {"name": "layer 1", "width": 200, "claimed": [50, 20], "reused": [0, 40]},
    {"name": "layer 2", "width": 100, "claimed": [10, 30], "reused": [0, 0]},
]


def epochs(tasks: int, candidates: int = 1, length: int = 3) -> list[dict]:
    return [
        {
            "task": task,
            "candidate": candidate,
            "epoch": epoch,
            "loss": 1 / epoch,
            "validation_accuracy": 0.9,
            "seconds": 0.1,
        }
        for task in range(1, tasks + 1)
        for candidate in [*range(candidates), -1]
        for epoch in range(1, length + 1)
    ]


SWEEP = pd.DataFrame(
    {
        "m": [0.5, 0.5, 2.0, 2.0],
        "λ": ["1e-3", "2e-3"] * 2,
        "run": ["a", "b", "c", "d"],
        "state": ["finished", "finished", "running", "queued"],
        "mean_accuracy": [0.97, 0.96, 0.97, np.nan],
        "capacity_used": [0.5, 0.4, 0.5, np.nan],
        "tasks_fitted": [3, 3, 1, 0],
    }
)

SEEDS = pd.DataFrame(
    {
        "m": [0.5] * 3 + [2.0] * 2,
        "seed": [0, 1, 2, 0, 1],
        "run": list("abcde"),
        "state": ["finished", "finished", "running", "finished", "finished"],
        "mean_accuracy": [0.94, 0.96, 0.99, 0.9, 0.91],
        "capacity_used": [0.4, 0.6, 0.1, 0.3, 0.3],
        "tasks_fitted": 3,
    }
)

CLASSES = pd.DataFrame(
    {"task": [1, 1, 2, 2], "class": [3, 7, 3, 853], "test": [8, 4, 9, 0], "accuracy": [1.0, 0.25, 0.5, np.nan]}
)
CONFUSION = pd.DataFrame({"label": [3, 3, 853], "answer": [3, 7, 853], "images": [6, 2, 5]})


def test_each_class_has_a_column_whatever_its_label_and_none_where_it_was_not_tested():
    (cells,) = figures.accuracy_by_class(CLASSES, 3).data
    assert list(cells.x) == ["3", "7", "853"]
    nan = np.nan
    np.testing.assert_array_equal(cells.z, [[100, 25, nan], [50, nan, nan], [nan, nan, nan]])
    assert cells.customdata[0].tolist() == [8, 4, 0]
    assert cells.zmin == 20


def test_a_confusion_is_in_shares_of_the_classs_images_and_says_how_many():
    (cells,) = figures.confusion_matrix(CONFUSION, 2).data
    nan = np.nan
    np.testing.assert_array_equal(cells.z, [[75, 25, nan], [nan, nan, nan], [nan, nan, 100]])
    assert (cells.text[0][1], cells.customdata[0][1], cells.customdata[1][0]) == ("2", [3, 7, 8], None)


def test_classes_have_the_names_that_were_given_each_a_column_and_none_is_markup():
    told = CLASSES.assign(**{"class": [7, "7", "<b>fox</b>", "n" * 200]})
    (cells,) = figures.accuracy_by_class(told).data
    assert list(cells.x) == ["7", "7 (1)", "&lt;b&gt;fox&lt;/b&gt;", f"{'n' * 23}…"]
    assert np.nansum(cells.z, axis=0).tolist() == [100, 25, 50, 0]
    named = CONFUSION.replace({"label": {3: "zebra", 853: "ant"}, "answer": {3: "zebra", 7: "cat", 853: "ant"}})
    (cells,) = figures.confusion_matrix(named, 2).data
    assert list(cells.x) == list(cells.y) == ["zebra", "ant", "cat"]
    assert cells.z[0][2] == 25


@pytest.mark.parametrize(("classes", "drawn"), [(100, 100), (1000, 200)])
def test_of_many_classes_those_are_drawn_that_are_confused(classes, drawn):
    many = np.arange(classes)
    right = pd.DataFrame({"label": many, "answer": many, "images": 1})
    wrong = pd.DataFrame({"label": [classes - 1], "answer": [classes - 3], "images": 1})
    figure = figures.confusion_matrix(pd.concat([right, wrong]), 1)
    (cells,) = figure.data
    assert cells.z.shape == (drawn, drawn)
    assert {str(classes - 1), str(classes - 3)} <= set(cells.x)
    assert np.nansum(cells.z[list(cells.y).index(str(classes - 1))]) == 100
    assert cells.texttemplate is None
    assert figure.layout.xaxis.dtick == drawn / 10


def test_figures_say_what_they_were_chosen_by():
    curves = figures.learning_curves(epochs(1), measure="balanced")
    assert curves.layout.title.text == "Loss and balanced validation accuracy"
    assert curves.layout.yaxis2.title.text == "Balanced accuracy (%)"
    assert figures.trade_off(POINTS, measure="balanced").layout.yaxis.title.text == "Balanced validation accuracy (%)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda theme: figures.learning_curves(epochs(2), theme=theme),
        lambda theme: figures.learning_curves([], theme=theme),
        lambda theme: figures.learning_curves(shrinking(2), theme=theme, layers=NAMES),
        lambda theme: figures.capacity(LAYERS, theme),
        lambda theme: figures.capacity([layer | {"claimed": [], "reused": []} for layer in LAYERS], theme),
        lambda theme: figures.accuracy_matrix(MATRIX, theme=theme),
        lambda theme: figures.accuracy_matrix([], 4, theme),
        lambda theme: figures.accuracy_by_class(CLASSES, 4, theme),
        lambda theme: figures.accuracy_by_class(CLASSES[:0], 4, theme),
        lambda theme: figures.confusion_matrix(CONFUSION, 2, theme),
    ],
)
def test_every_figure_has_title_axis_labels_hover_text_and_the_themes_ink(draw, theme):
    figure = draw(theme)
    layout = figure.to_dict()["layout"]
    assert layout["title"]["text"]
    assert layout["font"]["color"] == figures.INK[theme]
    assert layout["paper_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert layout["legend"]["title"]["text"] == "Task"
    assert all(trace.hovertemplate for trace in figure.data if trace.type != "scatter" or trace.x[0])
    assert all(axis["title"]["text"] for name, axis in layout.items() if name.startswith(("xaxis", "yaxis")))
    figure.to_json()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_eighteen_tasks_have_colours_of_their_own_and_any_number_has_one(theme):
    colours = [figures.task_colour(task, theme) for task in range(1, 41)]
    assert len(set(colours[:18])) == 18
    assert all(one != other for one, other in pairwise(colours))


def test_a_task_has_one_colour_in_all_figures():
    lines = {trace.name: trace.line.color for trace in figures.learning_curves(epochs(2)).data}
    bars = {trace.name: trace.marker.color for trace in figures.capacity(LAYERS).data}
    assert lines == {name: colour for name, colour in bars.items() if name != "free"}


def test_learning_curves_put_the_tasks_one_after_another_and_leave_the_single_task_reference_out():
    figure = figures.learning_curves(epochs(3, length=4))
    losses, accuracies = figure.data[0::2], figure.data[1::2]
    assert [trace.x.tolist() for trace in losses] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    assert accuracies[0].y == pytest.approx([90] * 4)
    assert [trace.showlegend for trace in losses] == [True] * 3
    assert [note.text for note in figure.layout.annotations] == ["task 1", "task 2", "task 3"]


def tuned(tasks: int, rounds: int = 1, length: int = 2) -> list[dict]:
    rows = [row | {"candidate": TUNED} for row in epochs(tasks, length=length) if row["candidate"] == 0]
    return [row for task in range(1, tasks + 1) for row in rows * rounds if row["task"] == task]


def test_fine_tuning_goes_on_after_its_tasks_training_round_by_round_in_its_colour():
    figure = figures.learning_curves(epochs(2, length=3) + tuned(2, rounds=2))
    losses = {tuple(trace.x): trace for trace in figure.data[0::2]}
    assert list(losses) == [(1, 2, 3), (8, 9, 10), (4, 5, 6, 7), (11, 12, 13, 14)]
    trained, later = losses[1, 2, 3], losses[4, 5, 6, 7]
    assert (trained.line.dash, later.line.dash) == ("solid", "dot")
    assert trained.line.color == later.line.color
    assert (trained.showlegend, later.showlegend) == (True, False)
    assert later.hovertemplate.startswith("task 1, fine-tuning, epoch %{customdata}")
    assert list(later.customdata) == [1, 2, 1, 2]
    assert [shape.x0 for shape in figure.layout.shapes] == [7.5]


def test_what_learns_all_tasks_at_once_has_one_curve_of_all():
    rows = [row for row in epochs(3) if row["task"] == 3]
    figure = figures.learning_curves(rows, at_once=True)
    assert list(figure.data[0].x) == [1, 2, 3]
    assert figure.data[0].name == "1 to 3"
    assert figure.data[0].hovertemplate.startswith("tasks 1 to 3, epoch")
    assert [note.text for note in figure.layout.annotations] == ["tasks 1 to 3"]


def test_losses_of_many_sizes_have_ticks_that_fit():
    rows = epochs(1, length=3)
    assert figures.learning_curves(rows).layout.yaxis.dtick == "D2"
    rows[0]["loss"] = 1e-4
    assert figures.learning_curves(rows).layout.yaxis.dtick == 1


def test_candidates_share_their_tasks_epochs_and_the_one_settled_on_stands_out():
    losses = figures.learning_curves(epochs(1, candidates=3), chosen={1: 1}).data[0::2]
    assert {tuple(trace.x) for trace in losses} == {(1, 2, 3)}
    assert [trace.line.dash == "solid" for trace in losses] == [False, True, False]
    assert [trace.opacity for trace in losses] == [0.5, 1, 0.5]
    assert [trace.showlegend for trace in losses] == [False, True, False]
    undecided = figures.learning_curves(epochs(1, candidates=3)).data[0::2]
    assert len({trace.line.dash for trace in undecided}) == 3
    assert "candidate 3 of 3" in undecided[2].hovertemplate
    assert {trace.opacity for trace in undecided} == {1}


def test_candidates_and_tasks_may_arrive_side_by_side():
    in_order = epochs(3, candidates=2)
    side_by_side = sorted(in_order, key=lambda row: (row["epoch"], -row["task"], -row["candidate"]))
    assert figures.learning_curves(side_by_side) == figures.learning_curves(in_order)


def test_a_first_epoch_is_seen_and_a_diverged_loss_is_a_gap():
    (first, _) = figures.learning_curves(epochs(1, length=1)).data
    assert first.mode == "markers"
    rows = epochs(1)
    rows[1]["loss"] = None
    assert np.isnan(figures.learning_curves(rows).data[0].y[1])


NAMES = ["layer 1", "layer 2"]


def shrinking(tasks: int, candidates: int = 1, length: int = 3) -> list[dict]:
    """Each candidate keeps fewer neurons of the second layer than the one before it."""
    return [
        row | {"neurons": [10 * row["epoch"], 100 // (row["candidate"] + 2)]}
        for row in epochs(tasks, candidates, length)
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neurons_left_are_a_line_for_each_layer_broken_between_tasks(theme):
    figure = figures.learning_curves(shrinking(2), theme=theme, layers=NAMES)
    first, second = figure.data[4:]
    np.testing.assert_array_equal(first.x, [1, 2, 3, np.nan, 4, 5, 6])
    np.testing.assert_array_equal(first.y, [10, 20, 30, np.nan, 10, 20, 30])
    assert list(first.customdata) == [f"task 1, epoch {n}" for n in (1, 2, 3)] + [""] + [
        f"task 2, epoch {n}" for n in (1, 2, 3)
    ]
    assert [line.name for line in (first, second)] == NAMES
    assert first.line.color != second.line.color
    assert {first.yaxis, second.yaxis} == {"y3"}
    assert figure.layout.xaxis.anchor == "y3"
    assert figure.layout.yaxis3.title.text
    assert figure.data[:4] == figures.learning_curves(shrinking(2), theme=theme).data


def test_neurons_left_are_those_of_the_candidate_settled_on_and_of_its_fine_tuning():
    rows = shrinking(1, candidates=3)
    later = [row | {"neurons": [7, 8]} for row in tuned(1)]
    second = figures.learning_curves(rows + later, {1: 1}, layers=NAMES).data[-1]
    assert list(second.y) == [33, 33, 33, 8, 8]
    assert list(second.customdata[2:4]) == ["task 1, epoch 3", "task 1, fine-tuning, epoch 1"]
    assert list(figures.learning_curves(rows, layers=NAMES).data[-1].y) == [50, 50, 50]


def test_epochs_of_earlier_versions_do_not_tell_the_neurons():
    without = figures.learning_curves(epochs(2))
    assert figures.learning_curves(epochs(2), layers=NAMES) == without
    assert figures.learning_curves([row | {"neurons": []} for row in epochs(2)], layers=NAMES) == without
    assert figures.learning_curves([], layers=NAMES) == figures.learning_curves([])
    half = [row | {"neurons": [] if row["task"] == 1 else [4, 5]} for row in epochs(2)]
    assert list(figures.learning_curves(half, layers=NAMES).data[-1].x) == [4, 5, 6]


def test_capacity_adds_up_to_the_whole_layer():
    figure = figures.capacity(LAYERS)
    assert [trace.name for trace in figure.data] == ["1", "2", "free"]
    assert [list(trace.y) for trace in figure.data] == [[25, 10], [10, 30], [65, 60]]
    assert figure.data[-1].marker.color == figures.FREE["light"]
    assert list(figure.data[0].x) == ["Layer 1", "Layer 2"]
    assert list(figure.data[-1].text) == ["free 65%", "free 60%"]
    assert figures.capacity(LAYERS * 2).data[-1].text[0] == "65%"


def test_the_accuracy_matrix_is_lower_triangular_and_in_per_cent():
    (cells,) = figures.accuracy_matrix(MATRIX, 4).data
    assert cells.z.shape == (4, 4)
    assert cells.z[2, :3] == pytest.approx([97.5, 96, 50])
    assert np.isnan(cells.z[np.triu_indices(4, 1)]).all()
    assert np.isnan(cells.z[3]).all()
    assert (cells.zmin, cells.zmax) == (50, 100)


def test_a_method_that_learns_all_tasks_at_once_has_only_a_last_row():
    (cells,) = figures.accuracy_matrix([[], [], [0.9, 0.8, 0.7]]).data
    assert cells.z[2] == pytest.approx([90, 80, 70])
    assert np.isnan(cells.z[:2]).all()
    assert (cells.zmin, cells.zmax) == (70, 100)
    assert figures.accuracy_matrix([[], []]).data[0].zmin == 90


def test_many_tasks_leave_the_numbers_out_where_they_would_not_fit():
    assert figures.accuracy_matrix([[1.0]], 16).data[0].texttemplate
    assert not figures.accuracy_matrix([[1.0]], 17).data[0].texttemplate
    assert len(figures.learning_curves(epochs(40)).layout.annotations) <= 16


def test_training_speed_draws_what_was_measured_of_each_training():
    rows = [{"first epoch s": 2.0, "last epoch s": 1.0, "plain epoch s": 3.0}] * 2
    by_width = [{"width": width, **row} for width, row in zip((500, 1000), rows, strict=True)]
    by_tasks = [{"task": task, **row} for task, row in zip((1, 2), rows, strict=True)]
    figure = figures.training_speed(by_width, by_tasks)
    assert [(trace.name, *trace.y) for trace in figure.data[:3]] == [
        ("plain PyTorch", 3, 3),
        ("CLNP, first epoch of a task", 2, 2),
        ("CLNP, last epoch", 1, 1),
    ]
    assert [tuple(trace.x) for trace in figure.data[::3]] == [(500, 1000), (1, 2)]
    assert [trace.showlegend for trace in figure.data] == [True] * 3 + [False] * 3


def test_a_sweep_has_a_mark_for_each_sequence_with_numbers_told_by_colour_and_shape_hollow_while_it_goes_on():
    first, second, *keys = figures.sweep(SWEEP, ["m", "λ"]).data
    assert [list(trace.x) for trace in (first, second)] == [[50, 40], [50]]
    assert [list(trace.y) for trace in (first, second)] == [[97, 96], [97]]
    assert (first.name, second.name) == ("0.5", "2")
    assert first.marker.color != second.marker.color
    assert [list(trace.marker.symbol) for trace in (first, second)] == [["circle", "square"], ["circle-open"]]
    by_colour, by_shape = [("0.5", "circle"), ("2", "circle")], [("1e-3", "circle"), ("2e-3", "square")]
    told = [*by_colour, *by_shape, ("not finished yet", "circle-open")]
    assert [(trace.name, trace.marker.symbol) for trace in keys] == told
    assert [trace.marker.color for trace in keys[:2]] == [first.marker.color, second.marker.color]
    assert [trace.legendgrouptitle.text for trace in keys] == ["m", "m", "λ", "λ", ""]


def test_an_axis_of_accuracies_is_never_shorter_than_a_point():
    """Plotly would draw a hundredth of a point as large as ten points."""

    def included(figure):
        return figure.layout.yaxis.autorangeoptions.include

    assert included(figures.sweep(SWEEP.assign(mean_accuracy=[0.9701, 0.97, 0.9702, np.nan]), ["m"])) == pytest.approx(
        (96.51, 97.51)
    )
    assert included(figures.mean_accuracy([[0.97], [0.97, 0.97]])) == pytest.approx((96.5, 97.5))
    assert figures.mean_accuracy([]).layout.yaxis.range == (0, 100)


def test_a_mark_of_a_sweep_tells_of_every_sequence_under_it():
    first, second, *_ = figures.sweep(SWEEP, ["m", "λ"]).data
    assert list(first.customdata[1]) == ["b", "m = 0.5 · λ = 2e-3 · 3 tasks · b"]
    both = "m = 0.5 · λ = 1e-3 · 3 tasks · a<br>m = 2 · λ = 1e-3 · 1 task · not finished yet · c"
    assert (first.customdata[0][1], second.customdata[0][1]) == (both, both)


def test_over_seeds_a_sweep_shows_the_mean_of_what_is_finished_with_its_deviation():
    sequences, means = figures.sweep(SEEDS, ["m", "seed"]).data[:2]
    assert len(sequences.x) == 3
    assert sequences.marker.size < means.marker.size
    assert (list(means.x), list(means.y)) == ([pytest.approx(50)], [pytest.approx(95)])
    assert means.error_y.array[0] == pytest.approx(100 * np.std([0.94, 0.96], ddof=1))
    assert means.error_x.array[0] == pytest.approx(100 * np.std([0.4, 0.6], ddof=1))
    assert means.customdata[0][0] == "a,b"
    assert figures.sweep(SEEDS, ["m", "seed"]).data[3].error_y.array[0] != means.error_y.array[0]


def test_methods_that_claim_no_neurons_stand_beside_the_axis_of_capacity():
    frame = pd.concat([SWEEP.assign(method="clnp"), SWEEP.assign(method="ewc", m=np.nan, capacity_used=np.nan)])
    clnp, ewc, *_ = figures.sweep(frame, ["method", "m"]).data
    assert (clnp.xaxis, ewc.xaxis) == ("x", "x2")
    assert list(ewc.y) == [97, 96, 97]
    assert "m =" not in ewc.customdata[0][1]
    alone = figures.sweep(frame[frame["method"] == "ewc"], ["method", "λ"])
    assert (alone.layout.xaxis.visible, alone.layout.xaxis2.ticktext) == (False, ("1e-3", "2e-3"))


def test_a_line_goes_through_the_values_of_a_sequence_and_the_most_accurate_is_on_top():
    figure = figures.parallel_coordinates(SWEEP, ["m", "λ"])
    assert [trace.name for trace in figure.data] == ["b", "a", "c"]  # by accuracy
    assert [trace.line.dash for trace in figure.data] == ["solid", "solid", "dot"]
    b, a, c = (np.array(trace.y) for trace in figure.data)
    assert (b[-1], a[-1], c[-1]) == (0, 1, 1)
    assert b[0] < a[0] < 0.5 < c[0]  # through the same m side by side
    assert figure.layout.xaxis.ticktext == ("m", "λ", "Capacity<br>(%)", "Accuracy<br>(%)")
    written = {(text.x, text.text) for text in figure.layout.annotations}
    assert written >= {(0, "0.5"), (0, "2"), (1, "1e-3"), (3, "96.0"), (3, "97.0")}


def test_what_is_not_chosen_is_faded_and_brushes_are_drawn_on_the_axes():
    chosen = {"λ": ["1e-3"], "mean_accuracy": [0.965, 0.97]}
    lines = figures.parallel_coordinates(SWEEP, ["m", "λ"], chosen=chosen)
    assert [(trace.name, trace.hoverinfo) for trace in lines.data] == [("b", "skip"), ("a", None), ("c", None)]
    brushes = [shape for shape in lines.layout.shapes if shape.type == "rect"]
    assert [shape.xanchor for shape in brushes] == [1, 3]
    assert brushes[0].y0 < 0.25 < brushes[0].y1 < 0.5
    assert (brushes[1].y0, brushes[1].y1) == (pytest.approx(0.5), 1)
    marks = [trace for trace in figures.sweep(SWEEP, ["m", "λ"], chosen=chosen).data if trace.customdata is not None]
    assert {run: trace.opacity for trace in marks for run, _ in trace.customdata} == {"a": None, "b": 0.25, "c": None}
    of_seeds = figures.sweep(SEEDS, ["m", "seed"], chosen={"m": [0.5], "seed": [0]}).data
    faded = [run for trace in of_seeds if trace.opacity for run, _ in trace.customdata]
    assert sorted(faded) == ["a,b", "b", "c", "d", "d,e", "e"]


@pytest.mark.parametrize(
    ("x", "y", "taken"),
    [
        ((-0.2, 0.3), (0.6, 0.9), ("m", [2.0])),
        ((0.9, 1.2), (0.45, 0.46), ("λ", ["1e-3"])),  # between two values
        ((0.8, 1.1), (0.9, 0.1), ("λ", ["1e-3", "2e-3"])),
        ((2.9, 2.9), (0.25, 2), ("mean_accuracy", [0.9625, 0.97])),
        ((9, 9), (-1, -0.5), ("mean_accuracy", [0.96, 0.96])),
        ((2, 2), (-0.1, 0.05), ("capacity_used", [None])),
        ((2, 2), (0, 1), ("capacity_used", [0.4, 0.5])),
    ],
)
def test_a_box_takes_values_of_the_axis_that_it_is_nearest_to(x, y, taken):
    frame = pd.concat([SWEEP, SWEEP.head(1).assign(m=np.nan, capacity_used=np.nan)]) if x == (2, 2) else SWEEP
    axis, values = brushed(frame, ["m", "λ"], x, y)
    assert (axis, values) == (taken[0], pytest.approx(taken[1]) if axis == "mean_accuracy" else taken[1])
    assert sweeps.chosen_rows(frame, {axis: values}).any()


def test_importance_has_a_bar_for_each_setting_and_measure_and_a_stroke_at_chance():
    shares = pd.DataFrame(
        [("mean_accuracy", "m", 0.7, 0.2), ("mean_accuracy", "seeds", 0.3, np.nan), ("capacity_used", "m", 0.9, 0.2)],
        columns=["measure", "setting", "share", "chance"],
    )
    accuracy, chance, capacity, _ = figures.setting_importance(shares).data
    assert (list(accuracy.x), list(chance.x), list(capacity.x)) == ([70, 30], [20], [90])
    assert accuracy.y[0] < capacity.y[0] < accuracy.y[1]  # bars of a setting are neighbours


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_a_sweep_of_few_sequences_or_without_numbers_yet_has_its_axes(rows, theme):
    frame = SWEEP.head(rows).assign(mean_accuracy=np.nan if rows < 4 else SWEEP["mean_accuracy"])
    figure = figures.sweep(frame, ["m", "λ"], theme)
    assert figure.layout.xaxis.title.text == "Capacity used (%)"
    assert figure.layout.font.color == figures.INK[theme]
    assert figure.layout.xaxis.range == (None if rows == 4 else (0, 100))
    figure.to_json()


POINTS = pd.DataFrame(
    {
        "candidate": [0, 0, 2, 2],
        "lambda": [(1e-5, 1e-3, 0.0)] * 2 + [(1e-5, 3e-3, 0.0)] * 2,
        "theta": [0.0, 0.2, 0.0, 0.5],
        "sparsity": [0.5, 0.7, 0.6, 0.9],
        "accuracy": [0.98, 0.97, 0.97, 0.94],
        "layer 1 claimed": [50, 30, 40, 10],
        "front": [True, True, False, True],
        "test_accuracy": [np.nan, np.nan, 0.96, 0.95],
    }
)
MARK = {"sparsity": 0.6, "accuracy": 0.97, "about": "λ 1e-5 / 3e-3 / 0"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_trade_off_draws_curves_front_band_and_marks_each_with_its_hover_text(theme):
    selected = MARK | {"candidate": 2, "test_accuracy": 0.96}
    figure = figures.trade_off(POINTS, (0.96, 0.98), MARK, selected, MARK | {"accuracy": 0.955}, theme)
    names = [trace.name for trace in figure.data]
    marks = ["what the run kept", "the margin's choice", "selected", "selected, test images"]
    assert names == ["other λ", "this λ", "this λ, test images", "Pareto front", *marks]
    other, this, tested, front, kept, *_ = figure.data
    assert list(other.y) == [98, 97]
    assert list(this.customdata[1][:2]) == [2, 0.5]
    assert list(tested.y) == [96, 95]
    assert list(front.x) == [50, 70, 90]
    assert kept.y == (95.5,)
    (band,) = figure.layout.shapes
    assert (band.y0, band.y1) == (96, 98)
    assert all(trace.hovertemplate for trace in figure.data)


def test_candidates_that_are_not_looked_at_are_one_broken_line():
    other = figures.trade_off(POINTS).data[0]
    np.testing.assert_array_equal(other.y, [98, 97, np.nan, 97, 94])
    assert list(other.customdata[2]) == [None] * 4


def test_what_is_not_known_of_the_selected_point_is_not_drawn():
    selected = MARK | {"candidate": 0, "accuracy": None, "test_accuracy": None}
    assert "selected" not in [trace.name for trace in figures.trade_off(POINTS, None, MARK, selected).data]


PATH = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "sparsity": [0.0, 0.4, 0.7],
        "accuracy": [0.5, 0.97, 0.96],
        "neurons": [(100,), (60,), (30,)],
    }
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_path_of_a_training_is_drawn_with_its_epochs_and_neurons_and_its_end_is_in_view(theme):
    selected = MARK | {"candidate": 2}
    figure = figures.trade_off(POINTS, None, None, selected, theme=theme, path=PATH)
    (path,) = (trace for trace in figure.data if trace.name == "this training, epoch by epoch")
    assert (list(path.x), list(path.y)) == ([0, 40, 70], [50, 97, 96])
    assert path.text[1] == "epoch 2: 60 neurons left"
    assert path.customdata is None  # a click on it selects no candidate
    without = figures.trade_off(POINTS, None, None, selected, theme=theme)
    assert (without.layout.xaxis.range[0], figure.layout.xaxis.range[0]) == (49, 39)
    assert figure.layout.xaxis.range[1] == without.layout.xaxis.range[1]
    assert figure.layout.yaxis == without.layout.yaxis
    later = PATH.assign(sparsity=[0.6, 0.65, 0.7])
    assert figures.trade_off(POINTS, path=later).layout.xaxis.range == without.layout.xaxis.range
    going_on = figures.trade_off(
        POINTS, theme=theme, path=PATH.assign(accuracy=[0.5, 0.95, 0.96], sparsity=[0.0, 0.1, 0.2])
    )
    assert going_on.layout.xaxis.range[0] == 9
    assert figures.trade_off(POINTS, path=PATH[:0]) == figures.trade_off(POINTS)


COUNTS = pd.DataFrame(
    {
        "layer": "layer 1",
        "low": [0.0, 1e-2, 1e-1],
        "high": [0.0, 1e-1, 1.0],
        "given_back": [90, 3, 0],
        "claimed": [0, 0, 4],
        "earlier": [0, 0, 0],
    }
)


def test_activities_are_a_histogram_a_sorted_curve_and_theta_as_a_line():
    ranked = np.array([0.9, 0.5, 0.3, 0.2, 0.05, 0.04, 0.03, *[0.0] * 90])
    figure = figures.activities(COUNTS, ranked, 0.1)
    assert [trace.name for trace in figure.data] == ["given back", "claimed", "more active (right)"]
    given_back, claimed, curve = figure.data
    np.testing.assert_allclose(given_back.x, [-4, -1.5, -0.5])
    assert (list(given_back.y), list(claimed.y)) == ([90, 3, 0], [0, 0, 4])
    np.testing.assert_allclose(curve.x[:2], np.log10([0.9, 0.5]))
    assert (curve.x[-1], curve.y[-1]) == (-4, 97)
    assert figure.layout.shapes[0].x0 == -1
    assert [note.text for note in figure.layout.annotations] == ["θ = 0.1", "90 dead"]
    assert figure.layout.yaxis.range[1] < 10


def test_earlier_tasks_neurons_are_drawn_where_there_are_any_and_theta_0_left_of_all():
    figure = figures.activities(COUNTS.assign(earlier=[1, 2, 3]), np.array([0.5]), 0.0, "dark")
    assert "of earlier tasks" in [trace.name for trace in figure.data]
    assert -4 < figure.layout.shapes[0].x0 < -2
