"""The lab of the chapter on MADDPG: speaker and listener."""

from marl_edu.widgets.pair.lab import PairPanel

__all__ = ["PairPanel"]
