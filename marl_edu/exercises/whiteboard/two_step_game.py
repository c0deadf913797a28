"""Exercises: one value for a team, as a sum (VDN) and as a monotonic mixture (QMIX).

Sizes: B worlds, N agents, A actions, S numbers of the state, H hidden numbers of the mixer.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, flags, ints
from marl_edu.exercises.trying import Case


def mixes(rng: torch.Generator) -> Iterator[Case]:
    """Teams and hypernetworks to try a mixer on."""
    f32, f64 = torch.float32, torch.float64
    for what, B, N, S, H, dtype in (
        ("one agent and one hidden number", 1, 1, 1, 1, f32),
        ("two agents", 1, 2, 3, 2, f32),
        ("numbers in float64", 3, 3, 2, 4, f64),
        ("values far below 0", 4, 2, 3, 3, f32),
        ("five worlds", 5, 4, 4, 3, f32),
        ("six worlds", 6, 3, 5, 8, f32),
        *drawn("drawn worlds", *(ints(1, 5) for _ in range(4)), DTYPE),
    ):
        sizes = (B, N), (B, S), (S, N * H), (S, H), (S, H), (S,)
        q, *rest = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (q - 5 if "below" in what else q, *rest))


monotonic_mixer = Exercise(
    title="The mixer of QMIX",
    difficulty=3,
    importance=5,
    minutes="15–20",
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
`torch.einsum("bn,bnh->bh", ...)` is the first layer.""",
    inputs=mixes,
)


@monotonic_mixer.solved_by
def mix(q, state, W1, B1, W2, v):
    """The value of the team, Q_tot: (B,).

    q: (B, N), of the actions taken. state: (B, S). W1: (S, N H).
    B1, W2: (S, H). v: (S,).
    """
    w1 = (state @ W1).abs().view(*q.shape, -1)  # (B, N, H)
    w2 = (state @ W2).abs()
    hidden = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return (hidden * w2).sum(-1) + state @ v


def _mixed(
    q, state, W1, B1, W2, v, first=torch.abs, second=torch.abs, bias=None, squash=F.elu, last=1.0
) -> Tensor:
    w1 = first(state @ W1).view(*q.shape, -1)
    b1 = state @ B1 if bias is None else bias(state @ B1)
    hidden = squash(torch.einsum("bn,bnh->bh", q, w1) + b1)
    return (hidden * second(state @ W2)).sum(-1) + last * (state @ v)


def _as_it_is(x: Tensor) -> Tensor:
    return x


@monotonic_mixer.mistake
def signed_weights(q, state, W1, B1, W2, v):
    """No weight is made non-negative: what is better for an agent may be worse for the team, and
    then each agent's own best action is not the team's."""
    return _mixed(q, state, W1, B1, W2, v, _as_it_is, _as_it_is)


@monotonic_mixer.mistake
def second_layer_signed(q, state, W1, B1, W2, v):
    """The first layer's weights are non-negative, the second's are not: one negative weight on the
    way is enough to turn the order of the actions round."""
    return _mixed(q, state, W1, B1, W2, v, second=_as_it_is)


@monotonic_mixer.mistake
def first_layer_signed(q, state, W1, B1, W2, v):
    """The second layer's weights are non-negative, the first's are not: one negative weight on the
    way is enough to turn the order of the actions round."""
    return _mixed(q, state, W1, B1, W2, v, first=_as_it_is)


@monotonic_mixer.mistake
def parameters_made_positive(q, state, W1, B1, W2, v):
    """It is the hypernetworks' own parameters that are made non-negative. A state has negative
    numbers, too, and with them the weights that come out are negative again."""
    w1 = (state @ W1.abs()).view(*q.shape, -1)
    hidden = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return (hidden * (state @ W2.abs())).sum(-1) + state @ v


