"""An agent that explores in the page: `ExploringFigure`."""

from marl_edu.widgets.exploring.figure import ExploringFigure

__all__ = ["ExploringFigure"]
