"""What several tests share."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from clnp_core.cli import main
from tests.project import ROOT, address_of

# How long an example takes depends on what else the machine is doing, and the suite says the same of the same code each
# time: it tries the same examples. `pytest --hypothesis-profile explore` looks for others.
settings.register_profile("explore", deadline=None)
settings.register_profile("any machine", deadline=None, derandomize=True)
settings.load_profile("any machine")

# A shell that starts the tests in the background has them ignore Ctrl-C, and what they start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Until something computes with as many threads as it says itself, as in a worker of an engine: on arrays as small as
# those of tests, threads mostly wait for each other, and that takes ten times as long. Said before torch is imported.
for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# Figures as PDF are drawn by a browser. The one without windows starts in half the time.
if shell := shutil.which("chromium-headless-shell"):
    os.environ.setdefault("BROWSER_PATH", shell)


BROWSER = "tests/browser/"


class Shares(LoadFileScheduling):
    """Shares tests out to processes by file, those that drive a browser in two halves: what they share is started once.

    These are first, then the files of few tests, each of which takes long. The last are short: no process waits long
    for another in the end.
    """

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith(BROWSER):
            return super()._split_scope(nodeid)
        return BROWSER + ("a to k" if nodeid.removeprefix(BROWSER) < "test_l" else "l to z")

    def _assign_work_unit(self, node: WorkerController) -> None:
        fewest = next(reversed(self.workqueue))
        first = next((scope for scope in self.workqueue if scope.startswith(BROWSER)), fewest)
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test that drives a browser a second try, which the report tells of.

    Beside other processes on two cores a page sometimes loses a message between browser and server; why is not known.
    """
    for item in items:
        if item.nodeid.startswith(BROWSER):
            item.add_marker(pytest.mark.flaky(reruns=1))


MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Have what the tests were started with be the main module, again after each test.

    An AppTest leaves its page there, and every worker of an engine that this process starts later would run the page
    before it computes: on the store of whoever runs the tests.
    """
    sys.modules["__main__"] = MAIN
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture
def mnist_directory() -> Path:
    """The folder of the real MNIST; skips the test where CLNP_DATA_DIR does not name one."""
    folder = Path(os.environ.get("CLNP_DATA_DIR", ""))
    if not os.environ.get("CLNP_DATA_DIR") or not (folder / "mnist.npz").is_file():
        pytest.skip("the real MNIST is not here: name the folder of mnist.npz in CLNP_DATA_DIR")
    return folder


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a Dask scheduler on loopback with two workers: real processes, started once for all tests.

    Where tests go in several processes, each of these has its own: what is sent to it never waits for another's tests.
    """
    # From here, so that workers find what tests send them by its name.
    command, pipes = [sys.executable, "-m", "tests.cluster"], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with address_of(subprocess.Popen(command, cwd=ROOT, text=True, **pipes)) as address:
        yield address


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Do what a command line asks for, here: its exit status, and what it says and complains of."""
    monkeypatch.setenv("COLUMNS", "200")

    def said(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return said
