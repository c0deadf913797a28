"""Exercise: a mixer that does not know how many agents there will be.

Sizes: E episodes, T steps, N agents, O numbers that each sees, H hidden numbers of the mixer.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.algos import qmix
from marl_edu.core.protocols import Env
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case
from marl_edu.training import team_q


class AnyTeam(nn.Module):
    """A mixer for training, made of an answer to this exercise and of weights to learn.

    Args:
        mix: the answer. obs_dim: O. mixing_dim: H.
    """

    def __init__(self, mix: Callable[..., Tensor], obs_dim: int, mixing_dim: int):
        super().__init__()
        self.mix = mix
        self.W, self.B, self.U = (
            nn.Parameter(torch.randn(obs_dim, mixing_dim) / obs_dim**0.5) for _ in range(3)
        )
        self.v = nn.Parameter(torch.zeros(obs_dim))

    def forward(self, q: Tensor, state: Tensor) -> Tensor:
        """Q_tot of the steps of episodes."""
        return self.mix(q, state, self.W, self.B, self.U, self.v)


def team_with(mix: Callable[..., Tensor]) -> Callable[[qmix.Config, Env], team_q.Team]:
    """Of an answer to this exercise, what `team_q.train` builds a team with."""

    def build(cfg: qmix.Config, env: Env) -> team_q.Team:
        mixer = AnyTeam(mix, env.obs_dim, cfg.mixing_dim)
        return team_q.Team(team_q.agent_of(cfg, env), mixer)

    return build


def _teams(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, T, N, O, H, dtype in (  # noqa: E741  the size's name in the signatures
        ("one agent that sees one number", 1, 1, 1, 1, 1, f32),
        ("two agents in one step", 1, 1, 2, 3, 2, f32),
        ("two agents that see the same", 2, 2, 2, 3, 2, f32),
        ("three agents, of whom one is absent", 2, 2, 3, 2, 3, f32),
        ("nobody there", 1, 2, 2, 2, 2, f32),
        ("values far below 0", 2, 3, 2, 2, 3, f32),
        ("numbers in float64", 2, 2, 4, 2, 2, f64),
        ("a large team", 2, 3, 6, 3, 4, f32),
    ):
        sizes = (E, T, N), (E, T, N, O), (O, H), (O, H), (O, H), (O,)
        q, obs, *weights = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        if "the same" in what:
            obs = obs[:, :, :1].expand(-1, -1, 2, -1)
        if "absent" in what or "nobody" in what:
            q[..., -1], obs[..., -1, :] = 0, 0
            q, obs = (0 * q, 0 * obs) if "nobody" in what else (q, obs)
        yield Case(what, (q - 5 * ("below" in what), obs.flatten(2), *weights))


exercise = Exercise(
    place=70,
    title="One mixer for teams of any size",
    difficulty=3,
    importance=4,
    minutes="15–25",
    statement="""\
QMIX's mixer is made for N agents in a fixed order. Here is one for any team. The state is what the
agents see, side by side: `state[..., :O]` is agent 0's $o_0$, then comes $o_1$, and so on. What
multiplies $q_i$ is made of $o_i$, with the *same* matrix for all agents. Everything else is made of
the sum of all they see:

$$
\\bar o = \\sum_i o_i, \\qquad x = \\mathrm{elu}\\Bigl(\\sum_i q_i\\, |o_i W| + \\bar o B\\Bigr),
\\qquad Q_{tot} = \\sum_h x_h\\, |\\bar o\\, U|_h + \\bar o \\cdot v .
$$

An absent agent has $q_i = 0$ and sees zeros, and so makes no difference. O is the number of rows of
`W`. What you write: about five lines. A team can train with your mixer.""",
    hint="""\
