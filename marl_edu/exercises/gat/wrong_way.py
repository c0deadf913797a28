"""Exercise: find the bug that no undirected graph shows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from marl_edu.envs.relay import Relay
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals, Values
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import edges_of, hearings
from marl_edu.exercises.gat.edge_softmax import softmax_over_edges
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Row

UPDATES, ENOUGH = 120, 0.85  # of training, and the share of right answers that shows learning


class _Listener(nn.Module):
    """One head of graph attention around a `hear` that does the sum."""

    def __init__(self, hidden_dim: int, hear: Callable[..., Any]):
        super().__init__()
        self.hear = hear
        self.W = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.score = nn.Linear(2 * hidden_dim, 1, bias=False)
        self.keep = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, z, mask):
        B, N, D = z.shape
        env, receiver, sender = mask.nonzero().unbind(1)  # all environments as one graph
        edges = torch.stack([env * N + sender, env * N + receiver])
        Wh = self.W(z).view(B * N, D)
        pairs = torch.cat([Wh[edges[1]], Wh[edges[0]]], -1)
        score = nn.functional.leaky_relu(self.score(pairs)[:, 0], 0.2)
        heard = self.hear(Wh, score, edges).view(B, N, D)
        nothing = torch.zeros_like(mask[:, None, None], dtype=z.dtype)  # nobody looks at it here
        return torch.tanh(self.keep(z) + heard), nothing


def relay_curve(hear: Callable[..., Any]) -> Rows:
    """Train 24 agents with `hear`, which sums over edges, on a relay of one hop. They train twice:
    on a graph within a `radius`, where hearing is mutual, and on one of the `nearest`.

    Returns:
        rows with `env_steps` and the share of right answers on either graph; takes a few seconds.
    """
    runs = {graph: _train(hear, graph) for graph in ("radius", "nearest")}
    return [
        {"env_steps": one["env_steps"], "radius": one["success"], "nearest": other["success"]}
        for one, other in zip(runs["radius"], runs["nearest"], strict=True)
    ]


def _train(hear: Callable[..., Any], graph: str) -> list[Row]:
    cfg = a2c.Config(
        env=Relay,
        env_args={"n_agents": 24, "hops": 1, "graph": graph, "k": 3, "degree": 3.0},
        updates=UPDATES,
        num_envs=32,
        hidden_dim=16,
        lr=1e-2,
        ent_coef=0.05,
        ent_coef_end=0.0,
        reward_scale=1.0,
        log_every=UPDATES // 24,
    )

    def build(cfg: a2c.Config, env: Relay) -> a2c.ActorCritic:
        talk = _Listener(cfg.hidden_dim, hear)
        return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, talk)

    return a2c.train(cfg, build=build).rows


def _edges(rng: torch.Generator) -> Iterator[Case]:
    for what, adjacency, dtype in hearings():
        N = len(adjacency)
        receiver, sender = (adjacency | torch.eye(N, dtype=torch.bool)).nonzero().T
        order = torch.randperm(len(receiver), generator=rng)
        edges = torch.stack([sender, receiver])[:, order]
        size = int(torch.randint(2, 5, (1,), generator=rng))
        Wh = torch.randn(N, size, generator=rng, dtype=dtype)
        yield Case(what, (Wh, torch.randn(edges.shape[1], generator=rng, dtype=dtype), edges))


def _listed(given: Values, _: Mapping[str, int]) -> Values:
    receiver, sender = edges_of(given["_there"], given["_order"])
    score = given["_score"][receiver, sender]
    return {"Wh": given["Wh"], "score": score, "edges": torch.stack([sender, receiver])}


exercise = Exercise(
    place=70,
    title="Bug hunt: the layer that works on every graph you try",
    difficulty=3,
    importance=5,
    minutes="15–25",
    statement="""\
`wrong_way_suspect` sums what each node hears over a list of edges, `(2, E)`: a column (j, i) says
that i hears j, and every node has an edge to itself. It is fast, its shapes are right, and on a
graph of neighbours within a radius a team learns with it as it should. On a graph of the *k
nearest* the same team stops at two answers of three. Find the reason and write the function without
it. The grader trains a team with yours.""",
    hint="""\
