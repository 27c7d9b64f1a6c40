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
"""Most characters of a class's name."""
MOST_LABEL = 2**53
"""Largest label. JSON keeps whole numbers up to it, and so do floats."""
Label = (
    Annotated[int, Field(strict=True, ge=-MOST_LABEL, le=MOST_LABEL)]
    | Annotated[str, Field(strict=True, min_length=1, max_length=MAX_NAME), AfterValidator(printable)]
)
"""A class as people call it: the number or the name that it was given with."""
