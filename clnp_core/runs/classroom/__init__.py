"""A class: its code, what each of its students may do with runs, and whose turn is next."""
