"""The lab of the comparison: two agents as one learner."""

from marl_edu.widgets.team.lab import TeamPanel

__all__ = ["TeamPanel"]
