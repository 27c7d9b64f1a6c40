"""Connects to workers: a Dask cluster on this machine, or the one at an address."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from multiprocessing import forkserver, resource_tracker, util

import dask
from distributed import Client, LocalCluster
from distributed.utils import get_mp_context

from clnp_core.errors import StoreError
from clnp_core.tasks.datasets import same_directory

WORKER_DEATHS = 3
"""Number of times a stage is tried again after its worker died."""

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # until a stage asks for more
DASK_SETTINGS = {
    "distributed.scheduler.allowed-failures": WORKER_DEATHS,
    "distributed.worker.profile.enabled": False,  # it would interrupt training every 10 ms
    # By default each process monitors itself fifty times a second, which takes a third of a core when idle.
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    # This replaces Dask's own variables, because its MALLOC_TRIM_THRESHOLD_ returns memory to the system after every
    # step, which makes training a small network half as slow again.
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(_ONE_THREAD, 1),
    # One process imports torch, and every worker is a fork of it: it takes two seconds of a processor to import. Not
    # on macOS, whose own libraries may not be forked.
    "distributed.worker.multiprocessing-method": "forkserver" if sys.platform == "linux" else "spawn",
    # Ctrl-C is the engine's to answer: it stops them.
    "distributed.worker.preload": ["import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"],
}
"""Dask settings of the engine's own workers."""

_FORKED_WITH = [
    "distributed",
    "clnp_core.runs.engine.work",
    "torch.fx.experimental.symbolic_shapes",  # which the first gradient would import
]

_LONGEST = 107 - len("/pymp-12345678/listener-12345678")  # of a folder for sockets

_STARTS = 6  # on a busy machine, or one that kills processes, several attempts may fail
_CONNECT_SECONDS = 5


def set_up() -> None:
    """Have Dask start workers here as an engine needs them."""
    dask.config.set(DASK_SETTINGS)
    context = get_mp_context()
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(_FORKED_WITH)
        choose_folder_for_sockets()
        _start_forkserver()


def choose_folder_for_sockets() -> None:
    """Have Python put its sockets into /tmp where the path of TMPDIR is too long for them, as on some clusters."""
    before = tempfile.gettempdir()
    if len(os.fsencode(before)) > _LONGEST:
        tempfile.tempdir = "/tmp"  # noqa: S108 - it makes a folder of its own in there, once for this process
        try:
            util.get_temp_dir()
        finally:
            tempfile.tempdir = before


def _start_forkserver() -> None:
    """Start the process that workers are forks of, where Ctrl-C and files in the working directory do not reach it.

    Python would look there for its own modules: a file signal.py would be taken for one.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # as each worker has it
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        resource_tracker.ensure_running()  # which would unblock the signal
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


async def own_workers(count: int, attempts: int = _STARTS) -> LocalCluster:
    """Start worker processes on this machine. If one is killed while it starts, all are started again."""
    set_up()
    cluster = LocalCluster(
        n_workers=count,
        # Forks have the environment and the folder that this process had when it first started workers.
        env=same_directory(),
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        security=True,  # TLS with its own keys: whoever can connect can run code, so other users must not
        memory_limit=0,
        silence_logs="CRITICAL",
        asynchronous=True,
    )
    starting = asyncio.ensure_future(cluster)
    try:
        return await asyncio.shield(starting)
    except RuntimeError:
        await cluster.close()  # type: ignore[misc]  # for one that is asynchronous, as here, it is awaited
        if not attempts:
            raise
        return await own_workers(count, attempts - 1)
    except asyncio.CancelledError:
        # A process that is still to be forked would complain that the engine has ended.
        await asyncio.gather(starting, return_exceptions=True)
        await cluster.close()  # type: ignore[misc]
        raise


async def client_of(address: str) -> Client:
    """Connect to the scheduler at an address.

    Raises
    ------
    StoreError
        If there is no scheduler.
    """
    try:
        if not re.fullmatch(r"[a-z]+://.+:\d+", address):
            raise ValueError(address)
        client: Client = await Client(address, asynchronous=True, timeout=_CONNECT_SECONDS, set_as_default=False)
        return client
    except (OSError, TimeoutError, ValueError) as error:
        raise StoreError(
            f"There is no Dask scheduler at {address}; give the address of one, such as tcp://127.0.0.1:8786, "
            "or no address to compute on this machine."
        ) from error
