"""An agent that explores in the page: `ExploringFigure`."""

from marl_edu.widgets.exploring.figure import ExploringFigure, takeaway

__all__ = ["ExploringFigure", "takeaway"]
