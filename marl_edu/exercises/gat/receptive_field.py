"""Exercise: how far information travels. Sizes: N nodes, L layers. Receivers in rows."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import hearings


def _graphs(rng: torch.Generator) -> Iterator[Case]:
    path = torch.ones(10, 10).triu(1).tril(1) > 0  # its start hears its end, at last
    yield Case("four nodes that all hear each other", (torch.ones(4, 4) > 0, 9))
    for layers in (0, 1, 2, 5, 8, 9):
        what = f"a directed path of 10 nodes and {layers} layer{'s' * (layers != 1)}"
        yield Case(what, (path, layers))
    for what, adjacency, _ in hearings():
        layers = int(torch.randint(1, 4, (1,), generator=rng))
        yield Case(f"{what}, {layers} layer{'s' * (layers != 1)}", (adjacency, layers))


exercise = Exercise(
    place=40,
    title="How far information travels",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
After L layers, of whom may node i know something? Give `field[i, j]`, True if j can be reached from
i over at most L links, each from a node to one whom it *hears*. Links have a direction, and a node
always knows itself, whether or not `adjacency` says so. What you write: three or four lines.""",
    hint="""\
After no layer a node knows itself. After one more it knows whatever those know whom it hears,
itself among them: a matrix product, of numbers, and then `> 0`.""",
    domain=Domain(
        sizes={"N": (1, 10)},
        given={
            "adjacency": Flags("N N"),
            "layers": Number(0, 9),
        },
    ),
    inputs=_graphs,
    gradient=False,
)


@exercise.solved_by
def field_after(adjacency, layers):
    """Of whom each node may know something: (N, N) bool, receivers in rows.

    adjacency: (N, N) bool. layers: L, from 0.
    """
    itself = torch.eye(len(adjacency), dtype=torch.bool)
    listens = (adjacency | itself).float()
    field = itself
    for _ in range(layers):
        field = listens @ field.float() > 0
    return field


def _field(adjacency: Tensor, layers: int) -> Tensor:
    return field_after(adjacency, layers)


@exercise.mistake
def one_layer_too_many(adjacency, layers):
    """One link too far: after no layer a node knows only itself."""
    return _field(adjacency, layers + 1)


@exercise.mistake
def one_layer_too_few(adjacency, layers):
    """One link short: the first layer already reaches the neighbours."""
    return _field(adjacency, max(layers - 1, 0))


@exercise.mistake
def exactly_so_many(adjacency, layers):
    """These are the ends of walks of *exactly* L links: without a loop at each node one forgets in
    every layer whom one knew before."""
    field = torch.eye(len(adjacency), dtype=torch.bool)
    for _ in range(layers):
        field = adjacency.float() @ field.float() > 0
    return field


@exercise.mistake
def who_knows_me(adjacency, layers):
    """This is the transpose, who may know something of i: links have a direction, from the one who
    is heard to the one who hears."""
    return _field(adjacency, layers).T


@exercise.mistake
def both_ways(adjacency, layers):
    """Links are walked in both directions here, but who is heard need not hear."""
    return _field(adjacency | adjacency.T, layers)


@exercise.mistake
def neighbours_only(adjacency, layers):
    """These are the neighbours, however many layers there are."""
    return _field(adjacency, min(layers, 1))


exercise.slips = {
    "exactly_so_many": ("(adjacency | itself)", "adjacency"),
    "one_layer_too_many": ("range(layers)", "range(layers + 1)"),
    "one_layer_too_few": ("range(layers)", "range(layers - 1)"),
    "both_ways": ("(adjacency | itself)", "(adjacency | adjacency.T | itself)"),
    "who_knows_me": ("return field", "return field.T"),
    "neighbours_only": ("range(layers)", "range(min(layers, 1))"),
}