@monotonic_mixer.mistake
def biases_made_positive(q, state, W1, B1, W2, v):
    """The first bias is made non-negative as well. It multiplies no agent's value, so monotonicity
    asks nothing of it, and the mixer loses what it could say with it."""
    return _mixed(q, state, W1, B1, W2, v, bias=torch.abs)


@monotonic_mixer.mistake
def clipped_at_zero(q, state, W1, B1, W2, v):
    """Negative weights are cut to 0 instead of losing their sign: monotonic, but half of the
    mixer is dead and gets no gradient."""
    return _mixed(q, state, W1, B1, W2, v, F.relu, F.relu)


@monotonic_mixer.mistake
def relu_for_elu(q, state, W1, B1, W2, v):
    """The hidden numbers go through a ReLU. Values below 0 then vanish without a gradient, and
    values are often below 0: QMIX takes an ELU."""
    return _mixed(q, state, W1, B1, W2, v, squash=F.relu)


@monotonic_mixer.mistake
def no_bend(q, state, W1, B1, W2, v):
    """The ELU is missing: without it the mixture is a weighted sum, whatever the number of
    layers."""
    return _mixed(q, state, W1, B1, W2, v, squash=_as_it_is)


@monotonic_mixer.mistake
def agents_and_hidden_swapped(q, state, W1, B1, W2, v):
    """The first layer's weights are seen as (B, H, N) and turned round: the numbers are those of
    other agents. They lie in memory agent by agent, H at a time."""
    w1 = (state @ W1).abs().view(len(q), -1, q.shape[1])
    hidden = F.elu(torch.einsum("bn,bhn->bh", q, w1) + state @ B1)
    return (hidden * (state @ W2).abs()).sum(-1) + state @ v


@monotonic_mixer.mistake
def last_bias_lost(q, state, W1, B1, W2, v):
    """The last bias is missing: what a state is worth, whatever the agents do, has no place."""
    return _mixed(q, state, W1, B1, W2, v, last=0.0)


@monotonic_mixer.mistake
def plain_sum(q, state, W1, B1, W2, v):
    """The agents' values are added up: that is VDN, which knows nothing of the state."""
    return q.sum(-1)


def _teams(rng: torch.Generator) -> Iterator[Case]:
    T, N = True, False
    f32, f64 = torch.float32, torch.float64
    for what, agents, A, terminated, share, dtype in (
        ("one agent in one world", 1, 2, [N], 1.0, f32),
        ("two agents in the middle of an episode", 2, 3, [N], 1.0, f32),
        ("two agents at the end of the world", 2, 3, [T], 1.0, f32),
        ("actions that are not available", 3, 4, [N, N], 0.4, f32),
        ("numbers in float64", 2, 3, [N, T, N], 0.7, f64),
        ("values far below 0", 3, 4, [N, N, T], 0.5, f32),
        ("six worlds", 4, 5, [N, T, N, N, N, T], 0.6, f32),
        *drawn("drawn worlds", ints(1, 4), ints(1, 5), flags(1, 6), CHANCE, DTYPE),
    ):
        shape = len(terminated), agents, A
        q, q_next = (torch.randn(shape, generator=rng, dtype=dtype) for _ in range(2))
        if "below" in what:
            q, q_next = q - 50, q_next - 50
        action = torch.randint(A, shape[:2], generator=rng)
        available = torch.rand(shape, generator=rng) < share
        available.scatter_(-1, torch.randint(A, (*shape[:2], 1), generator=rng), True)
        reward = 3 * torch.randn(shape[:1], generator=rng, dtype=dtype)
        yield Case(what, (q, action, reward, q_next, available, torch.tensor(terminated), 0.9))


