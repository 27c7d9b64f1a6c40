"""Reads images by class, from a folder, a zip, or files that were uploaded together."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from clnp_core.errors import DataError
from clnp_core.tasks.files.samples import MOST_BYTES, Samples, column, samples
from clnp_core.tasks.files.zipped import MOST_FILES, listed, refusing_damage

_MOST_PIXELS = 50_000_000  # what a good camera takes
_MOST_IMAGE_BYTES = 64 * 2**20
_MOST_SIDE = 4096
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".tif": "TIFF"}
_FORMATS |= {".tiff": "TIFF", ".webp": "WEBP", ".ppm": "PPM", ".pgm": "PPM"}
IMAGE_ENDINGS = tuple(_FORMATS)
"""How the names of images end that can be read."""
_GREY, _COLOURED = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV")
_TRAIN, _TEST = "train", ("test", "val", "validation")
_NO_CONTENT = ("Thumbs.db", "desktop.ini", "__MACOSX")  # what systems leave in folders, beside names that begin with .


class File(NamedTuple):
    """A file of a folder or a zip: its path there, its bytes as told, and what reads it."""

    path: str
    size: int
    read: Callable[[], bytes]


def files_of_zip(file: BinaryIO, name: str) -> list[File]:
    """List the files in a zip; see `listed`."""
    archive, members = listed(file, name)

    def reader(member: str) -> Callable[[], bytes]:
        def read() -> bytes:
            with refusing_damage(name):
                return archive.read(member)

        return read

    return [File(member.filename, member.file_size, reader(member.filename)) for member in members]


def files_of_folder(folder: Path) -> list[File]:
    """List the files in a folder. Folders that links lead to are not entered.

    Raises
    ------
    DataError
        If there are too many, or one is no regular file.
    OSError
        If it cannot be listed.
    """
    found = []
    for place, folders, names in os.walk(folder, onerror=_raised):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if not path.is_file():
                raise DataError(f"{path} is no regular file; leave it out.")
            found.append(File(path.relative_to(folder).as_posix(), path.stat().st_size, path.read_bytes))
            if len(found) > MOST_FILES:
                raise DataError(f"{folder} has more than {MOST_FILES:,} files; give fewer.")
    return found


def files_of_uploads(files: Sequence[BinaryIO]) -> list[File]:
    """List open files that have the paths of a folder's as names."""
    return [File(file.name.replace("\\", "/"), file.seek(0, os.SEEK_END), _rewound(file)) for file in files]


def _rewound(file: BinaryIO) -> Callable[[], bytes]:
    def read() -> bytes:
        file.seek(0)
        return file.read()

    return read


def _raised(error: OSError) -> None:
    raise error


def read_pictures(files: Iterable[File], name: str, size: tuple[int, int] | None) -> Samples:
    """Read images by class; see `clnp_core.tasks.files.read`.

    What they are is read of all before the first is decoded.

    Raises
    ------
    DataError
    """
    if size and not all(1 <= side <= _MOST_SIDE for side in size):
        raise DataError(f"size: {size[0]}x{size[1]} is not possible; give 1 to {_MOST_SIDE} pixels for each side.")
    pictures, classes, is_test = _by_class(files, name)
    if not pictures:
        raise DataError(
            f"{name} has no images in folders; give a folder for each class, with images in {', '.join(IMAGE_ENDINGS)}."
        )
    shapes = []
    for picture in pictures:
        with _opened(picture, name) as image:
            is_turned = _is_photo(image) and image.getexif().get(_ORIENTATION) in _TURNED
            width, height = image.size[::-1] if is_turned else image.size
            shapes.append((height, width, image.mode in _GREY))
    height, width = size or shapes[0][:2]
    if not size:
        for picture, shape in zip(pictures, shapes, strict=True):
            if shape[:2] != (height, width):
                raise DataError(
                    f"{name}: {picture.path!r} has {shape[0]}x{shape[1]} pixels, "
                    f"{pictures[0].path!r} {height}x{width}; "
                    f"all must have the same, or give a size to bring them to."
                )
    channels = 1 if all(is_grey for *_, is_grey in shapes) else 3
    if (needed := len(pictures) * channels * height * width) > MOST_BYTES:
        raise DataError(
            f"{name} has {len(pictures):,} images that would take {needed / 2**30:.1f} GiB at {height}x{width}; give "
            f"fewer or a smaller size, at most {MOST_BYTES // 2**30} GiB."
        )
    x = np.empty((len(pictures), height, width, channels), np.uint8)
    for place, picture in enumerate(pictures):
        with _opened(picture, name) as image:
            upright = ImageOps.exif_transpose(image) if _is_photo(image) else image
            pixels = upright.convert("L" if channels == 1 else "RGB")
            if pixels.size != (width, height):
                pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
            x[place] = np.asarray(pixels).reshape(height, width, channels)
    names = sorted({*classes})
    number = {each: place for place, each in enumerate(names)}
    labels = list(map(int, names)) if all(map(_is_number, names)) else names
    y = column(labels, f"{name}: the name of a folder", np.array([number[each] for each in classes]))
    return samples(name, np.moveaxis(x, -1, 1), y, is_test=is_test)


