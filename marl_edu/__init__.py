"""Companion package of the course: environments, algorithms and figures, small enough to read."""

__version__ = "0.1.0"
