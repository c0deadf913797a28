"""Exercise: what a sum (VDN) fits when pairs are not tried equally often.

Sizes: G games, A0 and A1 actions.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _games(rng: torch.Generator) -> Iterator[Case]:
    two = torch.tensor([[[0.0, 1.0], [1.0, 8.0]]])
    greedy = torch.tensor([[[0.81, 0.09], [0.09, 0.01]]])  # both take action 0 nine times in ten
    yield Case("2B of the two-step game, tried evenly", (two, torch.full_like(two, 0.25)))
    yield Case("2B of the two-step game, tried by two who prefer action 0", (two, greedy))
    paired = torch.tensor([[[0.4, 0.1], [0.1, 0.4]]])
    yield Case("2B of the two-step game, where agents mostly do the same", (two, paired))
    yield Case("one action each", (torch.tensor([[[3.0]], [[-2.0]]]), torch.ones(2, 1, 1)))
    climbing = torch.tensor([[[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]]])
    share = 0.1 + 0.9 * torch.rand(1, 3, 3, generator=rng)
    yield Case("the climbing game", (climbing, share))
    for what, shape, dtype in (
        ("two actions against four", (3, 2, 4), torch.float32),
        ("numbers in float64", (2, 3, 2), torch.float64),
    ):
        payoff = 4 * torch.randn(shape, generator=rng, dtype=dtype)
        yield Case(what, (payoff, 0.1 + 0.9 * torch.rand(shape, generator=rng, dtype=dtype)))


exercise = Exercise(
    place=40,
    title="Tried more often, fitted better",
    difficulty=4,
    importance=3,
    minutes="20–30",
    statement="""\
VDN learns from what is in the replay: a pair of actions that was tried more often weighs more in
its loss. In a game of two agents it fits a number $f_a$ for each action of agent 0 and $g_b$ for
each of agent 1. Make $\\sum_{ab} n_{ab} (P_{ab} - f_a - g_b)^2$ as small as can be. $P$ is
`payoff`, and $n$ is `share`, how often a pair was tried. Give the fitted tables $f_a + g_b$. If all
shares are equal, that is row mean plus column mean minus the mean of everything. numpy is welcome.
What you write: about five lines.""",
    hint="""\
It is a linear least-squares problem: one line for each pair, with a 1 for the action of either
agent. Least squares with weights are plain ones in which every line is multiplied by the *root* of
its weight. Only $f_a + g_b$ is determined, not its parts: set $g_0 = 0$, or let the solver decide
(`torch.linalg.lstsq` or `pinv`, `numpy.linalg.lstsq`).""",
    domain=Domain(
        sizes={"G": (1, 4), "A0": (1, 4), "A1": (1, 4)},
        given={
            "payoff": Reals("G A0 A1", spreads=(1, 40, 200), centres=(-50, 50), ties=True),
            "share": Reals("G A0 A1", between=(0.1, 1)),
        },
    ),
    inputs=_games,
    gradient=False,
)


@exercise.solved_by
def fit_sum(payoff, share):
    """The best sum for each game: (G, A0, A1).

    payoff, share: (G, A0, A1), rows are the actions of agent 0.
    """
    G, A0, A1 = payoff.shape
    one, other = torch.eye(A0).repeat_interleave(A1, 0), torch.eye(A1).repeat(A0, 1)
    X = torch.cat([one, other[:, 1:]], 1).to(payoff.dtype)  # who does what, with g_0 = 0
    root = share.view(G, -1, 1).sqrt()
    parts = torch.linalg.pinv(root * X) @ (root * payoff.view(G, -1, 1))
    return (X @ parts).view(payoff.shape)


def _weighted(payoff: Tensor, share: Tensor, axes: tuple[int, ...]) -> Tensor:
    return (share * payoff).sum(axes, keepdim=True) / share.sum(axes, keepdim=True)


@exercise.mistake
def all_alike(payoff, share):
    """`share` is not asked: this is the fit if all pairs are tried equally often."""
    return fit_sum(payoff, torch.ones_like(share))


@exercise.mistake
def weighted_means(payoff, share):
    """These are weighted row and column means, put together as if all shares were equal. That is
    right only if the agents act independently of each other, so that the shares are a product."""
    row, column = _weighted(payoff, share, (2,)), _weighted(payoff, share, (1,))
    return row + column - _weighted(payoff, share, (1, 2))


@exercise.mistake
def weights_squared(payoff, share):
    """The lines are multiplied by the weights themselves, so that each error counts with the
    *square* of its share: take the root."""
    return fit_sum(payoff, share**2)


@exercise.mistake
def one_after_the_other(payoff, share):
    """First the rows are fitted, then the columns to what is left, and there it stops. What the
    columns explain changes the best rows: go on until nothing moves, or solve for both at once."""
    row = _weighted(payoff, share, (2,))
    return row + _weighted(payoff - row, share, (1,))


@exercise.mistake
def one_agent_only(payoff, share):
    """Only agent 0's part is fitted, by weighted row means: that is what an independent learner
    believes."""
    return _weighted(payoff, share, (2,)).expand_as(payoff).clone()


@exercise.mistake
def payoff_itself(payoff, share):
    """This is the payoff itself: a sum can fit it only if the table is a sum."""
    return payoff.clone()


@exercise.mistake
def payoff_times_share(payoff, share):
    """What is fitted is `share * payoff`, as if a rare pair paid less. The weights belong to the
    *errors*, and scale both sides of a line."""
    return fit_sum(share * payoff, torch.ones_like(share))


@exercise.mistake
def mean_of_everything(payoff, share):
    """This is the weighted mean of the table, one number for all pairs."""
    return _weighted(payoff, share, (1, 2)).expand_as(payoff).clone()


exercise.slips = {
    "weights_squared": (".sqrt()", ""),
    "all_alike": ("share.view", "torch.ones_like(share).view"),
    "one_agent_only": ("torch.cat([one, other[:, 1:]], 1)", "one"),
}
