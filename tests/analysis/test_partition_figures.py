"""The partition's figures: every neuron and weight is there, says what it is, and is drawn as what it is."""

from base64 import b64decode
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from clnp_core.analysis import figures
from clnp_core.analysis.anatomy import Anatomy, Cut, Kind, by_owner, kinds
from clnp_core.analysis.export import tidy
from tests.analysis.test_anatomy import TASKS, anatomy_of

FIRST = np.array([1] * 30 + [2] * 20 + [3] * 2 + [0] * 48, np.int16)
SECOND = np.array([1, 0, 2, 3, 0, 1], np.int16)


def anatomy(head: str = "single") -> Anatomy:
    """Of two layers; of what task 3's pruning cut two links were not 0."""
    cut = Cut(np.array([3]), np.arange(52, 55), np.array([[0.5, 0.0, -1.0]]))
    return anatomy_of((FIRST, SECOND), head, cuts=(None, cut, None))


def graph(given: Anatomy, *more, **options):
    return figures.partition_graph(given.neurons, given.bundles, *more, **options)


def matrix(given: Anatomy, layer: int, **options):
    return figures.weight_classes(given.owners_at(layer), given.owners_at(layer - 1), given.names, layer, **options)


FIGURES = {
    "graph": lambda theme: graph(anatomy(), theme=theme),
    "graph before severing": lambda theme: graph(anatomy("multi"), theme=theme, before=True),
    "graph of a neuron": lambda theme: graph(anatomy(), anatomy().related(2, 3), theme=theme),
    "matrix": lambda theme: matrix(anatomy(), 2, theme=theme),
    "matrix of the input": lambda theme: matrix(anatomy(), 1, theme=theme),
    "matrix of a single head": lambda theme: matrix(anatomy(), 3, theme=theme),
    "matrix of heads": lambda theme: matrix(anatomy("multi"), 3, theme=theme, not_cut=3),
    "activity": lambda theme: figures.neuron_activity([np.nan, 0.5, 0.1], 2, theme),
    "weights of a neuron": lambda theme: figures.looks_at(np.ones((3, 5, 5)), theme),
    "where a neuron looks": lambda theme: figures.looks_at(np.zeros((1, 8, 8)), theme, signed=False),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())
