"""Types of stored numbers and texts, with the bounds that whatever is read from elsewhere is held to."""

from typing import Annotated

from pydantic import AfterValidator, Field


def printable(text: str) -> str:
    """A text of one line that can be shown; else raise ValueError."""
    if not text.isprintable():
        raise ValueError("it has characters that cannot be shown")
    return text


Natural = Annotated[int, Field(ge=0, le=2**31)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Or 0."""
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256, hexadecimal."""
Text = Annotated[str, Field(max_length=2000), AfterValidator(printable)]
"""Of one line."""

MAX_NAME = 200
_MOST_LABEL = 2**53  # JSON keeps whole numbers up to it, and so do floats


def as_class(label: int | str) -> int | str:
    """A class as it may be given; else raise ValueError."""
    if isinstance(label, int) and abs(label) > _MOST_LABEL:
        raise ValueError(f"it must be a whole number of at most {_MOST_LABEL:,}")
    if isinstance(label, str) and not (0 < len(label) <= MAX_NAME and label.isprintable()):
        raise ValueError(f"it must be a name of 1 to {MAX_NAME} characters that can be shown")
    return label


Label = Annotated[Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True)], AfterValidator(as_class)]
"""A class as people call it: the number or the name that it was given with."""
