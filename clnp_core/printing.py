"""Standard output and standard error that end no command. Imports no torch.

What an encoding lacks is written in plain letters. What cannot be written, because its reader is gone, the disk is full
or it was closed, is lost, and the first error is kept.
"""

from __future__ import annotations

import codecs
import io
import math
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_IN_PLAIN = "clnp-plain"
_PLAIN = {"θ": "theta", "λ": "lambda", "·": "|", "–": "-", "…": "...", "→": "->"}


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(each, "?") for each in error.object[error.start : error.end]), error.end


codecs.register_error(_IN_PLAIN, _in_plain)


def printable(text: str, encoding: str) -> str:
    """Return a text as an encoding can write it, so that its width can be known.

    >>> printable("θ – 0.5", "ascii")
    'theta - 0.5'
    """
    return text.encode(encoding, _IN_PLAIN).decode(encoding)


class Stream(io.FileIO):
    """A standard stream that loses what cannot be written.

    Attributes
    ----------
    error : OSError or None
        Why it lost something first.
    """

    error: OSError | None = None

    def write(self, content: Any) -> int:
        """Write bytes, or lose them."""
        try:
            while (written := super().write(content)) is None:  # it is full, and was set not to wait
                select.select([], [self], [])
            return written
        except OSError as error:
            self.error = self.error or error
            return len(content)


@contextmanager
def kept_standard_streams() -> Iterator[Stream | None]:
    """Let this process print whatever becomes of its standard streams; gives that of output.

    A stream that something else has replaced already is left alone.
    """
    # What is opened next would take the number of a stream that was closed: a database, and what is printed into it.
    while (number := os.open(os.devnull, os.O_RDONLY)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    before, streams = {}, {}
    for number, name in enumerate(("stdout", "stderr"), start=1):
        given = getattr(sys, name)
        if given is getattr(sys, f"__{name}__"):
            before[name], streams[name] = given, Stream(number, "w", closefd=False)
            text = io.TextIOWrapper(
                io.BufferedWriter(streams[name]),
                given.encoding if given else None,
                _IN_PLAIN,
                line_buffering=given.line_buffering if given else False,
                write_through=given.write_through if given else False,
            )
            setattr(sys, name, text)
    try:
        yield streams.get("stdout")
    finally:
        for name, given in before.items():
            getattr(sys, name).flush()
            setattr(sys, name, given)


def size_text(count: float) -> str:
    """A number of bytes in words, to three digits; a dash for nan, where it is not known.

    >>> size_text(812), size_text(1_536_400), size_text(2.5e9)
    ('812 B', '1.54 MB', '2.5 GB')
    """
    if math.isnan(count):
        return "–"
    power = min(4, max(0, int(math.log10(max(count, 1)) // 3)))
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def brief(number: float) -> str:
    """Write a setting's number as it is read best: 400, 0.5, and below a hundredth in powers of ten.

    >>> brief(0.05), brief(0.0005), brief(1e-5)
    ('0.05', '5e-4', '1e-5')
    """
    return scientific(number, 5) if 0 < abs(number) < 0.01 else f"{number:g}"


def scientific(number: float, decimals: int) -> str:
    """Write a number other than 0 in powers of ten, without padding, such as 3e-4."""
    mantissa, exponent = f"{number:.{decimals}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
