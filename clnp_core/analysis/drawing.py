"""Draws figures by Chromium or Chrome: one for all of a process, which draws them one after another. Imports no torch.

The browser is kept by a process of its own, which is this module as a program. With its group everything ends that the
browser has started, also where the browser hangs.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from clnp_core.errors import ExportError, NoBrowserError

FONTS = Path(__file__).with_name("fonts")
"""Our fonts, and what puts them into pictures."""
START_SECONDS = 60
"""A browser that has not started by then never will. A busy machine may take many seconds."""
DRAW_SECONDS = 120
_OWN_SECONDS = 60  # for our own process to start
_IDLE_SECONDS = 60
_END_SECONDS = 5
_MOST_LETTERS = 300  # of what a browser says
_GET_ONE = "install one (apt-get install chromium, or kaleido_get_chrome), or name it in BROWSER_PATH"


class Drawer:
    """Draws in turn for all threads. Its browser starts with the first figure and ends after some time without one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._named: str | None = None
        self._path = ""
        self._failed: tuple[float, NoBrowserError] | None = None
        self._rest: threading.Timer | None = None

    def draw(self, figure: go.Figure, options: Mapping[str, Any]) -> bytes:
        """Draw a figure.

        Parameters
        ----------
        figure : plotly Figure
        options : mapping
            format, width, height and scale, as kaleido takes them.

        Raises
        ------
        NoBrowserError
            If there is no browser, or it does not start.
        ExportError
            If the browser fails to draw the figure, or takes too long.
        """
        asked = time.monotonic()
        with self._turn:
            self._start(asked)
            try:
                told = self._drawn(figure, options)
            except BaseException:  # an interrupt too: what it still answers would be taken for the next figure
                self._end(at_once=True)
                raise
            finally:
                self._rest = threading.Timer(_IDLE_SECONDS, self.close)
                self._rest.daemon = True
                self._rest.start()
        if "error" in told:
            raise ExportError(f"{self._path} could not draw the figure: {told['error']}")
        return base64.b64decode(told["picture"])

    def close(self) -> None:
        """End the browser, if there is one. The next figure starts another."""
        with self._turn:
            self._end()

    def _drawn(self, figure: go.Figure, options: Mapping[str, Any]) -> dict[str, Any]:
        told = self._answer(DRAW_SECONDS, {"figure": figure.to_json(), "options": options})
        if told is None:
            raise ExportError(f"{self._path} did not draw the figure within {DRAW_SECONDS:g} s, and was ended.")
        if not told:
            raise ExportError(f"{self._path} ended while it drew the figure.")
        return told

    def _start(self, asked: float) -> None:
        if self._rest:
            self._rest.cancel()
        named = os.environ.get("BROWSER_PATH")
        if self._process and self._process.poll() is None and named == self._named:
            return
        self._end()
        if self._failed and self._failed[0] > asked:  # while this one waited for its turn
            raise self._failed[1]
        self._named = named
        try:
            self._start_anew()
        except BaseException as error:
            self._end(at_once=True)
            if isinstance(error, NoBrowserError):
                self._failed = time.monotonic(), error
            raise

    def _start_anew(self) -> None:
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="clnp-browser-", ignore_cleanup_errors=True)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=os.environ | {"TMPDIR": self._folder.name},
            )
        except OSError as error:
            raise ExportError(f"The figure cannot be drawn: {error.strerror}.") from error
        self._path = (self._answer(_OWN_SECONDS) or {}).get("path") or ""
        if not self._path:
            there = f"BROWSER_PATH names {self._named}, which is not there" if self._named else "neither was found"
            raise NoBrowserError(f"Drawing a figure needs Chromium or Chrome, and {there}; {_GET_ONE}.")
        if why := _why_it_fails(self._path) or self._why_it_does_not_start():
            raise NoBrowserError(
                f"Drawing a figure needs Chromium or Chrome, and {self._path} failed: {why}; {_GET_ONE}."
            )

    def _why_it_does_not_start(self) -> str | None:
        told = self._answer(START_SECONDS, {})
        if told is None:
            return f"it did not start within {START_SECONDS:g} s"
        return None if "started" in told else "it ended at once"

    def _answer(self, seconds: float, question: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return what the browser's process says, {} if it has ended, and None if it says nothing in that time."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            if question is not None:
                process.stdin.write(json.dumps(question).encode() + b"\n")
                process.stdin.flush()
        if not select.select([process.stdout], [], [], seconds)[0]:
            return None
        told: dict[str, Any] = json.loads(process.stdout.readline() or b"{}")
        return told

    def _end(self, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if not at_once:
            with suppress(OSError, subprocess.TimeoutExpired):
                process.communicate(timeout=_END_SECONDS)
        _kill(process)
        if self._folder:
            self._folder.cleanup()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all in its group."""
    with suppress(OSError):  # nothing is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _why_it_fails(path: str) -> str | None:
    """Ask a browser for its version. Where it cannot start it cannot tell that either, but says why."""
    try:
        asked = subprocess.Popen(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return error.strerror or str(error)
    try:
        said, _ = asked.communicate(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it did not start within {START_SECONDS:g} s"
    finally:
        _kill(asked)
    if not asked.returncode:
        return None
    words = " ".join(said.decode(errors="replace").split())[:_MOST_LETTERS]
    return f"it ended with status {asked.returncode}" + (f" and said {words!r}" if words else "")


DRAWER = Drawer()
"""The one of this process."""
atexit.register(DRAWER.close)


async def _serve(answers: int) -> None:
    """Draw the figures that come on standard input, a line of JSON each, and answer each with a line of JSON."""
    from choreographer.browsers.chromium import Chromium
    from choreographer.errors import ChromeNotFoundError
    from kaleido import Kaleido, PageGenerator

    class InThisGroup(Chromium):
        """A browser that ends with this process's group."""

        def get_popen_args(self) -> Mapping[str, Any]:
            return {**super().get_popen_args(), "start_new_session": False}

    def answer(**told: Any) -> None:
        with open(answers, "wb", closefd=False) as file:
            file.write(json.dumps(told).encode() + b"\n")

    try:
        path = os.environ.get("BROWSER_PATH") or Chromium.find_browser(skip_local=False)
        # Without MathJax, which would be fetched from the network.
        page = PageGenerator(mathjax=False, others=[_fonts().as_uri()])
        browser = Kaleido(path=path, browser_cls=InThisGroup, page_generator=page, timeout=None)
    except ChromeNotFoundError:
        return answer(path=None)
    answer(path=str(path))
    sys.stdin.buffer.readline()  # whether to start it
    async with browser:
        answer(started=True)
        while line := sys.stdin.buffer.readline():
            asked = json.loads(line)
            try:
                picture = await browser.calc_fig(json.loads(asked["figure"]), opts=asked["options"])
            except Exception as error:
                answer(error=str(error) or type(error).__name__)
            else:
                answer(picture=base64.b64encode(picture).decode())


def with_fonts() -> str:
    """Return a script, and as its last expression a promise that ends when text can be laid out in our fonts."""
    script, faces = ((FONTS / name).read_text("utf-8") for name in ("pictures.js", "faces.css"))
    return f"{script}withFonts({json.dumps(faces)})"


def _fonts() -> Path:
    """Write the script that gives a page our fonts."""
    script = Path(tempfile.gettempdir(), "fonts.js")
    script.write_text(f"{with_fonts()};", "utf-8")
    return script


if __name__ == "__main__":
    answers = os.dup(1)
    os.dup2(2, 1)  # what anything prints is no answer
    asyncio.run(_serve(answers))
