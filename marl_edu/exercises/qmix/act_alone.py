"""Exercise: each agent chooses for itself. Sizes: B environments, N agents, A actions."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _moments(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, (B, N, A), share, explores, dtype in (
        ("one agent that takes its best action", (1, 1, 2), 1.0, 0.0, f32),
        ("one agent that explores", (1, 1, 3), 1.0, 1.0, f32),
        ("two agents, of whom some explore", (3, 2, 3), 1.0, 0.5, f32),
        ("actions that are not available", (4, 2, 5), 0.5, 0.5, f32),
        ("one action each", (2, 3, 1), 1.0, 0.5, f32),
        ("values far below 0", (3, 2, 4), 0.5, 0.3, f32),
        ("numbers in float64", (3, 3, 4), 0.6, 0.5, f64),
    ):
        q = torch.randn(B, N, A, generator=rng, dtype=dtype) - 50 * ("below" in what)
        available = torch.rand(B, N, A, generator=rng) < share
        available.scatter_(-1, torch.randint(A, (B, N, 1), generator=rng), True)
        explore = torch.rand(B, N, generator=rng) < explores
        chance = 0.999 * torch.rand(B, N, generator=rng, dtype=dtype)
        yield Case(what, (q, available, explore, chance))


exercise = Exercise(
    place=20,
    title="Each agent for itself",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
The mixer serves to learn. To act, no agent needs it, nor any other agent: each takes the available
action that its own `q` values highest, unless `explore` says that this agent explores now. Then it
takes one of its available actions, and `chance` decides which. `chance` lies between 0 and 1. With
n available actions the first n-th of that range stands for the first of them, and so on. Give the
numbers of the actions, as integers. numpy is welcome. What you write: about four lines.""",
    hint="""\
With n available actions, `(chance * n)`, rounded down, says how many of them to pass over. In
`available.cumsum(-1)` every action has the number of available ones up to and including itself. How
many entries are no larger than the number to pass over?""",
    domain=Domain(
        sizes={"B": (1, 5), "N": (1, 4), "A": (1, 6)},
        given={
            "q": Reals("B N A", centres=(-50, 50)),
            "available": Flags("B N A", row=True),
            "explore": Flags("B N"),
            "chance": Reals("B N", between=(0, 0.999)),
        },
    ),
    inputs=_moments,
    gradient=False,
)


@exercise.solved_by
def act_alone(q, available, explore, chance):
    """The action of each agent: (B, N), int64.

    q: (B, N, A). available: (B, N, A) bool. explore: (B, N) bool.
    chance: (B, N).
    """
    greedy = q.masked_fill(~available, -torch.inf).argmax(-1)
    passed = (chance * available.sum(-1)).long()
    drawn = (available.cumsum(-1) <= passed[..., None]).sum(-1)
    return torch.where(explore, drawn, greedy)


def _greedy(q, available):
    return q.masked_fill(~available, -torch.inf).argmax(-1)


def _drawn(available, chance):
    passed = (chance * available.sum(-1)).long()
    return (available.cumsum(-1) <= passed[..., None]).sum(-1)


@exercise.mistake
def explore_together(q, available, explore, chance):
    """As soon as one agent explores, its whole team does. Each decides for itself: then there are
    many steps in which one agent tries something while the others do their best."""
    together = explore.any(-1, keepdim=True)
    return torch.where(together, _drawn(available, chance), _greedy(q, available))


@exercise.mistake
def one_chance_for_all(q, available, explore, chance):
    """All agents that explore use the first agent's `chance`: with the same actions available they
    always try the same, and most joint actions are never tried."""
    return torch.where(explore, _drawn(available, chance[:, :1]), _greedy(q, available))


@exercise.mistake
def explores_anything(q, available, explore, chance):
    """Who explores draws from all A actions, those included that nobody can take."""
    drawn = (chance * q.shape[-1]).long()
    return torch.where(explore, drawn, _greedy(q, available))


@exercise.mistake
def greedy_takes_anything(q, available, explore, chance):
    """Who does not explore takes the best of all A actions, though it may not be available."""
    return torch.where(explore, _drawn(available, chance), q.argmax(-1))


@exercise.mistake
def masked_with_zero(q, available, explore, chance):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    return torch.where(explore, _drawn(available, chance), (q * available).argmax(-1))


@exercise.mistake
def place_for_number(q, available, explore, chance):
    """The draw among the available actions is right, but what is returned is the place among
    *them*, not the number of the action."""
    passed = (chance * available.sum(-1)).long()
    return torch.where(explore, passed, _greedy(q, available))


@exercise.mistake
def flag_inverted(q, available, explore, chance):
    """The flag is the wrong way round: those that should explore take their best action, and the
    others act at random."""
    return torch.where(explore, _greedy(q, available), _drawn(available, chance))


@exercise.mistake
def never_explores(q, available, explore, chance):
    """Nobody explores: `explore` is not asked."""
    return _greedy(q, available)


@exercise.mistake
def best_for_the_sum(q, available, explore, chance):
    """All agents take the action whose values add up to most over the team. Each has its own values
    and its own best action: nobody must do what the others do."""
    total = q.masked_fill(~available, -torch.inf).sum(1, keepdim=True).argmax(-1)
    return torch.where(explore, _drawn(available, chance), total.expand(explore.shape))


exercise.slips = {
    "greedy_takes_anything": ("q.masked_fill(~available, -torch.inf)", "q"),
    "masked_with_zero": ("q.masked_fill(~available, -torch.inf)", "(q * available)"),
    "one_chance_for_all": ("(chance *", "(chance[:, :1] *"),
    "place_for_number": ("explore, drawn", "explore, passed"),
    "flag_inverted": ("explore, drawn, greedy", "explore, greedy, drawn"),
    "explore_together": ("where(explore,", "where(explore.any(-1, keepdim=True),"),
}
