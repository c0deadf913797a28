"""The live speaker and listener: a trained pair at work, with a word to mute or swap."""

from marl_edu.widgets.speaker.figure import SpeakerFigure

__all__ = ["SpeakerFigure"]
