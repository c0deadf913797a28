"""Companion package of the course: worlds, algorithms and figures, small enough to read."""

__version__ = "0.1.0"
