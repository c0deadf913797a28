"""Exercises: the parts of MADDPG, from an action that carries a gradient to the slow target.

Sizes: B drawn steps, N agents, O numbers seen, A actions, P parameters, K updates.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, flags, ints
from marl_edu.exercises.trying import Case


def _critic(W: Tensor, w: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(x @ W) @ w


def _policy(W: Tensor, obs: Tensor) -> Tensor:
    return torch.softmax(obs @ W, -1)


def _joint_steps(rng: torch.Generator) -> Iterator[Case]:
    T, F_ = True, False
    f32, f64 = torch.float32, torch.float64
    for what, N, O, A, terminated, dtype in (  # noqa: E741  the size's name in the signatures
        ("one agent in one step", 1, 2, 2, [F_], f32),
        ("two agents in one step", 2, 2, 2, [F_], f32),
        ("two agents at the end of the world", 2, 3, 2, [T], f32),
        ("numbers in float64", 3, 2, 3, [F_, T, F_], f64),
        ("three agents", 3, 3, 2, [F_, F_], f32),
        ("four agents in five steps", 4, 2, 3, [F_, T, F_, F_, T], f32),
        *drawn("drawn steps", ints(1, 4), ints(1, 3), ints(1, 4), flags(1, 5), DTYPE),
    ):
        shapes = (N * (O + A), 5), (5,), (len(terminated), N, O), (len(terminated),)
        W, w, next_obs, reward = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        own = torch.randn(N, O, A, generator=rng, dtype=dtype)
        policies = [partial(_policy, own[n]) for n in range(N)]
        critic = partial(_critic, W, w)
        yield Case(what, (reward, next_obs, torch.tensor(terminated), policies, critic, 0.9))


central_target = Exercise(
    title="A critic that sees everybody",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
The target for one agent's centralised critic in MADDPG: its reward plus, if the world did not end,
$\\gamma$ times what the target critic says of the *next* step, in which every agent acts by its own
*target policy* on its own observation. `critic` takes one row per step: first the observations of
all agents, side by side, then the actions of all agents, side by side. The result carries no
gradient. What you write: four lines.""",
    hint="""\
`policies[i](next_obs[:, i])` are the actions of agent i, `(B, A)`. `flatten(1)` lays the agents'
numbers side by side.""",
    inputs=_joint_steps,
    data=("reward",),
)


@central_target.solved_by
def critic_target(reward, next_obs, terminated, policies, critic, gamma):
    """What the critic is trained towards: (B,).

    reward: (B,). next_obs: (B, N, O). terminated: (B,) bool.
    policies: N functions from (B, O) to (B, A).
    critic: a function from (B, N O + N A) to (B,). gamma: a number.
    """
    actions = [policy(next_obs[:, i]) for i, policy in enumerate(policies)]
    value = critic(torch.cat([next_obs.flatten(1), *actions], -1))
    return (reward + gamma * ~terminated * value).detach()


def _acted(next_obs: Tensor, policies: list[Callable]) -> list[Tensor]:
    return [policy(next_obs[:, i]) for i, policy in enumerate(policies)]


def _says(critic: Callable, next_obs: Tensor, actions: list[Tensor]) -> Tensor:
    return critic(torch.cat([next_obs.flatten(1), *actions], -1))


@central_target.mistake
def one_policy_for_all(reward, next_obs, terminated, policies, critic, gamma):
    """Every action is that of the first agent's policy: in MADDPG each agent has its own, and the
    critic must know what *they* will do."""
    value = _says(critic, next_obs, [policies[0](o) for o in next_obs.unbind(1)])
    return (reward + gamma * ~terminated * value).detach()


@central_target.mistake
def first_agent_s_eyes(reward, next_obs, terminated, policies, critic, gamma):
    """Every policy is asked about the first agent's observation: execution is decentralised, each
    acts on what it sees itself."""
    value = _says(critic, next_obs, [policy(next_obs[:, 0]) for policy in policies])
    return (reward + gamma * ~terminated * value).detach()


@central_target.mistake
def agent_by_agent(reward, next_obs, terminated, policies, critic, gamma):
    """Observation and action alternate, agent by agent. The critic was trained on all observations
    first, then all actions: the shapes agree, and every number is in the wrong place."""
    pairs = zip(next_obs.unbind(1), _acted(next_obs, policies), strict=True)
    value = critic(torch.cat([x for pair in pairs for x in pair], -1))
    return (reward + gamma * ~terminated * value).detach()


@central_target.mistake
def actions_first(reward, next_obs, terminated, policies, critic, gamma):
    """The actions come before the observations: the critic expects them behind."""
    value = critic(torch.cat([*_acted(next_obs, policies), next_obs.flatten(1)], -1))
    return (reward + gamma * ~terminated * value).detach()


