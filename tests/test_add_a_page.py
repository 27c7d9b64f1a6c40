"""The worked example of the documentation: a page is one file, and nothing else has to know of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from clnp_core.runs import background
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from dashboard.shared.pages import pages
from tests.made_up import record, summary
from tests.project import EXAMPLES, ROOT
from tests.test_house import imports

EXAMPLE = EXAMPLES / "free_neurons.py"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(background, "ensure_engine", lambda store: None)
    return Store(tmp_path / "store")


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    """A copy of the app to which the one file was added."""
    folder = tmp_path / "dashboard"
    shutil.copytree(ROOT / "dashboard", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "free_neurons").mkdir()
    shutil.copy(EXAMPLE, folder / "free_neurons" / "page.py")
    return folder


@pytest.fixture
def opened(store: Store, dashboard: Path) -> Callable[[], AppTest]:
    """Opens the app and goes to the page."""

    def opened() -> AppTest:
        app = AppTest.from_file(dashboard / "app.py", default_timeout=60).run()
        app.switch_page("free_neurons/page.py").run()
        assert not app.exception
        assert app.title[0].value == "Free neurons"
        return app

    return opened


def test_it_fits_on_a_page():
    assert len(EXAMPLE.read_text("utf-8").splitlines()) < 80


def test_it_keeps_to_the_house():
    tops = {name.split(".")[0] for name in imports(EXAMPLE)}
    assert "torch" not in tops
    assert all(name.startswith("dashboard.shared.") for name in imports(EXAMPLE) if name.startswith("dashboard"))


def test_the_navigation_has_it_between_the_others(dashboard):
    ours, theirs = pages(ROOT / "dashboard"), pages(dashboard)
    assert [(page.title, page.address) for page in theirs if page.title not in {own.title for own in ours}] == [
        ("Free neurons", "free-neurons")
    ]
    titles = [page.title for page in theirs]
    place = titles.index("Free neurons")
    assert titles[place - 1 : place + 2] == ["Capacity", "Free neurons", "Accuracy"]


def test_an_empty_store_says_what_to_do(opened):
    app = opened()
    assert [heading.value for heading in app.subheader] == ["Nothing has been learned yet"]
    assert len(app.dataframe) == 0


def test_it_counts_what_every_run_has_left(store, opened):
    run, other = (store.add(preset("digits", {"stream.tasks": 2, "method": name})) for name in ("clnp", "finetune"))
    for task, free in ((1, [360, 380]), (2, [320, 360])):
        store.put_learned(run, record(task=task, free=free, claimed=[40, 20]))
    store.put_learned(other, record(free=[]))
    for each in (run, other):
        store.start(each)
        store.finish(each, summary())
    table = opened().dataframe[0].value
    assert list(table["Run"]) == [run, run]
    assert list(table["Layer"]) == ["layer 1", "layer 2"]
    assert list(table["Free"]) == [0.8, 0.9]
    assert list(map(list, table["After each task"])) == [[360, 320], [380, 360]]
    assert table["Outlook"][0].startswith("Layer 1 would be full after about 8 more tasks")
