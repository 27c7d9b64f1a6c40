"""Engines that a measurement starts by itself, and ends."""

import os
import signal

import psutil

from clnp_core.runs.store import Store


def stop_engine(store: Store) -> None:
    """End the store's engine, if it has one, and wait until it is gone."""
    if process := store.engine():
        engine = psutil.Process(process)
        os.kill(process, signal.SIGTERM)
        engine.wait(30)
