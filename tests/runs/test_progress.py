"""Waiting for runs behind a progress bar."""

import threading
from pathlib import Path

import pytest

from clnp_core.errors import ClnpError
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.progress import wait
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store


@pytest.fixture
def handles(tmp_path: Path) -> list[RunHandle]:
    """Two runs that no engine works on."""
    store = Store(tmp_path)
    return [RunHandle(store, store.add(preset("digits", {"seed": seed}))) for seed in range(2)]


def test_it_waits_until_all_are_finished(handles: list[RunHandle], capsys: pytest.CaptureFixture[str]) -> None:
    store = handles[0].store
    store.finish(handles[0].id, {})
    later = threading.Timer(0.5, store.finish, (handles[1].id, {}))
    later.start()
    wait(*handles)
    later.join()
    assert [handle.status for handle in handles] == ["finished", "finished"]
    shown = capsys.readouterr().err
    assert "1 of 2 runs  50%" in shown
    assert "2 of 2 runs 100%" in shown


def test_it_shows_how_far_a_run_is_and_how_long_it_takes(
    handles: list[RunHandle], capsys: pytest.CaptureFixture[str]
) -> None:
    run, store = handles[0], handles[0].store
    going_on = threading.Timer(0.3, store.put_progress, (run.id, 1.0, 0.25, 3.0))
    ending = threading.Timer(1.0, store.finish, (run.id, {}))
    for timer in (going_on, ending):
        timer.start()
    wait(run)
    for timer in (going_on, ending):
        timer.join()
    line = next(part for part in capsys.readouterr().err.split("\r") if " 25% " in part)
    assert line.startswith(run.id)
    assert "00:0" in line.rpartition("|")[2]


def test_it_ends_at_once_with_the_reason_when_one_fails(handles: list[RunHandle]) -> None:
    handles[0].store.fail(handles[1].id, "The training of task 1 diverged.")
    with pytest.raises(ClnpError, match="diverged"):
        wait(*handles)
    assert handles[0].status == "queued"


def test_what_is_finished_is_not_waited_for(handles: list[RunHandle]) -> None:
    handles[0].store.finish(handles[0].id, {})
    wait(handles[0])
