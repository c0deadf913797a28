"""Exercise: what one head of graph attention hears.

Sizes: N nodes, D features in, F features out. Receivers in rows.
"""

from collections.abc import Iterator

import torch

from marl_edu.core.ops import masked_softmax
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import hearings


def _layers(rng: torch.Generator) -> Iterator[Case]:
    for what, adjacency, dtype in hearings():
        N = len(adjacency)
        D, size = (int(n) for n in torch.randint(2, 6, (2,), generator=rng))
        shapes = (N, D), (D, size), (N, N)
        h, W, score = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        yield Case(what, (h, W, score, adjacency))


exercise = Exercise(
    place=20,
    title="One head, end to end",
    difficulty=3,
    importance=5,
    minutes="15–20",
    statement="""\
Eqs. (2) and (3) of `gat.py` for one head. Given the scores of all pairs, let every node attend to
the nodes that it hears *and to itself*. Give the weighted sum of what they say, W h_j (in code
`h @ W`). `adjacency[i, j]` says whether i hears j; it may or may not say that a node hears itself,
which it does. In the lab you may use `masked_softmax(scores, mask)` of `marl_edu.core.ops`. What
you write: three lines.""",
    hint="""\
`adjacency | torch.eye(N, dtype=torch.bool)`, or `np.eye(N, dtype=bool)`, adds what is missing and
harms nobody who is there already. The softmax runs along a row. What is it that is summed: h, or
what W makes of it?""",
    domain=Domain(
        sizes={"N": (1, 6), "D": (1, 5), "F": (1, 5)},
        given={
            "h": Reals("N D", spreads=(1, 60)),
            "W": Reals("D F", spreads=(1, 3)),
            "score": Reals("N N", spreads=(1, 10, 200), ties=True),
            "adjacency": Flags("N N"),
        },
    ),
    inputs=_layers,
)


@exercise.solved_by
def hear_neighbours(h, W, score, adjacency):
    """What each node hears: (N, F).

    h: (N, D). W: (D, F). score: (N, N), receivers in rows.
    adjacency: (N, N) bool.
    """
    mask = adjacency | torch.eye(len(h), dtype=torch.bool)
    attention = masked_softmax(score, mask)  # eq. (2)
    return attention @ (h @ W)  # eq. (3), without the ELU


def _itself(adjacency):
    return adjacency | torch.eye(len(adjacency), dtype=torch.bool)


@exercise.mistake
def itself_forgotten(h, W, score, adjacency):
    """A node does not hear itself here: it forgets what it knew, and one without neighbours knows
    nothing at all."""
    return masked_softmax(score, adjacency & ~torch.eye(len(h), dtype=torch.bool)) @ (h @ W)


@exercise.mistake
def itself_only_if_said(h, W, score, adjacency):
    """A node hears itself only where `adjacency` says so: add the diagonal."""
    return masked_softmax(score, adjacency) @ (h @ W)


@exercise.mistake
def against_the_links(h, W, score, adjacency):
    """The mask is transposed: information travels against the links. On an undirected graph nobody
    would notice."""
    return masked_softmax(score, _itself(adjacency).T) @ (h @ W)


@exercise.mistake
def softmax_over_receivers(h, W, score, adjacency):
    """The softmax runs over receivers (down the columns): rows of attention do not sum to 1."""
    return masked_softmax(score, _itself(adjacency), 0) @ (h @ W)


@exercise.mistake
def everybody_heard(h, W, score, adjacency):
    """The graph changes nothing: every node attends to all nodes."""
    return score.softmax(-1) @ (h @ W)


@exercise.mistake
def masked_too_late(h, W, score, adjacency):
    """The mask comes after the softmax: those who are not heard took their share of the weight with
    them."""
    return (score.softmax(-1) * _itself(adjacency)) @ (h @ W)


@exercise.mistake
def zero_is_a_score(h, W, score, adjacency):
    """The mask multiplies the scores: a score of 0 is not a weight of 0, since exp(0) = 1."""
    return (score * _itself(adjacency)).softmax(-1) @ (h @ W)


@exercise.mistake
def mean_of_neighbours(h, W, score, adjacency):
    """The scores change nothing: this is the mean over the neighbourhood."""
    return masked_softmax(torch.zeros_like(score), _itself(adjacency)) @ (h @ W)


@exercise.mistake
def detached_weights(h, W, score, adjacency):
    """The attention is detached: nobody ever learns whom to listen to."""
    return masked_softmax(score, _itself(adjacency)).detach() @ (h @ W)


exercise.slips = {
    "itself_only_if_said": ("adjacency | torch.eye(len(h), dtype=torch.bool)", "adjacency"),
    "against_the_links": ("adjacency |", "adjacency.T |"),
    "softmax_over_receivers": ("masked_softmax(score, mask)", "masked_softmax(score, mask, 0)"),
    "everybody_heard": ("masked_softmax(score, mask)", "score.softmax(-1)"),
    "zero_is_a_score": ("masked_softmax(score, mask)", "(score * mask).softmax(-1)"),
    "masked_too_late": ("masked_softmax(score, mask)", "score.softmax(-1) * mask"),
    "detached_weights": ("return attention @", "return attention.detach() @"),
}