def test_each_has_title_axis_labels_hover_text_and_the_themes_ink(draw, theme):
    figure = draw(theme)
    layout = figure.to_dict()["layout"]
    assert layout["title"]["text"]
    assert layout["font"]["color"] == figures.INK[theme]
    assert all(layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis"))
    told = [trace for trace in figure.data if trace.hoverinfo != "skip" and (trace.x is None or trace.x[0] is not None)]
    assert all(trace.hovertemplate or trace.text for trace in told)
    figure.to_json()
    assert len(tidy(figure))


def test_the_graph_has_every_neuron_once_in_its_owners_colour():
    given = anatomy("multi")
    dots = {trace.name: trace for trace in graph(given).data if trace.mode == "markers"}
    assert dots.keys() == {"task 1", "task 2", "task 3", "free"}
    addresses = [address for trace in dots.values() for address in trace.customdata if address]
    assert sorted(addresses) == sorted([f"1:{n}" for n in range(100)] + [f"2:{n}" for n in range(6)])
    for task in range(1, TASKS + 1):
        trace = dots[f"task {task}"]
        assert trace.marker.color == figures.task_colour(task)
        assert len(trace.x) == sum(map(np.count_nonzero, (task == FIRST, task == SECOND))) + 2
    assert dots["free"].marker.color == figures.FREE["light"]


def test_neurons_stand_below_each_other_by_owner_the_free_ones_last():
    spans = {}
    for trace in graph(anatomy()).data:
        if trace.mode == "markers":
            there = [
                y for y, address in zip(trace.y, trace.customdata, strict=True) if (address or "").startswith("1:")
            ]
            spans[trace.name] = (min(there), max(there)) if there else (2, 2)
    order = sorted(spans, key=lambda name: spans[name])
    assert order == ["task 1", "task 2", "task 3", "free", "output"]
    assert all(spans[above][1] < spans[below][0] for above, below in pairwise(order))


def test_of_a_layer_of_very_many_neurons_some_are_drawn_of_each_owner():
    many = np.array([1] * 9000 + [2] * 3 + [0] * 3000, np.int16)
    dots = [trace for trace in graph(anatomy_of((many, SECOND))).data if trace.mode == "markers"]
    counts = {trace.name: sum((each or "").startswith("1:") for each in trace.customdata) for trace in dots}
    assert sum(counts.values()) <= 2003
    assert counts["task 2"] == 1
    assert counts["task 1"] == pytest.approx(3 * counts["free"], rel=0.01)


def test_interference_is_drawn_dashed_and_only_before_it_is_cut():
    def lines(**options) -> list[str]:
        return [
            trace.text[0] for trace in graph(anatomy(), **options).data if trace.name == "interference" and trace.text
        ]

    assert not lines()
    (said,) = lines(before=True)
    assert "2 links were not 0 when they were cut, together |w| = 1.5" in said
    dashes = {trace.name: trace.line.dash for trace in graph(anatomy(), before=True).data if trace.mode == "lines"}
    assert (dashes["interference"], dashes["reuse of earlier tasks"]) == ("dash", "dashdot")
    assert len(set(map(str, dashes.values()))) >= 4


def test_the_more_weights_a_bundle_has_the_wider_it_is():
    bundles = [
        trace for trace in graph(anatomy()).data if trace.mode == "lines" and trace.text and "weights" in trace.text[0]
    ]
    widths = {int(each.text[0].split("<br>")[1].split()[0].replace(",", "")): each.line.width for each in bundles}
    assert [widths[count] for count in sorted(widths)] == sorted(widths.values())


def test_a_neuron_that_is_looked_at_stands_out_with_its_family():
    given = anatomy()
    related = given.related(2, 3)
    figure = graph(given, related)
    opacity = {
        address: shown
        for trace in figure.data
        if trace.mode == "markers" and trace.customdata
        for address, shown in zip(trace.customdata, trace.marker.opacity, strict=True)
    }
    assert opacity["2:3"] == 1
    assert opacity["2:0"] < 0.5
    assert {n for n in range(100) if opacity[f"1:{n}"] == 1} == set(np.flatnonzero(related.ancestors[1]).tolist())
    assert sum(trace.name == "strongest links" for trace in figure.data) == len(related.links)


def picture(figure) -> np.ndarray:
    """The colour of each pixel, as a number."""
    _, code = figure.layout.images[0].source.split(",")
    return np.asarray(Image.open(BytesIO(b64decode(code))).convert("RGB")).astype(int) @ (256**2, 256, 1)


owners = st.integers(1, 9).flatmap(lambda width: arrays(np.int16, width, elements=st.integers(0, TASKS)))


@settings(max_examples=25, deadline=None)
@given(owners, owners)
def test_the_image_has_the_colour_of_each_weights_kind(first, second):
    given = anatomy_of((first, second))
    image, kind = picture(matrix(given, 2)), kinds(second, first)[by_owner(second)][:, by_owner(first)]
    tall, wide = (pixels // n for pixels, n in zip(image.shape, kind.shape, strict=False))
    placed = second[by_owner(second)]
    for (row, column), each in np.ndenumerate(kind):
        cell = image[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        colours = {f"#{colour:06X}" for colour in np.unique(cell)}
        own = figures.task_colour(max(int(placed[row]), 1))
        ground, cut = "#FFFFFF", "#D55E00"
        wanted = {
            Kind.ACTIVE: {own},
            Kind.FREE: {figures.FREE["light"]},
            Kind.REUSE: {own, ground},
            Kind.INTERFERENCE: {cut, ground},
        }.get(Kind(each))
        assert len(colours) == (1 if each in (Kind.ACTIVE, Kind.FREE) else 2)
        assert wanted is None or colours == wanted


def test_before_severing_the_last_tasks_interference_is_there():
    given = anatomy()
    share = [(picture(matrix(given, 2, not_cut=not_cut)) == 0xD55E00).mean() for not_cut in (None, 3)]
    assert share[1] - share[0] == pytest.approx(48 / 600 * 2 / 3, abs=0.01)
    names = [trace.name for trace in matrix(given, 2, not_cut=3).data if trace.type == "bar"]
    assert {"interference (exactly 0)", "interference, not cut yet"} <= set(names)


def test_the_matrixs_cells_cover_it_and_its_strips_name_the_neurons():
    given = anatomy()
    blocks, below, above, *_ = matrix(given, 2).data
    assert np.sum(blocks.z) == 600
    assert (blocks.x[-1], blocks.y[-1]) == (100, 6)
    assert list(below.customdata[0][:2]) == ["1:0", "1:1"]
    assert [row[0] for row in above.customdata] == [f"2:{n}" for n in by_owner(SECOND)]
    assert all(cell is None for cell in matrix(given, 1).data[1].customdata[0])
    assert "exactly 0" in blocks.text[0][-1]


def test_two_thousand_by_two_thousand_weights_are_a_small_image():
    wide = np.repeat(np.arange(11, dtype=np.int16), 182)[:2000]
    figure = figures.weight_classes(wide, wide, ("input", "layer 1", "layer 2", "output"), 2)
    assert picture(figure).shape == (2000, 2000)
    assert len(figure.layout.images[0].source) < 200_000
