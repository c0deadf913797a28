"""A trained critic and hunts of its team, for the page; and what it says of them.

`network.js` and `hunt.js` are the same in JavaScript. Here the environment says what is seen.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from marl_edu.algos import mappo
from marl_edu.envs import PredatorPrey
from marl_edu.envs.predator_prey import STEP_REWARD
from marl_edu.experiments import catalogue
from marl_edu.experiments.catalogue import critics
from marl_edu.experiments.critic_inputs import (
    EPISODES,
    PARTS,
    Hunts,
    choices,
    foresight,
    hunts,
    spans,
    values,
)
from marl_edu.training.recurrent_ppo import Recurrent
from marl_edu.widgets.shared.weights import pack, unpack

SHOWN = 20  # hunts
NOTHING = "none"  # is switched off
LETTERS = {"own": "o", "others": "t", "places": "p", "prey": "y", "number": "n", "memory": "m"}
NAMES = {
    "own": "own view",
    "others": "others’ views",
    "places": "predators’ places",
    "prey": "prey’s place",
    "number": "agent’s number",
    "memory": "memory",
}
LABELS = {
    "state": "MAPPO, the state",
    "team": "MAPPO, the team’s views",
    "own": "IPPO, the agent’s own view",
}


def code(off: Iterable[str]) -> str:
    """Inputs that are switched off, as a link names them."""
    return "".join(LETTERS[part] for part in LETTERS if part in set(off)) or NOTHING


def parts_of(text: str) -> tuple[str, ...]:
    """The inputs that `code` named."""
    return tuple(part for part, letter in LETTERS.items() if text != NOTHING and letter in text)


def export(
    net: mappo.Team, cfg: mappo.Config, label: str, episodes: int = EPISODES
) -> dict[str, Any]:
    """A critic with hunts of its team, as JSON values; its weights are rounded to 16 bits.

    Args:
        episodes: hunts behind the numbers. The first of them are there to be seen.
    """
    critic: Any = net.critic
    for weight in critic.parameters():
        weight.data = weight.data.half().float()
    seen = hunts(net, cfg, episodes)
    told = seen.obs, seen.extra
    N, O = seen.obs.shape[2:]  # noqa: E741
    numbers = {
        code(off): list(foresight(seen, values(net, cfg.critic, *told, off)))
        for off in choices(PARTS[cfg.critic])
    }
    where = spans(cfg.critic, N, O, seen.extra.shape[-1])
    return {
        "kind": cfg.critic,
        "label": label,
        "gamma": cfg.gamma,
        "scale": [net.in_units(torch.tensor(0.0)).item(), _sigma(net)],
        "parts": {LETTERS[part]: where.get(part, []) for part in PARTS[cfg.critic]},
        "hunts": [_plain(seen, b) for b in range(min(SHOWN, episodes))],
        "numbers": numbers,
        **pack(critic.state_dict()),
    }


def _sigma(net: mappo.Team) -> float:
    zero, one = net.in_units(torch.tensor([0.0, 1.0])).tolist()
    return one - zero


def _plain(seen: Hunts, b: int) -> dict[str, Any]:
    """Where everybody was: cells, row by row from the top left, before each step and at the end."""
    size = PredatorPrey(num_envs=1).size
    steps = int(seen.alive[b].any(-1).sum())
    row, column = seen.prey[b].tolist()
    cells = seen.obs[b, : steps + 1, :, : size * size].argmax(-1)
    return {"prey": row * size + column, "cells": cells.tolist()}


@cache  # three seconds of playing
def stored_critics(seed: int = 0) -> dict[str, dict[str, Any]]:
    """The book's critics in the hunt, exported; what each of them sees -> export."""
    found = {}
    for critic, label in LABELS.items():
        name = critics.name_of("hunt", critic)
        net: Any = catalogue.load_policy(name, seed)
        found[critic] = export(net, catalogue.EXPERIMENTS[name].cfg, label)
    return found


def load(record: dict[str, Any]) -> mappo.Team:
    """The critic that `export` wrote, in a team whose actor is never asked."""
    weights = unpack(record)
    D, inputs = weights["encode.weight"].shape
    net = Recurrent(inputs, 1, 0, D)
    net.load_state_dict(weights)
    team = mappo.Team(net, net, D)
    mean, sigma = record["scale"]
    team.scale.mean.fill_(mean)
    team.scale.var.fill_(sigma**2)
    return team.eval()


class Hunt:
    """A hunt of a critic's team, and the values of its steps.

    Args:
        record: a critic, exported. number: of the hunt. off: inputs that are switched off.
    """

    def __init__(self, record: dict[str, Any], number: int = 0, off: Iterable[str] = ()):
        one = record["hunts"][number]
        self.number, self.cells, self.prey = number, one["cells"], one["prey"]
        self.steps = len(self.cells) - 1
        obs, extra = self._told(record["kind"])
        net = load(record)
        self.all_on = values(net, record["kind"], obs, extra)[0]  # (T + 1, N)
        self.value = values(net, record["kind"], obs, extra, off)[0]
        self.came = self._came(record["gamma"])  # (T, N)

    @property
    def success(self) -> bool:
        """Whether all have arrived."""
        return all(cell == self.prey for cell in self.cells[-1])

    def _told(self, critic: str) -> tuple[Tensor, Tensor]:
        """What the critic sees of every step, `(1, T + 1, N, O)` and `(1, T + 1, X)`."""
        env = PredatorPrey(num_envs=len(self.cells), seed=0)
        env.reset()
        cells, prey = torch.tensor(self.cells), torch.tensor(self.prey).expand(len(self.cells))
        env.predators = torch.stack([cells // env.size, cells % env.size], -1)
        env.prey = torch.stack([prey // env.size, prey % env.size], -1)
        env.observe()
        return env.obs[None], mappo.extra_of(env, critic)[None]

    def _came(self, gamma: float) -> Tensor:
        """The return that followed each step; see `critic_inputs.hunts`."""
        follows = self.all_on[-1] * (not self.success)
        found = []
        for cells in reversed(self.cells[1:]):
            off_prey = torch.tensor([cell != self.prey for cell in cells])
            follows = STEP_REWARD * off_prey + gamma * follows
            found.append(follows)
        return torch.stack(found[::-1])


def task() -> dict[str, Any]:
    """The numbers of the environment, for JavaScript."""
    env = PredatorPrey(num_envs=1)
    return {
        "size": env.size,
        "agents": env.n_agents,
        "steps": env.max_steps,
        "reward": STEP_REWARD,
        "episodes": EPISODES,
        "inputs": [[letter, NAMES[part]] for part, letter in LETTERS.items()],
    }
