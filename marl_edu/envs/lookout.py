"""Lookout: the key-door maze for two, of whom one walks and the other knows.

Description:
    The maze of `key_door_maze.py`, its map and its one reward. Agent 0, the walker, sees where it
    is, but neither whether it has the key nor whether the door is open. Agent 1, the lookout, sees
    just these two, and nothing else; it stands at the start and never moves. Without a word from
    the lookout, a walker without memory has to do the same before it has the key and afterwards.
    Since the lookout decides nothing, it does not count as alive: nothing is learned from what it
    does. What it says may be heard all the same.
Actions:
    the maze's; the lookout's are ignored.
Observation, per agent, float32, all 0 or 1:
    the maze's, O = 42, with 0 in the place of what the agent does not see.
Rewards, start and end, success:
    the maze's: +1 for the walker in the step in which it reaches the goal.
Reference scores, exact:
    as in the maze, since only the walker walks: random moves 1.4e-8, the shortest path 1.
Source:
    this course.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.core.registry import register
from marl_edu.envs.base.wrappers import Wrapper
from marl_edu.envs.key_door_maze import WATCH, KeyDoorMaze

WALKER, LOOKOUT = range(2)


@register("lookout")
class Lookout(Wrapper):
    """B mazes with two agents each; the module's docstring is the specification.

    Args:
        num_envs, device, seed: as in every environment.
    """

    def __init__(self, num_envs: int = 64, device: str = "cpu", seed: int | None = None):
        super().__init__(KeyDoorMaze, {"n_agents": 2}, num_envs, device, seed)
        maze: Any = self.inner
        flags = torch.zeros(maze.obs_dim, dtype=torch.bool, device=self.device)
        flags[maze.rows + maze.columns :][:2] = True  # the team has the key; the door is open
        self.sees = torch.stack([~flags, flags])  # (N, O)
        self.acts = torch.tensor([True, False], device=self.device)  # (N,)

    def step(
        self, actions: Int[Tensor, "B N"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """As the maze's, but the lookout stays where it is, whatever it does."""
        still = torch.full_like(actions[:, LOOKOUT], WATCH)  # no TV, so nothing happens
        together = torch.stack([actions[:, WALKER], still], 1)
        obs, reward, terminated, truncated, info = super().step(together)
        return obs, reward * self.acts, terminated, truncated, info | {"alive": self.alive}

    @property
    def alive(self) -> Bool[Tensor, "B N"]:  # type: ignore[override]
        """Only the agent that walks, until it is at the goal."""
        return self.inner.alive & self.acts

    def _change(self, obs: Float[Tensor, "B N O"]) -> Float[Tensor, "B N O"]:
        return obs * self.sees
