"""Live figures: a trained policy at work, in the lab and on the page."""

from marl_edu.widgets.corridor import CorridorFigure, MemoryPanel
from marl_edu.widgets.critic import CriticFigure
from marl_edu.widgets.curiosity import CuriosityFigure, CuriosityPanel
from marl_edu.widgets.exploring import ExploringFigure
from marl_edu.widgets.film import Film
from marl_edu.widgets.graph import GraphFigure, GraphPanel
from marl_edu.widgets.hunt import HuntPanel
from marl_edu.widgets.junction import (
    JunctionFigure,
    TrainingPanel,
    export_policy,
    stored_policies,
    telling_moment,
)
from marl_edu.widgets.learning import LearningFigure
from marl_edu.widgets.mixing import MixingFigure
from marl_edu.widgets.pair import PairPanel
from marl_edu.widgets.payoff import MixerPanel, PayoffFigure
from marl_edu.widgets.speaker import SpeakerFigure
from marl_edu.widgets.team import TeamPanel

__all__ = [
    "CorridorFigure",
    "CriticFigure",
    "CuriosityFigure",
    "CuriosityPanel",
    "ExploringFigure",
    "Film",
    "GraphFigure",
    "GraphPanel",
    "HuntPanel",
    "JunctionFigure",
    "LearningFigure",
    "MemoryPanel",
    "MixerPanel",
    "MixingFigure",
    "PairPanel",
    "PayoffFigure",
    "SpeakerFigure",
    "TeamPanel",
    "TrainingPanel",
    "export_policy",
    "stored_policies",
    "telling_moment",
]