`state.unflatten(-1, (N, O))`, in numpy `reshape`, takes the observations apart: `(E, T, N, O)`. `@`
works on the last two axes of as many as there are. The sum over agents comes *before* the ELU.""",
    domain=Domain(
        sizes={"E": (1, 3), "T": (1, 3), "N": (1, 5), "O": (1, 4), "H": (1, 4)},
        given={
            "q": Reals("E T N", spreads=(1, 10), centres=(-20, 20)),
            "state": Reals("E T N*O", spreads=(1, 10)),
            "W": Reals("O H", spreads=(1, 3)),
            "B": Reals("O H", spreads=(1, 10)),
            "U": Reals("O H", spreads=(1, 10)),
            "v": Reals("O", spreads=(1, 60)),
        },
    ),
    inputs=_teams,
    data=("state",),
)


@exercise.solved_by
def mix_any_team(q, state, W, B, U, v):
    """The value of the team, Q_tot: (E, T).

    q: (E, T, N), of the actions taken. state: (E, T, N O).
    W, B, U: (O, H). v: (O,).
    """
    obs = state.unflatten(-1, (q.shape[-1], len(W)))
    together = obs.sum(-2)
    x = F.elu((q[..., None] * (obs @ W).abs()).sum(-2) + together @ B)
    return (x * (together @ U).abs()).sum(-1) + together @ v


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _mix(q, state, W, B, U, v, first=torch.abs, second=torch.abs, bias=_as_it_is, squash=F.elu):
    obs = state.unflatten(-1, (q.shape[-1], len(W)))
    together = obs.sum(-2)
    x = squash((q[..., None] * first(obs @ W)).sum(-2) + bias(together @ B))
    return (x * second(together @ U)).sum(-1) + together @ v


@exercise.mistake
def signed_weights(q, state, W, B, U, v):
    """No weight is made non-negative: what is better for an agent may be worse for the team, and
    then each agent's own best action is not the team's."""
    return _mix(q, state, W, B, U, v, _as_it_is, _as_it_is)


@exercise.mistake
def second_layer_signed(q, state, W, B, U, v):
    """What multiplies the agents' values is non-negative, but not what multiplies x: one negative
    weight on the way is enough to turn the order of the actions round."""
    return _mix(q, state, W, B, U, v, second=_as_it_is)


@exercise.mistake
def first_layer_signed(q, state, W, B, U, v):
    """What multiplies x is non-negative, but not what multiplies the agents' values: one negative
    weight on the way is enough to turn the order of the actions round."""
    return _mix(q, state, W, B, U, v, first=_as_it_is)


@exercise.mistake
def biases_made_positive(q, state, W, B, U, v):
    """The bias in x is made non-negative as well. It multiplies no agent's value, so monotonicity
    asks nothing of it."""
    return _mix(q, state, W, B, U, v, bias=torch.abs)


@exercise.mistake
def matrices_made_positive(q, state, W, B, U, v):
    """It is the matrices that are made non-negative. Agents see negative numbers, too, and with
    them the weights that come out are negative again."""
    return _mix(q, state, W.abs(), B, U.abs(), v, _as_it_is, _as_it_is)


@exercise.mistake
def weights_of_the_sum(q, state, W, B, U, v):
    """All agents' values are multiplied by the same weights, made of the sum of what they see.
    Then the mixer is VDN's sum, bent: it cannot tell whose value it is."""
    obs = state.unflatten(-1, (q.shape[-1], len(W)))
    together = obs.sum(-2)
    x = F.elu(q.sum(-1, keepdim=True) * (together @ W).abs() + together @ B)
    return (x * (together @ U).abs()).sum(-1) + together @ v


@exercise.mistake
def bent_one_by_one(q, state, W, B, U, v):
    """Each agent's part goes through an ELU of its own, and the results are added up. Then the
    team's value is a sum again, as in VDN: bend the sum, not its parts."""
    obs = state.unflatten(-1, (q.shape[-1], len(W)))
    together = obs.sum(-2)
    parts = q[..., None] * (obs @ W).abs() + (together @ B)[..., None, :]
    return (F.elu(parts).sum(-2) * (together @ U).abs()).sum(-1) + together @ v


@exercise.mistake
def apart_the_wrong_way(q, state, W, B, U, v):
    """The state is seen as (O, N) and turned round: an agent gets numbers that others see. They lie
    in memory agent by agent, O at a time."""
    turned = state.unflatten(-1, (len(W), q.shape[-1])).mT.flatten(-2)
    return _mix(q, turned, W, B, U, v)


@exercise.mistake
def mean_for_sum(q, state, W, B, U, v):
    """It takes the mean of what the agents see, not the sum: then an absent agent, who sees zeros,
    makes a difference."""
    obs = state.unflatten(-1, (q.shape[-1], len(W)))
    mean = obs.mean(-2)
    x = F.elu((q[..., None] * (obs @ W).abs()).sum(-2) + mean @ B)
    return (x * (mean @ U).abs()).sum(-1) + mean @ v


@exercise.mistake
def no_bend(q, state, W, B, U, v):
    """The ELU is missing: without it the mixture is a weighted sum, whatever the number of
    layers."""
    return _mix(q, state, W, B, U, v, squash=_as_it_is)


@exercise.mistake
def relu_for_elu(q, state, W, B, U, v):
    """x goes through a ReLU. Values below 0 then vanish without a gradient, and values are often
    below 0: QMIX takes an ELU."""
    return _mix(q, state, W, B, U, v, squash=F.relu)


@exercise.mistake
def plain_sum(q, state, W, B, U, v):
    """The agents' values are added up: that is VDN, which knows nothing of the state."""
    return q.sum(-1)


exercise.slips = {
    "mean_for_sum": ("obs.sum", "obs.mean"),
    "first_layer_signed": ("(obs @ W).abs()", "(obs @ W)"),
    "biases_made_positive": ("+ together @ B", "+ (together @ B).abs()"),
    "weights_of_the_sum": (
        "(q[..., None] * (obs @ W).abs()).sum(-2)",
        "q.sum(-1, keepdim=True) * (together @ W).abs()",
    ),
    "no_bend": ("F.elu((q", "((q"),
    "second_layer_signed": ("(together @ U).abs()", "(together @ U)"),
}
