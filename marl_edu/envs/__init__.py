"""Worlds: batched, in torch, with agents as an axis."""

from marl_edu.envs.speaker_probe import SpeakerProbe
from marl_edu.envs.traffic_junction import TrafficJunction

__all__ = ["SpeakerProbe", "TrafficJunction"]
