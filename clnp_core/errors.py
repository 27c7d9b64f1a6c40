"""Errors with a message for the user.

The command line and the dashboard show the message of a `ClnpError` unchanged: one sentence that says what is wrong,
with which value, and what would be right. Any other exception is a defect of the program.
"""


class ClnpError(Exception):
    """An error that the user can fix."""


class SpecError(ClnpError):
    """A run's specification asks for something impossible."""


class DataError(ClnpError):
    """A data set is missing, damaged or another than its name says."""


class DeviceError(ClnpError):
    """The requested device does not exist on this machine."""


class StoreError(ClnpError):
    """The store of runs cannot be opened, read or written."""


class CodeError(ClnpError):
    """A code does not let anybody into a class."""


class DamagedError(StoreError):
    """A file of the store is damaged or missing.

    Parameters
    ----------
    what : str
        Which file, and what is wrong with it.
    """

    def __str__(self) -> str:
        """Say what can be done about it, too."""
        return f"{self.args[0]}; clnp store check says which run to resume, which computes it anew."


class HeldError(StoreError):
    """Another engine serves the store."""


class DivergedError(ClnpError):
    """The training of every candidate diverged: its loss became infinite or not a number."""


class ForgettingError(ClnpError):
    """An earlier task's outputs changed: the guarantee of zero forgetting is broken."""


class ExportError(ClnpError):
    """A figure or network cannot be written to a file or read from one."""


class ArchiveError(ClnpError):
    """A file is not the archive of a run, or is damaged or inconsistent."""


class NoBrowserError(ExportError):
    """Chromium or Chrome, which draws figures, was not found."""
