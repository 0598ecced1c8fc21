"""Shancheng (山城): open data in, a running digital twin of a city out."""

__version__ = "0.1.0"
