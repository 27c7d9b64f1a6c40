"""Candidate numbers with a special meaning in a table of epochs. Imports no torch."""

ALONE = -1
"""Candidate number of the single-task reference: the task trained alone, for comparison."""

TUNED = -2
"""Candidate number of fine-tuning: the winner's training after pruning."""
