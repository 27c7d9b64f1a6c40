"""What somebody sees who opens the app on a fresh store, without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from clnp_core.lesson.example_run import give
from clnp_core.runs import background
from clnp_core.runs.store import Store
from tests.dashboard.pages import charts

APP = str(Path(dashboard.__file__).parent / "app.py")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """One with the example alone; no engine is started for it."""
    monkeypatch.setenv("CLNP_STORE", str(tmp_path))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    store = Store(tmp_path)
    give(store)
    return store


def title(app: AppTest) -> str:
    return app.title[0].value


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def test_it_opens_on_the_example_which_leads_to_a_run_of_ones_own(store: Store):
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert title(app) == "Learn task after task, forget none"
    assert len(charts(app)) > 1
    press(press(app, "Run your own"), "Start digits")
    assert title(app) == "CLNP Lab"
    [own, example] = store.runs()
    assert (own.spec.preset, own.state, app.query_params["run"]) == ("digits", "queued", own.id)
    assert example.state == "finished"
    assert title(AppTest.from_file(APP, default_timeout=60).run()) == "CLNP Lab"  # there is something of one's own


def test_methods_are_compared_before_anything_was_run(store: Store):
    app = AppTest.from_file(APP, default_timeout=60).run()
    press(app, "Compare methods")
    assert title(app) == "Compare"
    assert len(charts(app)) > 1


def test_an_address_that_names_a_run_is_followed(store: Store):
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = store.runs()[0].id
    assert title(app.run()) == "CLNP Lab"
