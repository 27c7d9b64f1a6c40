"""The store: what was asked for and what came of it. Imports no torch."""

from clnp_core.runs.store.store import ALONE, TUNED, Run, Store, Sweep, default_location

__all__ = ["ALONE", "TUNED", "Run", "Store", "Sweep", "default_location"]
