"""Text out of files, kept from being taken for Markdown."""


def plain(text: str) -> str:
    """Write text so that Markdown shows it as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>$~:#|" else letter for letter in text)
