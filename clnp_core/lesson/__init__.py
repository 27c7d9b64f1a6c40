"""The lesson's runs: what they are, what they came to where they were computed last, and how to compute them anew.

`python -m clnp_core.lesson` computes all of them and writes `lesson.json`, which ships with the package.
"""
