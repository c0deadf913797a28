"""The live map of curiosity: what is new grows old."""

from marl_edu.widgets.curiosity.figure import METHODS, CuriosityFigure, Walk, draw
from marl_edu.widgets.curiosity.lab import CuriosityPanel

__all__ = ["METHODS", "CuriosityFigure", "CuriosityPanel", "Walk", "draw"]
