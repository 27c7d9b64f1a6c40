"""Commands on own data: `clnp data add`, `list` and `rm`."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from clnp_core.cli import FAILED
from clnp_core.cli.options import Help, add_command, check_writable, examples, opened, output
from clnp_core.errors import DataError
from clnp_core.files import write_whole


def add_to(commands: Any) -> None:
    """Add the commands of this module."""
    lines = (
        "clnp data add digits.npz --name my-digits --tasks permuted:10",
        "clnp data add survey.csv --name survey --tasks column:region --label answer --scale",
        "clnp data add photos/ --name photos --tasks classes:2 --size 32x32 --channels 16,32 --out photos.json",
    )
    about = "keep data of your own for runs to learn"
    data = commands.add_parser(
        "data", help=about, description="Keep data of your own for runs to learn.", epilog=examples(lines[0])
    )
    parts = data.add_subparsers(required=True, metavar="COMMAND")
    add = parts.add_parser(
        "add",
        help="add a file, or a folder of images",
        description=inspect.getdoc(_add),
        epilog=examples(*lines),
        formatter_class=Help,
    )
    add.set_defaults(command=_add)
    add.add_argument("path", type=Path, metavar="PATH", help="a file in .npz, .csv, .parquet or .zip, or a folder")
    add.add_argument("--name", required=True, metavar="NAME", help="what to call it: a-z, 0-9 and hyphens")
    add.add_argument(
        "--tasks",
        required=True,
        metavar="HOW",
        help="classes:2 for two classes a task, column:NAME for a task for each value of a column, or permuted:10",
    )
    add.add_argument("--label", default="label", metavar="NAME", help="column of a table with labels; default label")
    add.add_argument(
        "--size", type=_size, metavar="HxW", help="bring images to this height and width; default: all have the same"
    )
    add.add_argument("--scale", action="store_true", help="bring the columns of a table to mean 0 and deviation 1")
    add.add_argument(
        "--out", type=output, metavar="FILE", help="write a run's specification on it, for clnp run FILE.json"
    )
    add.add_argument(
        "--widths",
        type=_numbers,
        default=[400, 400],
        metavar="A,B,...",
        help="with --out: neurons of the network's dense layers; default 400,400",
    )
    add.add_argument(
        "--channels", type=_numbers, default=[], metavar="A,B,...", help="with --out: channels of convolutions before"
    )
    listed = parts.add_parser("list", help="list it", description=inspect.getdoc(_list))
    listed.set_defaults(command=_list)
    remove = add_command(parts, "rm", _remove, "clnp data rm survey photos", help="remove it")
    names: Any = remove.add_argument("names", nargs="+", metavar="NAME", help="what it is called")
    names.completer = _complete_names


def _size(text: str) -> tuple[int, int]:
    if not (found := re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give height and width, such as 32x32")
    return int(found[1]), int(found[2] or found[1])


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no widths; give whole numbers, such as 400,200")
    return list(map(int, parts))


def _complete_names(**_: Any) -> list[str]:
    from clnp_core.tasks.files.adding import names_of_own

    return names_of_own()


def _add(options: argparse.Namespace) -> int:
    """Keep a file or a folder as own data, divided into tasks, for runs to learn.

    An .npz has the arrays x and y, or x_train, y_train, x_test and y_test. In a CSV or Parquet file a row is a sample,
    and every column but the labels a feature, a number. Images lie in a folder for each class, as such or in a .zip.
    Where it is not said what is to test with, it is a fifth of each class.
    """
    from clnp_core.runs.spec import own_network, own_run
    from clnp_core.tasks.files import divided, read
    from clnp_core.tasks.files.adding import check_unused, stored_samples, stream_of
    from clnp_core.tasks.files.dividing import column_of

    check_unused(options.name)
    if options.out:
        check_writable("--out", options.out)
    samples = read(options.path, options.label, column_of(options.tasks), options.size, options.scale)
    parts = divided(samples, options.tasks)
    stream = stream_of(options.name, samples, parts)
    network = own_network(stream, options.widths, options.channels)
    run = own_run(stream, network)  # refused before anything is kept
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        stored_samples(options.name, samples, parts)
    for note in notes:
        print(f"clnp: {note.message}", file=sys.stderr)
    for number, part in enumerate(parts, 1):
        print(f"task {number}, {part.named}: {len(part.train):,} to train and {len(part.test):,} to test with")
    shape = "x".join(map(str, stream["image_shape"]))
    print(f"{options.name} is kept: samples of {shape}, {stream['classes']} classes a task at most")
    if options.out:
        write_whole(options.out, f"{json.dumps(run.to_json(), indent=2)}\n".encode())
        print(f"network of {network.parameters():,} parameters; to learn it: clnp run {options.out}")
    return 0


def _list(options: argparse.Namespace) -> int:
    """List own data, with its tasks, samples and size."""
    from clnp_core.tasks.files.adding import kept, names_of_own

    status, names = 0, names_of_own()
    if not names:
        print("There is no own data yet. Try: clnp data add --help")
    for name in names:
        try:
            found = kept(name)
        except DataError as error:
            print(f"clnp: {error}", file=sys.stderr)
            status = FAILED
            continue
        shape = "x".join(map(str, found.image_shape))
        samples = f"{found.train:,} to train and {found.test:,} to test with"
        print(f"{name}: {found.tasks} tasks, {samples}, of {shape}, {found.bytes:,} bytes")
    return status


def _remove(options: argparse.Namespace) -> int:
    """Remove own data. Runs keep what they learned of it; without it none of them can go on.

    That of a run which is still to go on is not removed.
    """
    from clnp_core.tasks.files.adding import remove

    for run in opened(options).runs():
        if run.goes_on and run.spec.stream.kind == "own" and run.spec.stream.name in options.names:
            raise DataError(f"{run.id} still learns {run.spec.stream.name}; cancel it first: clnp cancel {run.id}.")
    for name in options.names:
        remove(name)
    return 0
