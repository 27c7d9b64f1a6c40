"""Commands that write and read files: `clnp export`, `archive` and `import`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from clnp_core.cli.options import add_command, add_run, check_writable, opened, output
from clnp_core.files import is_regular


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    example = "clnp export digits-3f09ab --task 2 --out task2.onnx"
    export = add_command(commands, "export", _export, example, help="write a task's network as ONNX or safetensors")
    add_run(export)
    export.add_argument("--task", type=int, required=True, metavar="T", help="number of the task, from 1")
    export.add_argument(
        "--out",
        type=output,
        required=True,
        metavar="FILE",
        help="a file in .onnx or .safetensors; - is standard output, in ONNX",
    )

    example = "clnp archive digits-3f09ab --out run.zip"
    archive = add_command(commands, "archive", _archive, example, help="write a run to one file, for another machine")
    add_run(archive)
    archive.add_argument(
        "--out", type=output, required=True, metavar="FILE", help="a file in .zip; - is standard output"
    )

    add_command(
        commands, "import", _import, "clnp import run.zip", help="add an archived run to the store"
    ).add_argument("file", type=Path, metavar="FILE")


def _export(options: argparse.Namespace) -> int:
    """Write the narrow network of a learned task to a file that can be used without this project."""
    from clnp_core.runs.handle import RunHandle

    store = opened(options)
    check_writable("--out", options.out)
    RunHandle(store, options.run).export(options.task, options.out)
    print(f"task {options.task} of {options.run} in {options.out}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    """Write a finished run to one file, for clnp import on another machine."""
    from clnp_core.runs.handle import RunHandle

    store = opened(options)
    check_writable("--out", options.out)
    RunHandle(store, options.run).archive(options.out)
    size = f", {options.out.stat().st_size:,} bytes" if is_regular(options.out) else ""
    print(f"{options.run} in {options.out}{size}")
    return 0


def _import(options: argparse.Namespace) -> int:
    """Add a run that clnp archive wrote to the store, and verify that its network still gives the same outputs."""
    from clnp_core.runs import archive

    store = opened(options)
    imported = archive.read(store, options.file)
    print(imported.verdict)
    print(f"run {imported.run} in {store.location}")
    return 0
