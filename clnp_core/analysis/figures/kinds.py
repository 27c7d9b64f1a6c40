"""Names and colours of the kinds of weights and their owners in figures."""

from __future__ import annotations

from clnp_core.analysis.anatomy import INPUT, Kind
from clnp_core.networks.partition import FREE_OWNER

KINDS = {
    Kind.ACTIVE: "active, frozen",
    Kind.FREE: "free",
    Kind.INTERFERENCE: "interference",
    Kind.SEVERED: "severed",
    Kind.REUSE: "reuse of earlier tasks",
    Kind.TRANSFER: "free, reads active neurons (transfer)",
}
CUT = {"light": "#D55E00", "dark": "#FF7A45"}
OUTPUT = {"light": "#6B7280", "dark": "#A3A8B4"}


def owners_in_words(low: int, high: int) -> str:
    if low == INPUT:
        return "the input"
    if low == FREE_OWNER:
        return "free neurons"
    return f"neurons of task {low}" if low == high else f"neurons of tasks {low} to {high}"
