"""The live graph: who listens to whom, and how far information travels."""

from marl_edu.widgets.graph.figure import GraphFigure
from marl_edu.widgets.graph.lab import GraphPanel

__all__ = ["GraphFigure", "GraphPanel"]
