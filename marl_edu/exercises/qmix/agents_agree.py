"""Exercise: may each agent choose for itself (IGM)? Sizes: G games, A0 and A1 actions."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Values, Whole
from marl_edu.exercises.engine.trying import Case


def _games(rng: torch.Generator) -> Iterator[Case]:
    for what, q_tot, q0, q1 in (
        ("a sum of the agents' values", [[5, 7], [4, 6]], [2, 1], [3, 5]),
        ("2B of the two-step game with values that fit", [[0, 1], [1, 8]], [0, 2], [0, 2]),
        ("2B of the two-step game, where agent 1 sees it wrong", [[0, 1], [1, 8]], [0, 2], [2, 0]),
        ("a best pair among pairs that pay less than the rest",
         [[8, -12, -12], [-12, 0, 0], [-12, 0, 0]], [3, 1, 0], [3, 1, 0]),
        ("two best pairs of which the agents find one", [[8, 0], [0, 8]], [0, 1], [0, 1]),
        ("two best pairs, and agents that like all actions", [[8, 0], [0, 8]], [1, 1], [1, 1]),
        ("the same with the best pairs elsewhere", [[0, 8], [8, 0]], [1, 1], [1, 1]),
        ("a second choice of agent 0 that is worse", [[8, 0], [0, 3]], [1, 1], [1, 0]),
        ("a second choice of agent 1 that is worse", [[8, 0], [0, 3]], [1, 0], [1, 1]),
        ("a game in which nothing matters", [[3, 3], [3, 3]], [1, 0], [0, 0]),
        ("a pair that is nearly best", [[7.9, 8], [0, 0]], [1, 0], [1, 0]),
        ("an agent with one action", [[2, 5, 5]], [-1], [0, 4, 4]),
    ):  # fmt: skip
        yield Case(what, tuple(torch.tensor([x], dtype=torch.float32) for x in (q_tot, q0, q1)))
    shapes = (3, 2, 3), (3, 2), (3, 3)
    drawn = (torch.randn(s, generator=rng, dtype=torch.float64) for s in shapes)
    yield Case("numbers in float64", tuple(drawn))


def _chosen(q0: Tensor, q1: Tensor) -> Tensor:
    """The pairs of actions that are best for both agents, (G, A0, A1)."""
    one, other = (q == q.amax(1, keepdim=True) for q in (q0, q1))
    return one[:, :, None] & other[:, None]


def _often_true(given: Values, _: Mapping[str, int]) -> Values:
    """Tables of six sorts: as drawn; a sum; the largest where both agents have theirs, alone or
    with another; the largest in the first or last of the pairs that they may come to."""
    q_tot, q0, q1 = (given[name] for name in ("q_tot", "q0", "q1"))
    chosen = _chosen(q0, q1)
    number = chosen.flatten(1).cumsum(1).view(chosen.shape)
    first, last = (chosen & (number == end) for end in (1, number.amax((1, 2), keepdim=True)))
    top = q_tot.amax((1, 2), keepdim=True)
    sorts = torch.stack([
        q_tot,
        q0[:, :, None] + q1[:, None],
        torch.where(chosen, top + 1, q_tot),
        torch.where(chosen, top, q_tot),
        torch.where(first, top + 1, q_tot),
        torch.where(last, top + 1, q_tot),
    ])  # fmt: skip
    return given | {"q_tot": sorts[given["_sort"], torch.arange(len(q_tot))]}


exercise = Exercise(
    place=30,
    title="May each agent choose for itself?",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
IGM (individual-global-max) is what lets a team act without talking: what is best for each agent by
its own values must be best for the team. Check it for games of two agents by trying all pairs of
actions. `q_tot` has the team's value of every pair, `q0` and `q1` the agents' own values. Where
several actions are equally good for an agent, it may take any of them. The answer for a game is
True if *every* pair that the two may come to is a best pair of the team. numpy is welcome. What you
write: three or four lines.""",
    hint="""\
`q0 == q0.amax(1, keepdim=True)`, in numpy `q0.max(1, keepdims=True)`, marks all actions that agent
0 may take. Two such masks make a mask of pairs, `(G, A0, A1)`. A pair that is not chosen can do no
harm.""",
    domain=Domain(
        sizes={"G": (1, 6), "A0": (1, 4), "A1": (1, 4)},
        given={
            "q0": Reals("G A0", ties=True),
            "q1": Reals("G A1", ties=True),
            "q_tot": Reals("G A0 A1", ties=True),
            "_sort": Whole("G", "6"),
        },
        finish=_often_true,
        notes={"q_tot": "random, or a sum, or made to be largest where `q0` and `q1` are"},
    ),
    inputs=_games,
    gradient=False,
)