@central_target.mistake
def nobody_else_acts(reward, next_obs, terminated, policies, critic, gamma):
    """Only the first agent's action is told to the critic, zeros stand for the others': then they
    are part of the weather again, and the critic's world does not stand still."""
    first, *others = _acted(next_obs, policies)
    value = _says(critic, next_obs, [first, *(0 * action for action in others)])
    return (reward + gamma * ~terminated * value).detach()


@central_target.mistake
def end_ignored(reward, next_obs, terminated, policies, critic, gamma):
    """Where the world ended, the value of what comes next still counts."""
    return (reward + gamma * _says(critic, next_obs, _acted(next_obs, policies))).detach()


@central_target.mistake
def undiscounted(reward, next_obs, terminated, policies, critic, gamma):
    """The discount is missing: what comes later counts as much as what comes now."""
    return (reward + ~terminated * _says(critic, next_obs, _acted(next_obs, policies))).detach()


@central_target.mistake
def reward_lost(reward, next_obs, terminated, policies, critic, gamma):
    """The last reward is lost: the end cuts off what comes *after* the step, not its reward."""
    value = _says(critic, next_obs, _acted(next_obs, policies))
    return ((reward + gamma * value) * ~terminated).detach()


@central_target.mistake
def target_learns(reward, next_obs, terminated, policies, critic, gamma):
    """The value is right, but a gradient goes back through it: a target is a number to aim at."""
    return reward + gamma * ~terminated * _says(critic, next_obs, _acted(next_obs, policies))


