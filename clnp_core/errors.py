"""Errors whose text is written for the person in front of the screen.

The command line and the dashboard show the text of a `ClnpError` as it is: one sentence that says what is
wrong, which value, and what would be right. Any other exception is a defect of the program.
"""


class ClnpError(Exception):
    """Something the user can put right."""


class SpecError(ClnpError):
    """A run's specification asks for something impossible."""


class DataError(ClnpError):
    """A data set is missing, damaged or not what its name says."""


class DeviceError(ClnpError):
    """There is no device of the kind asked for."""


class StoreError(ClnpError):
    """The store of runs cannot be opened, read or written."""


class DivergedError(ClnpError):
    """Training left the numbers: every candidate's loss became infinite or not a number."""


class ForgettingError(ClnpError):
    """An earlier task's outputs changed: the promise of zero forgetting does not hold."""


class ExportError(ClnpError):
    """A figure or a network cannot be written as a file, or read from one."""


class ArchiveError(ClnpError):
    """A run's archive is damaged, is none, or does not hold what it says."""


class NoBrowserError(ExportError):
    """There is no Chromium or Chrome, which draws figures."""
