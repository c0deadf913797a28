"""The live junction: a trained team at work, to mute and to look into."""

from marl_edu.widgets.junction.figure import JunctionFigure
from marl_edu.widgets.junction.lab import TrainingPanel
from marl_edu.widgets.junction.moments import telling_moment
from marl_edu.widgets.junction.policies import export_policy, stored_policies

__all__ = ["JunctionFigure", "TrainingPanel", "export_policy", "stored_policies", "telling_moment"]
