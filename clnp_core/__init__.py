"""Continual learning via neural pruning (Golkar, Kagan, Cho 2019), without the dashboard."""

__version__ = "0.1.0"
