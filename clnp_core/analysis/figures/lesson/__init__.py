"""Figures of the page Learn alone."""
