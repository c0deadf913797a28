"""Environments: batched, in torch, with agents as an axis."""

from marl_edu.envs.base.wrappers import AgentId, Flicker
from marl_edu.envs.cooperative_navigation import CooperativeNavigation
from marl_edu.envs.foraging import Foraging
from marl_edu.envs.games import LeverGame, MatrixGame, TwoStepGame
from marl_edu.envs.grid_world import MultiAgentGridWorld
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.envs.predator_prey import PredatorPrey
from marl_edu.envs.predator_prey_tag import PredatorPreyTag
from marl_edu.envs.registration import register_all
from marl_edu.envs.relay import Relay
from marl_edu.envs.speaker_listener import SpeakerListener
from marl_edu.envs.speaker_probe import SpeakerProbe
from marl_edu.envs.tmaze import TMaze
from marl_edu.envs.traffic_junction import TrafficJunction

__all__ = [
    "AgentId",
    "CooperativeNavigation",
    "Flicker",
    "Foraging",
    "KeyDoorMaze",
    "LeverGame",
    "MatrixGame",
    "MultiAgentGridWorld",
    "PredatorPrey",
    "PredatorPreyTag",
    "Relay",
    "SpeakerListener",
    "SpeakerProbe",
    "TMaze",
    "TrafficJunction",
    "TwoStepGame",
]

register_all()  # gymnasium.make("marl_edu/TMaze-v0")
