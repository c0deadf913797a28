"""Rules for the T-maze, its witness and its flickering: what remembering is worth."""

from functools import partial
from math import comb

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.base.wrappers import Flicker
from marl_edu.envs.baselines.task import Rule, Task, UniformPolicy
from marl_edu.envs.tmaze import FORWARD, UP, TMaze


def random_success(length: int, max_steps: int) -> float:
    """Expected success of a walker whose actions are all equally likely.

    It reaches the junction in step k, that is with its `length`-th FORWARD, and then fails to
    turn only if it goes FORWARD in all steps that are left. Half of the turns are right.
    """
    reaches = {
        k: comb(k - 1, length - 1) * (1 / 3) ** length * (2 / 3) ** (k - length)
        for k in range(length, max_steps + 1)
    }
    return sum(p * (1 - (1 / 3) ** (max_steps - k)) for k, p in reaches.items()) / 2


def walk_and_guess(world) -> Int[Tensor, "B N"]:
    """Nothing but FORWARD to the junction, where all turn UP."""
    action = FORWARD if world.t < world.length else UP
    return torch.full((world.batch_size, world.n_agents), action, device=world.device)


def know_the_sign(world) -> Int[Tensor, "B N"]:
    """FORWARD to the junction; turn as the sign said, whoever saw it."""
    return torch.where(world.cell < world.length, FORWARD, world.sign)


class RememberSign:
    """Walk, and turn as the sign said that the walker itself has seen.

    Args:
        patient: stay in front of the sign until it has been seen, or time runs short. Else go at
            once. Who has not seen it turns UP.
    """

    def __init__(self, patient: bool = True):
        self.patient = patient

    def __call__(self, world) -> Int[Tensor, "B N"]:
        if world.t == 0:
            self.known = torch.zeros_like(world.sign)  # UP, DOWN, or 0
        sees = world.cell == 0
        if world.witness:
            sees = torch.zeros_like(sees)
            sees[:, 0] = world.t == 0
        sees = sees & ~getattr(world, "blank", torch.zeros_like(sees))  # of Flicker
        self.known = torch.where(sees, world.sign, self.known)
        can_wait = self.patient and world.max_steps - world.t > world.length + 1
        # Before the junction UP does nothing. A walker counts its own steps.
        waits = (world.cell == 0) & (self.known == 0) & can_wait
        walks = (world.cell < world.length) & ~waits
        turn = torch.where(self.known == 0, UP, self.known)
        return torch.where(walks, FORWARD, torch.where(waits, UP, turn))


RANDOM = random_success(10, 33)
BLIND = Rule("walk and guess", "blind", lambda: walk_and_guess, 0.5)
TOLD = Rule("know the sign", "best", lambda: know_the_sign, 1.0)

TASKS = (
    Task(
        name="T-maze, length 10",
        isolates="memory: the way to turn is seen once",
        make=partial(TMaze, length=10),
        score="success",
        unit="share of right turns",
        rules=(
            Rule("random", "random", UniformPolicy, RANDOM),
            BLIND,
            Rule("remember the sign", "own view", RememberSign, 1.0),
            TOLD,
        ),
        show="remember the sign",
    ),
    Task(
        name="T-maze with a witness, length 10",
        isolates="memory and talk, both",
        make=partial(TMaze, length=10, witness=True),
        score="success",
        unit="share of right turns",
        rules=(
            Rule("random", "random", UniformPolicy, RANDOM),
            BLIND,
            Rule("remember, untold", "own view", partial(RememberSign, patient=False), 0.5),
            TOLD,
        ),
        show="know the sign",
    ),
    Task(
        name="Flickering T-maze, length 10",
        isolates="memory: half of all observations are missing",
        make=partial(Flicker, world=TMaze, world_args={"length": 10}, p=0.5),
        score="success",
        unit="share of right turns",
        rules=(
            Rule("random", "random", UniformPolicy, RANDOM),
            BLIND,
            Rule("walk at once", "own view", partial(RememberSign, patient=False), 0.75),
            # Not seen in any of the 23 steps that it can wait: then a guess.
            Rule("wait for the sign", "own view", RememberSign, 1 - 0.5**23 / 2),
            TOLD,
        ),
        show="wait for the sign",
    ),
)
