"""The live payoffs: what VDN and QMIX make of a table that the reader changes; and the lab."""

from marl_edu.widgets.payoff.figure import PayoffFigure
from marl_edu.widgets.payoff.lab import MixerPanel

__all__ = ["MixerPanel", "PayoffFigure"]
