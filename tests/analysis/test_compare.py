"""Runs side by side: groups, mean and spread, differences, on made-up summaries."""

import math
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clnp_core.analysis import compare, figures
from clnp_core.analysis.compare import Compared, Group, grouped
from clnp_core.analysis.setting_words import setting_name, setting_value
from clnp_core.methods import METHODS
from clnp_core.runs.spec import fork, preset

SHORT = {"stream.tasks": 2, "single_task": False}


def run(name: str, final: tuple[float, float] = (0.9, 0.8), **changes: Any) -> Compared:
    """A run of two tasks with those accuracies at the end."""
    paths = {path.replace("__", "."): value for path, value in changes.items()}
    return Compared(name, preset("digits", SHORT | paths).to_json(), summary(final))


def summary(final: tuple[float, float]) -> dict[str, Any]:
    return {
        "accuracy": [[0.95], list(final)],
        "mean_accuracy": fmean(final),
        "forgetting": 0.95 - final[0],
        "backward_transfer": final[0] - 0.95,
        "layers": [{"free": 30, "width": 100}, {"free": 50, "width": 100}],
        "tasks": 2,
        "seconds": 3.0,
    }


def test_seeds_are_one_group_with_mean_and_deviation():
    groups = grouped([run("b", (0.9, 0.7), seed=1), run("a", (0.7, 0.5), seed=0)])
    (group,) = groups
    assert [member.seed for member in group.runs] == [0, 1]
    (row,) = compare.table(groups).to_dict("records")
    assert (row["group"], row["seeds"]) == ("clnp", 2)
    assert row["mean_accuracy"] == pytest.approx(0.7)
    assert row["mean_accuracy std"] == pytest.approx(stdev([0.6, 0.8]))
    assert row["capacity_used"] == pytest.approx(0.6)  # 0.7 of one layer, 0.5 of the other
    assert row["tasks"] == 2
    assert math.isnan(row["forward_transfer"])
    assert compare.differences(groups) == {}


def test_one_seed_has_no_deviation_and_what_nobody_measured_no_mean():
    assert compare.spread([0.25])[0] == 0.25
    assert math.isnan(compare.spread([0.25])[1])
    assert all(map(math.isnan, compare.spread([])))


def test_groups_are_compared_to_the_first_and_named_by_what_tells_them_apart():
    runs = [
        run("a"),
        run("b", (0.3, 0.7), method="finetune"),
        run("c", margin=0.04),
        run("d", margin=0.04, batch_size=99),
    ]
    groups = grouped(runs)
    assert [group.name for group in groups] == [
        "clnp · batch size = 64 · m (points) = 1",
        "finetune",
        "clnp · batch size = 64 · m (points) = 4",
        "clnp · batch size = 99",
    ]
    table = compare.table(groups)
    assert table["mean_accuracy difference"].tolist() == pytest.approx([0, -0.35, 0, 0])
    assert list(table)[:5] == ["group", "seeds", "method", "batch_size", "margin"]
    assert table["method"].tolist() == ["clnp", "finetune", "clnp", "clnp"]


def test_what_has_no_effect_on_a_method_is_no_difference():
    runs = [run("a", method="finetune"), run("b", method="finetune", margin=0.04, lambda__2=1e-2, seed=1)]
    assert len(grouped(runs)) == 1
    groups = grouped([run("c"), *runs])
    assert compare.differences(groups) == {"method": ["clnp", "finetune"]}
    assert groups[0].has("margin")
    assert not groups[1].has("margin")


def test_a_fork_is_told_from_the_run_it_comes_from_by_where_and_how_it_goes_on():
    base = preset("digits", SHORT)
    forked = fork(base, 2, {"margin": 0.04})
    runs = [Compared(name, spec.to_json(), summary((0.9, 0.8))) for name, spec in (("a", base), ("b", forked))]
    groups = grouped(runs)
    different = compare.differences(groups)
    assert different == {"margin": [0.01, 0.04], "fork_of": [None, "m (points) = 1"], "at_task": [None, 2]}
    assert list(map(setting_name, different)) == ["m (points)", "from task", "earlier tasks"]


