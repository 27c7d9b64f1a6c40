"""Commands that write and read files: `clnp export`, `archive` and `import`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from clnp_core.cli.options import add_command, check_writable, opened, output
from clnp_core.files import is_regular


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    export = add_command(commands, "export", _export, help="write a task's network as ONNX or safetensors")
    export.add_argument("run", metavar="RUN")
    export.add_argument("--task", type=int, required=True, metavar="T", help="number of the task, from 1")
    export.add_argument(
        "--out",
        type=output,
        required=True,
        metavar="FILE",
        help="a file in .onnx or .safetensors; - is standard output, in ONNX",
    )

    archive = add_command(commands, "archive", _archive, help="write a run to one file, for another machine")
    archive.add_argument("run", metavar="RUN")
    archive.add_argument(
        "--out", type=output, required=True, metavar="FILE", help="a file in .zip; - is standard output"
    )

    add_command(commands, "import", _import, help="add an archived run to the store").add_argument(
        "file", type=Path, metavar="FILE"
    )


def _export(options: argparse.Namespace) -> int:
    """Write the narrow network of a learned task to a file that can be used without this project."""
    from clnp_core.runs.handle import RunHandle

    store = opened(options)
    store.run(options.run)
    check_writable("--out", options.out)
    RunHandle(store, options.run).export(options.task, options.out)
    print(f"task {options.task} of {options.run} in {options.out}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    """Write a finished run to one file, for clnp import on another machine."""
    from clnp_core.runs.handle import RunHandle

    store = opened(options)
    store.run(options.run)
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
