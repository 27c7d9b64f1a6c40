"""Waiting for runs behind a progress bar."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from clnp_core.errors import ClnpError
from clnp_core.runs import background
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.progress import wait
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from tests.made_up import summary


@pytest.fixture
def handles(tmp_path: Path) -> Iterator[list[RunHandle]]:
    """Two runs of a store whose engine works on nothing."""
    store = Store(tmp_path)
    with store.hold_engine():
        yield [RunHandle(store, store.add(preset("digits", {"seed": seed}))) for seed in range(2)]


@contextmanager
def waiting(*handles: RunHandle) -> Iterator[None]:
    """Somebody waits for runs, which have to be over in the end."""
    with ThreadPoolExecutor() as threads:
        waiter = threads.submit(wait, *handles)
        yield
        waiter.result()


def until_shown(capsys: pytest.CaptureFixture[str], text: str) -> str:
    """Wait until a text is shown. Returns the line it is in."""
    shown = ""
    while text not in shown:
        time.sleep(0.02)
        shown += capsys.readouterr().err
    return next(line for line in shown.split("\r") if text in line)


def test_it_waits_until_all_are_finished(handles: list[RunHandle], capsys: pytest.CaptureFixture[str]) -> None:
    store = handles[0].store
    store.finish(handles[0].id, summary())
    with waiting(*handles):
        until_shown(capsys, "1 of 2 runs  50%")
        store.finish(handles[1].id, summary())
    assert "2 of 2 runs 100%" in capsys.readouterr().err


def test_it_shows_how_far_a_run_is_and_how_long_it_takes(
    handles: list[RunHandle], capsys: pytest.CaptureFixture[str]
) -> None:
    run, store = handles[0], handles[0].store
    with waiting(run):
        until_shown(capsys, "  0%")
        store.put_progress(run.id, 1.0, 0.25, 3.0)
        line = until_shown(capsys, " 25% ")
        store.finish(run.id, summary())
    assert line.startswith(run.id)
    assert re.fullmatch(r"\d\d:\d\d left", line.rpartition("|")[2].strip())


def test_it_ends_at_once_with_the_reason_when_one_fails(handles: list[RunHandle]) -> None:
    handles[0].store.fail(handles[1].id, "The training of task 1 diverged.")
    with pytest.raises(ClnpError, match="diverged"):
        wait(*handles)
    assert handles[0].status == "queued"


@pytest.mark.parametrize("waits", [wait, RunHandle.wait])
@pytest.mark.parametrize("state", ["queued", "interrupted", "set aside meanwhile"])
def test_where_no_engine_serves_a_run_that_is_waited_for_one_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: Callable[[RunHandle], object], state: str
) -> None:
    store = Store(tmp_path)
    run = RunHandle(store, store.add(preset("digits")))

    def start(_: Store) -> None:
        if state == "set aside meanwhile" and run.status == "queued" and not store.events(run.id):
            store.set_aside([run.id])
        else:
            assert run.status == state.split()[0].replace("set", "queued")
            store.finish(run.id, summary())

    monkeypatch.setattr(background, "ensure_engine", start)
    if state == "interrupted":
        store.start(run.id)
    waits(run)
    assert run.status == "finished"


def test_what_is_finished_is_not_waited_for(handles: list[RunHandle]) -> None:
    handles[0].store.finish(handles[0].id, summary())
    wait(handles[0])
