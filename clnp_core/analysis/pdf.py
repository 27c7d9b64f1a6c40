"""A Chromium's PDF of one page, made smaller, so that its hatches are fine enough for print.

In a PDF a Chromium draws hatches as pictures of 96 dots per inch of the page, and one for every bar. So a page is drawn
too large first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LARGER = 4
"""How many times too large a page is to be drawn: hatches then have 384 dots per inch."""


def at_its_size(pdf: bytes) -> bytes | None:
    """A page that was drawn too large, at its size, with each picture in it once.

    The large page's content becomes a form, which the page draws smaller (PDF 32000-1, 8.10). Were the content itself
    drawn smaller, its hatches would stay as they are, for they go by the page. None if it is not put together as a
    Chromium does it.
    """
    objects = {int(number): body for number, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}
    page = next((number for number, body in objects.items() if body.startswith(b"<</Type /Page\n")), 0)
    parts = rb"/Resources (<<.*>>)\n/MediaBox \[0 0 (\S+) (\S+)\]\n/Contents (\d+) 0 R"
    look = re.search(parts, objects.get(page, b""), re.DOTALL)
    trailer = re.search(rb"trailer\n<</Size (\d+)\n(.*?>>)\nstartxref", pdf, re.DOTALL)
    if not (look and trailer):
        return None
    resources, width, height, content = look.groups()
    form, draws = int(content), int(trailer[1])
    box = b"[0 0 %b %b]" % (width, height)
    objects[form] = b"<</Type /XObject /Subtype /Form /BBox %b /Resources %b " % (box, resources) + objects[form][2:]
    drawing = b"%.6f 0 0 %.6f 0 0 cm /Drawn Do" % (1 / LARGER, 1 / LARGER)
    objects[draws] = b"<</Length %d>> stream\n%b\nendstream" % (len(drawing), drawing)
    now = b"/Resources <</XObject <</Drawn %d 0 R>>>>\n/MediaBox [0 0 %.3f %.3f]\n/Contents %d 0 R"
    now %= (form, float(width) / LARGER, float(height) / LARGER, draws)
    objects[page] = objects[page].replace(look[0], now)
    return _written(pdf[: pdf.index(b"\n1 0 obj") + 1], _each_once(objects), trailer[2])


def _each_once(objects: Mapping[int, bytes]) -> Mapping[int, bytes]:
    for colours in (b"/DeviceGray", b"/DeviceRGB"):  # pictures are the same only if their masks are
        first: dict[bytes, int] = {}
        same = {number: first.setdefault(body, number) for number, body in objects.items() if colours in _look(body)}
        kept = {number: body for number, body in objects.items() if same.get(number, number) == number}
        objects = {number: _referring(body, same) for number, body in kept.items()}
    return objects


def _look(body: bytes) -> bytes:
    """What is said of a picture; nothing of what is none."""
    look, *_ = body.partition(b">> stream\n")
    return look if b"/Subtype /Image\n" in look else b""


def _referring(body: bytes, numbers: Mapping[int, int]) -> bytes:
    """An object with other numbers in its references."""
    look, begin, stream = body.partition(b">> stream\n")
    changed = re.sub(rb"\b\d+(?= 0 R)", lambda found: b"%d" % numbers.get(int(found[0]), int(found[0])), look)
    return changed + begin + stream


def _written(head: bytes, objects: Mapping[int, bytes], trailer: bytes) -> bytes:
    parts, places, at = [head], [b"0 1\n0000000000 65535 f \n"], len(head)
    for number, body in objects.items():
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        places.append(b"%d 1\n%010d 00000 n \n" % (number, at))
        at += len(parts[-1])
    end = b"trailer\n<</Size %d\n%b\nstartxref\n%d\n%%%%EOF\n" % (max(objects) + 1, trailer, at)
    return b"".join([*parts, b"xref\n", *places, end])
