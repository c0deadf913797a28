"""Exercise: the weights of a GCN. Sizes: N nodes. Receivers in rows."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import hearings


def _plain(rng: torch.Generator) -> Iterator[Case]:
    for what, adjacency, _ in hearings():
        both = adjacency | adjacency.T
        yield Case(what.replace("directed", "undirected"), (both,))
    star = torch.zeros(5, 5, dtype=torch.bool)
    star[0, 1:] = star[1:, 0] = True
    yield Case("a star: one node hears and is heard by four", (star,))


exercise = Exercise(
    place=60,
    title="The weights of a GCN",
    difficulty=2,
    importance=3,
    minutes="10",
    statement="""\
A graph convolution (GCN) does not choose: j weighs 1 / √(d_i d_j) for i, where d is the number of
those whom a node hears, itself included. Give these weights, 0 where i does not hear j, from an
undirected graph `adjacency`, which may or may not say that a node hears itself. float32. What you
write: three lines.""",
    hint="""\
First make the neighbourhood, with the diagonal; everything else follows from it, the numbers d too.
`d.rsqrt()`, in numpy `d ** -0.5`, is 1 / √d.""",
    domain=Domain(
        sizes={"N": (1, 7)},
        given={
            "adjacency": Flags("N N"),
        },
        finish=lambda given, _: {"adjacency": given["adjacency"] | given["adjacency"].T},
    ),
    inputs=_plain,
    gradient=False,
)


@exercise.solved_by
def convolution_weights(adjacency):
    """How much each node j weighs for each node i: (N, N).

    adjacency: (N, N) bool, symmetric.
    """
    hood = (adjacency | torch.eye(len(adjacency), dtype=torch.bool)).float()
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


def _hood(adjacency: Tensor) -> Tensor:
    return (adjacency | torch.eye(len(adjacency), dtype=torch.bool)).float()


@exercise.mistake
def mean_weights(adjacency):
    """These are 1 / d_i: the plain mean. In a GCN a much-heard sender counts less."""
    return _hood(adjacency) / _hood(adjacency).sum(1, keepdim=True)


@exercise.mistake
def no_root(adjacency):
    """The root is missing: 1 / (d_i d_j)."""
    d = _hood(adjacency).sum(1)
    return _hood(adjacency) / (d[:, None] * d)


@exercise.mistake
def no_loops(adjacency):
    """The node itself is left out: it forgets what it knew, and one without neighbours has
    d = 0."""
    plain = (adjacency & ~torch.eye(len(adjacency), dtype=torch.bool)).float()
    root = plain.sum(1).clamp_min(1).rsqrt()
    return root[:, None] * plain * root


@exercise.mistake
def loops_twice(adjacency):
    """`adjacency + eye` counts a node twice that is said to hear itself."""
    hood = adjacency.float() + torch.eye(len(adjacency))
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


@exercise.mistake
def loops_not_counted(adjacency):
    """A node is in its neighbourhood but not in the number d."""
    d = (adjacency & ~torch.eye(len(adjacency), dtype=torch.bool)).float().sum(1).clamp_min(1)
    return d.rsqrt()[:, None] * _hood(adjacency) * d.rsqrt()


@exercise.mistake
def nobody_masked(adjacency):
    """The graph is missing: every pair has a weight, heard or not."""
    root = _hood(adjacency).sum(1).rsqrt()
    return root[:, None] * root


exercise.slips = {
    "no_root": (".rsqrt()", ".reciprocal()"),
    "loops_twice": (
        "(adjacency | torch.eye(len(adjacency), dtype=torch.bool)).float()",
        "adjacency.float() + torch.eye(len(adjacency))",
    ),
    "nobody_masked": ("root[:, None] * hood * root", "root[:, None] * root"),
    "mean_weights": ("root[:, None] * hood * root", "hood / hood.sum(1, keepdim=True)"),
}
