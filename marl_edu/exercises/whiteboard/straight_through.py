"""Exercise: MADDPG's action that carries a gradient. Sizes: B agents, A actions."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _choices(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, A, tau, dtype in (
        ("one agent and two actions", 1, 2, 1.0, f32),
        ("a single action", 2, 1, 1.0, f32),
        ("a low temperature", 6, 4, 0.3, f32),
        ("a high temperature", 6, 3, 4.0, f32),
        ("numbers in float64", 8, 3, 0.7, f64),
        ("forty agents", 40, 5, 0.5, f32),
    ):
        logits = torch.randn(B, A, generator=rng, dtype=dtype)
        uniform = 0.02 + 0.96 * torch.rand(B, A, generator=rng, dtype=dtype)
        yield Case(what, (logits, uniform, tau))


exercise = Exercise(
    place=100,
    title="Gumbel-softmax, straight through",
    difficulty=3,
    importance=4,
    minutes="10–20",
    topic="maddpg",
    statement="""\
An action out of a few cannot be differentiated; the Gumbel-softmax makes as if. Add Gumbel noise
$g = -\\log(-\\log u)$ to the logits, divide by the temperature $\\tau$ and take the softmax: the
*soft* action. Give the *hard* one, a one-hot row at the largest number of the soft one, but with
the gradient of the soft one (straight through). The uniform numbers u are given. Write it without
`F.gumbel_softmax`. What you write: four lines.""",
    hint="""\
You want x + y - y, where x is hard and y is soft: equal to x in numbers. Which of the three must be
detached so that the gradient is y's?""",
    domain=Domain(
        sizes={"B": (1, 9), "A": (1, 5)},
        given={
            "logits": Reals("B A", spreads=(1, 4), ties=True),
            "uniform": Reals("B A", between=(0.02, 0.98)),
            "tau": Number(0.3, 4.0),
        },
    ),
    inputs=_choices,
    data=("uniform",),
)


@exercise.solved_by
def gumbel_action(logits, uniform, tau):
    """Hard actions with a soft gradient: (B, A).

    logits: (B, A). uniform: (B, A), drawn from between 0 and 1.
    tau: a number.
    """
    noise = -torch.log(-torch.log(uniform))
    soft = torch.softmax((logits + noise) / tau, -1)
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def _gumbel(uniform: Tensor) -> Tensor:
    return -torch.log(-torch.log(uniform))


def _hard(soft: Tensor, source: Tensor) -> Tensor:
    hard = F.one_hot(source.argmax(-1), source.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


@exercise.mistake
def soft_action(logits, uniform, tau):
    """This is the soft action. The environment takes only a hard one, and what the critic has
    learned of soft ones need not hold for it."""
    return torch.softmax((logits + _gumbel(uniform)) / tau, -1)


@exercise.mistake
def noise_missing(logits, uniform, tau):
    """The noise is missing: it is always the same action, and nothing is explored."""
    return _hard(torch.softmax(logits / tau, -1), logits)


@exercise.mistake
def inner_log_only(logits, uniform, tau):
    """The noise is -log u, which is exponential, not Gumbel: the actions are then not drawn from
    softmax(logits). There are two logarithms."""
    soft = torch.softmax((logits - torch.log(uniform)) / tau, -1)
    return _hard(soft, soft)


@exercise.mistake
def noise_with_wrong_sign(logits, uniform, tau):
    """The noise has the wrong sign: log(-log u) has its long tail on the other side, and the
    actions are not drawn from softmax(logits)."""
    soft = torch.softmax((logits - _gumbel(uniform)) / tau, -1)
    return _hard(soft, soft)


@exercise.mistake
def uniform_noise(logits, uniform, tau):
    """The uniform numbers are added as they are: only Gumbel noise makes the largest sum a draw
    from softmax(logits)."""
    soft = torch.softmax((logits + uniform) / tau, -1)
    return _hard(soft, soft)


@exercise.mistake
def no_gradient(logits, uniform, tau):
    """The action is right, but a one-hot row carries no gradient: the policy learns nothing from
    the critic."""
    soft = torch.softmax((logits + _gumbel(uniform)) / tau, -1)
    return F.one_hot(soft.argmax(-1), logits.shape[-1]).to(logits.dtype)


@exercise.mistake
def temperature_forgotten(logits, uniform, tau):
    """The action is right, its gradient is that of temperature 1."""
    soft = torch.softmax(logits + _gumbel(uniform), -1)
    return _hard(soft, soft)


@exercise.mistake
def noise_after_temperature(logits, uniform, tau):
    """Only the logits are divided by the temperature, not the noise: then it changes how often an
    action is drawn, not just how hard the soft one is."""
    soft = torch.softmax(logits / tau + _gumbel(uniform), -1)
    return _hard(soft, soft)


@exercise.mistake
def gradient_of_the_logits(logits, uniform, tau):
    """The action is right, but the gradient goes straight to the logits, past the softmax: every
    action's logit is pushed as if it had been taken alone."""
    soft = torch.softmax((logits + _gumbel(uniform)) / tau, -1)
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(logits.dtype)
    return hard + logits - logits.detach()


exercise.slips = {
    "soft_action": ("hard + soft - soft.detach()", "soft"),
    "no_gradient": ("hard + soft - soft.detach()", "hard"),
    "inner_log_only": ("-torch.log(-torch.log(uniform))", "-torch.log(uniform)"),
    "noise_with_wrong_sign": ("noise = -torch.log", "noise = torch.log"),
    "uniform_noise": ("-torch.log(-torch.log(uniform))", "uniform"),
    "noise_after_temperature": ("(logits + noise) / tau", "logits / tau + noise"),
    "temperature_forgotten": ("(logits + noise) / tau", "logits + noise"),
    "gradient_of_the_logits": ("soft - soft.detach()", "logits - logits.detach()"),
}
