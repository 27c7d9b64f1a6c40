"""Commands that serve a store: `clnp engine` and `clnp dashboard`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from clnp_core.cli.options import add_command, add_scheduler, opened

_NICENESS = 5


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    engine = add_command(commands, "engine", _engine, "clnp engine --idle 600", help="work on queued runs")
    engine.add_argument("--idle", type=float, metavar="SECONDS", help="stop after this time without work")
    add_scheduler(engine)

    example = "clnp dashboard --port 8080", "clnp dashboard --no-browser --allow-host hub.example.org"
    dashboard = add_command(commands, "dashboard", _dashboard, *example, help="open the app")
    dashboard.add_argument("--port", type=_port, default=8501, metavar="N", help="default 8501")
    dashboard.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    dashboard.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="let browsers in that ask for the app under this name, such as a proxy's; can be repeated",
    )
    add_scheduler(dashboard)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _engine(options: argparse.Namespace) -> int:
    """Work on queued runs in the foreground until stopped."""
    from clnp_core.runs.engine.service import Engine

    store = opened(options)
    _give_way()
    print(f"engine of {store.location}, process {os.getpid()}", flush=True)
    try:
        until_terminated(Engine(store, options.scheduler).serve(idle_seconds=options.idle))
    except KeyboardInterrupt:
        print("engine stopped; runs in progress are queued again")
    return 0


def until_terminated(work: Coroutine[Any, Any, Any]) -> Any:
    """Run work to its end. SIGTERM interrupts it as Ctrl-C does."""

    async def terminable() -> Any:
        # Only the work itself is cancelled: it closes what it still needs to end well, such as connections to workers.
        task = asyncio.current_task()
        assert task is not None  # this one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(terminable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _give_way() -> None:
    """Lower this process's priority, so that the app and the user's other programs come first."""
    os.nice(_NICENESS)
    if os.getsid(0) == os.getpid():
        # Where Linux shares processors among sessions, niceness counts only inside a session.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(f"{_NICENESS}")


def _dashboard(options: argparse.Namespace) -> int:
    """Serve the app on this machine only, open it in the browser, and start an engine if there is none."""
    import dashboard
    from clnp_core.runs.background import ensure_engine

    store = opened(options)
    if options.scheduler:
        os.environ["CLNP_SCHEDULER"] = options.scheduler
    ensure_engine(store)
    opens_browser = not options.no_browser
    return subprocess.call(**dashboard.process(store.location, options.port, opens_browser, options.allow_host))
