"""How to play the key-door maze without learning, and what random play is worth, exactly.

The start is the same in every episode and nothing on the way is left to chance. So the shortest
path, once found, can be walked with closed eyes: the best blind policy is as good as the best one.
What the maze asks for is to find it. `goal_chances` says how long random play takes for that; with
one hand on the wall, which needs no map, a single episode is enough.
"""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from marl_edu.envs.base.checks import probability
from marl_edu.envs.baselines.task import Always, Rule, Task, UniformPolicy
from marl_edu.envs.key_door_maze import DOWN, LEFT, REMOTE, RIGHT, UP, KeyDoorMaze

# -- random play ----------------------------------------------------------------------------------


def goal_chances(world: KeyDoorMaze, repeat: float = 0.0) -> Float[np.ndarray, " T"]:
    """Chance that one agent, acting at random, has reached the goal by step 1, ..., T. Exact.

    A Markov chain over (key or not, last action, cell). The open door needs no state of its own:
    it lets pass whoever has the key, open or not.

    Args:
        repeat: chance of doing the same as in the last step, instead of drawing an action anew.
    Raises:
        ValueError: the world has several agents; the chain follows one.
    """
    if world.n_agents != 1:
        raise ValueError(f"world must have n_agents=1 to be a chain of cells, got {world.n_agents}")
    probability("repeat", repeat)
    leads = world.leads.cpu().numpy()  # [key or not, action, cell]
    _, A, C = leads.shape
    moves = np.zeros((2, A, C, C))  # one step with a given action
    moves[np.arange(2)[:, None, None], np.arange(A)[:, None], np.arange(C), leads] = 1
    where = np.zeros((2, A, C))
    where[0, :, world.start] = 1 / A  # the first action is drawn, whatever came last
    chances = np.zeros(world.max_steps)
    for t in range(world.max_steps):
        mixed = repeat * where + (1 - repeat) * where.mean(1, keepdims=True)
        where = np.einsum("kac,kacd->kad", mixed, moves)
        where[1, :, world.key] += where[0, :, world.key]
        where[0, :, world.key] = 0
        chances[t] = where[:, :, world.goal].sum()
        where[:, :, world.goal] = 0
    return chances.cumsum()


def expected_finds(world: KeyDoorMaze, env_steps: int = 1_000_000, repeat: float = 0.0) -> float:
    """How often random play is expected to reach the goal in `env_steps` steps, T an episode."""
    return env_steps / world.max_steps * float(goal_chances(world, repeat)[-1])


class RandomRepeating:
    """With probability `repeat` the last action again, otherwise every one equally often."""

    def __init__(self, repeat: float = 0.5, seed: int = 0):
        self.repeat, self.draw = probability("repeat", repeat), UniformPolicy(seed)

    def __call__(self, world: KeyDoorMaze) -> Int[Tensor, "B N"]:
        fresh = self.draw(world)
        if world.t == 0:
            self.last = fresh
        again = torch.rand(fresh.shape, generator=self.draw.generator) < self.repeat
        self.last = torch.where(again.to(fresh.device), self.last, fresh)
        return self.last


# -- the shortest path ----------------------------------------------------------------------------


def steps_to_goal(world: KeyDoorMaze) -> Float[Tensor, "2 C"]:
    """Fewest steps to the goal from every cell, without the key (0) and with it (1).

    From the goal backwards: a cell is one step further than the nearest one a move leads to.
    """
    steps = torch.full((2, world.n_cells), torch.inf, device=world.device)
    steps[:, world.goal] = 0
    while True:
        nearer = torch.minimum(steps, 1 + _after(world, steps).amin(1))
        if torch.equal(nearer, steps):
            return steps
        steps = nearer


def _after(world: KeyDoorMaze, steps: Tensor) -> Float[Tensor, "2 A C"]:
    """Steps that are left after each action, from every cell, without the key and with it."""
    left = torch.stack([steps[k][world.leads[k]] for k in (0, 1)])
    return torch.where(world.leads == world.key, steps[1, world.key], left)


class ShortestPath:
    """Every agent takes a shortest path to the key, then to the goal."""

    def __call__(self, world: KeyDoorMaze) -> Int[Tensor, "B N"]:
        if world.t == 0:
            self.best = _after(world, steps_to_goal(world)).argmin(1)  # [key or not, cell]
        return self.best[world.has_key[:, None].long(), world.cell]


def plan(world: KeyDoorMaze) -> list[int]:
    """The actions of a shortest path from the start."""
    best = _after(world, steps_to_goal(world)).argmin(1)
    key, cell, actions = 0, world.start, []
    while cell != world.goal:
        actions.append(int(best[key, cell]))
        cell = int(world.leads[key, actions[-1], cell])
        key = int(key or cell == world.key)
    return actions


class ByHeart:
    """The shortest path as a list of actions, played without looking."""

    def __call__(self, world: KeyDoorMaze) -> Int[Tensor, "B N"]:
        if world.t == 0:
            self.actions = plan(world)
        action = self.actions[world.t] if world.t < len(self.actions) else REMOTE
        return torch.full((world.batch_size, world.n_agents), action, device=world.device)


# -- without a map --------------------------------------------------------------------------------


class FollowWall:
    """Straight on to a wall, then along it with one hand on it: all that is seen is the own cell.

    An agent that has moved turns towards the wall; one that has not turns away from it.
    """

    def __init__(self, hand: int = 1):
        self.hand = hand  # 1: the right hand, -1: the left

    def __call__(self, world: KeyDoorMaze) -> Int[Tensor, "B N"]:
        if world.t == 0:
            self.heading = torch.zeros_like(world.cell)
            self.at_wall = torch.zeros_like(world.cell, dtype=torch.bool)
            self.last = world.cell
        else:
            moved = world.cell != self.last
            self.at_wall = self.at_wall | ~moved
            turn = torch.where(moved, self.hand, -self.hand) * self.at_wall
            self.heading = (self.heading + turn) % 4
        self.last = world.cell
        return torch.tensor([UP, RIGHT, DOWN, LEFT], device=world.device)[self.heading]


_WORLD = KeyDoorMaze(batch_size=1)
RULES = (
    Rule("random", "random", UniformPolicy, float(goal_chances(_WORLD)[-1])),
    Rule(
        "random, often repeating",
        "blind",
        RandomRepeating,
        float(goal_chances(_WORLD, 0.5)[-1]),
    ),
    Rule("the plan by heart", "blind", ByHeart, 1.0),
    Rule("left hand on the wall", "own view", partial(FollowWall, -1), 1.0),
    Rule("shortest path", "best", ShortestPath, 1.0),
)

TASKS = (
    Task(
        name="Key-door maze",
        isolates="exploration: one reward, 40 right steps away",
        make=KeyDoorMaze,
        score="success",
        unit="share of episodes that reach the goal",
        rules=RULES,
        show="shortest path",
    ),
    Task(
        name="Key-door maze with television",
        isolates="exploration: beside something that is new for ever, and worth nothing",
        make=partial(KeyDoorMaze, tv=True),
        score="success",
        unit="share of episodes that reach the goal",
        rules=(*RULES, Rule("watch television", "blind", partial(Always, REMOTE), 0.0)),
        show="watch television",
    ),
)
