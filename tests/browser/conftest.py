"""A browser and two served apps, for tests that see the page as a person does.

`learned` has runs that are over, and an engine of its own; in `held` nothing happens but what the test does. Each is
started once for all tests.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from clnp_core.runs import sweep
from clnp_core.runs.background import end_engine
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.store import Store
from tests.browser.player import Player

# However slow the machine is. Where a condition comes, its limit costs nothing.
PATIENCE = 60_000
HEALTH_SECONDS = 200
END_SECONDS = 20
expect.set_options(timeout=PATIENCE)

OTHER_NAME = "lab.test"
"""Of this machine, for the browser alone. The apps let themselves be asked for under it."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1",
]

IS_TRY = re.compile(r"/[\w-]+/_stcore/(health|host-config)$")
"""A page's own address may be a folder above which the app is: Streamlit's front end tries."""

GRID = {"stream.tasks": 3, "epochs": 14, "single_task": False, "lambda.2": [5e-4, 2e-3]}
MARGINS = {"margin": [0.01, 0.05]}


def find_chromium() -> str | None:
    """The browser without windows first: a page costs it a quarter of what it costs the others."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CLNP_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


# Of this package alone: while Playwright is open its event loop counts as running, and nothing else can start one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if not executable:
        pytest.skip("no browser: `apt-get install chromium`, or set CLNP_CHROMIUM to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What the pages of all tests share: the app's scripts are fetched once."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        yield context


@contextmanager
def serving(store: Path, scheduler: str = "", *options: str) -> Iterator[str]:
    """`clnp dashboard` on that store, in a process group of its own. Yields its address; ends app and engine.

    An engine that it starts has that Dask scheduler's workers, or brings its own. Where this process holds the store's
    engine, none is started, and none ended.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "clnp_core.cli", "dashboard", f"--port={port}", "--no-browser"]
    command += [f"--allow-host={OTHER_NAME}", f"--store={store}", f"--scheduler={scheduler}", *options]
    app = subprocess.Popen(command, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_health(f"{address}/_stcore/health")
        yield address
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait(timeout=END_SECONDS)
        if Store(store).engine() != os.getpid():
            end_engine(Store(store))


def wait_for_health(address: str) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError):
            assert time.monotonic() < deadline, f"{address} did not answer within {HEALTH_SECONDS} s"
            time.sleep(0.1)


@pytest.fixture(scope="package")
def finished(scheduler: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A store with a sweep of two runs that have learned three tasks, and the first of them."""
    store = Store(tmp_path_factory.mktemp("finished"))
    asked = sweep.ask(store, MARGINS, sweep.sequences("digits", GRID, MARGINS))
    runs = [run.id for run in store.sweep_runs(asked).values()]
    # In a thread: while Playwright is open its event loop counts as running in this one, and no other can start here.
    with ThreadPoolExecutor() as thread:
        thread.submit(asyncio.run, Engine(store, scheduler).serve(until=runs)).result()
    return store, runs[0]


@pytest.fixture(scope="package")
def learned(browser: Browser, finished: tuple[Store, str], scheduler: str) -> Iterator[tuple[str, Store, str]]:
    """Address of the app, its store, and a run in it that has learned three tasks; there may be others by now."""
    store, run = finished
    with serving(store.location, scheduler) as address:
        yield address, store, run


@pytest.fixture(scope="package")
def held_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """Address of the app and its store, of which this process is the engine: nothing happens by itself."""
    store = Store(tmp_path_factory.mktemp("held"))
    with store.hold_engine(), serving(store.location) as address:
        for example in store.runs():
            store.remove(example.id)
        yield address, store


@pytest.fixture
def held(held_app: tuple[str, Store]) -> Iterator[tuple[str, Store]]:
    """Address and store of an app without runs; what a test asks for stays as the test leaves it."""
    yield held_app
    _, store = held_app
    for run in store.runs():
        store.leave(run.id, "cancelled")
        store.remove(run.id)


@pytest.fixture
def player(held: tuple[str, Store], finished: tuple[Store, str]) -> Player:
    """The engine of `held`: its runs learn what a run has really learned, as far as a test says."""
    return Player(held[1], *finished)


def _is_problem(message: ConsoleMessage) -> bool:
    return message.type == "error" and not IS_TRY.search(message.location["url"])


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must end without console errors and without a Streamlit exception."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.close()
    assert problems == []
