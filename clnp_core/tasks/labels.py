"""Labels of own data: what is taken as a label, and the classes of each task. Imports no torch."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from clnp_core.bounds import MAX_NAME, Label, as_class
from clnp_core.errors import DataError
from clnp_core.tasks.images import refuse_masked

_KINDS = "biufU"  # booleans, whole numbers with and without sign, floats, text


def as_labels(given: Any, what: str) -> np.ndarray:
    """Take labels as whole numbers or names.

    Numbers may be of any type as long as they are whole; booleans are 0 and 1; [N, 1] is [N].

    Parameters
    ----------
    given : array, tensor, Series or list
    what : str
        Names the labels in errors.

    Returns
    -------
    array [N] of int64 or of text

    Raises
    ------
    DataError
    """
    content = _array(given, what)
    if content.ndim == 2 and content.shape[1] == 1:
        content = content[:, 0]
    if content.ndim != 1:
        raise DataError(
            f"{what} is {content.dtype} {list(content.shape)}; it must be one whole number or name for each image, "
            f"['N']. Of one-hot rows, give .argmax(1)."
        )
    if content.dtype.kind not in _KINDS:
        raise DataError(f"{what} is {content.dtype} {list(content.shape)}; it must be whole numbers or names.")
    is_float = content.dtype.kind == "f"
    if is_float and len(wrong := content[~(np.isfinite(content) & (content == np.floor(content)))]):
        raise DataError(f"{what} has the label {wrong[0].item()!r}; it must be a whole number or a name.")
    for label in np.unique(content).tolist():
        try:
            as_class(int(label) if is_float else label)
        except ValueError as error:
            raise DataError(f"{what} has the label {label!r}; {error}.") from None
    return content if content.dtype.kind == "U" else content.astype(np.int64)


def as_label(given: Any, what: str) -> Label:
    """Take a single label, or an array with a single one; see `as_labels`."""
    content = _array(given, what)
    if content.size != 1:
        raise DataError(f"{what} has {content.size} labels; it must have one. Of a one-hot row, give .argmax().")
    if content.dtype.kind not in _KINDS:
        raise DataError(f"{what} has the label {given!r}; it must be a whole number or a name.")
    label: Label = as_labels(content.reshape(1), what).tolist()[0]
    return label


def _array(given: Any, what: str) -> np.ndarray:
    refuse_masked(given, what)
    try:
        content = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
        if content.dtype.kind in "OU" and not isinstance(given, np.ndarray | np.generic | str):
            content = np.asarray(given, dtype=object)  # where numbers are not yet made text
        if content.dtype == object:
            each = content.ravel().tolist()
            are_names = [isinstance(label, str) for label in each]
            # In an array each takes the room of the longest.
            if long := next((label for label in each if isinstance(label, str) and len(label) > MAX_NAME), None):
                raise DataError(f"{what} has the label {short(long)!r}; it must have at most {MAX_NAME} characters.")
            if all(are_names) or not any(are_names):
                content = np.array(each).reshape(content.shape)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{what} is not an array: {str(error).rstrip('.')}.") from error
    return content


def numbered(
    train: np.ndarray, test: np.ndarray, names: Mapping[Any, Label], what: str
) -> tuple[np.ndarray, np.ndarray, tuple[Label, ...]]:
    """Number the classes of a task from 0 on. They are those of its training images, in the order of their labels.

    Parameters
    ----------
    train, test : arrays [N]
        As `as_labels` returns them.
    names : mapping
        Of classes by their label. Used if every class has one.
    what : str
        Names the task in errors.

    Returns
    -------
    train, test : int64 arrays [N]
    labels : tuple of int or str
        The classes as they were given, in the order of their numbers.

    Raises
    ------
    DataError
        If the test images have a class that no training image has.
    """
    classes, y_train = np.unique(train, return_inverse=True)
    given: list[Label] = classes.tolist()
    place = {label: number for number, label in enumerate(given)}
    if unknown := sorted(set(test.tolist()) - place.keys()):
        raise DataError(
            f"{what} has test images of {shown(names.get(label, label) for label in unknown)}, of which it has no "
            f"training image; give some, or leave these test images out."
        )
    y_test = np.array([place[label] for label in test.tolist()], dtype=np.int64)
    labels = tuple(names[label] for label in given) if all(label in names for label in given) else tuple(given)
    return y_train.astype(np.int64), y_test, labels


def check_names(
    first: Mapping[int, Label],
    second: Mapping[int, Label],
    what: str,
    called: str = "the training set",
    other: str = "the test set",
) -> None:
    """Check that two data sets of a task have the same classes under the same numbers, if both tell.

    Parameters
    ----------
    first, second : mappings
        Names of classes by number; none if the data set does not tell.
    what, called, other : str
        Name the task and the data sets in errors.

    Raises
    ------
    DataError
        Naming the classes that differ.
    """
    if not first or not second or first == second:
        return
    sides = ((called, first, second), (other, second, first))
    differ = [
        f"{name} lacks {shown(lacking)}"
        for name, own, theirs in sides
        if (lacking := [each for each in theirs.values() if each not in own.values()])
    ]
    if not differ:
        number = min(number for number in first.keys() | second.keys() if first.get(number) != second.get(number))
        differ = [f"class {number} is {first.get(number)!r} in {called} and {second.get(number)!r} in {other}"]
    raise DataError(
        f"{what} has data sets with different classes: {', and '.join(differ)}. Give both the same classes under the "
        f"same numbers; to ImageFolder, a folder for each class, empty or not, and allow_empty=True."
    )


def shown(labels: Iterable[Label], most: int = 10) -> str:
    """List labels for people: names in quotation marks, and no more than so many."""
    listed = [repr(label) for label in labels]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def short(label: Label, most: int = 24) -> str:
    """A label for where there is little room: a long name ends early, and in dots."""
    text = str(label)
    return text if len(text) <= most else f"{text[: most - 1]}…"
