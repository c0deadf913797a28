"""A team that learns in the page: `LearningFigure`."""

from marl_edu.widgets.learning.figure import LearningFigure

__all__ = ["LearningFigure"]
