"""The runs of the page Learn and the results that ship with the package.

`python -m clnp_core.lesson` computes all runs and writes the results to `lesson.json`.
"""
