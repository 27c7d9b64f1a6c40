"""Continual-learning methods: one file each, behind the interface of `clnp_core.methods.method`.

Imports no torch: specifications name methods, and the engine asks what kind they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clnp_core.methods.method import Method


@dataclass(frozen=True)
class About:
    """What one has to know of a method without carrying it out.

    Attributes
    ----------
    about : str
        What it does, in a sentence that a student understands.
    partitions : bool
        Whether it claims neurons for a task, prunes, and promises that no earlier answer changes.
    at_once : bool
        Whether it learns all tasks of a stream together, in one step.
    """

    about: str
    partitions: bool = False
    at_once: bool = False


METHODS = {
    "clnp": About(
        "The paper's: each task keeps the few neurons it needs for good, and the next one trains what is left.",
        partitions=True,
    ),
    "single": About("A new network for every task: nothing to forget, and nothing shared either."),
    "joint": About("All tasks at once: what a learner reaches that need not remember.", at_once=True),
    "finetune": About("One task after the other, without any care: shows how much is forgotten."),
}
"""By name, which is that of their file."""

REFERENCE = "single"
"""The method that trains a task by itself, for comparison with the others."""


def load(name: str) -> Method:
    """The method itself; imports torch."""
    return import_module(f"clnp_core.methods.{name}").METHOD
