"""A Chromium's PDF of one page, made smaller, so that its hatches are fine enough for print.

In a PDF a Chromium draws hatches as pictures of 96 dots per inch of the page, and one for every bar. So a page is drawn
too large first.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import pikepdf

LARGER = 4
"""How many times too large a page is to be drawn: hatches then have 384 dots per inch."""


def at_its_size(pdf: bytes) -> bytes | None:
    """Make a page that was drawn too large as large as it should be, with each picture in it once.

    The large page's content becomes a form, which the page draws smaller (PDF 32000-1, 8.10). Were the content itself
    drawn smaller, its hatches would stay as they are, for they go by the page. None if it is no PDF of one page.
    """
    try:
        document = pikepdf.open(BytesIO(pdf))
    except pikepdf.PdfError:
        return None
    with document:
        if len(document.pages) != 1:
            return None
        page = document.pages[0]
        page.contents_coalesce()
        form = page.Contents
        form.Type, form.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
        form.BBox, form.Resources = page.MediaBox, page.Resources
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Drawn=form))
        page.Contents = document.make_stream(b"%.6f 0 0 %.6f 0 0 cm /Drawn Do" % (1 / LARGER, 1 / LARGER))
        page.MediaBox = [round(float(side) / LARGER, 3) for side in page.MediaBox]
        _each_once(document)
        written = BytesIO()
        document.save(written, deterministic_id=True)
        return written.getvalue()


def _each_once(document: pikepdf.Pdf) -> None:
    for masked in (False, True):  # pictures are the same only if their masks are
        first: dict[tuple[bytes, bytes], pikepdf.Object] = {}
        same = {}
        for each in document.objects:
            if isinstance(each, pikepdf.Stream) and each.get("/Subtype") == "/Image" and ("/SMask" in each) == masked:
                same[each.objgen] = first.setdefault((each.stream_dict.unparse(), each.read_raw_bytes()), each)
        for each in document.objects:
            _refer(each, same)


def _refer(holder: pikepdf.Object, to: Mapping[tuple[int, int], pikepdf.Object]) -> None:
    """Refer to other objects in place of some, wherever a dictionary does."""
    if not isinstance(holder, pikepdf.Dictionary | pikepdf.Stream):
        return
    for name, part in holder.items():
        if not isinstance(part, pikepdf.Object):
            continue
        if part.objgen in to:
            holder[name] = to[part.objgen]
        elif not part.is_indirect:
            _refer(part, to)
