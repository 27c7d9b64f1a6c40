"""Scales Chromium's PDF of a figure down, so that its hatches are fine enough for print.

Chromium draws hatches into a PDF as pictures of 96 dots per inch, one for every bar. So a page is first drawn too
large, then scaled down.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import pikepdf

LARGER = 4
"""How many times too large a page must be drawn, so that hatches have 384 dots per inch."""


def at_its_size(pdf: bytes, title: str = "") -> bytes | None:
    """Scale a page that was drawn too large down to its size, keep each picture in it only once, and give it a title.

    The large page's content becomes a form, which the page draws smaller (PDF 32000-1, 8.10). Scaling the content
    itself would not change its hatches, because their size is relative to the page.

    Returns
    -------
    bytes or None
        None if `pdf` is not a PDF of one page.
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
        document.docinfo.Title = title  # in place of that of the page that drew it
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
    """Replace references in a dictionary by those in `to`."""
    if not isinstance(holder, pikepdf.Dictionary | pikepdf.Stream):
        return
    for name, part in holder.items():
        if not isinstance(part, pikepdf.Object):
            continue
        if part.objgen in to:
            holder[name] = to[part.objgen]
        elif not part.is_indirect:
            _refer(part, to)
