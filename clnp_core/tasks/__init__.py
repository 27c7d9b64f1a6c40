"""Data sets and the sequences of tasks made from them."""
