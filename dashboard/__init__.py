"""The Streamlit app. It draws and asks; it computes nothing itself and never imports torch."""

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_HERE = ("localhost", "*.localhost", "127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be told from others


def process(store: Path, port: int, opens_browser: bool, hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Give the app's process, as `subprocess.Popen` takes it.

    Parameters
    ----------
    store : Path
        Location of the store that it shows.
    port : int
        Of this machine, to listen on.
    hosts : sequence of str
        Names under which it may be asked for besides this machine's own; see `names_of`.
    """
    app = Path(__file__).parent / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    # Every page is drawn in a thread of its own, and threads leave holes in as many arenas as glibc gives them: with
    # thirty visitors the process kept growing (`benchmarks.dashboard`). Two are enough, as one thread runs at a time.
    environment = {"MALLOC_ARENA_MAX": "2"} | os.environ | {"CLNP_STORE": str(store.absolute())}
    allowed = [*names_of(environment.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")), *hosts]
    return {
        "args": [
            *command,
            f"--server.headless={str(not opens_browser).lower()}",
            *(f"--server.allowedHosts={host}" for host in allowed),
        ],
        "cwd": app.parent,
        "env": environment,
    }


def names_of(address: str) -> list[str]:
    """List the names under which a server that listens at an address is asked for.

    A browser that asks under another name may have been sent by a page of somebody else, who has that name point here
    (DNS rebinding).
    """
    names = [*_HERE, address]
    if address in _EVERYWHERE:
        names = [*_HERE, own := socket.gethostname()]
        with suppress(OSError):  # a name that nothing knows
            names += [str(found[4][0]) for found in socket.getaddrinfo(own, None)]
        with socket.socket(type=socket.SOCK_DGRAM) as outward, suppress(OSError):
            outward.connect(("192.0.2.1", 9))  # sends nothing: it tells which of its addresses others see
            names.append(outward.getsockname()[0])
    return list(dict.fromkeys(names))
