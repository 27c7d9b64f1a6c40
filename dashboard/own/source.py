"""Where the data comes from: files that are uploaded, a path in the data folder, or what is kept already."""

import re
from collections.abc import Hashable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import streamlit as st

from clnp_core.errors import DataError
from clnp_core.tasks.datasets import data_directory
from clnp_core.tasks.files.adding import names_of_own
from clnp_core.tasks.files.pictures import IMAGE_ENDINGS
from clnp_core.tasks.files.reading import ENDINGS, Source

_MOST_UPLOAD = 200  # MB
_FILE, _FOLDER, _PATH, _KEPT = "A file", "A folder of images", "A path", "Kept already"
_TABLES = (".csv", ".parquet")


class Chosen(NamedTuple):
    """What was chosen as a source of data.

    Attributes
    ----------
    source : Source or None
        As `read` takes it; None for data that is kept already.
    name : str
        Of the file or the folder.
    key : hashable
        Another one for other content.
    kept : str
        The name under which it is kept already, or nothing.
    """

    source: Source | None
    name: str
    key: Hashable
    kept: str = ""

    @property
    def is_table(self) -> bool:
        """Whether its columns have names."""
        return PurePosixPath(self.name).suffix.lower() in _TABLES

    @property
    def is_pictures(self) -> bool:
        """Whether it has images as files."""
        return PurePosixPath(self.name).suffix.lower() not in (*_TABLES, ".npz")


def choose_source() -> Chosen | None:
    """Choose where the data comes from; None where nothing is chosen yet.

    Raises
    ------
    DataError
        If a path leads out of the data folder.
    """
    names = names_of_own()
    way = st.segmented_control(
        "From", [_FILE, _FOLDER, _PATH, *([_KEPT] if names else [])], default=_FILE, required=True, key="own from"
    )
    if way == _KEPT:
        name = st.selectbox("Data", names, key="own kept")
        return Chosen(None, name, name, name)
    if way == _FILE:
        file = st.file_uploader(
            "An .npz with x and y, a table (CSV, Parquet) with a column of labels, or a .zip of images by class",
            [ending[1:] for ending in ENDINGS],
            max_upload_size=_MOST_UPLOAD,
            key="own file",
        )
        _say_where_larger()
        return Chosen(file, file.name, file.file_id) if file else None
    if way == _FOLDER:
        files = st.file_uploader(
            "A folder with a folder of images for each class",
            [ending[1:] for ending in IMAGE_ENDINGS],
            accept_multiple_files="directory",
            max_upload_size=_MOST_UPLOAD,
            key="own folder",
        )
        _say_where_larger()
        return Chosen(files, _top(files), tuple(file.file_id for file in files)) if files else None
    typed = st.text_input(
        "A file or a folder, as a path in the data folder",
        key="own path",
        placeholder="photos, or photos/pets.zip",
        help="From elsewhere, in a terminal: clnp data add PATH --name NAME --tasks classes:2",
    )
    st.caption(f"The data folder is {data_directory()}.")
    if not typed:
        return None
    path = _inside(typed)
    return Chosen(path, path.name, (str(path), path.stat().st_mtime_ns if path.exists() else 0))


def slug(name: str) -> str:
    """Make a name for own data of that of a file."""
    return re.sub(r"[^a-z0-9]+", "-", PurePosixPath(name).stem.lower()).strip("-")[:60].strip("-")


def _inside(typed: str) -> Path:
    """Find a path in the data folder. Elsewhere the app reads nothing for whoever asks it by a browser."""
    folder = data_directory().resolve()
    try:
        path = (folder / typed).resolve()
    except (OSError, ValueError, RuntimeError):  # no path can be so
        path = folder.parent
    if path == folder or not path.is_relative_to(folder):
        raise DataError(
            f"{typed!r} is not in the data folder {folder}, and the app reads no file elsewhere; put it there, upload "
            f"it, or add it in a terminal: clnp data add PATH --name NAME --tasks classes:2."
        )
    return path


def _top(files: list[BinaryIO]) -> str:
    return PurePosixPath(files[0].name).parts[0] if "/" in files[0].name else "images"


def _say_where_larger() -> None:
    st.caption(f"More than {_MOST_UPLOAD} MB: put it into the data folder and give its path, or use `clnp data add`.")
