"""Exercise: the target of MADDPG's critic.

Sizes: B steps, N agents, O numbers seen, A actions.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Values
from marl_edu.exercises.engine.trying import Case


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
        ("two agents at the end", 2, 3, 2, [T], f32),
        ("numbers in float64", 3, 2, 3, [F_, T, F_], f64),
        ("three agents", 3, 3, 2, [F_, F_], f32),
        ("four agents in five steps", 4, 2, 3, [F_, T, F_, F_, T], f32),
    ):
        shapes = (N * (O + A), 5), (5,), (len(terminated), N, O), (len(terminated),)
        W, w, next_obs, reward = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        own = torch.randn(N, O, A, generator=rng, dtype=dtype)
        policies = [partial(_policy, own[n]) for n in range(N)]
        critic = partial(_critic, W, w)
        yield Case(what, (reward, next_obs, torch.tensor(terminated), policies, critic, 0.9))


def _with_functions(given: Values, _: Mapping[str, int]) -> Values:
    policies = [partial(_policy, own) for own in given["_own"]]
    return given | {"policies": policies, "critic": partial(_critic, given["_W"], given["_w"])}


exercise = Exercise(
    place=90,
    title="A critic that sees everybody",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="maddpg",
    statement="""\
Give the target for one agent's centralised critic in MADDPG. It is this agent's reward plus, if the
episode did not end, $\\gamma$ times what the target critic says of the *next* step. There every
agent acts by its own *target policy* on its own observation. `critic` takes one row per step: first
the observations of all agents, side by side, then the actions of all agents, side by side. The
result carries no gradient. What you write: four lines.""",
    hint="""\
`policies[i](next_obs[:, i])` are the actions of agent i, `(B, A)`. `flatten(1)` lays the agents'
numbers side by side.""",
    domain=Domain(
        sizes={"B": (1, 5), "N": (1, 4), "O": (1, 3), "A": (1, 4)},
        given={
            "reward": Reals("B"),
            "next_obs": Reals("B N O", spreads=(1, 10)),
            "terminated": Flags("B"),
            "_own": Reals("N O A", spreads=(1, 3)),
            "_W": Reals("N*O+N*A 5", spreads=(1, 3)),
            "_w": Reals("5", spreads=(1, 60)),
            "gamma": Number(0.0, 1.0),
        },
        finish=_with_functions,
        notes={"policies": "a softmax each", "critic": "a small network"},
    ),
    inputs=_joint_steps,
    data=("reward",),
)


@exercise.solved_by
def critic_target(reward, next_obs, terminated, policies, critic, gamma):
    """What the critic is trained towards: (B,).

    reward: (B,). next_obs: (B, N, O). terminated: (B,) bool.
    policies: N functions (B, O) -> (B, A).
    critic: a function (B, N O + N A) -> (B,). gamma: a number.
    """
    actions = [policy(next_obs[:, i]) for i, policy in enumerate(policies)]
    value = critic(torch.cat([next_obs.flatten(1), *actions], -1))
    return (reward + gamma * ~terminated * value).detach()


def _acted(next_obs: Tensor, policies: list[Callable[..., Any]]) -> list[Tensor]:
    return [policy(next_obs[:, i]) for i, policy in enumerate(policies)]


def _says(critic: Callable[..., Any], next_obs: Tensor, actions: list[Tensor]) -> Tensor:
    return critic(torch.cat([next_obs.flatten(1), *actions], -1))


@exercise.mistake
def one_policy_for_all(reward, next_obs, terminated, policies, critic, gamma):
    """Every action is that of the first agent's policy: in MADDPG each agent has its own, and the
    critic must know what *they* will do."""
    value = _says(critic, next_obs, [policies[0](o) for o in next_obs.unbind(1)])
    return (reward + gamma * ~terminated * value).detach()


@exercise.mistake
def first_agent_s_eyes(reward, next_obs, terminated, policies, critic, gamma):
    """Every policy is asked about the first agent's observation: execution is decentralised, each
    acts on what it sees itself."""
    value = _says(critic, next_obs, [policy(next_obs[:, 0]) for policy in policies])
    return (reward + gamma * ~terminated * value).detach()


@exercise.mistake
def agent_by_agent(reward, next_obs, terminated, policies, critic, gamma):
    """Observation and action alternate, agent by agent. The critic was trained on all observations
    first, then all actions: the shapes agree, and every number is in the wrong place."""
    pairs = zip(next_obs.unbind(1), _acted(next_obs, policies), strict=True)
    value = critic(torch.cat([x for pair in pairs for x in pair], -1))
    return (reward + gamma * ~terminated * value).detach()


@exercise.mistake
def actions_first(reward, next_obs, terminated, policies, critic, gamma):
    """The actions come before the observations: the critic expects them behind."""
    value = critic(torch.cat([*_acted(next_obs, policies), next_obs.flatten(1)], -1))
    return (reward + gamma * ~terminated * value).detach()


@exercise.mistake
def nobody_else_acts(reward, next_obs, terminated, policies, critic, gamma):
    """The critic is told only the first agent's action; zeros stand in for the others' actions. To
    this critic the others are part of the environment again, and that environment is not
    stationary."""
    first, *others = _acted(next_obs, policies)
    value = _says(critic, next_obs, [first, *(0 * action for action in others)])
    return (reward + gamma * ~terminated * value).detach()


@exercise.mistake
def end_ignored(reward, next_obs, terminated, policies, critic, gamma):
    """Where the episode ended, the value of what comes next still counts."""
    return (reward + gamma * _says(critic, next_obs, _acted(next_obs, policies))).detach()


@exercise.mistake
def undiscounted(reward, next_obs, terminated, policies, critic, gamma):
    """The discount is missing: what comes later counts as much as what comes now."""
    return (reward + ~terminated * _says(critic, next_obs, _acted(next_obs, policies))).detach()


@exercise.mistake
def reward_lost(reward, next_obs, terminated, policies, critic, gamma):
    """The last reward is lost: the end cuts off what comes *after* the step, not its reward."""
    value = _says(critic, next_obs, _acted(next_obs, policies))
    return ((reward + gamma * value) * ~terminated).detach()


@exercise.mistake
def target_learns(reward, next_obs, terminated, policies, critic, gamma):
    """The value is right, but a gradient goes back through it: a target is a number to aim at."""
    return reward + gamma * ~terminated * _says(critic, next_obs, _acted(next_obs, policies))


exercise.slips = {
    "first_agent_s_eyes": ("next_obs[:, i]", "next_obs[:, 0]"),
    "one_policy_for_all": ("[policy(next_obs", "[policies[0](next_obs"),
    "actions_first": ("[next_obs.flatten(1), *actions]", "[*actions, next_obs.flatten(1)]"),
    "end_ignored": ("gamma * ~terminated * value", "gamma * value"),
    "undiscounted": ("gamma * ~terminated * value", "~terminated * value"),
    "target_learns": (
        "(reward + gamma * ~terminated * value).detach()",
        "reward + gamma * ~terminated * value",
    ),
}
