"""Exercise: what a sum (VDN) can hold of a game. Sizes: G games, A1 and A2 actions."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _games(rng: torch.Generator) -> Iterator[Case]:
    f64 = torch.float64
    sevens = [[7.0, 7.0], [7.0, 7.0]]
    yield Case("the two-step game's 2A and 2B", (torch.tensor([sevens, [[0.0, 1.0], [1.0, 8.0]]]),))
    climbing = [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]]
    yield Case("a game of three actions, where 8 is hidden among -12", (torch.tensor([climbing]),))
    yield Case("one action each", (torch.tensor([[[3.0]], [[-2.0]]]),))
    yield Case("numbers in float64", (torch.tensor([[[1.0, 2.0], [4.0, -1.0]]], dtype=f64),))
    yield Case("two actions against three", (4 * torch.randn(3, 2, 3, generator=rng),))


exercise = Exercise(
    place=60,
    title="The two-step game, by hand",
    difficulty=3,
    importance=4,
    minutes="15–20",
    topic="qmix",
    statement="""\
First agent 1 chooses which game is played next: 2A, which pays 7 whatever the two do, or 2B, which
pays 0, 1, 1 or 8. Both pay once. VDN learns the table of a game as a *sum*, one number per action
of either agent. It is the best such fit by least squares, when all joint actions are tried equally
often. For each `payoff` table give what the game is then *believed* to be worth: the largest number
of the fitted table. (With the solution, look at 2A and 2B: which one does agent 1 choose, and what
does the team miss?) numpy is welcome. What you write: three lines.""",
    hint="""\
The best sum for a table that is tried evenly: mean of the row, plus mean of the column, minus the
mean of everything, which is in both. Do it on paper for 2B: the row means are 0.5 and 4.5.""",
    domain=Domain(
        sizes={"G": (1, 4), "A1": (1, 4), "A2": (1, 4)},
        given={
            "payoff": Reals("G A1 A2", centres=(-50, 50), ties=True),
        },
    ),
    inputs=_games,
    gradient=False,
)


@exercise.solved_by
def believed_value(payoff):
    """What VDN believes each game to be worth: (G,).

    payoff: (G, A1, A2), rows are the actions of agent 1.
    """
    row, column = payoff.mean(2, keepdim=True), payoff.mean(1, keepdim=True)
    fit = row + column - payoff.mean((1, 2), keepdim=True)
    return fit.amax((1, 2))


@exercise.mistake
def true_maximum(payoff):
    """This is the game's true best payoff. A sum cannot hold it unless the table is itself a sum:
    2B's 8 is out of VDN's reach. That is the point of the game (a mixer such as QMIX's has room for
    it)."""
    return payoff.amax((1, 2))


@exercise.mistake
def mean_counted_twice(payoff):
    """The mean of everything is counted twice: it is in the row means and in the column means."""
    return payoff.mean(2).amax(1) + payoff.mean(1).amax(1)


@exercise.mistake
def what_it_will_get(payoff):
    """This is what the team will *get* when both act on the fitted table, not what it believes
    that it will get; agent 1 chooses by belief."""
    best = payoff.mean(2).argmax(1), payoff.mean(1).argmax(1)
    return payoff[torch.arange(len(payoff)), best[0], best[1]]


@exercise.mistake
def one_agent_only(payoff):
    """Only agent 1's part is fitted: the mean of the best row, as if the other acted at random.
    That is what an independent learner would believe."""
    return payoff.mean(2).amax(1)


@exercise.mistake
def mean_of_parts(payoff):
    """The two parts are averaged: half a row mean plus half a column mean. That halves what each
    action adds to the mean of the table or takes from it. The best sum keeps all of it."""
    return (payoff.mean(2).amax(1) + payoff.mean(1).amax(1)) / 2


@exercise.mistake
def worth_at_random(payoff):
    """This is the mean of the table: what the game is worth to a team that goes on exploring.
    Here everybody acts on the best of what was learned."""
    return payoff.mean((1, 2))


@exercise.mistake
def cautious(payoff):
    """This is the largest payoff that one agent can make sure of against the worst of the other.
    The other is a friend, and VDN fits means, not minima."""
    return payoff.amin(2).amax(1)


exercise.slips = {
    "mean_counted_twice": ("row + column - payoff.mean((1, 2), keepdim=True)", "row + column"),
    "mean_of_parts": ("row + column - payoff.mean((1, 2), keepdim=True)", "(row + column) / 2"),
    "one_agent_only": ("row + column - payoff.mean((1, 2), keepdim=True)", "row"),
    "true_maximum": ("fit.amax", "payoff.amax"),
    "worth_at_random": ("fit.amax", "fit.mean"),
}
