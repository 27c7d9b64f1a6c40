"""What is printed ends no command, whatever becomes of it."""

import os
import subprocess
import sys

import pytest

from clnp_core.cli import FAILED, READER_GONE
from clnp_core.printing import printable

from .test_cli import command

PRINTS = """
import sys
from pathlib import Path
from clnp_core.printing import kept_standard_streams
with kept_standard_streams() as stdout:
    for number in range(5000):
        print("θ = 0.5 – \\udc80", number)
        print("λ", file=sys.stderr, flush=True)
    opened = open(sys.argv[1], "w")
    opened.write(f"{opened.fileno() > 2}")
sys.exit(stdout.error.errno if stdout.error else 0)
"""


def printed(path, redirected="", **environment):
    """What a shell makes of it: the exit status, and what reached standard output."""
    shell = ["sh", "-c", f'"$0" -c "$1" "$2" {redirected}', sys.executable, PRINTS, str(path)]
    done = subprocess.run(shell, capture_output=True, env=os.environ | environment)
    return done.returncode, done.stdout


@pytest.mark.parametrize("redirected", ["", ">/dev/full", "2>/dev/full", ">&- 2>&- <&-"])
def test_whatever_becomes_of_its_output_a_program_goes_on(tmp_path, redirected):
    status, _ = printed(tmp_path / "done", redirected)
    assert (tmp_path / "done").read_text() == "True"
    assert (status == 0) == (not redirected or redirected.startswith("2"))


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "θ = 0.5 – ?"),
        ("ascii", "theta = 0.5 - ?"),
        ("cp1252", "theta = 0.5 – ?"),
    ],
)
def test_what_an_encoding_lacks_is_in_plain_letters(tmp_path, encoding, line):
    status, out = printed(tmp_path / "done", PYTHONIOENCODING=encoding)
    assert status == 0
    assert out.splitlines()[0].decode(encoding) == f"{line} 0"
    assert printable("θ", encoding) == line.split()[0]


def test_the_exit_status_says_what_became_of_the_output(tmp_path):
    listing = command(["list", "--store", tmp_path])
    with open("/dev/full", "w") as full:
        done = subprocess.run(listing, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == FAILED
    assert done.stderr == "clnp: all is done, but standard output was lost: No space left on device.\n"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(listing, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (READER_GONE, "")
