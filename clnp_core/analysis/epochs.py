"""A table of epochs: which training a row is of, told by its candidate's number. Imports no torch."""

ALONE = -1
"""Stands for a candidate's number where a task is trained alone, for comparison."""

TUNED = -2
"""The same, where what is left of the winner is fine-tuned."""
