"""What the app's server does for its visitors, who speak Streamlit's protocol with it, as browsers do.

How long it takes for that is measured by `python -m benchmarks.dashboard`.
"""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import dashboard
from benchmarks.visitor import serving, visiting
from clnp_core.errors import StoreError
from clnp_core.runs.engine.answers import Answers
from clnp_core.runs.engine.evaluate import Theta
from clnp_core.runs.engine.look import Looker
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import trade_off

SHORT = {"stream.tasks": 2, "epochs": 2, "single_task": False}
VISITORS = 2
APP = Path(dashboard.__file__).parent / "app.py"
PAGES = sorted(APP.parent.glob("*/page.py"))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Path, dict[str, str]]:
    """A folder with a store in it, and the run it has of each method; they are over."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    runs = {method: store.add(preset("digits", SHORT | {"method": method})) for method in ("clnp", "finetune")}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    for task in (1, 2):  # what the trade-off's page would ask an engine for
        (candidate,) = trade_off(store, runs["clnp"], task).candidates
        store.put_pruned(candidate.key, "test", {point.theta: point.accuracy for point in candidate.curve.points})
    return folder, runs


@contextmanager
def answering(store: Store) -> Iterator[None]:
    """Answer what pages ask of the store's engine about images; what else takes an engine stays undone."""

    async def look(stage: Stage, task: int, images: list[int]) -> dict[str, np.ndarray]:
        return Looker(stage, task, store.artifacts).look(images)

    async def none(stage: Stage, split: str, thetas: list[Theta]) -> list[float]:
        raise StoreError("There is no worker to answer; try again later.")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    answers = Answers(store, none, look)
    asyncio.run_coroutine_threadsafe(answers.open(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(answers.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def address(learned: tuple[Path, dict[str, str]]) -> Iterator[str]:
    """Of the app on that store. A run of it is learning meanwhile, and gets no further."""
    store = Store(learned[0])
    with store.hold_engine(), answering(store):
        store.start(store.add(preset("digits")))
        with serving(store.location) as (address, _):
            yield address


def test_every_page_is_drawn_for_several_visitors_at_once(address: str):
    async def look_around(place: int) -> list[str]:
        async with visiting(address) as visitor:
            pages = [*visitor.pages]
            assert len(pages) == len(PAGES)
            for page in pages[place:] + pages[:place]:
                await visitor.open(page)
            return visitor.problems

    async def come() -> list[list[str]]:
        return await asyncio.gather(*map(look_around, range(VISITORS)))

    assert asyncio.run(come()) == [[]] * VISITORS


@pytest.mark.parametrize(
    ("name", "is_let_in"),
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("evil.example", False), ("localhost.evil", False)],
)
def test_only_who_asks_for_the_app_under_a_name_of_its_own_is_let_in(address: str, name: str, is_let_in: bool):
    """A page of somebody else, who has a name point here, has that name for both its Host and its Origin."""
    place = urlsplit(address)
    asked = place._replace(netloc=f"{name}:{place.port}")
    there = {"host": place.hostname, "port": place.port, "origin": f"http://{asked.netloc}"}

    async def come() -> None:
        async with connect(asked.geturl(), subprotocols=["streamlit"], **there):
            pass

    if is_let_in:
        asyncio.run(come())
    else:
        with pytest.raises(InvalidStatus):
            asyncio.run(come())


def test_an_app_for_other_machines_is_asked_for_under_this_ones_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def names(address: str, *more: str) -> list[str]:
        monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", address)
        flag = "--server.allowedHosts="
        started = dashboard.process(tmp_path, 8501, False, more)["args"]
        return [each.removeprefix(flag) for each in started if each.startswith(flag)]

    everywhere = names("0.0.0.0")  # noqa: S104
    assert socket.gethostname() in everywhere
    assert socket.gethostname() not in names("127.0.0.1")
    assert "192.0.2.7" in names("192.0.2.7")
    assert names("127.0.0.1", "lab.example.org") == [*names("127.0.0.1"), "lab.example.org"]
    assert all("*" not in each.removeprefix("*.localhost") for each in everywhere)
    args = dashboard.process(tmp_path, 8501, False, public_url="https://lab.example.org/clnp")["args"]
    assert "--server.allowedHosts=lab.example.org" in args


def test_the_link_of_a_class_is_one_that_other_machines_find():
    assert dashboard.link_elsewhere("192.0.2.7", 80, "code=K7M3QX") == "http://192.0.2.7:80/?code=K7M3QX"
    assert dashboard.link_elsewhere("2001:db8::7", 80, "").startswith("http://[2001:db8::7]:80/")
    everywhere = dashboard.link_elsewhere("0.0.0.0", 8501, "")  # noqa: S104
    assert urlsplit(everywhere).hostname in dashboard.names_of("0.0.0.0")  # noqa: S104
    assert dashboard.link_here("0.0.0.0", 8501) == dashboard.link_here("", 8501) == "http://127.0.0.1:8501"  # noqa: S104
    assert dashboard.link_here("192.0.2.7", 8501) == "http://192.0.2.7:8501"


def test_only_what_changes_is_drawn_again(address: str, learned: tuple[Path, dict[str, str]]):
    over = learned[1]["clnp"]
    (learning,) = (run.id for run in Store(learned[0]).active())

    async def look() -> None:
        async with visiting(address) as visitor:
            for page in ("partition", "capacity", "accuracy"):
                await visitor.open(page, f"run={over}")
                assert visitor.live == {}, page
            await visitor.open("accuracy", f"run={learning}")
            assert len(visitor.live) == 1
            await visitor.open("", f"run={learning}")
            parts = list(visitor.live)
            assert len(parts) == 3, "the list, the run's state and its results"
            for part in parts:
                await visitor.redraw(part)
            assert visitor.problems == []

    asyncio.run(look())


def test_no_page_needs_torch(store: Store, runs: dict[str, str]):
    """It takes seconds to import, for which the first visitor would wait, and much memory."""
    program = (
        "import sys; from streamlit.testing.v1 import AppTest; from clnp_core.runs import background\n"
        "background.ensure_engine = lambda store: None\n"
        "runs, *pages = sys.argv[1:]\n"
        "for page in pages:\n"
        "    app = AppTest.from_file(page, default_timeout=60)\n"
        "    compares = page.endswith('compare/page.py')\n"
        "    app.query_params.update({'runs': runs} if compares else {'run': runs.split(',')[0]})\n"
        "    app.run()\n"
        "    assert not app.exception, page\n"
        "    assert app.table or not compares\n"
        "    assert 'torch' not in sys.modules, page\n"
    )
    # The Lab is what the app itself opens on: it links to other pages, which only the app has.
    pages = [APP, *(page for page in PAGES if page.parent.name != "lab")]
    subprocess.run([sys.executable, "-c", program, ",".join(runs.values()), *map(str, pages)], check=True)