def test_what_held_for_earlier_tasks_is_told_for_each_stretch_of_them_in_words():
    base = preset("digits", {**SHORT, "stream.tasks": 6})
    here = fork(base, 3, {"theta": 0.557349, "fine_tuning.epochs": 5, "fine_tuning.learning_rate": 1e-3})
    forks = {
        "b": fork(here, 4, {"theta": None, "stream.tasks": 5}),
        "c": fork(here, 2, {"theta": None}),  # of the fork before nothing is left
        "d": fork(base, 3, {"theta": 0.5}),
        "e": fork(base, 3, {"stream.tasks": 7}),
    }
    told = {
        name: compare.differences(grouped([Compared("a", base.to_json(), summary((0.9, 0.8))), run]))["fork_of"][1]
        for name, run in ((name, Compared(name, spec.to_json(), summary((0.9,)))) for name, spec in forks.items())
    }
    assert told == {
        "b": "tasks 1 to 2: fine tuning = none; task 3: θ = 0.557349",
        "c": "fine tuning = none",
        "d": "θ = the highest within m",
        "e": "as later ones",
    }


def test_a_group_is_called_as_all_of_its_runs_are():
    a, b, c, d = (run(name, seed=seed) for name, seed in (("a", 0), ("b", 1), ("c", 2), ("d", 3)))
    named = [replace(each, name="wide") for each in (a, b)]
    other = [replace(run(each, margin=0.2), name=name) for each, name in (("e", "wide"), ("f", ""))]
    assert [group.name for group in grouped([*named, other[0]])] == ["wide · a", "wide · e"]
    assert [group.name for group in grouped([*named, other[1]])] == ["wide", "clnp · m (points) = 20"]
    assert grouped([*named, c, d])[0].name == "clnp"


def test_forks_of_runs_that_differ_in_the_seed_alone_are_one_group():
    forks = [fork(preset("digits", {**SHORT, "seed": seed}), 2, {"margin": 0.04}) for seed in (0, 1)]
    runs = [Compared(f"{place}", spec.to_json(), summary((0.9, 0.8))) for place, spec in enumerate(forks)]
    assert len(grouped(runs)) == 1


def seeded(name: str, stream: int | None, seed: int, final: tuple[float, float] = (0.9, 0.8)) -> Compared:
    return run(name, final, stream__seed=stream, seed=seed)


def members(groups: list[Group]) -> list[tuple[str, str]]:
    return [(group.over, "".join(run.run for run in group.runs)) for group in groups]


def test_the_spread_over_trainings_on_one_stream_is_apart_from_that_over_streams():
    trainings = [seeded(name, 7, seed) for seed, name in enumerate("abc")]
    streams = [seeded(name, stream, 0) for stream, name in enumerate("xyz")]
    both = [seeded(name, None, seed) for seed, name in enumerate("mn")]
    groups = grouped([*both, *trainings, *streams])
    assert members(groups) == [("seeds", "mn"), ("trainings", "abc"), ("streams", "xyz")]
    assert compare.table(groups)["over"].tolist() == ["seeds", "trainings", "streams"]
    differ = compare.differences(groups)
    assert differ == {"stream.seed": [None, 7, "several"], "seed": [None, None, 0]}
    assert [setting_value("stream.seed", value) for value in differ["stream.seed"]] == [
        "as seed",
        "7",
        "several",
    ]
    assert members(grouped([*streams, *trainings, *both])) == members(groups)[::-1]


def test_on_a_grid_of_streams_and_trainings_each_stream_is_a_group():
    groups = grouped([seeded(f"{stream}{seed}", stream, seed) for stream in (0, 1) for seed in (0, 1)])
    assert members(groups) == [("trainings", "0001"), ("trainings", "1011")]
    assert [group.name for group in groups] == ["clnp · stream seed = 0", "clnp · stream seed = 1"]


