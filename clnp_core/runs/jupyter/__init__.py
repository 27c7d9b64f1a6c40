"""Runs in Jupyter: a trade-off to move by hand, a run to watch, and what they show of themselves. Imports no torch."""
