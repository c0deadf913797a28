"""A film of an environment, step by step."""

from marl_edu.widgets.film.figure import Film

__all__ = ["Film"]
