"""A payoff matrix that is learned in the page: `MixingFigure`."""

from marl_edu.widgets.mixing.figure import MixingFigure

__all__ = ["MixingFigure"]
