"""What was asked for, as validated data. Imports no torch."""

from clnp_core.runs.spec.run import (
    OUTPUT,
    FineTuning,
    RunSpec,
    fork,
    parse,
    parse_assignment,
    preset,
    preset_names,
)

__all__ = ["OUTPUT", "FineTuning", "RunSpec", "fork", "parse", "parse_assignment", "preset", "preset_names"]
