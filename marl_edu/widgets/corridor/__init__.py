"""The live T-maze: a walker and its memory."""

from marl_edu.widgets.corridor.figure import CorridorFigure, Walk, stored_walkers
from marl_edu.widgets.corridor.lab import MemoryPanel

__all__ = ["CorridorFigure", "MemoryPanel", "Walk", "stored_walkers"]
