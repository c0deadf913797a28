"""Exercise: MADDPG's slow target. Sizes: P parameters, K updates."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _updates(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, P, K, tau, dtype in (
        ("one parameter and one update", 1, 1, 0.1, f32),
        ("one update", 4, 1, 0.01, f32),
        ("two updates", 3, 2, 0.2, f32),
        ("a target that does not move", 3, 3, 0.0, f32),
        ("a target that is a copy", 3, 3, 1.0, f32),
        ("numbers in float64", 2, 4, 0.05, f64),
        ("many updates", 5, 12, 0.3, f32),
    ):
        target = torch.randn(P, generator=rng, dtype=dtype)
        online = target + torch.randn(K, P, generator=rng, dtype=dtype).cumsum(0)
        yield Case(what, (target, online, tau))


exercise = Exercise(
    place=110,
    title="A target that follows slowly",
    difficulty=1,
    importance=4,
    minutes="5–10",
    topic="maddpg",
    statement="""\
After every update the target network takes a small step towards the network that learns (Polyak
averaging). A share $\\tau$ of each parameter is new; the rest is what it was. `online[k]` are the
parameters of the network after its update k. Give those of the target after each of the K updates,
`(K, P)`; the `target` that comes in is the one from before. numpy is welcome. What you write: a
loop of three lines.""",
    hint="""\
The caller still needs `target`: `target += ...` writes into it. What becomes of the target if
`tau` is 0, and if it is 1?""",
    domain=Domain(
        sizes={"P": (1, 6), "K": (1, 14)},
        given={
            "target": Reals("P"),
            "online": Reals("K P"),
            "tau": Number(0.0, 1.0),
        },
    ),
    inputs=_updates,
    gradient=False,
)


@exercise.solved_by
def follow(target, online, tau):
    """The target's parameters after each update: (K, P).

    target: (P,). online: (K, P). tau: a number from 0 to 1.
    """
    after = []
    for learned in online:
        target = (1 - tau) * target + tau * learned
        after.append(target)
    return torch.stack(after)


def _followed(target: Tensor, online: Tensor, old: float, new: float) -> Tensor:
    after = []
    for learned in online:
        target = old * target + new * learned
        after.append(target)
    return torch.stack(after)


@exercise.mistake
def shares_swapped(target, online, tau):
    """The two shares have changed places: with a small tau the target is nearly a copy, and aims
    jump about as if there were none."""
    return _followed(target, online, tau, 1 - tau)


@exercise.mistake
def shares_do_not_add_up(target, online, tau):
    """The old parameters are kept whole and a share of the new ones is added: the numbers grow
    without end. The two shares must add up to 1."""
    return _followed(target, online, 1.0, tau)


@exercise.mistake
def always_from_the_start(target, online, tau):
    """Every step starts from the target of the very beginning: it must go on from where the last
    step left it."""
    return (1 - tau) * target + tau * online


@exercise.mistake
def one_update_late(target, online, tau):
    """Each row is the target from *before* its update: the result is one step late."""
    return torch.cat([target[None], _followed(target, online, 1 - tau, tau)[:-1]])


@exercise.mistake
def copied(target, online, tau):
    """The target is a copy of the network: nothing is slow about it."""
    return online.clone()


@exercise.mistake
def never_moves(target, online, tau):
    """The target never moves."""
    return target.expand_as(online).clone()


@exercise.mistake
def last_update_only(target, online, tau):
    """Only the target after the last update is given, (P,): the task asks for each, (K, P)."""
    return _followed(target, online, 1 - tau, tau)[-1]


@exercise.mistake
def mean_of_the_past(target, online, tau):
    """This is the plain mean of all parameters so far. An average with a share tau forgets: what
    is k updates old counts (1 - tau)^k."""
    count = torch.arange(2, len(online) + 2, dtype=target.dtype)[:, None]
    return (target + online.cumsum(0)) / count


exercise.slips = {
    "shares_swapped": ("(1 - tau) * target + tau * learned", "tau * target + (1 - tau) * learned"),
    "shares_do_not_add_up": ("(1 - tau) * target + tau * learned", "target + tau * learned"),
    "copied": ("(1 - tau) * target + tau * learned", "learned"),
    "last_update_only": ("torch.stack(after)", "target"),
}
