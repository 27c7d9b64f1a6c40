"""Reads of a store for the pages, the command line and Python: trade-off, anatomy, reuse, export, verify."""
