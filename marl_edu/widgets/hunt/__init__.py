"""The lab of the chapter on MAPPO: predators that hunt."""

from marl_edu.widgets.hunt.lab import HuntPanel

__all__ = ["HuntPanel"]
