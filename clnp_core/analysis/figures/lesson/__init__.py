"""Figures used only by the page Learn."""
