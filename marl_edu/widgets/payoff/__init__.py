"""The live payoffs: what VDN and QMIX make of a table that the reader changes."""

from marl_edu.widgets.payoff.figure import PayoffFigure

__all__ = ["PayoffFigure"]
