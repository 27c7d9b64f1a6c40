"""A browser and a served app, for tests that see the page as a person does."""

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
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from clnp_core.runs.background import end_engine
from clnp_core.runs.store import Store

HEALTH_SECONDS = 30
END_SECONDS = 20
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    named = os.environ.get("CLNP_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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


@pytest.fixture(scope="package", autouse=True)
def workers(scheduler: str) -> Iterator[None]:
    """Engines of these tests compute on workers that are there already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLNP_SCHEDULER", scheduler)
        yield


@contextmanager
def serving(store: Path) -> Iterator[str]:
    """`clnp dashboard` on that store, in a process group of its own. Yields its address; ends app and engine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "clnp_core.cli", "dashboard", f"--port={port}", "--no-browser"]
    app = subprocess.Popen([*command, f"--store={store}"], start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_health(f"{address}/_stcore/health")
        yield address
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait(timeout=END_SECONDS)
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
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app on a store that the tests share."""
    with serving(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture(scope="package")
def empty_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app on a store that stays empty."""
    with serving(tmp_path_factory.mktemp("empty")) as address:
        yield address


@pytest.fixture
def new_app(browser: Browser, tmp_path: Path) -> Iterator[str]:
    """Address of the app on an empty store of the test's own."""
    with serving(tmp_path) as address:
        yield address


def _is_problem(message: ConsoleMessage) -> bool:
    # A page's own address may be a folder above which the app is: Streamlit's front end tries.
    is_try = re.search(r"/[\w-]+/_stcore/(health|host-config)$", message.location["url"])
    return message.type == "error" and not is_try


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must end without console errors and without a Streamlit exception."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(30_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.close()
    assert problems == []