team_error = Exercise(
    title="VDN: one error for the team",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
VDN says that the team's value is the *sum* of its agents' values, and trains the sum. The target is
the team's one reward plus, if the world did not end, $\\gamma$ times the sum of what each agent's
best *available* next action is worth to the target network, `q_next`. Give the mean squared error
over worlds, a scalar. No gradient may go into the target. What you write: four lines.""",
    hint="""\
First add up over agents, then take the difference, then square: there is one error per world. Why
may each agent take its own maximum, before the sum?""",
    inputs=_teams,
    data=("reward",),
)


@team_error.solved_by
def vdn_loss(q, action, reward, q_next, available, terminated, gamma):
    """The mean squared error of the team's value: a scalar tensor.

    q, q_next: (B, N, A). action: (B, N). reward: (B,).
    available: (B, N, A) bool, of the next step. terminated: (B,) bool.
    gamma: a number.
    """
    taken = q.gather(-1, action[..., None])[..., 0].sum(1)
    best = q_next.masked_fill(~available, -torch.inf).amax(-1).sum(1)
    target = (reward + gamma * ~terminated * best).detach()
    return ((taken - target) ** 2).mean()


def _taken(q: Tensor, action: Tensor) -> Tensor:
    return q.gather(-1, action[..., None])[..., 0]


def _best(q_next: Tensor, available: Tensor) -> Tensor:
    return q_next.masked_fill(~available, -torch.inf).amax(-1)


@team_error.mistake
def each_for_itself(q, action, reward, q_next, available, terminated, gamma):
    """Each agent has an error of its own towards the team's reward: those are independent
    Q-learners, and nobody's value explains what the others brought."""
    target = reward[:, None] + gamma * ~terminated[:, None] * _best(q_next, available)
    return ((_taken(q, action) - target.detach()) ** 2).mean()


@team_error.mistake
def mean_of_agents(q, action, reward, q_next, available, terminated, gamma):
    """The agents' values are averaged, not added: the team's value is their sum."""
    target = reward + gamma * ~terminated * _best(q_next, available).mean(1)
    return ((_taken(q, action).mean(1) - target.detach()) ** 2).mean()


@team_error.mistake
def reward_for_each(q, action, reward, q_next, available, terminated, gamma):
    """The team's reward is counted once per agent: it is one reward, and the sum has it once."""
    best = _best(q_next, available).sum(1)
    target = q.shape[1] * reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def target_learns(q, action, reward, q_next, available, terminated, gamma):
    """The value is right, but a gradient goes into the target: the aim moves towards the arrow."""
    target = reward + gamma * ~terminated * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target) ** 2).mean()


@team_error.mistake
def anything_goes(q, action, reward, q_next, available, terminated, gamma):
    """`available` is not asked: the target counts on actions that nobody can take."""
    target = reward + gamma * ~terminated * q_next.amax(-1).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def masked_with_zero(q, action, reward, q_next, available, terminated, gamma):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    best = (q_next * available).amax(-1).sum(1)
    target = reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def end_ignored(q, action, reward, q_next, available, terminated, gamma):
    """Where the world ended, the value of what comes next still counts."""
    target = reward + gamma * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def largest_agent_only(q, action, reward, q_next, available, terminated, gamma):
    """The maximum in the target runs over agents, too: only one agent's next value counts. Each
    agent takes its own maximum, then they are added up."""
    best = _best(q_next, available).amax(1)
    target = reward + gamma * ~terminated * best
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def same_action_next(q, action, reward, q_next, available, terminated, gamma):
    """The next value is that of the action just taken, not of the best one next: the action
    belongs to this step."""
    target = reward + gamma * ~terminated * _taken(q_next, action).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).mean()


@team_error.mistake
def summed_over_worlds(q, action, reward, q_next, available, terminated, gamma):
    """The errors of the worlds are added up, not averaged: more worlds, larger steps."""
    target = reward + gamma * ~terminated * _best(q_next, available).sum(1)
    return ((_taken(q, action).sum(1) - target.detach()) ** 2).sum()