# Of EXIF: how a camera was held, and where the sides of its image change places.
_ORIENTATION, _TURNED = 0x0112, range(5, 9)


def _is_photo(image: Image.Image) -> bool:
    return image.format in ("JPEG", "MPO")


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 16 and str(int(name)) == name


def _by_class(files: Iterable[File], name: str) -> tuple[list[File], list[str], np.ndarray | None]:
    """Find the images and the class of each, and which are to test with where there are folders for that."""
    images: list[tuple[tuple[str, ...], File]] = []
    others: list[tuple[tuple[str, ...], File]] = []
    for file in files:
        parts = PurePosixPath(file.path).parts
        if ".." in parts or parts[0] == "/" or not file.path.isprintable():
            raise DataError(
                f"{name} has a file called {file.path[:80]!r}, which leads out of it; give it another name."
            )
        if not any(part.startswith(".") or part in _NO_CONTENT for part in parts):
            is_image = PurePosixPath(file.path).suffix.lower() in _FORMATS
            (images if is_image else others).append((parts, file))
    # A folder that all the others are in, as where a folder is packed.
    above = 0
    while len({parts[: above + 1] for parts, _ in images}) == 1 and all(len(parts) > above + 2 for parts, _ in images):
        above += 1
    tops = {parts[above] for parts, _ in images if len(parts) > above + 1}
    has_parts = tops in [{_TRAIN, test} for test in _TEST]
    depth = above + 1 + has_parts
    for parts, file in images:
        if len(parts) <= depth:
            raise DataError(f"{name}: {file.path!r} is in no folder of a class; put it into one, or leave it out.")
        if file.size > _MOST_IMAGE_BYTES:
            raise DataError(
                f"{name}: {file.path!r} has {file.size / 2**20:.0f} MiB; give at most {_MOST_IMAGE_BYTES // 2**20} MiB."
            )
    for parts, file in others:
        if len(parts) > depth:  # else it is what a folder says of itself, such as a licence
            raise DataError(f"{name}: {file.path!r} is no image in {', '.join(IMAGE_ENDINGS)}; leave it out.")
    if (total := sum(file.size for _, file in images)) > MOST_BYTES:
        raise DataError(f"{name} has {total / 2**30:.1f} GiB of images; give at most {MOST_BYTES // 2**30} GiB.")
    classes = [parts[depth - 1] for parts, _ in images]
    is_test = np.array([parts[above] != _TRAIN for parts, _ in images]) if has_parts else None
    return [file for _, file in images], classes, is_test


@contextmanager
def _opened(picture: File, name: str) -> Iterator[Image.Image]:
    """Open an image, of which no more than its size is decoded yet. Whatever is wrong with it is told in a sentence."""
    what = f"{name}: {picture.path!r}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on images that it can read all the same
            with Image.open(io.BytesIO(picture.read()), formats=[*{*_FORMATS.values()}]) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise DataError(
                        f"{what} has {image.width:,}x{image.height:,} pixels; give at most {_MOST_PIXELS:,} in all."
                    )
                if (frames := getattr(image, "n_frames", 1)) > 1 and not _is_photo(image):
                    raise DataError(f"{what} has {frames} images in one; give each a file of its own.")
                if image.mode not in _GREY + _COLOURED:
                    raise DataError(
                        f"{what} has pixels of the kind {image.mode}, and which number is white is not known; save it "
                        f"with bytes of 0 to 255."
                    )
                yield image
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(f"{what} has too many pixels; give at most {_MOST_PIXELS:,} in all.") from None
    except Exception as error:  # what decoders meet in files that are damaged is of every kind
        why = "it is none" if isinstance(error, UnidentifiedImageError) else str(error)[:100]
        raise DataError(f"{what} cannot be read as an image: {why}; mend it, or leave it out.") from error
