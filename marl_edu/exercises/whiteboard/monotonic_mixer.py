"""Exercise: one value for a team, as a monotonic mixture (QMIX).

Sizes: B environments, N agents, S numbers of the state, H hidden numbers of the mixer.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def mixes(rng: torch.Generator) -> Iterator[Case]:
    """Teams and hypernetworks to try a mixer on."""
    f32, f64 = torch.float32, torch.float64
    for what, B, N, S, H, dtype in (
        ("one agent and one hidden number", 1, 1, 1, 1, f32),
        ("two agents", 1, 2, 3, 2, f32),
        ("numbers in float64", 3, 3, 2, 4, f64),
        ("values far below 0", 4, 2, 3, 3, f32),
        ("five environments", 5, 4, 4, 3, f32),
        ("six environments", 6, 3, 5, 8, f32),
    ):
        sizes = (B, N), (B, S), (S, N * H), (S, H), (S, H), (S,)
        q, *rest = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (q - 5 if "below" in what else q, *rest))


exercise = Exercise(
    place=70,
    title="The mixer of QMIX",
    difficulty=3,
    importance=5,
    minutes="15–20",
    topic="qmix",
    statement="""\
QMIX makes one value of the team out of the agents' values with a small network whose weights depend
on the state. Here every hypernetwork is one matrix: the first layer's weights are
$|s\\, W_1|$, seen as `(B, N, H)`, its bias $s\\, B_1$; the second layer's are $|s\\, W_2|$,
`(B, H)`, and its bias $s \\cdot v$. Between them stands an ELU. More for one agent must never be
less for the team: so both layers' weights are made non-negative, and nothing else is. What you
write: about four lines.""",
    hint="""\
$\\partial Q_{tot} / \\partial q_i \\ge 0$ asks something of what multiplies $q_i$ on its way: of
the weights that come *out* of the hypernetworks, not of `W1` itself. A bias multiplies nothing.
`torch.einsum("bn,bnh->bh", ...)`, or `np.einsum`, is the first layer.""",
    domain=Domain(
        sizes={"B": (1, 5), "N": (1, 5), "S": (1, 5), "H": (1, 5)},
        given={
            "q": Reals("B N", spreads=(1, 10), centres=(-50, 50)),
            "state": Reals("B S", spreads=(1, 10)),
            "W1": Reals("S N*H", spreads=(1, 3)),
            "B1": Reals("S H", spreads=(1, 10)),
            "W2": Reals("S H", spreads=(1, 10)),
            "v": Reals("S", spreads=(1, 200)),
        },
    ),
    inputs=mixes,
)


@exercise.solved_by
def mix(q, state, W1, B1, W2, v):
    """The value of the team, Q_tot: (B,).

    q: (B, N), of the actions taken. state: (B, S). W1: (S, N H).
    B1, W2: (S, H). v: (S,).
    """
    w1 = (state @ W1).abs().view(*q.shape, -1)  # (B, N, H)
    w2 = (state @ W2).abs()
    hidden_dim = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return (hidden_dim * w2).sum(-1) + state @ v


def _mixed(
    q, state, W1, B1, W2, v, first=torch.abs, second=torch.abs, bias=None, squash=F.elu, last=1.0
) -> Tensor:
    w1 = first(state @ W1).view(*q.shape, -1)
    b1 = state @ B1 if bias is None else bias(state @ B1)
    hidden_dim = squash(torch.einsum("bn,bnh->bh", q, w1) + b1)
    return (hidden_dim * second(state @ W2)).sum(-1) + last * (state @ v)


def _as_it_is(x: Tensor) -> Tensor:
    return x


@exercise.mistake
def signed_weights(q, state, W1, B1, W2, v):
    """No weight is made non-negative: what is better for an agent may be worse for the team, and
    then each agent's own best action is not the team's."""
    return _mixed(q, state, W1, B1, W2, v, _as_it_is, _as_it_is)


@exercise.mistake
def second_layer_signed(q, state, W1, B1, W2, v):
    """The first layer's weights are non-negative, the second's are not: one negative weight on the
    way is enough to turn the order of the actions round."""
    return _mixed(q, state, W1, B1, W2, v, second=_as_it_is)


@exercise.mistake
def first_layer_signed(q, state, W1, B1, W2, v):
    """The second layer's weights are non-negative, the first's are not: one negative weight on the
    way is enough to turn the order of the actions round."""
    return _mixed(q, state, W1, B1, W2, v, first=_as_it_is)


@exercise.mistake
def parameters_made_positive(q, state, W1, B1, W2, v):
    """It is the hypernetworks' own parameters that are made non-negative. A state has negative
    numbers, too, and with them the weights that come out are negative again."""
    w1 = (state @ W1.abs()).view(*q.shape, -1)
    hidden_dim = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return (hidden_dim * (state @ W2.abs())).sum(-1) + state @ v


@exercise.mistake
def biases_made_positive(q, state, W1, B1, W2, v):
    """The first bias is made non-negative as well. It multiplies no agent's value, so monotonicity
    asks nothing of it, and the mixer loses what it could say with it."""
    return _mixed(q, state, W1, B1, W2, v, bias=torch.abs)


@exercise.mistake
def clipped_at_zero(q, state, W1, B1, W2, v):
    """Negative weights are cut to 0 instead of losing their sign: monotonic, but half of the
    mixer is dead and gets no gradient."""
    return _mixed(q, state, W1, B1, W2, v, F.relu, F.relu)


@exercise.mistake
def relu_for_elu(q, state, W1, B1, W2, v):
    """The hidden numbers go through a ReLU. Values below 0 then vanish without a gradient, and
    values are often below 0: QMIX takes an ELU."""
    return _mixed(q, state, W1, B1, W2, v, squash=F.relu)


@exercise.mistake
def no_bend(q, state, W1, B1, W2, v):
    """The ELU is missing: without it the mixture is a weighted sum, whatever the number of
    layers."""
    return _mixed(q, state, W1, B1, W2, v, squash=_as_it_is)


@exercise.mistake
def agents_and_hidden_swapped(q, state, W1, B1, W2, v):
    """The first layer's weights are seen as (B, H, N) and turned round: the numbers are those of
    other agents. They lie in memory agent by agent, H at a time."""
    w1 = (state @ W1).abs().view(len(q), -1, q.shape[1])
    hidden_dim = F.elu(torch.einsum("bn,bhn->bh", q, w1) + state @ B1)
    return (hidden_dim * (state @ W2).abs()).sum(-1) + state @ v


@exercise.mistake
def last_bias_lost(q, state, W1, B1, W2, v):
    """The last bias is missing: what a state is worth, whatever the agents do, has no place."""
    return _mixed(q, state, W1, B1, W2, v, last=0.0)


@exercise.mistake
def plain_sum(q, state, W1, B1, W2, v):
    """The agents' values are added up: that is VDN, which knows nothing of the state."""
    return q.sum(-1)


exercise.slips = {
    "second_layer_signed": ("(state @ W2).abs()", "state @ W2"),
    "first_layer_signed": ("(state @ W1).abs()", "(state @ W1)"),
    "relu_for_elu": ("F.elu", "F.relu"),
    "no_bend": ("F.elu(torch.einsum", "(torch.einsum"),
    "biases_made_positive": ("state @ B1", "(state @ B1).abs()"),
    "last_bias_lost": (" + state @ v", ""),
}
