"""The live T-maze: an agent and its memory."""

from marl_edu.widgets.corridor.figure import CorridorFigure, Walk, stored_agents
from marl_edu.widgets.corridor.lab import MemoryPanel

__all__ = ["CorridorFigure", "MemoryPanel", "Walk", "stored_agents"]
