"""The command line: `clnp run`, `clnp dashboard`.

What only reads imports no torch: heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from clnp_core import __version__
from clnp_core.errors import ClnpError, DataError, SpecError, StoreError
from clnp_core.runs.spec import parse_assignment, preset, preset_names

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `clnp`. Returns the exit status: 0, 2 for what the user can put right, 1 for a failed run."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (SpecError, DataError, StoreError) as error:
        print(f"clnp: {error}", file=sys.stderr)
        return BAD_INPUT
    except ClnpError as error:
        print(f"clnp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("clnp: interrupted; what was finished is kept.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clnp", description="Continual Learning via Neural Pruning.")
    parser.add_argument("--version", action="version", version=f"clnp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="learn a sequence of tasks", description=_run.__doc__)
    run.add_argument("preset", metavar="PRESET", help=", ".join(preset_names()))
    run.add_argument("--seed", metavar="N", help="decides everything random")
    run.add_argument("--tasks", metavar="N", help="tasks to learn")
    run.add_argument("--epochs", metavar="N", help="epochs per task at most")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as margin=0.02 or lambda.1=1e-4,1e-3; may be given again",
    )
    run.add_argument("--json", type=Path, metavar="FILE", help="write the summary there")
    _add_store(run)
    run.set_defaults(command=_run)

    dashboard = commands.add_parser("dashboard", help="open the app", description=_dashboard.__doc__)
    dashboard.add_argument("--port", type=_port, default=8501, metavar="N", help="default 8501")
    dashboard.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    _add_store(dashboard)
    dashboard.set_defaults(command=_dashboard)

    work = commands.add_parser("work", description=_work.__doc__)
    work.add_argument("run", metavar="RUN")
    _add_store(work)
    work.set_defaults(command=_work)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where runs are kept; default CLNP_STORE or the user's data folder"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    """Learn a sequence of tasks in the foreground and print what came of it."""
    named = {"seed": options.seed, "stream.tasks": options.tasks, "epochs": options.epochs}
    changes = dict(parse_assignment(f"{key}={value}") for key, value in named.items() if value is not None)
    changes |= dict(map(parse_assignment, options.set))
    spec = preset(options.preset, changes)
    if options.json:
        _check_writable(options.json)

    from clnp_core.runs.runner import build_stream, execute
    from clnp_core.runs.store import Store
    from clnp_core.terminal import LiveDisplay, print_summary

    build_stream(spec)  # data that cannot be had leaves no run behind
    store = Store(options.store)
    run = store.add(spec)
    with LiveDisplay(spec) as display:
        summary = execute(store, run, display)
    print_summary(summary)
    print(f"run {run} in {store.location}")
    if options.json:
        _write_json(options.json, summary)
    return 0


def _check_writable(path: Path) -> None:
    """Refuse before hours of training what could not be written after them."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SpecError(f"--json {path}: no file can be written there; give a file name in a folder that exists.")


def _write_json(path: Path, summary: dict) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
        part.replace(path)
    except OSError as error:
        raise SpecError(f"--json {path} could not be written: {error.strerror}; the run is in the store.") from error


def _dashboard(options: argparse.Namespace) -> int:
    """Serve the app on this machine only, and open it in the browser."""
    import dashboard
    from clnp_core.runs.store import Store

    store = Store(options.store)  # a store that cannot be opened is said here, not in the browser
    app = Path(dashboard.__file__).parent / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    command += [f"--server.port={options.port}", f"--server.headless={str(options.no_browser).lower()}"]
    environment = os.environ | {"CLNP_STORE": str(store.location)}
    return subprocess.call(command, cwd=app.parent, env=environment)


def _work(options: argparse.Namespace) -> int:
    """Carry out a run that the app asked for."""
    from clnp_core.runs.runner import execute
    from clnp_core.runs.store import Store

    execute(Store(options.store), options.run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
