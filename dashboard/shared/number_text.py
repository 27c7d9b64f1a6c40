"""Numbers as pages tell them."""

from clnp_core import printing


def scientific(value: float) -> str:
    """Write a number such as 3e-4."""
    return printing.scientific(value, 2) if value else "0"


def percent(fraction: float | None, unknown: str = "–") -> str:
    """Write a fraction in per cent, such as 97.53%."""
    return unknown if fraction is None else f"{fraction:.2%}"


def margin_text(margin: float) -> str:
    """Write a margin, a fraction, in points of accuracy."""
    return counted(round(100 * margin, 6), "point")


def counted(number: float, what: str) -> str:
    """Write so many of something, such as "1 task"."""
    return f"{number:g} {what}{'s' * (number != 1)}"


def unbroken(text: str) -> str:
    """Keep a text on one line: a table too wide for a small screen is scrolled."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
