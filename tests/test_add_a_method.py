"""The worked example of the documentation: a method is one file, and nothing else has to know of it."""

import json
import textwrap
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from clnp_core.errors import ArchiveError
from clnp_core.runs import archive
from clnp_core.runs.store import Store
from tests.project import EXAMPLES, Python, address_of, python_in_copy

EXAMPLE = "towards_last.py"
RUN = ["digits", "--tasks", "2", "--set", "method=towards_last", "--set", "single_task=false"]
LONG = ["--epochs", "60", "--set", "patience=null", "--set", "towards_last.strength=0.01"]
GRID = ["--epochs", "4", "--set", "towards_last.strength=[0.01,10]", "--set", "search=every-task"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Python]:
    """Starts Python in a copy of the project to which the one file was added."""
    start = python_in_copy(tmp_path_factory.mktemp("project"), EXAMPLE, "clnp_core/methods")
    # A worker that knows of the file, for all commands: those that the tests share do not.
    with address_of(start("-m", "tests.cluster", 1)) as address:
        yield partial(start, CLNP_SCHEDULER=address)


def clnp(python: Python, *arguments: object) -> tuple[int, str]:
    process = python("-m", "clnp_core.cli", *arguments)
    _, complained = process.communicate()
    return process.returncode, complained


def done(python: Python, code: str, *arguments: object, **variables: str) -> None:
    process = python("-c", textwrap.dedent(code), *arguments, **variables)
    _, complained = process.communicate()
    assert process.returncode == 0, complained


def learned(python: Python, store: Path, *arguments: object) -> dict[str, Any]:
    """The summary of a run of the method."""
    file = store / "summary.json"
    assert clnp(python, "run", *RUN, *arguments, "--store", store, "--json", file) == (0, "")
    summary = json.loads(file.read_text("utf-8"))
    return {name: value for name, value in summary.items() if name not in ("seconds", "environment")}