def test_data_is_a_difference_only_where_it_was_replaced_under_its_name():
    one, other = (Compared(name, run(name).spec, summary((0.9, 0.8)), data) for name, data in (("a", "1"), ("b", "2")))
    mnist = Compared("c", preset("permuted-mnist-quick").to_json(), summary((0.9, 0.8)), "3")
    assert compare.differences(grouped([one, other]))["stream.digest"] == ["1", "2"]
    assert "stream.digest" not in compare.differences(grouped([one, mnist]))


def test_of_a_seed_the_run_that_is_furthest_counts():
    begun = Compared("z", run("z").spec, {**summary((0.9, 0.8)), "tasks": 1})
    (group,) = grouped([begun, run("a")])
    assert [member.run for member in group.runs] == ["a"]


def test_settings_that_no_name_can_show_still_make_groups_of_their_own_names():
    groups = grouped([run("a", margin=0.01), run("b", margin=0.01 + 1e-12)])
    assert len({group.name for group in groups}) == 2


@pytest.mark.parametrize("method", METHODS)
def test_every_method_there_is_can_be_compared(method: str):
    (group,) = grouped([run("a", method=method)])
    assert group.name == method


def test_a_method_that_learns_all_at_once_is_measured_after_the_last_task_alone():
    at_once = Compared("a", run("a", method="joint").spec, {**summary((0.9, 0.8)), "accuracy": [[], [0.9, 0.8]]})
    groups = grouped([run("b"), at_once])
    rows = compare.after_each_task(groups).groupby("group")
    assert rows["task"].agg(list).to_dict() == {"clnp": [1, 2], "joint": [2]}
    assert compare.by_task(groups).groupby("group")["task"].agg(list).to_dict() == {"clnp": [1, 2], "joint": [1, 2]}


@pytest.mark.parametrize(
    ("path", "name", "value", "told"),
    [
        ("lambda.2", "λ 2", [1e-5, 2e-3], "1e-5, 2e-3"),
        ("margin", "m (points)", 0.005, "0.5"),
        ("stream.classes_per_task", "classes per task", 2, "2"),
        ("fine_tuning.epochs", "fine tuning epochs", None, "–"),
        ("single_task", "each task alone", True, "yes"),
        ("network", "network", {"name": "mine", "hidden": []}, "mine"),
    ],
)
def test_settings_are_said_as_a_person_would(path: str, name: str, value: Any, told: str):
    assert (setting_name(path), setting_value(path, value)) == (name, told)


fractions = st.floats(0, 1)
runs = st.builds(
    lambda name, final, seed, stream, margin, method: run(
        name, final, seed=seed, stream__seed=stream, margin=margin, method=method
    ),
    st.uuids().map(str),
    st.tuples(fractions, fractions),
    st.integers(0, 4),
    st.none() | st.integers(0, 2),
    st.sampled_from([0.01, 0.02]),
    st.sampled_from(list(METHODS)),
)


@given(st.lists(runs, min_size=1, max_size=8), st.randoms())
def test_the_order_of_runs_changes_no_group_and_no_number(given: list[Compared], dice):
    shuffled = dice.sample(given, len(given))
    before, after = ({ids(group): group for group in grouped(order)} for order in (given, shuffled))
    assert before.keys() == after.keys()
    for members, group in before.items():
        for name in compare.MEASURES:
            mean, deviation = group.measured(name)
            assert repr((mean, deviation)) == repr(after[members].measured(name))
            assert math.isnan(deviation) == (len(members) < 2 or math.isnan(mean))


def ids(group: Group) -> tuple[str, ...]:
    return tuple(member.run for member in group.runs)


