"""Measures, tables and figures of runs. Nothing here imports torch."""