@pytest.fixture(scope="module")
def calm(python: Python, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A store with an undisturbed run, and its summary."""
    store = tmp_path_factory.mktemp("calm")
    return store, learned(python, store, *LONG)


def test_it_fits_on_a_page():
    assert len((EXAMPLES / EXAMPLE).read_text("utf-8").splitlines()) < 80


def test_a_task_that_is_pulled_forgets_less(calm):
    """Plain fine-tuning keeps less than half of task 1."""
    summary = calm[1]
    assert summary["method"] == "towards_last"
    assert min(summary["accuracy"][-1]) > 0.7


@pytest.mark.parametrize(
    ("setting", "said"),
    [("strength=-1", "towards_last.strength = -1 is not possible"), ("stength=1", "there are strength")],
)
def test_a_wrong_setting_is_refused_in_a_sentence(python, tmp_path, setting, said):
    status, complained = clnp(python, "run", *RUN, "--set", f"towards_last.{setting}", "--store", tmp_path)
    assert (status, complained.count("\n")) == (2, 1)
    assert said in complained


def test_killed_with_its_memory_half_way_it_comes_to_the_same(python, calm, tmp_path):
    # With a worker of its own, that is killed with it.
    process = python("-m", "clnp_core.cli", "run", *RUN, *LONG, "--store", tmp_path, CLNP_SCHEDULER="")
    # The second task's, of which the network before is there: the first is pulled nowhere, and has no memory.
    while not (any(tmp_path.rglob("*.checkpoint")) and len([*tmp_path.rglob("*.safetensors")]) >= 4):
        assert process.poll() is None
        time.sleep(0.05)
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in reversed(family):
        each.kill()
    process.communicate()
    assert learned(python, tmp_path, *LONG) == calm[1]


def test_its_setting_may_be_a_grid_an_archive_and_a_sweep(python, tmp_path):
    code = """
        import json, sys
        from clnp_core.cli import main
        from clnp_core.methods import METHODS
        from clnp_core.runs.engine.work import Context, perform
        from clnp_core.runs.handle import RunHandle
        from clnp_core.runs.store import Store

        run, grid, (one, other, file) = sys.argv[1:8], sys.argv[8:-3], sys.argv[-3:]
        assert main(["run", *run, *grid, "--store", one]) == 0
        kept = RunHandle(Store(one), Store(one).runs()[0].id)
        summary = kept.summary()
        # Task 1 is pulled nowhere: of equal ones the first. What pulls too much learns nothing.
        assert summary["settings"] == [{"strength": 0.01}, {"strength": 0.01}]
        assert kept.settled() == {1: 0, 2: 0}
        assert summary["accuracy"][1][1] > 0.8

        seen = []
        class Watched(type(METHODS["towards_last"])):
            def settle(self, lesson, candidates, *more):
                seen.extend(candidate.settings.strength for candidate in candidates)
                return super().settle(lesson, candidates, *more)
        METHODS["towards_last"] = Watched()
        (settled,) = (stage for stage in Store(one).stages(kept.id) if (stage["kind"], stage["task"]) == ("settle", 2))
        perform([Store(one).stage(settled["key"])], Context(Store(one).artifacts))
        assert seen == [0.01, 10]

        assert main(["archive", kept.id, "--out", file, "--store", one]) == 0
        assert main(["import", file, "--store", other]) == 0
        assert RunHandle(Store(other), kept.id).summary() == summary
        ((_, event),) = Store(other).events(kept.id)
        assert "verified: every accuracy was measured again" in event

        short = [*run, "--tasks", "1", "--epochs", "1", "--store", one]
        assert main(["sweep", *short, "--over", "towards_last.strength=0.01,10"]) == 0
        specs = [each.spec for each in Store(one).runs()[:2]]
        assert {spec.method_settings["strength"] for spec in specs} == {0.01, 10}

        table, tried = one + "/table.json", ["--set", "towards_last.strength=10,0.01", "--search-tasks", "2"]
        asked = [*run[:3], *grid[:2], *tried, "--set", "learning_rate=0.02", "--methods", "towards_last"]
        assert main(["compare", *asked, "--store", one, "--json", table]) == 0
        (row,) = json.loads(open(table).read())
        assert (row["chosen"], row["grid"]) == ("towards last strength = 0.01", "towards last strength: 10, 0.01")
        assert row["search_seconds"] > 0
    """
    file = tmp_path / "run.zip"
    done(python, code, *RUN, *GRID, tmp_path / "one", tmp_path / "other", file)
    with pytest.raises(ArchiveError, match="the method towards_last is not here; put its file into clnp_core/methods"):
        archive.read(Store(tmp_path / "without"), file)


def test_the_pages_compare_and_lab_know_it(python, calm):
    code = """
        from streamlit.testing.v1 import AppTest
        from clnp_core.runs import background
        from clnp_core.runs.store import Store

        background.ensure_engine = lambda store: None
        compare = AppTest.from_file("dashboard/compare/page.py", default_timeout=100).run()
        assert not compare.exception, compare.exception
        names = [table.value.to_string().replace("\\\\", "") for table in compare.table]  # as Markdown
        assert any("towards_last" in name for name in names), names

        def started(app):
            next(button for button in app.button if button.label == "Start").click().run()
            assert not app.exception, app.exception
            return Store().runs()[0].spec

        lab = AppTest.from_file("dashboard/app.py", default_timeout=100).run()
        lab.selectbox(key="digits method").select("towards_last").run()
        lab.number_input(key="digits towards_last.strength").set_value(0.5).run()
        assert started(lab).method_settings == {"strength": 0.5}
        lab.toggle(key="digits towards_last several").set_value(True).run()
        several = lab.multiselect(key="digits towards_last.strength several")
        several.set_value([]).run()
        assert lab.error[0].value == "Method: choose at least one value of Strength."
        several.set_value(["0.01", "1"]).run()
        assert "2 candidates for the first task." in [caption.value for caption in lab.caption]
        assert [point.settings for point in started(lab).grid] == [{"strength": 0.01}, {"strength": 1.0}]
    """
    done(python, code, CLNP_STORE=str(calm[0]))
