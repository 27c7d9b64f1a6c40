"""Somebody who looks at the app, without a browser: Streamlit's own protocol, over a websocket.

The server does for such a visitor what it does for a page in a browser, and is asked the same: pages in turn, and the
parts of a page that are drawn again and again as often as they want to be.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

import dashboard

_START_SECONDS = 60
_CHANCE = np.random.default_rng(0)


@contextmanager
def serving(store: Path, quota: int = 0) -> Iterator[tuple[str, psutil.Process]]:
    """The app on that store, as `clnp dashboard` serves it, but without an engine. Yields its address and process.

    With a quota it serves a class.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = dashboard.process(store, port, opens_browser=False, quota=quota)
    server = psutil.Popen(**started, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"ws://127.0.0.1:{port}/_stcore/stream", server
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str, server: psutil.Popen) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, TimeoutError):
            assert server.poll() is None, f"The server ended with {server.poll()}."
            assert time.monotonic() < deadline, f"{address} did not answer within {_START_SECONDS} s."
            time.sleep(0.1)


@asynccontextmanager
async def visiting(address: str) -> AsyncIterator[Visitor]:
    """A visitor who has opened the app."""
    async with connect(address, subprotocols=["streamlit"], max_size=None) as connection:
        visitor = Visitor(connection)
        await visitor.open("")
        yield visitor


class Visitor:
    """A session of its own with the server.

    Attributes
    ----------
    pages : dict
        The app's pages: the end of a page's address → its key. Known once a page was opened.
    problems : list of str
        Exceptions that pages have shown.
    live : dict
        Parts of the page that want to be drawn again and again: a part's key → seconds between two times.
    widgets : dict
        Buttons and fields for text and numbers that the page has: what is written on one → its key. Of several with the
        same words the first counts.
    told : list of str
        What the page says of errors.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.pages: dict[str, str] = {}
        self.problems: list[str] = []
        self.live: dict[str, float] = {}
        self.widgets: dict[str, str] = {}
        self.told: list[str] = []
        self._state = ClientState()

    async def open(self, page: str, query: str = "") -> float:
        """Turn to a page. Returns the seconds until the server has drawn it."""
        self.live = {}
        self._state = ClientState(page_script_hash=self.pages.get(page, ""), page_name=page, query_string=query)
        return await self._ask(self._state)

    async def press(self, button: str, written: Mapping[str, str | int] | None = None, **otherwise: str) -> float:
        """Press a button of the page after something was written in its fields, each by its words.

        Parameters
        ----------
        button : str
            What is written on it, or its key, which need not be on the page.
        written : mapping, optional
            What is written on a field → what is written into it.
        **otherwise : str
            What else is told to the server otherwise than it is, such as `query_string`.
        """
        state = ClientState()
        state.CopyFrom(self._state)
        for name, value in otherwise.items():
            setattr(state, name, value)
        for label, value in (written or {}).items():
            field = "string_value" if isinstance(value, str) else "double_value"
            state.widget_states.widgets.add(id=self.widgets[label], **{field: value})
        state.widget_states.widgets.add(id=self.widgets.get(button, button), trigger_value=True)
        return await self._ask(state)

    async def stay(self, seconds: float) -> list[float]:
        """Look at the page for a while. Returns the seconds that each part took that wanted to be drawn again."""
        end, taken = time.monotonic() + seconds, []
        due: dict[str, float] = {}
        while True:
            now = time.monotonic()
            due = {part: due.get(part, now + every) for part, every in self.live.items()}
            part = min(due, key=due.get, default=None)
            if part is None or due[part] >= end:
                break
            await asyncio.sleep(due[part] - now)
            due[part] = max(due[part], now) + self.live[part]
            taken.append(await self.redraw(part))
        await asyncio.sleep(max(0, end - time.monotonic()))
        return taken

    async def redraw(self, part: str) -> float:
        """Have a part of the page drawn again. Returns the seconds until the server has."""
        state = ClientState()
        state.CopyFrom(self._state)
        state.fragment_id, state.is_auto_rerun = part, True
        return await self._ask(state)

    async def _ask(self, state: ClientState) -> float:
        """Have something drawn, and take in what comes until it is."""
        start = time.perf_counter()
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        while True:
            message = ForwardMsg.FromString(await self._connection.recv())
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            elif kind == "new_session":
                self._state.page_script_hash = message.new_session.page_script_hash
                if not _parts(message):  # the whole page begins anew
                    self.live, self.widgets = {}, {}
            elif kind == "page_info_changed":
                self._state.query_string = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                self.live[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                for part in message.stop_auto_rerun.fragment_ids:
                    self.live.pop(part, None)
            elif kind == "delta":
                self._take_in(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return time.perf_counter() - start

    def _take_in(self, element: Element) -> None:
        """Take in what is of interest in an element of the page."""
        what = element.WhichOneof("type")
        if what == "exception":
            self.problems.append(element.exception.message)
        elif what in ("button", "text_input", "number_input"):
            self.widgets.setdefault(getattr(element, what).label, getattr(element, what).id)
        elif what in ("toast", "alert"):
            self.told.append(getattr(element, what).body)


def _parts(message: ForwardMsg) -> Sequence[str]:
    """The parts of the page that are drawn again; none if all of it is."""
    if hasattr(message.new_session, "fragment_ids_this_run"):  # Streamlit before 1.67
        return message.new_session.fragment_ids_this_run
    return message.metadata.run.fragment_ids


async def switch_times(visitor: Visitor, times: int) -> dict[str, list[float]]:
    """Seconds of as many switches to each page, all of them in turn, as often as that."""
    taken: dict[str, list[float]] = {page: [] for page in visitor.pages}
    for _ in range(times):
        for page, seconds in taken.items():
            seconds.append(await visitor.open(page))
    return taken


async def crowd(address: str, visitors: int, seconds: float, stay: float) -> tuple[list[float], list[float]]:
    """Many visitors at once, each with another page to begin with, who turn to the next one after a while.

    Parameters
    ----------
    stay : float
        Seconds on a page on average, each time others: were they always the same, those who once came together would
        come together for ever.

    Returns
    -------
    list, list of float
        Seconds until a page was drawn that was turned to; and a part of one, each time it was drawn again.
    """
    async with AsyncExitStack() as stack:
        present = [await stack.enter_async_context(visiting(address)) for _ in range(visitors)]
        return await looking_around(present, seconds, stay)


async def looking_around(present: Sequence[Visitor], seconds: float, stay: float) -> tuple[list[float], list[float]]:
    """Have visitors look around, as `crowd` does; it returns the same."""
    end = time.monotonic() + seconds
    times = await asyncio.gather(*(_look_around(visitor, place, end, stay) for place, visitor in enumerate(present)))
    problems = [problem for visitor in present for problem in visitor.problems]
    assert not problems, problems
    turned, drawn = zip(*times, strict=True)
    return [each for own in turned for each in own], [each for own in drawn for each in own]


async def _look_around(visitor: Visitor, place: int, end: float, stay: float) -> tuple[list[float], list[float]]:
    await asyncio.sleep(_CHANCE.uniform(0, stay))
    turned, drawn = [], []
    for page in islice(cycle(visitor.pages), place % len(visitor.pages), None):
        if time.monotonic() >= end:
            return turned, drawn
        turned.append(await visitor.open(page))
        drawn += await visitor.stay(min(_CHANCE.uniform(0, 2 * stay), end - time.monotonic()))
