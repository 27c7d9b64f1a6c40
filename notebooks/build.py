"""`make notebooks`: execute the notebooks anew, and store of what they show the figures and the tables alone.

`python -m notebooks.build NAME` does so with those of that name, such as 03_split_cifar.

A figure is stored as a static picture, so that it is seen wherever a notebook is read, and the file stays small.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kaleido
import nbformat
import plotly.graph_objects as go
from nbformat import NotebookNode
from nbmake.nb_run import NotebookRun
from PIL import Image

from clnp_core.runs.background import end_engine
from clnp_core.runs.store import Store

FOLDER = Path(__file__).parent
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""Of every notebook: nothing of the machine it was executed on."""
PLOTLY = "application/vnd.plotly.v1+json"

_SHOWN = (PLOTLY, "image/png", "text/html", "text/plain")  # the first of these that an output has is what is stored
_MOST_SECONDS = 500  # of a cell
_WIDTH = 760  # px, of a figure that does not say
_SCALE = 1.5
_COLOURS = 128


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for notebooks to run in, with a store of their own. It is removed at the end, and their engine ended."""
    with tempfile.TemporaryDirectory(prefix="clnp-notebooks-") as folder:
        store = Path(folder) / "store"
        given = {name: os.environ.get(name) for name in ("CLNP_STORE", "PLOTLY_RENDERER")}
        # Figures as data: a page of HTML for each would have all of plotly.js in it.
        os.environ |= {"CLNP_STORE": str(store), "PLOTLY_RENDERER": "plotly_mimetype"}
        try:
            yield Path(folder)
        finally:
            end_engine(Store(store))
            for name, value in given.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def executed(notebook: Path, folder: Path) -> NotebookNode:
    """A notebook with the outputs of all its cells, run in a folder: a `workplace`.

    Raises
    ------
    RuntimeError
        If a cell fails: its code and the traceback.
    """
    # In a folder that is there as long as the engine, which the first notebook starts in its own.
    result = NotebookRun(Path(shutil.copy(notebook, folder)), _MOST_SECONDS).execute()
    if result.error is not None:
        raise RuntimeError(f"{notebook.name}:\n{result.error.trace}")
    return result.nb


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """A notebook as it is stored: the same of every execution, and figures as pictures."""
    cells = []
    for cell in notebook.cells:
        kept = {"id": cell.id, "cell_type": cell.cell_type, "metadata": {}, "source": cell.source}
        if cell.cell_type == "code":
            outputs = [stored for output in cell.outputs if (stored := _stored(output))]
            kept |= {"execution_count": None, "outputs": outputs}
        cells.append(kept)
    return nbformat.from_dict({"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5})


def _stored(output: NotebookNode) -> dict | None:
    """What is kept of an output; None of warnings, progress bars and the like. Of widgets it is the figure in them."""
    if output.output_type == "stream":
        return {"output_type": "stream", "name": "stdout", "text": output.text} if output.name == "stdout" else None
    kinds = (PLOTLY,) if "application/vnd.jupyter.widget-view+json" in output.data else _SHOWN
    shown = next((kind for kind in kinds if kind in output.data), None)
    if shown is None:
        return None
    data = {"image/png": _picture(output.data[PLOTLY])} if shown == PLOTLY else {shown: output.data[shown]}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def _picture(figure: dict) -> str:
    """A plotly figure as PNG on white, for ink on nothing cannot be read where a page is dark."""
    drawn = go.Figure(figure["data"], figure["layout"]).update_layout(paper_bgcolor="white")
    size = {"width": drawn.layout.width or _WIDTH, "scale": _SCALE if drawn.layout.width is None else 2 * _SCALE}
    png = kaleido.calc_fig_sync(drawn, opts={"format": "png", **size})
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(_COLOURS).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    names = sys.argv[1:]
    kaleido.start_sync_server(mathjax=False)  # one browser for all figures
    try:
        for notebook in NOTEBOOKS:
            if names and notebook.stem not in names:
                continue
            # What a notebook shows may depend on what else its store has.
            with workplace() as folder:
                result = executed(notebook, folder)
            nbformat.write(cleaned(result), notebook)
            print(f"{notebook.name}: {notebook.stat().st_size / 1000:.0f} kB")
    finally:
        kaleido.stop_sync_server()


if __name__ == "__main__":
    main()
