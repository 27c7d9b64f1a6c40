"""The Streamlit app. It draws and asks; it computes nothing itself and never imports torch."""

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FOLDER = Path(__file__).parent
_HERE = ("localhost", "*.localhost", "127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be told from others


QUOTA = "CLNP_CLASS_QUOTA"
"""The variable of the app's environment that says that it serves a class, and how many runs each may have under way."""

PUBLIC_URL = "CLNP_PUBLIC_URL"
"""The variable that says under which address a proxy serves the app, without a slash at its end."""


def process(
    store: Path,
    port: int,
    opens_browser: bool,
    hosts: Sequence[str] = (),
    address: str = "",
    quota: int = 0,
    public_url: str = "",
) -> dict[str, Any]:
    """Give the app's process, as `subprocess.Popen` takes it.

    Parameters
    ----------
    store : Path
        Location of the store that it shows.
    port : int
        Of this machine, to listen on.
    hosts : sequence of str
        Names under which it may be asked for besides this machine's own; see `names_of`.
    address : str
        To listen at; by default what the environment says, or else this machine only.
    quota : int
        How many runs each student of a class may have under way; 0 where it serves no class.
    public_url : str
        Where a proxy serves it, if one does.
    """
    app = FOLDER / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    # Every page is drawn in a thread of its own, and threads leave holes in as many arenas as glibc gives them: with
    # thirty visitors the process kept growing (`benchmarks.dashboard`). Two are enough, as one thread runs at a time.
    environment = {"MALLOC_ARENA_MAX": "2"} | os.environ | {"CLNP_STORE": str(store.absolute())}
    for variable, value in ((QUOTA, str(quota or "")), (PUBLIC_URL, public_url)):
        environment.pop(variable, None)
        if value:
            environment[variable] = value
    allowed = [*names_of(address or environment.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")), *hosts]
    if public_url:
        allowed.append(str(urlsplit(public_url).hostname))
    return {
        "args": [
            *command,
            *([f"--server.address={address}"] if address else []),
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
        names.append(seen_at(address))
    return list(dict.fromkeys(names))


def seen_at(address: str) -> str:
    """Return the address under which other machines see a server that listens at an address."""
    if address in _EVERYWHERE:
        with socket.socket(type=socket.SOCK_DGRAM) as outward, suppress(OSError):
            outward.connect(("192.0.2.1", 9))  # sends nothing: it tells which of its addresses others see
            return str(outward.getsockname()[0])
        return "127.0.0.1"  # this machine has no network
    return address


def link_here(address: str, port: int) -> str:
    """Write the link by which a browser of this machine finds a server that listens at an address."""
    return _link("127.0.0.1" if address in ("", *_EVERYWHERE) else address, port)


def link_elsewhere(address: str, port: int, query: str, public_url: str = "") -> str:
    """Write the link by which browsers of other machines find it: where a proxy serves it, if one does."""
    return f"{public_url or _link(seen_at(address), port)}/?{query}"


def _link(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
