"""How to play the key-door maze without learning, and what random play is worth, exactly.

The start is the same in every episode and nothing on the way is left to chance. So the shortest
path, once found, can be walked with closed eyes: the best open-loop policy is as good as the best
one. What the maze asks for is to find it. `goal_chances` says how long random play takes for that;
with one hand on the wall, which needs no map, a single episode is enough.
"""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from marl_edu.core.checks import probability
from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.key_door_maze import DOWN, LEFT, RIGHT, UP, WATCH, KeyDoorMaze

# -- random play ----------------------------------------------------------------------------------


def goal_chances(env: KeyDoorMaze, repeat: float = 0.0) -> Float[np.ndarray, " T"]:
    """Chance that one agent, acting at random, has reached the goal by step 1, ..., T. Exact.

    A Markov chain over (key or not, last action, cell). The open door needs no state of its own:
    it lets pass whoever has the key, open or not.

    Args:
        repeat: chance of doing the same as in the last step, instead of drawing a new action.
    Raises:
        ValueError: the environment has several agents; the chain follows one.
    """
    if env.n_agents != 1:
        raise ValueError(f"env must have n_agents=1 to be a chain of cells, got {env.n_agents}")
    probability("repeat", repeat)
    leads = env.leads.cpu().numpy()  # [key or not, action, cell]
    _, A, C = leads.shape
    moves = np.zeros((2, A, C, C))  # one step with a given action
    moves[np.arange(2)[:, None, None], np.arange(A)[:, None], np.arange(C), leads] = 1
    where = np.zeros((2, A, C))
    where[0, :, env.start] = 1 / A  # the first action is drawn, whatever came last
    chances = np.zeros(env.max_steps)
    for t in range(env.max_steps):
        mixed = repeat * where + (1 - repeat) * where.mean(1, keepdims=True)
        where = np.einsum("kac,kacd->kad", mixed, moves)
        where[1, :, env.key] += where[0, :, env.key]
        where[0, :, env.key] = 0
        chances[t] = where[:, :, env.goal].sum()
        where[:, :, env.goal] = 0
    return chances.cumsum()


def expected_finds(env: KeyDoorMaze, env_steps: int = 1_000_000, repeat: float = 0.0) -> float:
    """How often random play is expected to reach the goal in `env_steps` steps, T an episode."""
    return env_steps / env.max_steps * float(goal_chances(env, repeat)[-1])


class RandomRepeating:
    """With probability `repeat` the last action again, otherwise every one equally often."""

    def __init__(self, repeat: float = 0.5, seed: int = 0):
        self.repeat, self.draw = probability("repeat", repeat), UniformPolicy(seed)

    def __call__(self, env: KeyDoorMaze) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        fresh = self.draw(env)
        if env.t == 0:
            self.last = fresh
        again = torch.rand(fresh.shape, generator=self.draw.generator) < self.repeat
        self.last = torch.where(again.to(fresh.device), self.last, fresh)
        return self.last


# -- the shortest path ----------------------------------------------------------------------------


def steps_to_goal(env: KeyDoorMaze) -> Float[Tensor, "2 C"]:
    """Fewest steps to the goal from every cell, without the key (0) and with it (1).

    From the goal backwards: a cell is one step further than the nearest one a move leads to.
    """
    steps = torch.full((2, env.n_cells), torch.inf, device=env.device)
    steps[:, env.goal] = 0
    while True:
        nearer = torch.minimum(steps, 1 + _after(env, steps).amin(1))
        if torch.equal(nearer, steps):
            return steps
        steps = nearer


def _after(env: KeyDoorMaze, steps: Tensor) -> Float[Tensor, "2 A C"]:
    """Steps that are left after each action, from every cell, without the key and with it."""
    left = torch.stack([steps[k][env.leads[k]] for k in (0, 1)])
    return torch.where(env.leads == env.key, steps[1, env.key], left)


class ShortestPath:
    """Every agent takes a shortest path to the key, then to the goal."""

    def __call__(self, env: KeyDoorMaze) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            self.best = _after(env, steps_to_goal(env)).argmin(1)  # [key or not, cell]
        return self.best[env.has_key[:, None].long(), env.cell]


def plan(env: KeyDoorMaze) -> list[int]:
    """The actions of a shortest path from the start."""
    best = _after(env, steps_to_goal(env)).argmin(1)
    key, cell, actions = 0, env.start, []
    while cell != env.goal:
        actions.append(int(best[key, cell]))
        cell = int(env.leads[key, actions[-1], cell])
        key = int(key or cell == env.key)
    return actions


class ByHeart:
    """The shortest path as a list of actions, played without looking."""

    def __call__(self, env: KeyDoorMaze) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            self.actions = plan(env)
        action = self.actions[env.t] if env.t < len(self.actions) else WATCH
        return torch.full((env.num_envs, env.n_agents), action, device=env.device)


# -- without a map --------------------------------------------------------------------------------


class FollowWall:
    """Straight on to a wall, then along it with one hand on it: all that is seen is the own cell.

    An agent that has moved turns towards the wall; one that has not turns away from it.
    """

    def __init__(self, hand: int = 1):
        self.hand = hand  # 1: the right hand, -1: the left

    def __call__(self, env: KeyDoorMaze) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            self.heading = torch.zeros_like(env.cell)
            self.at_wall = torch.zeros_like(env.cell, dtype=torch.bool)
            self.last = env.cell
        else:
            moved = env.cell != self.last
            self.at_wall = self.at_wall | ~moved
            turn = torch.where(moved, self.hand, -self.hand) * self.at_wall
            self.heading = (self.heading + turn) % 4
        self.last = env.cell
        return torch.tensor([UP, RIGHT, DOWN, LEFT], device=env.device)[self.heading]


_MAZE = KeyDoorMaze(num_envs=1)
POLICIES = (
    ScriptedPolicy("random", "random", UniformPolicy, float(goal_chances(_MAZE)[-1])),
    ScriptedPolicy(
        "random, often repeating",
        "open-loop",
        RandomRepeating,
        float(goal_chances(_MAZE, 0.5)[-1]),
    ),
    ScriptedPolicy("the plan by heart", "open-loop", ByHeart, 1.0),
    ScriptedPolicy("left hand on the wall", "own view", partial(FollowWall, -1), 1.0),
    ScriptedPolicy("shortest path", "best", ShortestPath, 1.0),
)

TASKS = (
    Task(
        key="maze",
        name="Key-door maze",
        isolates="exploration: one reward, 40 right steps away",
        make=KeyDoorMaze,
        score="success",
        unit="share of episodes that reach the goal",
        policies=POLICIES,
        show="shortest path",
        trivial="random",
    ),
    Task(
        key="tv",
        name="Key-door maze with a noisy TV",
        isolates="exploration: beside something that is new for ever, and worth nothing",
        make=partial(KeyDoorMaze, noisy_tv=True),
        score="success",
        unit="share of episodes that reach the goal",
        policies=(
            *POLICIES,
            ScriptedPolicy("watch the TV", "open-loop", partial(Always, WATCH), 0.0),
        ),
        show="watch the TV",
        trivial="random",
    ),
)
