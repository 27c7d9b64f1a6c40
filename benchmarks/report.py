"""What every benchmark says of itself: where, when and with which versions it was measured."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from clnp_core.machine import processor


def main(description: str, measure: Callable[..., dict[str, Any]], **options: dict[str, Any]) -> None:
    """Run a benchmark as a command: its own options, and `--json FILE` for its figures.

    Parameters
    ----------
    description : str
    measure : callable
        Prints its table and returns its figures, ready for JSON. Called with the options by name.
    options : dict
        Option name → arguments of `add_argument`.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    for name, settings in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = vars(parser.parse_args())
    file = given.pop("json")
    figures = {"machine": machine(), "date": date.today().isoformat(), **given, **measure(**given)}
    print(f"{figures['date']}, {figures['machine']}")
    if file:
        file.write_text(json.dumps(figures, indent=2, default=str) + "\n", "utf-8")


def machine() -> str:
    """Processor, cores that torch may use, and the versions that decide the speed."""
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"{processor()}, {torch.get_num_threads()} cores, {versions}"


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows of the same keys, floats with three digits after the point."""
    if not rows:
        return
    cells = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    cells.insert(0, list(rows[0]))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
