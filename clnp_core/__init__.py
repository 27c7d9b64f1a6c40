"""The engine: continual learning by neural pruning (Golkar, Kagan, Cho 2019)."""

__version__ = "0.1.0"
