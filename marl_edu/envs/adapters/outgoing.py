"""Adapters outward: an environment of ours as PettingZoo and Gymnasium know them.

Dictionaries, numpy and the names of agents live in this folder alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from gymnasium.vector import AutoresetMode

from marl_edu.envs.adapters.gymnasium_envs import Each, Single, Team
from marl_edu.envs.adapters.parallel import Parallel
from marl_edu.envs.adapters.vector import Vector
from marl_edu.envs.base.env import BatchedEnv


def to_pettingzoo(
    env: BatchedEnv,
    name: str | None = None,
    render_mode: str | None = "svg",
    mask_in_obs: bool = False,
) -> Parallel:
    """An environment as a PettingZoo `ParallelEnv`; the two share their state.

    All slots are agents for the whole episode: in PettingZoo an agent that has left cannot come
    back, but slots of the junction are used again. A slot without an agent observes zeros, gets
    reward 0, and its action is ignored; `infos[agent]["alive"]` tells.

    Args:
        env: with `num_envs` 1. name: agents are called `<name>_0`, `<name>_1`, ...; None: as
            the environment calls them.
        render_mode: what `render()` gives: "svg"; "rgb_array", pixels, which needs
            `pip install 'marl-edu[film]'`; None, nothing.
        mask_in_obs: an observation is `{"observation", "action_mask"}`, as in PettingZoo's classic
            environments; else the mask stands in `infos[agent]["action_mask"]`.
    Raises:
        ValueError: the environment is a batch of several or `continuous`, or no such `render_mode`.
    """
    _one(env, "a PettingZoo environment")
    names = env.agent_names if name is None else [f"{name}_{i}" for i in range(env.n_agents)]
    return Parallel(env, names, render_mode, mask_in_obs)


def to_gymnasium(
    env: BatchedEnv,
    agent: int | None = None,
    others: Callable[[Any], torch.Tensor] | None = None,
    render_mode: str | None = "svg",
    mask_in_obs: bool = False,
    each: bool = False,
) -> Single | Team | Each:
    """An environment as a Gymnasium `Env`: one of its agents, or the team as one; both share its
    state.

    Args:
        env: with `num_envs` 1.
        agent: the one who is played: observation `(O,)`, its own reward, one action. None: the
            only one there is, or else the team as one: observation `(N, O)`, the mean of the
            rewards, an action for each.
        others: how the others act, a policy `(env) -> actions (1, N)`; needed for one of many. If
            it draws from a `torch.Generator` that it holds, `reset(seed)` reseeds that generator.
        render_mode: as in `to_pettingzoo`. mask_in_obs: likewise, of one agent.
        each: observations, actions and rewards are tuples with an entry for each agent, as
            EPyMARL has them.
    Raises:
        ValueError: a batch of several environments, a `continuous` one, no such agent, or nobody to
            act for the others.
    """
    _one(env, "a Gymnasium environment")
    N = env.n_agents
    if each:
        if agent is not None or others is not None or mask_in_obs:
            raise ValueError("each goes without agent, others and mask_in_obs")
        return Each(env, render_mode)
    if agent is None and N > 1:
        if others is not None:
            raise ValueError("others act beside one agent: name it with agent=")
        if mask_in_obs:
            raise ValueError("mask_in_obs is for one agent: name it with agent=")
        return Team(env, render_mode)
    agent = 0 if agent is None else agent
    if not 0 <= agent < N:
        raise ValueError(f"agent must be one of 0..{N - 1}, got {agent!r}")
    if N > 1 and others is None:
        raise ValueError(f"others must be a policy for the other {N - 1} agents, got None")
    return Single(env, agent, others, render_mode, mask_in_obs)


def to_vector(
    env: BatchedEnv,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    render_mode: str | None = None,
) -> Vector:
    """A batch as a `gymnasium.vector.VectorEnv`, the team as one; the two share their state.

    Args:
        env: a batch of any size.
        autoreset_mode: when an environment that has ended starts its next episode: in the next
            step, in the same step, or when `reset(options={"reset_mask": ...})` says so.
        render_mode: as in `to_pettingzoo`.
    Raises:
        TypeError: an environment that came in through an adapter. ValueError: no such mode, or
            a `continuous` environment.
    """
    _among_a_few(env)
    return Vector(env, autoreset_mode, render_mode)


def _among_a_few(env: BatchedEnv) -> None:
    if env.continuous:
        raise ValueError(
            "env must have whole numbers as actions to leave the package, got continuous=True: "
            "make it without, and with_box_actions shows its actions as numbers"
        )


def _one(env: BatchedEnv, what: str) -> None:
    _among_a_few(env)
    if env.num_envs != 1:
        raise ValueError(f"env must have num_envs 1 to become {what}, got {env.num_envs}")
