"""Measurements: each module is a command, prints a table, and writes its figures with --json FILE."""
