"""Single test images: which are chosen, through which neurons their answer comes, and how they are drawn."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clnp_core.analysis import figures
from clnp_core.analysis.examples import Examples, Look, lit
from clnp_core.analysis.export import tidy
from clnp_core.errors import SpecError
from tests.analysis.test_anatomy import anatomy_of

CLASSES = ("cat", "dog", 7)
OWNERS = (np.array([1, 2, 0, 2], np.int16), np.array([2, 1, 2], np.int16))


def look(images) -> Look:
    """Each image is as bright as its place; the first class is the answer."""
    pixels = np.zeros((len(images), 1, 2, 3), np.float32) + np.asarray(images, np.float32)[:, None, None, None]
    probabilities = np.tile(np.array([0.7, 0.2, 0.1], np.float32), (len(images), 1))
    activities = np.array([[2, 1, 0, 0]] * len(images), np.float32), np.array([[3, 0, 0]] * len(images), np.float32)
    return Look(np.asarray(images, np.int64), pixels, probabilities, activities)


def examples_of(labels, answers, confidence) -> Examples:
    numbers = (np.array(each, np.int64) for each in (labels, answers))
    return Examples(2, 2, CLASSES, *numbers, np.array(confidence, np.float32), look)


EXAMPLES = examples_of([0, 0, 1, 2, 1], [0, 1, 1, 0, 2], [0.9, 0.6, 0.5, 0.8, 0.8])


def test_wrong_images_come_first_and_of_them_those_that_the_network_is_surest_of():
    assert EXAMPLES.chosen().tolist() == [3, 4, 1, 0, 2]
    assert EXAMPLES.chosen(only_wrong=True).tolist() == [3, 4, 1]
    assert EXAMPLES.chosen(label="cat").tolist() == [1, 0]
    assert EXAMPLES.chosen(answer=7).tolist() == [4]
    assert EXAMPLES.chosen(only_wrong=True, label="dog", answer="dog").tolist() == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 1, width=32)), min_size=1), st.booleans())
def test_each_image_is_chosen_once_where_it_is_wanted(drawn, only_wrong):
    examples = examples_of(*zip(*drawn, strict=True))
    wanted = [place for place, (label, answer, _) in enumerate(drawn) if label != answer or not only_wrong]
    assert sorted(examples.chosen(only_wrong).tolist()) == wanted


def test_what_there_is_not_is_refused_in_a_sentence():
    with pytest.raises(SpecError, match="Task 2 has no class 'cow'; it has 'cat', 'dog', 7"):
        EXAMPLES.chosen(label="cow")
    with pytest.raises(SpecError, match="There is no image 5; task 2 has 5, counted from 0"):
        EXAMPLES.look([0, 5])


@pytest.mark.parametrize("head", ["single", "multi"])
def test_the_links_that_carry_the_most_lead_from_active_neurons_to_active_ones_and_to_the_answer(head):
    anatomy = anatomy_of(OWNERS, head)
    seen = replace(look([4]), probabilities=np.array([[0.2, 0.8]], np.float32))
    found = lit(anatomy, 2, seen)
    assert found.output == (1 if head == "single" else 3)  # the second of each task's two
    hidden = {(at, to): anatomy.links(2)[to, at] for at in (0, 1) for to in (0,)}
    expected = {(1, at, 2, to): weight for (at, to), weight in hidden.items() if weight}
    expected[2, 0, 3, found.output] = anatomy.links(3)[found.output, 0]
    rows = {tuple(map(int, row[:4])): row[4] for row in found.links.itertuples(index=False)}
    assert rows == pytest.approx(expected)


def test_of_many_links_those_that_carry_the_most_are_kept():
    many = np.full(30, 1, np.int16)
    anatomy = anatomy_of((many, many))
    activities = np.random.default_rng(1).random((1, 30), np.float32) + 0.1
    found = lit(
        anatomy, 1, replace(look([0]), probabilities=np.eye(2, dtype=np.float32)[:1], activities=(activities,) * 2)
    )
    carried = np.abs(anatomy.links(2)) * activities
    kept = found.links[found.links["layer"] == 2]
    least = min(carried[row.neuron, row.from_neuron] for row in kept.itertuples())
    assert len(kept) == (carried >= least).sum() == 24


def test_lit_neurons_are_the_brighter_the_more_active_they_are_and_only_the_answer_of_the_outputs():
    anatomy = anatomy_of(OWNERS)
    found = lit(anatomy, 2, replace(look([0]), probabilities=np.array([[0.1, 0.9]], np.float32)))
    figure = figures.partition_graph(anatomy.neurons, anatomy.bundles, lit=found)
    opacity = {
        address: value
        for trace in figure.data
        if trace.mode == "markers" and trace.customdata is not None
        for address, value in zip(trace.customdata, trace.marker.opacity, strict=True)
        if address
    }
    assert opacity["1:0"] == 1 > opacity["1:1"] > opacity["1:2"] == opacity["1:3"]
    assert opacity["2:0"] == 1 > opacity["2:1"] == opacity["2:2"] == opacity["1:2"]
    (outputs,) = [trace for trace in figure.data if trace.name == "output"]
    assert outputs.marker.opacity[1] == 1 > outputs.marker.opacity[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_images_stand_side_by_side_with_frames_around_the_wrong_ones_and_the_one_looked_at(theme):
    images = EXAMPLES.chosen()
    figure = figures.example_wall(EXAMPLES, look(images), 1, theme)
    (marks,) = figure.data
    assert list(marks.customdata) == images.tolist()
    assert [width > 0 for width in marks.marker.line.width] == [True, True, True, False, False]
    assert marks.marker.line.color[2] == figures.INK[theme] != marks.marker.line.color[0]
    assert "the network says cat (80%)" in marks.text[0]
    picture = Image.open(io.BytesIO(base64.b64decode(figure.layout.images[0].source.split(",")[1])))
    assert picture.size == (1000, 100)
    grey = [picture.getpixel((place * 100 + 50, 50))[0] for place in range(5)]
    assert grey == [255 * image // 4 for image in images]
    assert picture.getpixel((950, 50))[3] == 0
    assert len(tidy(figure)) == 5
    assert not figures.example_wall(EXAMPLES, look([]), theme=theme).layout.images


def test_at_most_ten_classes_are_drawn_and_among_them_the_images_own():
    probabilities = np.linspace(0.2, 0, 14)
    figure = figures.class_probabilities(probabilities, range(14), 13)
    (bars,) = figure.data
    assert list(bars.customdata) == [*map(str, range(9)), "13"]
    assert figure.layout.yaxis.ticktext[-1] == "13 (right)"
    assert bars.marker.color[0] == figures.INTERFERENCE
    assert bars.marker.color[-1] == figures.ACTIVE
    few = figures.class_probabilities([0.9, 0.1], ["<b>", "dog"], "<b>")
    assert few.layout.yaxis.ticktext == ("&lt;b&gt; (right)", "dog")
    assert few.data[0].marker.color[0] == figures.ACTIVE