def _choices(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, A, tau, dtype in (
        ("one agent and two actions", 1, 2, 1.0, f32),
        ("a single action", 2, 1, 1.0, f32),
        ("a low temperature", 6, 4, 0.3, f32),
        ("a high temperature", 6, 3, 4.0, f32),
        ("numbers in float64", 8, 3, 0.7, f64),
        ("forty agents", 40, 5, 0.5, f32),
        *drawn("drawn agents", ints(1, 9), ints(1, 5), st.just(0.5), DTYPE),
    ):
        logits = torch.randn(B, A, generator=rng, dtype=dtype)
        uniform = 0.02 + 0.96 * torch.rand(B, A, generator=rng, dtype=dtype)
        yield Case(what, (logits, uniform, tau))


straight_through = Exercise(
    title="Gumbel-softmax, straight through",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
An action out of a few cannot be differentiated; the Gumbel-softmax makes as if. Add Gumbel noise
$g = -\\log(-\\log u)$ to the logits, divide by the temperature $\\tau$ and take the softmax: the
*soft* action. Give the *hard* one, a one-hot row at the largest number of the soft one, but with
the gradient of the soft one (straight through). The uniform numbers u are given. Write it without
`F.gumbel_softmax`. What you write: four lines.""",
    hint="""\
You want x + y - y, where x is hard and y is soft: equal to x in numbers. Which of the three must be
detached so that the gradient is y's?""",
    inputs=_choices,
    data=("uniform",),
)


@straight_through.solved_by
def gumbel_action(logits, uniform, tau):
    """Hard actions with a soft gradient: (B, A).

    logits: (B, A). uniform: (B, A), drawn from between 0 and 1.
    tau: a number.
    """
    noise = -torch.log(-torch.log(uniform))
    soft = torch.softmax((logits + noise) / tau, -1)
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def _gumbel(uniform: Tensor) -> Tensor:
    return -torch.log(-torch.log(uniform))


def _hard(soft: Tensor, source: Tensor) -> Tensor:
    hard = F.one_hot(source.argmax(-1), source.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


@straight_through.mistake
def soft_action(logits, uniform, tau):
    """This is the soft action. In the world only a hard one can be taken, and what the critic has
    learned of soft ones need not hold for it."""
    return torch.softmax((logits + _gumbel(uniform)) / tau, -1)


@straight_through.mistake
def noise_missing(logits, uniform, tau):
    """The noise is missing: it is always the same action, and nothing is explored."""
    return _hard(torch.softmax(logits / tau, -1), logits)


@straight_through.mistake
def inner_log_only(logits, uniform, tau):
    """The noise is -log u, which is exponential and not Gumbel: the actions are then not drawn
    from softmax(logits). There are two logarithms."""
    soft = torch.softmax((logits - torch.log(uniform)) / tau, -1)
    return _hard(soft, soft)


@straight_through.mistake
def noise_with_wrong_sign(logits, uniform, tau):
    """The noise has the wrong sign: log(-log u) has its long tail on the other side, and the
    actions are not drawn from softmax(logits)."""
    soft = torch.softmax((logits - _gumbel(uniform)) / tau, -1)
    return _hard(soft, soft)


@straight_through.mistake
def uniform_noise(logits, uniform, tau):
    """The uniform numbers are added as they are: only Gumbel noise makes the largest sum a draw
    from softmax(logits)."""
    soft = torch.softmax((logits + uniform) / tau, -1)
    return _hard(soft, soft)


@straight_through.mistake
def no_gradient(logits, uniform, tau):
    """The action is right, but a one-hot row carries no gradient: the policy learns nothing from
    the critic."""
    soft = torch.softmax((logits + _gumbel(uniform)) / tau, -1)
    return F.one_hot(soft.argmax(-1), logits.shape[-1]).to(logits.dtype)


@straight_through.mistake
def temperature_forgotten(logits, uniform, tau):
    """The action is right, its gradient is that of temperature 1."""
    soft = torch.softmax(logits + _gumbel(uniform), -1)
    return _hard(soft, soft)


@straight_through.mistake
def noise_after_temperature(logits, uniform, tau):
    """Only the logits are divided by the temperature, not the noise: then it changes how often an
    action is drawn, not just how hard the soft one is."""
    soft = torch.softmax(logits / tau + _gumbel(uniform), -1)
    return _hard(soft, soft)


@straight_through.mistake
def gradient_of_the_logits(logits, uniform, tau):
    """The action is right, but the gradient goes straight to the logits, past the softmax: every
    action's logit is pushed as if it had been taken alone."""
    soft = torch.softmax((logits + _gumbel(uniform)) / tau, -1)
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(logits.dtype)
    return hard + logits - logits.detach()


def _updates(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, P, K, tau, dtype in (
        ("one parameter and one update", 1, 1, 0.1, f32),
        ("one update", 4, 1, 0.01, f32),
        ("two updates", 3, 2, 0.2, f32),
        ("a target that does not move", 3, 3, 0.0, f32),
        ("a target that is a copy", 3, 3, 1.0, f32),
        ("numbers in float64", 2, 4, 0.05, f64),
        ("many updates", 5, 12, 0.3, f32),
        *drawn("drawn updates", ints(1, 6), ints(1, 9), CHANCE, DTYPE),
    ):
        target = torch.randn(P, generator=rng, dtype=dtype)
        online = target + torch.randn(K, P, generator=rng, dtype=dtype).cumsum(0)
        yield Case(what, (target, online, tau))


slow_target = Exercise(
    title="A target that follows slowly",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
After every update the target network takes a small step towards the network that learns, of share
$\\tau$ (Polyak averaging): a share $\\tau$ is new, the rest is what it was. `online[k]` are the
parameters of the network after its update k. Give those of the target after each of the K updates,
`(K, P)`; the `target` that comes in is the one from before. numpy is welcome. What you write: a
loop of three lines.""",
    hint="""\
The caller still needs `target`: `target += ...` writes into it. What becomes of the target if
`tau` is 0, and if it is 1?""",
    inputs=_updates,
    gradient=False,
)


@slow_target.solved_by
def follow(target, online, tau):
    """The target's parameters after each update: (K, P).

    target: (P,). online: (K, P). tau: a number from 0 to 1.
    """
    after = []
    for learned in online:
        target = (1 - tau) * target + tau * learned
        after.append(target)
    return torch.stack(after)


def _followed(target: Tensor, online: Tensor, old: float, new: float) -> Tensor:
    after = []
    for learned in online:
        target = old * target + new * learned
        after.append(target)
    return torch.stack(after)


@slow_target.mistake
def shares_swapped(target, online, tau):
    """The two shares have changed places: with a small tau the target is nearly a copy, and aims
    jump about as if there were none."""
    return _followed(target, online, tau, 1 - tau)


@slow_target.mistake
def shares_do_not_add_up(target, online, tau):
    """The old parameters are kept whole and a share of the new ones is added: the numbers grow
    without end. The two shares must add up to 1."""
    return _followed(target, online, 1.0, tau)


@slow_target.mistake
def always_from_the_start(target, online, tau):
    """Every step starts from the target of the very beginning: it must go on from where the last
    step left it."""
    return (1 - tau) * target + tau * online


@slow_target.mistake
def one_update_late(target, online, tau):
    """Each row is the target from *before* its update: the result is one step late."""
    return torch.cat([target[None], _followed(target, online, 1 - tau, tau)[:-1]])


@slow_target.mistake
def copied(target, online, tau):
    """The target is a copy of the network: nothing is slow about it."""
    return online.clone()


@slow_target.mistake
def never_moves(target, online, tau):
    """The target never moves."""
    return target.expand_as(online).clone()


@slow_target.mistake
def last_update_only(target, online, tau):
    """Only the target after the last update is given, (P,): the task asks for each, (K, P)."""
    return _followed(target, online, 1 - tau, tau)[-1]


@slow_target.mistake
def mean_of_the_past(target, online, tau):
    """This is the plain mean of all parameters so far. An average with a share tau forgets: what
    is k updates old counts (1 - tau)^k."""
    count = torch.arange(2, len(online) + 2, dtype=target.dtype)[:, None]
    return (target + online.cumsum(0)) / count
