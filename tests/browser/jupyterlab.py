"""A notebook in a JupyterLab of its own, as a person has it open."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page

from tests.browser.conftest import END_SECONDS, wait_for_health

FLAGS = [
    "--no-browser",
    "--allow-root",
    "--log-level=ERROR",
    "--IdentityProvider.token=",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.extension_manager=readonly",
]
# Nothing is taken from, or left to, whoever runs this.
OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
NO_QUESTIONS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}

EXPLORE = """\
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.store import Store

store = Store()
explorer = RunHandle(store, store.runs()[-1].id).explore(1)
explorer"""
"""A cell with the explorer of the oldest run's first task."""


@contextmanager
def serving_notebook(folder: Path, store: Path, *cells: str) -> Iterator[str]:
    """JupyterLab with a notebook of those cells, whose runs are in that store. Yields the notebook's address.

    What it writes is in that folder. Its kernels end with it.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    root = folder / "notebooks"
    root.mkdir()
    nbformat.write(notebook, root / "held.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {name: str(folder / name) for name in (*OWN_FOLDERS, "IPYTHONDIR")}
    for name, values in NO_QUESTIONS.items():
        settings = folder / "JUPYTERLAB_SETTINGS_DIR" / f"{name}.jupyterlab-settings"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(values), "utf-8")
    command = [sys.executable, "-m", "jupyterlab", *FLAGS, f"--port={port}", f"--ServerApp.root_dir={root}"]
    server = subprocess.Popen(command, env=os.environ | own | {"CLNP_STORE": str(store)}, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_health(f"{address}/api")
        yield f"{address}/lab/tree/held.ipynb"
    finally:
        server.terminate()
        server.wait(timeout=END_SECONDS)


def open_notebook(page: Page, address: str) -> None:
    """Open a notebook that is served, and wait for its kernel."""
    page.goto(address)
    # A cell that is run before its kernel is there is not run at all.
    page.get_by_text(re.compile(r"\| Idle$")).wait_for()


def run_cell(page: Page, place: int) -> Locator:
    """Run a cell, counted from 0. Returns what it shows."""
    cell = page.locator(".jp-CodeCell").nth(place)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    return cell.locator(".jp-OutputArea-output")