@exercise.solved_by
def agree(q_tot, q0, q1):
    """Whether the agents may choose for themselves, for each game: (G,) bool.

    q_tot: (G, A0, A1), rows are the actions of agent 0. q0: (G, A0). q1: (G, A1).
    """
    one, other = (q == q.amax(1, keepdim=True) for q in (q0, q1))
    chosen = one[:, :, None] & other[:, None]
    best = q_tot == q_tot.amax((1, 2), keepdim=True)
    return (best | ~chosen).flatten(1).all(1)


def _best(q_tot: Tensor) -> Tensor:
    return q_tot == q_tot.amax((1, 2), keepdim=True)


@exercise.mistake
def first_of_equals(q_tot, q0, q1):
    """Only the first of an agent's equally good actions is tried. It may take any of them, and with
    two such agents a pair can come together that nobody checked."""
    games = torch.arange(len(q_tot))
    return _best(q_tot)[games, q0.argmax(1), q1.argmax(1)]


@exercise.mistake
def some_pair_will_do(q_tot, q0, q1):
    """It is enough here that *one* of the pairs that may come together is best. But the agents do
    not talk: which of them comes together is left to chance."""
    return (_best(q_tot) & _chosen(q0, q1)).flatten(1).any(1)


@exercise.mistake
def one_best_pair(q_tot, q0, q1):
    """The agents must come to the *first* best pair of the team, the one that `argmax` finds. If
    several pairs are best for the team, any of them will do."""
    found = torch.zeros_like(q_tot, dtype=torch.bool).flatten(1)
    found.scatter_(1, q_tot.flatten(1).argmax(1, keepdim=True), True)
    return (found.view(q_tot.shape) | ~_chosen(q0, q1)).flatten(1).all(1)


@exercise.mistake
def every_best_pair(q_tot, q0, q1):
    """It asks the reverse as well: that the agents may come to *every* best pair of the team. One
    of them is enough to get the best there is."""
    return (_best(q_tot) == _chosen(q0, q1)).flatten(1).all(1)


@exercise.mistake
def best_pair_reachable(q_tot, q0, q1):
    """It asks whether every best pair of the team can be chosen, not whether every pair that can be
    chosen is best: the implication points the wrong way."""
    return (_chosen(q0, q1) | ~_best(q_tot)).flatten(1).all(1)


@exercise.mistake
def same_order(q_tot, q0, q1):
    """It asks that `q_tot` never falls where an agent's value rises. That is monotonicity, by which
    QMIX *makes sure* of IGM; IGM itself asks only where the maximum is."""
    rows = q0.argsort(1)[:, :, None].expand_as(q_tot)
    columns = q1.argsort(1)[:, None].expand_as(q_tot)
    ordered = q_tot.gather(1, rows).gather(2, columns)
    rising = [(ordered.diff(dim=axis) >= 0).flatten(1).all(1) for axis in (1, 2)]
    return rising[0] & rising[1]


@exercise.mistake
def values_add_up(q_tot, q0, q1):
    """It compares numbers: the team's best value with the sum of the agents' best. That holds for
    VDN's sums. IGM says nothing about how large values are, only about which is largest."""
    return q_tot.amax((1, 2)) == q0.amax(1) + q1.amax(1)


@exercise.mistake
def best_on_average(q_tot, q0, q1):
    """Each agent's best action is compared with the best row or column *on average*, as if the
    other acted at random. The other takes its best action, too."""
    row, column = q_tot.mean(2).argmax(1), q_tot.mean(1).argmax(1)
    return (q0.argmax(1) == row) & (q1.argmax(1) == column)


exercise.slips = {
    "every_best_pair": ("best | ~chosen", "best == chosen"),
    "best_pair_reachable": ("best | ~chosen", "chosen | ~best"),
    "some_pair_will_do": (
        "(best | ~chosen).flatten(1).all(1)",
        "(best & chosen).flatten(1).any(1)",
    ),
}
