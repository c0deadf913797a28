"""The live critic: what a trained critic says of a hunt, with inputs that can be switched off."""

from marl_edu.widgets.critic.figure import CriticFigure

__all__ = ["CriticFigure"]
