"""Scripted policies for the T-maze, its witness and its flickering: the value of memory."""

from functools import partial
from math import comb

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.base.wrappers import Flicker
from marl_edu.envs.baselines.task import ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.tmaze import FORWARD, UP, TMaze


def random_success(length: int, max_steps: int) -> float:
    """Expected success of an agent whose actions are all equally likely.

    It reaches the junction in step k, that is with its `length`-th FORWARD, and then fails to
    turn only if it goes FORWARD in all steps that are left. Half of the turns are right.
    """
    reaches = {
        k: comb(k - 1, length - 1) * (1 / 3) ** length * (2 / 3) ** (k - length)
        for k in range(length, max_steps + 1)
    }
    return sum(p * (1 - (1 / 3) ** (max_steps - k)) for k, p in reaches.items()) / 2


def walk_and_guess(env: TMaze | Flicker) -> Int[Tensor, "B N"]:
    """Nothing but FORWARD to the junction, where all turn UP."""
    action = FORWARD if env.t < env.length else UP
    return torch.full((env.num_envs, env.n_agents), action, device=env.device)


def know_the_sign(env: TMaze | Flicker) -> Int[Tensor, "B N"]:
    """FORWARD to the junction; turn as the sign said, whoever saw it."""
    return torch.where(env.cell < env.length, FORWARD, env.sign)


class RememberSign:
    """Walk, and turn as the sign said that the agent itself has seen.

    Args:
        patient: stay in front of the sign until it has been seen, or time runs short. Else go at
            once. Who has not seen it turns UP.
    """

    def __init__(self, patient: bool = True):
        self.patient = patient

    def __call__(self, env: TMaze | Flicker) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            self.known = torch.zeros_like(env.sign)  # UP, DOWN, or 0
        sees = env.cell == 0
        if env.witness:
            sees = torch.zeros_like(sees)
            sees[:, 0] = env.t == 0
        sees = sees & ~getattr(env, "blank", torch.zeros_like(sees))  # of Flicker
        self.known = torch.where(sees, env.sign, self.known)
        can_wait = self.patient and env.max_steps - env.t > env.length + 1
        # Before the junction UP does nothing. An agent counts its own steps.
        waits = (env.cell == 0) & (self.known == 0) & can_wait
        walks = (env.cell < env.length) & ~waits
        turn = torch.where(self.known == 0, UP, self.known)
        return torch.where(walks, FORWARD, torch.where(waits, UP, turn))


RANDOM = random_success(10, 33)
OPEN_LOOP = ScriptedPolicy("walk and guess", "open-loop", lambda: walk_and_guess, 0.5)
TOLD = ScriptedPolicy("know the sign", "best", lambda: know_the_sign, 1.0)

TASKS = (
    Task(
        key="tmaze",
        name="T-maze, length 10",
        isolates="memory: the way to turn is seen once",
        make=partial(TMaze, length=10),
        score="success",
        unit="share of right turns",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, RANDOM),
            OPEN_LOOP,
            ScriptedPolicy("remember the sign", "own view", RememberSign, 1.0),
            TOLD,
        ),
        show="remember the sign",
        trivial="walk and guess",
    ),
    Task(
        key="witness",
        name="T-maze with a witness, length 10",
        isolates="memory and talk, both",
        make=partial(TMaze, length=10, witness=True),
        score="success",
        unit="share of right turns",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, RANDOM),
            OPEN_LOOP,
            ScriptedPolicy(
                "remember, untold", "own view", partial(RememberSign, patient=False), 0.5
            ),
            TOLD,
        ),
        show="know the sign",
        trivial="walk and guess",
    ),
    Task(
        key="flicker50",
        name="Flickering T-maze, length 10",
        isolates="memory: half of all observations are missing",
        make=partial(Flicker, env=TMaze, env_args={"length": 10}, p=0.5),
        score="success",
        unit="share of right turns",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, RANDOM),
            OPEN_LOOP,
            ScriptedPolicy("walk at once", "own view", partial(RememberSign, patient=False), 0.75),
            # Not seen in any of the 23 steps that it can wait: then a guess.
            ScriptedPolicy("wait for the sign", "own view", RememberSign, 1 - 0.5**23 / 2),
            TOLD,
        ),
        show="wait for the sign",
        trivial="walk and guess",
    ),
)