@given(st.lists(runs, min_size=1, max_size=8))
def test_every_group_has_a_name_of_its_own_and_every_seed_counts_once(given: list[Compared]):
    groups = grouped(given)
    assert len({group.name for group in groups}) == len(groups)
    for group in groups:
        seeds = [(member.seed, member.stream_seed or 0) for member in group.runs]
        assert seeds == sorted(set(seeds))
        varies = len({member.seed for member in group.runs}), len({member.stream_seed for member in group.runs})
        assert varies[1 if group.over in ("seeds", "trainings") else 0] == 1
    assert compare.table(groups)["seeds"].sum() == sum(len(group.runs) for group in groups)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("draw", "table"),
    [(figures.accuracy_by_task, compare.by_task), (figures.mean_accuracies, compare.after_each_task)],
)
def test_figures_say_what_they_are_and_show_the_spread_over_seeds_alone(draw, table, theme: figures.Theme):
    groups = grouped([run("a"), run("b", (0.7, 0.8), seed=1), run("c", (0.3, 0.8), method="finetune")])
    figure = draw(table(groups), theme)
    layout = figure.to_dict()["layout"]
    assert layout["title"]["text"]
    assert layout["font"]["color"] == figures.INK[theme]
    assert all(layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis"))
    shown = [trace for trace in figure.data if trace.hoverinfo != "skip"]
    assert [trace.name for trace in shown] == ["clnp", "finetune"]
    assert all(trace.hovertemplate for trace in shown)
    assert ["seeds" in trace.customdata[-1] for trace in shown] == [True, False]
    assert len({str(trace.marker.pattern.shape if trace.type == "bar" else trace.line.dash) for trace in shown}) == 2
    assert not shown[1].error_y.array
    figure.to_json()


def test_bars_have_error_bars_and_lines_a_band_of_one_standard_deviation():
    groups = grouped([run("a"), run("b", (0.7, 0.8), seed=1)])
    bars, (band, line) = (
        figures.accuracy_by_task(compare.by_task(groups)).data[0],
        figures.mean_accuracies(compare.after_each_task(groups)).data,
    )
    assert list(bars.y) == pytest.approx([80, 80])
    assert list(bars.error_y.array) == pytest.approx([100 * stdev([0.9, 0.7]), 0])
    deviation = 100 * stdev([0.85, 0.75])
    assert list(line.y) == pytest.approx([95, 80])
    assert list(band.y) == pytest.approx([95, 80 - deviation, 80 + deviation, 95])


def test_the_spread_of_a_method_that_is_measured_once_is_an_error_bar():
    specs = [run("a", method="joint", seed=seed).spec for seed in (0, 1)]
    summaries = [{**summary((0.9, last)), "accuracy": [[], [0.9, last]]} for last in (0, 1)]
    runs = [Compared(name, *told) for name, *told in zip("ab", specs, summaries, strict=True)]
    (point,) = figures.mean_accuracies(compare.after_each_task(grouped(runs))).data
    assert list(point.error_y.array) == pytest.approx([100 * stdev([0.45, 0.95])])


def kept(name: str, memory: int, forgotten: float | None = 0.1, **changes: Any) -> Compared:
    plain = run(name, **changes)
    return Compared(name, plain.spec, {**plain.summary, "memory": [memory // 2, memory], "forgetting": forgotten})


def test_accuracy_against_memory_has_a_mark_for_each_group_and_forgetting_as_its_tail():
    groups = grouped([kept("a", 2000), kept("b", 5000, None, method="joint"), run("c", method="single")])
    figure = figures.accuracy_and_memory(compare.accuracy_and_memory(groups))
    assert [trace.name for trace in figure.data] == ["clnp", "joint"]  # of what has no memory there is no mark
    assert [list(trace.x) for trace in figure.data] == [[2000], [5000]]
    assert [list(trace.y) for trace in figure.data] == [[pytest.approx(85)], [pytest.approx(85)]]
    # Task 1 of two had 10 points more than at the end: the best accuracies are 5 above the mean.
    assert [list(trace.error_y.array) for trace in figure.data] == [[pytest.approx(5)], [0]]
    assert figure.layout.xaxis.type == "linear"


@pytest.mark.parametrize(("other", "kind"), [(9000, "linear"), (20_000, "log"), (10**9, "log")])
def test_the_axis_of_memory_is_logarithmic_where_it_spans_decades(other: int, kind: str):
    groups = grouped([kept("a", 2000), kept("b", other, method="single")])
    axis = figures.accuracy_and_memory(compare.accuracy_and_memory(groups)).layout.xaxis
    assert axis.type == kind
    assert 3 <= len(axis.tickvals) <= 12
    assert axis.tickvals[0] <= 2000
    assert axis.tickvals[-1] >= other / 1.2
