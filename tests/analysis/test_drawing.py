"""Figures are drawn one after another by one browser, and one that fails is named and ended."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plotly.graph_objects as go
import psutil
import pytest

from clnp_core.analysis import drawing
from clnp_core.analysis.drawing import Drawer
from clnp_core.errors import ExportError, NoBrowserError

FIGURE = go.Figure(go.Scatter(x=[1, 2], y=[2, 1]))
OPTIONS = {"format": "svg", "width": 300, "height": 200}
NO_BROWSER = not (os.environ.get("BROWSER_PATH") or any(map(shutil.which, ("chromium", "google-chrome"))))


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawer]:
    drawer = Drawer()
    yield drawer
    drawer.close()


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Make a program the browser, and give its path."""

    def browser(script: str) -> Path:
        path = tmp_path / "browser"
        path.write_text(script)
        path.chmod(0o755)
        monkeypatch.setenv("BROWSER_PATH", str(path))
        return path

    return browser


def started_here(path: Path) -> list[psutil.Process]:
    """Processes below this one that run a program."""
    found = psutil.Process().children(recursive=True)
    return [each for each in found if each.is_running() and any(str(path) in part for part in each.cmdline())]


def keepers() -> set[psutil.Process]:
    """Processes below this one that keep a browser. One may be the default drawer's, from a test before."""
    return {each for each in psutil.Process().children() if drawing.__name__ in each.cmdline()}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/false\n", r"it ended with status 1; install"),
        ("#!/bin/sh\necho requires the snap; exit 46\n", r"it ended with status 46 and said 'requires the snap'"),
        ("no program at all", r"Exec format error"),
        ("#!/bin/sh\nsleep 600 & wait\n", r"it did not start within 0\.5 s"),
        ("#!/bin/sh\n[ $1 = --version ] || sleep 600\n", r"it did not start within 0\.5 s"),
        ("#!/bin/sh\n[ $1 = --version ]\n", r"it ended at once"),
    ],
)
def test_a_browser_that_fails_is_named_with_why_and_nothing_is_left_of_it(
    drawer: Drawer, browser, monkeypatch: pytest.MonkeyPatch, script: str, why: str
):
    monkeypatch.setattr(drawing, "START_SECONDS", 20.0 if "at once" in why else 0.5)
    path = browser(script)
    with pytest.raises(NoBrowserError, match=rf"{path} failed: {why}"):
        drawer.draw(FIGURE, OPTIONS)
    assert started_here(path) == []


def test_those_who_waited_meanwhile_do_not_each_try_a_browser_that_fails(drawer: Drawer, browser, tmp_path: Path):
    browser(f"#!/bin/sh\necho tried >> {tmp_path}/tries; sleep 0.5; exit 1\n")
    with ThreadPoolExecutor(5) as threads:
        tries = [threads.submit(drawer.draw, FIGURE, OPTIONS) for _ in range(5)]
    assert all(isinstance(each.exception(), NoBrowserError) for each in tries)
    assert (tmp_path / "tries").read_text() == "tried\n"


@pytest.mark.browser
@pytest.mark.skipif(NO_BROWSER, reason="no browser: `apt-get install chromium`")
def test_many_figures_at_once_are_drawn_by_one_browser_in_turn(drawer: Drawer, monkeypatch: pytest.MonkeyPatch):
    others = keepers()

    def draw(place: int) -> tuple[bytes, set[psutil.Process]]:
        figure = go.Figure(FIGURE).update_layout(title_text=f"Figure {place}.")
        return drawer.draw(figure, OPTIONS), keepers() - others

    with ThreadPoolExecutor(6) as threads:
        pictures, seen = zip(*threads.map(draw, range(6)), strict=True)
    assert [f"Figure {place}.".encode() in picture for place, picture in enumerate(pictures)] == [True] * 6
    assert len(set.union(*seen)) == 1
    with pytest.raises(ExportError, match="could not draw the figure"):
        drawer.draw(FIGURE, OPTIONS | {"format": "none"})
    monkeypatch.setattr(drawing, "DRAW_SECONDS", 0.0)
    with pytest.raises(ExportError, match="did not draw the figure within 0 s"):
        drawer.draw(FIGURE, OPTIONS)
    drawer.close()
    assert keepers() <= others
