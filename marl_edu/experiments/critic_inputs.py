"""What does a trained critic read? Its inputs, each of which can be switched off.

A team of IPPO or MAPPO plays hunts (`PredatorPrey`), actions sampled as in training. Then its
critic goes through them again, without some of what it was trained with:
    own      what the agent itself sees, wherever the critic is told it
    others   what the other agents see                          critic="team"
    places   the state's rows and columns of the predators      critic="state"
    prey     the state's row and column of the prey             critic="state"
    number   which agent it is
    memory   what it remembers of earlier steps
An input that is off is 0; a memory that is off is 0 before every step. No critic was trained for
that. So what is lost says how much this critic leans on the input, not what the input is worth:
compare with a critic that was trained without it, too.

    seen = hunts(net, cfg)
    foresight(seen, values(net, cfg.critic, seen.obs, seen.extra, off=("others",)))
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.algos import mappo
from marl_edu.core.checks import one_of
from marl_edu.core.ops import gae
from marl_edu.experiments.methods import env_of
from marl_edu.training.recurrent_ppo import critic_input, rollout

PARTS = {  # of each critic, in the order of its input
    "own": ("own", "number", "memory"),
    "team": ("own", "others", "number", "memory"),
    "state": ("own", "places", "prey", "number", "memory"),
}
EPISODES = 1000
Spans = list[list[int]]  # [from, to) each


class Hunts(NamedTuple):
    """Episodes of a team. `obs`, `extra`: what its critic is told, also behind the last step."""

    obs: Float[Tensor, "B T1 N O"]
    extra: Float[Tensor, "B T1 X"]
    prey: Int[Tensor, "B 2"]  # row and column; it never moves
    alive: Bool[Tensor, "B T N"]
    success: Float[Tensor, " B"]
    came: Float[Tensor, "B T N"]  # the return that followed


def hunts(net: mappo.Team, cfg: mappo.Config, episodes: int = EPISODES, seed: int = 10**6) -> Hunts:
    """Fresh episodes of the team.

    The return that followed is the discounted sum of the rewards as they came. Where time ran out,
    the critic's last value stands for the rest, as in training.
    """
    one_of("critic", cfg.critic, PARTS)
    env = env_of(cfg, episodes, seed)
    generator = torch.Generator().manual_seed(seed)
    played = rollout(net, env, generator, partial(mappo.extra_of, critic=cfg.critic))
    value = net.in_units(played.value)
    missed = gae(played.reward, value, played.terminated, cfg.gamma, 1.0)
    came = missed + value[:, :-1]
    return Hunts(played.obs, played.extra, env.prey, played.alive, played.success, came)


def spans(critic: str, n_agents: int, obs_dim: int, extra_dim: int) -> dict[str, list[Spans]]:
    """Which numbers of the critic's x an input is, by agent.

    x is the agent's observation, what else there is to know, the agent's number, one-hot.
    """
    one_of("critic", critic, PARTS)
    N, O, end = n_agents, obs_dim, obs_dim + extra_dim  # noqa: E741
    slots = [[O + j * O, O + (j + 1) * O] for j in range(N)]  # of the team's observations
    prey = O + extra_dim * N // (N + 1)  # behind as many numbers of every predator
    found: dict[str, Callable[[int], Spans]] = {
        "own": lambda i: [[0, O], *([slots[i]] if critic == "team" else [])],
        "others": lambda i: slots[:i] + slots[i + 1 :],
        "places": lambda i: [[O, prey]],
        "prey": lambda i: [[prey, end]],
        "number": lambda i: [[end, end + N]],
    }
    return {part: [found[part](i) for i in range(N)] for part in PARTS[critic] if part in found}


@torch.no_grad()
def values(
    net: mappo.Team,
    critic: str,
    obs: Float[Tensor, "B T1 N O"],
    extra: Float[Tensor, "B T1 X"],
    off: Iterable[str] = (),
) -> Float[Tensor, "B T1 N"]:
    """V in every step of whole episodes, with some inputs switched off.

    Raises:
        ValueError: the critic has no input of that name.
    """
    off = [one_of("off", part, PARTS[critic]) for part in off]
    x = critic_input(obs, extra)
    B, T1, N, _ = x.shape
    where = spans(critic, N, obs.shape[-1], extra.shape[-1])
    for part in off:
        for i, those in enumerate(where.get(part, [])):
            for start, end in those:
                x[:, :, i, start:end] = 0
    forget = torch.full((B, T1, N), "memory" in off)  # a memory starts at 0 behind an end
    return net.in_units(net.critic.unroll(x, net.start(B, N), forget)[..., 0])


class Foresight(NamedTuple):
    """How well values foresee the returns that followed."""

    explained: float  # share of their variance, as `mappo.foreseen`
    error: float  # mean squared error


def foresight(seen: Hunts, value: Float[Tensor, "B T1 N"]) -> Foresight:
    """Of the values of all living agents in all steps."""
    came = seen.came[seen.alive]
    missed = came - value[:, :-1][seen.alive]
    explained = 1 - missed.var(correction=0) / came.var(correction=0)
    return Foresight(explained.item(), (missed**2).mean().item())


def choices(parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Every choice of inputs to switch off, from none to all."""
    return [
        tuple(part for k, part in enumerate(parts) if number >> k & 1)
        for number in range(2 ** len(parts))
    ]
