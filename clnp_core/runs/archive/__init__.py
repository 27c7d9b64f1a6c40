"""A run as one file, that another machine takes in and checks."""

from clnp_core.runs.archive.run import Imported, check_name, read, write

__all__ = ["Imported", "check_name", "read", "write"]
