"""Live figures: a trained policy at work, in the lab and on the page."""

from marl_edu.widgets.corridor import CorridorFigure
from marl_edu.widgets.curiosity import CuriosityFigure
from marl_edu.widgets.curiosity_panel import CuriosityPanel
from marl_edu.widgets.film import Film
from marl_edu.widgets.graph import GraphFigure
from marl_edu.widgets.graph_panel import GraphPanel
from marl_edu.widgets.junction import JunctionFigure
from marl_edu.widgets.memory_panel import MemoryPanel
from marl_edu.widgets.moments import telling_moment
from marl_edu.widgets.panel import TrainingPanel
from marl_edu.widgets.policies import export_policy, stored_policies

__all__ = [
    "CorridorFigure",
    "CuriosityFigure",
    "CuriosityPanel",
    "Film",
    "GraphFigure",
    "GraphPanel",
    "JunctionFigure",
    "MemoryPanel",
    "TrainingPanel",
    "export_policy",
    "stored_policies",
    "telling_moment",
]