Within a radius, if i hears j then j hears i. Among the k nearest that is not so: what is different
about such a graph, and which line of the suspect can notice?""",
    domain=Domain(
        sizes={"N": (1, 6), "F": (1, 4)},
        given={
            "Wh": Reals("N F", spreads=(1, 60)),
            "_score": Reals("N N", ties=True),
            "_there": Flags("N N"),
            "_order": Reals("N*N", between=(0, 1)),
        },
        finish=_listed,
        notes={"score": "normal, s.d. up to 10,000", "edges": "in any order"},
    ),
    inputs=_edges,
    trial=Trial(
        curve=relay_curve,
        learned=lambda rows: rows[-1]["nearest"] > ENOUGH,
        says=lambda rows: f"On a directed graph {rows[-1]['nearest']:.0%} of answers are right.",
    ),
)


@exercise.suspected
def wrong_way_suspect(Wh, score, edges):
    """What each node hears: (N, F).

    Wh: (N, F). score: (E,), of each edge.
    edges: (2, E) integers, senders over receivers.
    """
    node, neighbour = edges
    n = len(Wh)
    peak = score.detach().new_full((n,), -torch.inf)
    peak = peak.scatter_reduce(0, node, score.detach(), "amax")
    weight = (score - peak[node]).exp()
    weight = weight / weight.new_zeros(n).index_add(0, node, weight)[node]
    told = weight[:, None] * Wh[neighbour]
    return torch.zeros_like(Wh).index_add(0, node, told)


@exercise.solved_by
def hear_along_edges(Wh, score, edges):
    """What each node hears: (N, F).

    Wh: (N, F). score: (E,), of each edge.
    edges: (2, E) integers, senders over receivers.
    """
    sender, receiver = edges  # not node and neighbour
    n = len(Wh)
    with torch.no_grad():
        peak = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    weight = (score - peak[receiver]).exp()
    weight = weight / weight.new_zeros(n).index_add(0, receiver, weight)[receiver]
    return torch.zeros_like(Wh).index_add(0, receiver, weight[:, None] * Wh[sender])


def _sum(weight, Wh, source, goal):
    return torch.zeros_like(Wh).index_add(0, goal, weight[:, None] * Wh[source])


@exercise.mistake
def against_the_edges(Wh, score, edges):
    """Information travels against the edges: what stands in the upper row is the *sender*. This is
    the bug of the suspect, which an undirected graph cannot show."""
    return _sum(softmax_over_edges(score, edges[0], len(Wh)), Wh, edges[1], edges[0])


@exercise.mistake
def normalised_over_receivers(Wh, score, edges):
    """What is summed is right, but the softmax runs over those who hear a sender instead of over
    those whom a receiver hears."""
    return _sum(softmax_over_edges(score, edges[0], len(Wh)), Wh, edges[0], edges[1])


@exercise.mistake
def said_to_the_sender(Wh, score, edges):
    """The softmax is right, but the sum goes to the sender."""
    return _sum(softmax_over_edges(score, edges[1], len(Wh)), Wh, edges[1], edges[0])


@exercise.mistake
def hears_only_itself(Wh, score, edges):
    """What is summed is the receiver's own W h, once per edge: the weights sum to 1, so a node
    hears nothing but itself."""
    return _sum(softmax_over_edges(score, edges[1], len(Wh)), Wh, edges[1], edges[1])


@exercise.mistake
def mean_along_edges(Wh, score, edges):
    """The scores change nothing: this is a mean over the neighbourhood."""
    return _sum(softmax_over_edges(0 * score, edges[1], len(Wh)), Wh, edges[0], edges[1])


exercise.slips = {
    "against_the_edges": ("sender, receiver = edges", "receiver, sender = edges"),
    "hears_only_itself": ("Wh[sender]", "Wh[receiver]"),
    "said_to_the_sender": (
        "index_add(0, receiver, weight[:, None] * Wh[sender])",
        "index_add(0, sender, weight[:, None] * Wh[receiver])",
    ),
}