def _games(rng: torch.Generator) -> Iterator[Case]:
    f64 = torch.float64
    sevens = [[7.0, 7.0], [7.0, 7.0]]
    yield Case("the two-step game's 2A and 2B", (torch.tensor([sevens, [[0.0, 1.0], [1.0, 8.0]]]),))
    climbing = [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]]
    yield Case("a game of three actions, where 8 is hidden among -12", (torch.tensor([climbing]),))
    yield Case("one action each", (torch.tensor([[[3.0]], [[-2.0]]]),))
    yield Case("numbers in float64", (torch.tensor([[[1.0, 2.0], [4.0, -1.0]]], dtype=f64),))
    yield Case("two actions against three", (4 * torch.randn(3, 2, 3, generator=rng),))
    for what, S, A, B, dtype in drawn("drawn games", *(ints(1, 4) for _ in range(3)), DTYPE):
        yield Case(what, (4 * torch.randn(S, A, B, generator=rng, dtype=dtype) - 2,))


two_step_game = Exercise(
    title="The two-step game, by hand",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
First agent 1 chooses which game is played next: 2A, which pays 7 whatever the two do, or 2B, which
pays 0, 1, 1 or 8. Both pay once. VDN learns the table of a game as a *sum*, one number per action
of either agent: the best such fit by least squares, when all joint actions are tried equally often.
For each `payoff` table give what the game is then *believed* to be worth: the largest number of the
fitted table. (With the solution, look at 2A and 2B: which one does agent 1 choose, and what does
the team miss?) numpy is welcome. What you write: three lines.""",
    hint="""\
The best sum for a table that is tried evenly: mean of the row, plus mean of the column, minus the
mean of everything, which is in both. Do it on paper for 2B: the row means are 0.5 and 4.5.""",
    inputs=_games,
    gradient=False,
)


@two_step_game.solved_by
def believed_worth(payoff):
    """What VDN believes each game to be worth: (G,).

    payoff: (G, A1, A2), rows are the actions of agent 1.
    """
    row, column = payoff.mean(2, keepdim=True), payoff.mean(1, keepdim=True)
    fit = row + column - payoff.mean((1, 2), keepdim=True)
    return fit.amax((1, 2))


@two_step_game.mistake
def true_maximum(payoff):
    """This is the game's true best payoff. A sum cannot hold it unless the table is one: 2B's 8
    is out of VDN's reach, which is the point of the game (a mixer such as QMIX's has room for
    it)."""
    return payoff.amax((1, 2))


@two_step_game.mistake
def mean_counted_twice(payoff):
    """The mean of everything is counted twice: it is in the row means and in the column means."""
    return payoff.mean(2).amax(1) + payoff.mean(1).amax(1)


@two_step_game.mistake
def what_it_will_get(payoff):
    """This is what the team will *get* when both act on the fitted table, not what it believes
    that it will get; agent 1 chooses by belief."""
    best = payoff.mean(2).argmax(1), payoff.mean(1).argmax(1)
    return payoff[torch.arange(len(payoff)), best[0], best[1]]


@two_step_game.mistake
def one_agent_only(payoff):
    """Only agent 1's part is fitted: the mean of the best row, as if the other acted at random.
    That is what an independent learner would believe."""
    return payoff.mean(2).amax(1)


@two_step_game.mistake
def mean_of_parts(payoff):
    """The two parts are averaged, half a row mean and half a column mean: a sum of parts must
    reach the middle of the table when both are at their own means."""
    return (payoff.mean(2).amax(1) + payoff.mean(1).amax(1)) / 2


@two_step_game.mistake
def worth_at_random(payoff):
    """This is the mean of the table: what the game is worth to a team that goes on exploring.
    Here everybody acts on the best of what was learned."""
    return payoff.mean((1, 2))


@two_step_game.mistake
def cautious(payoff):
    """This is the largest payoff that one agent can make sure of against the worst of the other.
    The other is a friend, and VDN fits means, not minima."""
    return payoff.amin(2).amax(1)
