"""The page of examples, without a browser: a real engine answers."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from dashboard.examples.state import View, linked_view
from tests.dashboard.pages import assert_code_makes_its_chart, at, charts
from tests.runs.engine.test_questions import serving

PAGE = str(Path(dashboard.__file__).parent / "examples" / "page.py")
opened = partial(at, PAGE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> Iterator[tuple[Store, dict[str, str]]]:
    """A store with a run of two methods, and an engine that serves it."""
    store = Store(tmp_path_factory.mktemp("store"))
    short = {"stream.tasks": 2, "epochs": 4, "single_task": False}
    runs = {method: store.add(preset("digits", short | {"method": method})) for method in ("clnp", "finetune")}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    with serving(store, scheduler), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLNP_STORE", str(store.location))
        yield store, runs


def titles(app: AppTest) -> list[str]:
    return [json.loads(chart["figure"])["layout"]["title"]["text"] for chart in charts(app)]


def test_images_their_probabilities_the_neurons_and_the_confusion_are_shown_and_code_makes_them(served):
    store, runs = served
    app = opened(run=runs["clnp"], task="1")
    examples = RunHandle(store, runs["clnp"]).examples(1)
    first, count = int(examples.chosen()[0]), int(examples.wrong.sum())
    assert titles(app) == [
        "Test images of task 1",
        "What it takes the image for",
        f"Neurons that image {first} of task 1 lights up",
        "What the images of task 1 are taken for",
    ]
    assert f"360 images of 360. {count} are answered with another class ({count / 360:.2%})" in app.caption[1].value
    for chart in charts(app):
        assert_code_makes_its_chart(chart)


def test_the_address_tells_which_images_are_shown_and_which_is_looked_at(served):
    store, runs = served
    examples = RunHandle(store, runs["clnp"]).examples(2)
    label, answer = ((each[examples.chosen()[0]]) for each in (examples.labels, examples.answers))
    of_both = examples.chosen(label=int(label), answer=int(answer))
    app = opened(run=runs["clnp"], label=str(label), answer=str(answer))
    (wall, *_) = charts(app)
    (marks,) = json.loads(wall["figure"])["data"]
    assert [int(image) for image in marks["customdata"]] == of_both[:40].tolist()
    app = opened(run=runs["clnp"], show="wrong", image=str(examples.chosen()[1]))
    assert f"Image {examples.chosen()[1]} is of class" in " ".join(each.value for each in app.markdown)
    next(button for button in app.button if button.label == "Back").click().run()
    assert app.query_params["image"] == str(examples.chosen()[0])


def test_a_method_that_claims_no_neurons_has_images_and_answers_all_the_same(served):
    _, runs = served
    app = opened(run=runs["finetune"], task="1")
    assert len(charts(app)) == 3
    assert "finetune claims no neurons" in app.info[0].value


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"task": "3"}, "has not learned task 3; it has learned 2"),
        ({"image": "360"}, "There is no image 360; task 2 has 360, counted from 0"),
        ({"label": "10"}, "There is no label 10; task 2 has 10, counted from 0"),
    ],
)
def test_what_there_is_not_is_said_in_a_sentence(served, query, sentence):
    _, runs = served
    app = opened(run=runs["clnp"], **query)
    assert sentence in app.error[0].value
    assert not charts(app)


def test_a_view_is_its_address(served):
    view = View("a run", 2, only_wrong=True, label=0, answer=9, image=17)
    assert linked_view(view.to_link()) == view
    assert linked_view({"run": "a run"}) == View("a run")


def test_without_an_engine_that_answers_the_page_says_so(served, tmp_path, monkeypatch):
    store, runs = served
    shutil.copytree(store.location, tmp_path / "copy", ignore=shutil.ignore_patterns("engine.*"))
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "copy"))
    monkeypatch.setattr("clnp_core.runs.background.ensure_engine", lambda store: None)
    st.cache_resource.clear()
    app = opened(run=runs["clnp"])
    assert "No engine serves the store" in app.error[0].value
