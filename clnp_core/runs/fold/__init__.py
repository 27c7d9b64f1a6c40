"""A run as a fold of pure stages: what each is, which follows which, what they come to. Imports no torch."""
