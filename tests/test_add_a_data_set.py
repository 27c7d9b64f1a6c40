"""The worked example of the documentation: a data set is one file, and nothing else has to know of it."""

import importlib.util
import json
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clnp_core.tasks import content, datasets
from clnp_core.tasks.sources import SOURCES
from clnp_core.tasks.streams import open_stream
from tests.project import EXAMPLES, Python, python_in_copy

NAME, FILE = "large-digits", "large_digits.py"
SPLIT = {"kind": "split", "datasets": [NAME], "classes_per_task": 2, "tasks": 2, "validation": 0.1}
PERMUTED = {"kind": "permuted", "dataset": NAME, "tasks": 2, "validation": 100, "identity_first": True}
RUN = ["split-mnist", "--tasks", "2", "--set", f"stream.datasets={NAME}", "--set", "batch_size=32"]
LAYERS = [{"kind": "dense", "name": name, "width": 100} for name in ("layer 1", "layer 2")]
NETWORK = {"name": "small", "input_shape": [1, 28, 28], "hidden": LAYERS, "outputs": 2}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Python:
    """Starts Python in a copy of the project to which the one file was added."""
    return python_in_copy(tmp_path_factory.mktemp("project"), FILE, "clnp_core/tasks/sources")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where data is kept, in a process that has found the file."""
    described = importlib.util.spec_from_file_location("large_digits", EXAMPLES / FILE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    monkeypatch.setitem(SOURCES, NAME, module.SOURCE)
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path))
    return tmp_path


def test_it_fits_on_a_page():
    assert len((EXAMPLES / FILE).read_text("utf-8").splitlines()) < 80


def test_it_is_kept_and_not_made_again(found, monkeypatch):
    made = datasets.load(NAME)
    assert made.x_train.shape == (datasets.training_images(NAME), 1, 28, 28)
    assert made.x_train[:, :, 2:26:3, 2:26:3].max() == made.white == 255
    assert [path.name for path in found.iterdir()] == [f"{NAME}.npz"]
    monkeypatch.setitem(SOURCES, NAME, replace(SOURCES[NAME], arrays=None))
    assert datasets.load(NAME).digest() == made.digest()


@pytest.mark.parametrize("asked", [SPLIT, PERMUTED], ids=lambda asked: asked["kind"])
def test_streams_are_made_of_it(found, asked):
    content.check(asked)
    stream = open_stream(asked, seed=0)
    test, images = stream.test(1), datasets.load(NAME)
    rows = images.y_test < (2 if asked is SPLIT else 10)
    assert np.array_equal(test.x.numpy(), images.x_test[rows].reshape(-1, 28 * 28) / np.float32(255))


def test_a_run_on_it_learns(python, tmp_path):
    # The worker is a thread beside the command: processes of its own would cost more than the run.
    code = """
        import sys
        from distributed import LocalCluster
        from clnp_core.cli import main

        here = {"processes": False, "protocol": "tcp", "host": "127.0.0.1", "dashboard_address": None}
        with LocalCluster(n_workers=1, threads_per_worker=1, **here) as cluster:
            sys.exit(main([*sys.argv[1:], "--scheduler", cluster.scheduler_address]))
    """
    summary, network = tmp_path / "summary.json", f"network={json.dumps(NETWORK)}"
    command = ["run", *RUN, "--set", network, "--store", tmp_path / "store", "--json", summary]
    process = python("-c", textwrap.dedent(code), *command, CLNP_DATA_DIR=str(tmp_path))
    _, complained = process.communicate()
    assert process.returncode == 0, complained
    assert (tmp_path / f"{NAME}.npz").is_file()
    assert min(json.loads(summary.read_text("utf-8"))["accuracy"][-1]) > 0.9


def test_the_lab_offers_it_wherever_a_network_takes_it(python, tmp_path):
    code = """
        import sys
        from streamlit.testing.v1 import AppTest
        from clnp_core.runs import background
        from clnp_core.runs.store import Store

        background.ensure_engine = lambda store: None
        lab = AppTest.from_file("dashboard/app.py", default_timeout=100).run()
        assert not lab.exception, lab.exception
        lab.selectbox(key="preset").select("split-mnist").run()
        lab.multiselect(key="split-mnist stream.datasets").set_value(["mnist", "large-digits"]).run()
        next(button for button in lab.button if button.label == "Start").click().run()
        assert not lab.exception, lab.exception
        assert Store().runs()[0].spec.stream.datasets == ("mnist", "large-digits")
        assert "torch" not in sys.modules
    """
    process = python("-c", textwrap.dedent(code), CLNP_STORE=str(tmp_path))
    _, complained = process.communicate()
    assert process.returncode == 0, complained
