"""Commands that serve a store: `clnp engine` and `clnp dashboard`."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clnp_core.cli.options import add_command, add_workers, as_given, opened
from clnp_core.errors import ClnpError, HeldError, StoreError

if TYPE_CHECKING:
    from clnp_core.runs.store import Store

_NICENESS = 5
_POLL_SECONDS = 0.2
_END_SECONDS = 10
_MOST_RUNS = 1000


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    engine = add_command(
        commands, "engine", _engine, "clnp engine --idle 600", "clnp engine --stop", help="work on queued runs"
    )
    engine.add_argument("--idle", type=_seconds, metavar="SECONDS", help="stop after this time without work")
    engine.add_argument("--stop", action="store_true", help="stop the engine that serves the store, wherever it began")
    add_workers(engine)

    add_command(commands, "status", _status, "clnp status", help="show the engine and what it works on")

    example = (
        "clnp dashboard --port 8080",
        "clnp dashboard --class --store class",
        "clnp dashboard --class --store class --public-url https://lab.example.org/clnp",
        "clnp dashboard --no-browser --allow-host hub.example.org",
    )
    dashboard = add_command(commands, "dashboard", _dashboard, *example, help="open the app")
    dashboard.add_argument("--port", type=_port, default=8501, metavar="N", help="default 8501")
    dashboard.add_argument(
        "--address",
        type=_address,
        metavar="ADDRESS",
        help="listen there; default 127.0.0.1, this machine only, and with --class, unless a proxy serves it, 0.0.0.0, "
        "all of its networks",
    )
    dashboard.add_argument(
        "--class",
        action="store_true",
        dest="classroom",
        help="serve a class: students come in by a code and a name, and have runs of their own",
    )
    dashboard.add_argument(
        "--quota",
        type=_quota,
        default=3,
        metavar="N",
        help="with --class, how many runs each student may have queued or running at a time; default 3",
    )
    dashboard.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    dashboard.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="let browsers in that ask for the app under this name, such as a proxy's; can be repeated",
    )
    dashboard.add_argument(
        "--public-url",
        type=_public_url,
        metavar="URL",
        help="where a proxy serves the app: browsers may ask for it under this name, and a class is given this link",
    )
    add_workers(dashboard)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _address(text: str) -> str:
    with suppress(OSError, UnicodeError):
        for family, kind, protocol, _, (host, *_) in socket.getaddrinfo(text, None, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.bind((host, 0))
                return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no address of this machine; give one that it has, such as 127.0.0.1 for itself alone or 0.0.0.0 "
        "for all of its networks"
    )


def _public_url(text: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0  # raises where it is none
        is_plain = text == f"{parts.scheme}://{parts.netloc}{parts.path}" and not set(text) & set("@ <>\"'")
        if is_whole and is_plain:
            return text.rstrip("/")
    raise argparse.ArgumentTypeError(
        f"{text!r} is no address of a page; give one as in a browser, such as https://lab.example.org/clnp"
    )


def _quota(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r} is no quota; give a number of runs from 1 to {_MOST_RUNS}")
    return int(text)


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (seconds := float(text)) < math.inf:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no time; give a number of seconds, such as 600")


def _engine(options: argparse.Namespace) -> int:
    """Work on queued runs in the foreground until stopped."""
    store = opened(options)
    if options.stop:
        return _stop(store)

    from clnp_core.runs.engine.service import Engine

    _give_way()
    print(f"engine of {store.location}, process {os.getpid()}", flush=True)
    try:
        while True:
            until_terminated(Engine(store, options.scheduler, options.workers).serve(idle_seconds=options.idle))
            # Who asked for a run while it ended was told that there is an engine.
            if not store.active() or store.engine() is not None:
                break
    except KeyboardInterrupt:
        print("engine stopped; runs in progress are queued again")
    return 0


def _stop(store: Store) -> int:
    from clnp_core.runs.background import end_engine

    ended = end_engine(store)
    print("no engine serves this store" if ended is None else f"engine stopped, process {ended}")
    return 0


def _status(options: argparse.Namespace) -> int:
    """Show the engine that serves the store, in the background or as a command, and the runs it works on."""
    from clnp_core.runs.background import engine_process
    from clnp_core.terminal import print_status

    store = opened(options)
    print_status(store, engine_process(store))
    return 0


def until_terminated(work: Coroutine[Any, Any, Any]) -> Any:
    """Run work to its end. Ctrl-C and SIGTERM interrupt it, once: what then ends it is not interrupted again."""
    # A shell has the commands in the background of a script ignore Ctrl-C.
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    async def terminable() -> Any:
        # Only the work itself is cancelled: it closes what it still needs to end well, such as connections to workers.
        task = asyncio.current_task()
        assert task is not None  # this one

        interrupted = False

        def interrupt() -> None:
            nonlocal interrupted
            if not interrupted:  # `cancelling` would count a timeout's own, too, and the signal would be lost
                interrupted = True
                task.cancel()

        for number in (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
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
    """Serve the app, by default on this machine only, open it in the browser, and start an engine if there is none.

    When the app ends, that engine goes on with the runs there are; without one it ends, too.
    """
    import dashboard
    from clnp_core.runs.background import end_engine, ensure_engine
    from clnp_core.runs.classroom.codes import classroom_of

    store = opened(options)
    if options.scheduler:
        os.environ["CLNP_SCHEDULER"] = options.scheduler
    if options.workers:
        os.environ["CLNP_WORKERS"] = str(options.workers)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    engine = ensure_engine(store)
    try:
        _give_example(store)
        opens_browser = not options.no_browser
        quota = options.quota if options.classroom else 0
        public = options.public_url or ""
        everywhere = quota and not public  # a proxy is on this machine, unless an address is given
        address = options.address or (os.environ.get("STREAMLIT_SERVER_ADDRESS", "0.0.0.0") if everywhere else "")  # noqa: S104
        process = dashboard.process(
            store.location, options.port, opens_browser, options.allow_host, address, quota, public
        )
        print(f"CLNP Lab: {public or dashboard.link_here(address, options.port)} (Ctrl-C ends it)", flush=True)
        if quota:
            classroom = classroom_of(store.location)
            link = dashboard.link_elsewhere(address, options.port, f"code={classroom.code}", public)
            print(f"Students come in by {link}")
            print(f"You come in by the code {classroom.lecturers_code}, for you alone", flush=True)
        with store.hold_app():
            return _carried_out(subprocess.Popen(**process))
    finally:
        if options.classroom:
            with suppress(OSError):
                store.hold(False)  # nobody could let it go on
        if engine is not None and engine == store.engine():
            if active := len(store.active()):
                print(f"{active} {'run goes' if active == 1 else 'runs go'} on, in the background: clnp status")
            else:
                end_engine(store)


def _give_example(store: Store) -> None:
    """Give a fresh store the example. Without it, as where nothing can be written, the app opens all the same."""
    from clnp_core.lesson.example_run import give

    try:
        give(store)
    except (ClnpError, OSError) as error:
        print(f"clnp: there is no example to look at: {error}", file=sys.stderr)


def _carried_out(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process to end, and return its exit status. An interrupt ends it."""
    try:
        return process.wait()
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def see_through(store: Store, runs: Collection[str], options: argparse.Namespace, update: Callable[[], object]) -> None:
    """Wait until runs have ended. Where no engine serves the store, this process does, from when the last one ended.

    `update` shows the runs' present state. If this process served the store, an interrupt pauses the runs. Other runs
    that are queued when it no longer serves go on in the background, if nobody waits for them.
    """
    waits = list(runs)
    try:
        while waits:
            update()
            if not store.taken_up(waits[0]).goes_on:
                del waits[0]  # the next one may have ended, too
            elif store.engine() is not None:
                time.sleep(_POLL_SECONDS)
            else:
                waits = [run for run in waits if store.taken_up(run).goes_on]
                with suppress(HeldError):  # another process was first
                    _serve(store, waits, options, update)
        update()
    except KeyboardInterrupt:
        if store.engine() is None:
            store.set_aside(runs)
        elif on := [run for run in runs if store.run(run).is_active]:
            print(f"clnp: {', '.join(on)}: the engine, process {store.engine()}, goes on with it", file=sys.stderr)
        raise


def _serve(store: Store, runs: Collection[str], options: argparse.Namespace, update: Callable[[], object]) -> None:
    """Serve the store as its engine until the runs have ended."""
    from clnp_core.runs.engine.service import Engine

    async def serve() -> None:
        serving = asyncio.create_task(Engine(store, options.scheduler, options.workers).serve(until=runs))
        try:
            while not serving.done():
                update()
                await asyncio.wait({serving}, timeout=_POLL_SECONDS)
        finally:
            serving.cancel()
            await asyncio.wait({serving})
        serving.result()

    try:
        until_terminated(serve())
    except KeyboardInterrupt:
        store.set_aside(runs)
        hand_on(store, *as_given(options))
        raise
    hand_on(store, *as_given(options))


def hand_on(store: Store, *options: str) -> None:
    """See that an engine goes on with what is queued, as this process no longer serves the store, and say so."""
    from clnp_core.runs.background import hand_over

    try:
        engine = hand_over(store, *options)
    except StoreError as error:
        print(f"clnp: {error}", file=sys.stderr)
        return
    if engine is not None:
        print(f"other runs go on in the background, process {engine}: clnp status", file=sys.stderr)
