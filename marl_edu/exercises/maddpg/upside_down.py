"""Exercise: find the bug that turns an actor round. Sizes: B rows, A actions."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch.nn import functional as F

from marl_edu.algos import maddpg
from marl_edu.envs import CooperativeNavigation
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case
from marl_edu.training.checkpoint import Row

UPDATES, ENOUGH = 600, -9.0  # of training; a return that shows learning


def drive_curve(answer: Callable[..., Any]) -> list[Row]:
    """Train one agent to drive to a landmark, with `answer` for its actions.

    Returns:
        the rows of the training log, with `env_steps` and `return`; takes a few seconds.
    """

    def relaxed(logits, available, temperature, generator, straight_through=False):
        waits = torch.empty(logits.shape).exponential_(generator=generator)
        return answer(logits, -waits.log(), temperature)

    cfg = maddpg.Config(
        CooperativeNavigation, {"n_agents": 1}, updates=UPDATES, train_freq=25.0, num_envs=16,
        hidden_dim=32, batch_size=128, learning_starts=2000, log_every=30, lr=1e-2,
    )  # fmt: skip
    with patch.object(maddpg, "relaxed", relaxed):
        return maddpg.train(cfg).rows


def _rows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, A, tau, dtype in (
        ("one agent and two actions", 1, 2, 1.0, f32),
        ("a single action", 2, 1, 1.0, f32),
        ("a low temperature", 4, 4, 0.3, f32),
        ("a high temperature", 4, 3, 4.0, f32),
        ("numbers in float64", 5, 3, 0.7, f64),
    ):
        yield Case(what, (*(torch.randn(B, A, generator=rng, dtype=dtype) for _ in range(2)), tau))


def _late(rows: Rows) -> float:
    return sum(row["return"] for row in rows[-3:]) / 3


exercise = Exercise(
    place=50,
    title="Bug hunt: the actor that seeks the worst",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
`upside` makes the action that an actor's critic is asked about: one-hot, with the gradient of the
relaxed action behind it (straight through). It raises nothing, its shapes are right, and so is
every number it returns. Yet an agent that is trained with it drives *away* from the landmark. Find
the reason and write the function without it. The grader trains an agent with yours.""",
    hint="""\
Give it `logits` with `requires_grad=True`, go `.backward()` from the number of one action, and look
at the sign of `logits.grad` there. Should a larger logit make its own action more or less?""",
    domain=Domain(
        sizes={"B": (1, 5), "A": (1, 5)},
        given={
            "logits": Reals("B A", spreads=(1, 4)),
            "noise": Reals("B A", spreads=(1, 2)),
            "tau": Number(0.3, 4.0),
        },
    ),
    inputs=_rows,
    data=("noise",),
    trial=Trial(
        curve=drive_curve,
        learned=lambda rows: _late(rows) > ENOUGH,
        says=lambda rows: f"The agent ends at a return of {_late(rows):.1f}.",
    ),
)


@exercise.suspected
def upside(logits, noise, tau):
    """One-hot actions with the gradient of the relaxed ones: (B, A).

    logits, noise: (B, A), the noise is Gumbel's. tau: the temperature.
    """
    soft = ((logits + noise) / tau).softmax(-1)
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard - soft + soft.detach()


@exercise.solved_by
def straight(logits, noise, tau):
    """One-hot actions with the gradient of the relaxed ones: (B, A).

    logits, noise: (B, A), the noise is Gumbel's. tau: the temperature.
    """
    soft = ((logits + noise) / tau).softmax(-1)
    hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


@exercise.mistake
def turned_round(logits, noise, tau):
    """The gradient has the wrong sign: what the critic likes becomes less likely."""
    return upside(logits, noise, tau)


@exercise.mistake
def no_way_back(logits, noise, tau):
    """No gradient comes back: the one-hot action alone has none."""
    return straight(logits, noise, tau).detach()


@exercise.mistake
def left_soft(logits, noise, tau):
    """The gradient is right, but the action is the relaxed one: it should be one-hot."""
    return ((logits + noise) / tau).softmax(-1)


@exercise.mistake
def temperature_lost(logits, noise, tau):
    """The temperature is missing. The action is the same, its gradient is not."""
    return straight(logits, noise, 1.0)


@exercise.mistake
def noise_lost(logits, noise, tau):
    """The noise is missing: the actor would do the same every time, and never explore."""
    return straight(logits, 0 * noise, tau)


@exercise.mistake
def gradient_twice(logits, noise, tau):
    """The gradient counts twice: the relaxed action must be added once, and once detached."""
    soft = ((logits + noise) / tau).softmax(-1)
    return straight(logits, noise, tau) + soft - soft.detach()


exercise.slips = {
    "turned_round": ("hard + soft - soft.detach()", "hard - soft + soft.detach()"),
    "no_way_back": ("hard + soft - soft.detach()", "hard"),
    "left_soft": ("hard + soft - soft.detach()", "soft"),
    "temperature_lost": ("((logits + noise) / tau)", "(logits + noise)"),
    "noise_lost": ("((logits + noise) / tau)", "(logits / tau)"),
    "gradient_twice": ("hard + soft - soft.detach()", "hard + 2 * (soft - soft.detach())"),
}
