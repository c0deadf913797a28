"""What a trained agent remembers: probes that read its memory, and interventions on it.

A probe is a linear classifier that is trained to tell the sign, which the agent saw at the start,
from what it remembers now. It shows that the information is in there. That it is *used* only an
intervention shows, which changes the memory midway and looks where the agent turns. What a probe
reads from networks that nobody trained (`Led` down the corridor) says how little its success means
by itself.

    python -m marl_edu.experiments memory-probe    all trained agents, to drqn-memory.json

Sizes: B agents, T steps, U numbers remembered (with an LSTM: h and its cell).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marl_edu import results
from marl_edu.algos import drqn
from marl_edu.core import storage
from marl_edu.core.ops import epsilon_greedy
from marl_edu.core.records import by_seed
from marl_edu.envs.tmaze import FORWARD, JUNCTION, UP, TMaze
from marl_edu.experiments import catalogue
from marl_edu.results import Estimate, folders
from marl_edu.training import qlearning

EXPERIMENT = "drqn-tmaze"
PATH = results.RESULTS / "drqn-memory.json"
MIDWAY = 5  # the step before which we intervene: by then the trained have left the sign


class Memories(NamedTuple):
    """What agents remembered along the way, after what they saw in each step."""

    hidden: Float[Tensor, "B T U"]
    cell: Int[Tensor, "B T"]  # where they stood
    says_up: Bool[Tensor, " B"]  # what the sign had said
    alive: Bool[Tensor, "B T"]


@torch.no_grad()
def record(net: Any, env: TMaze, epsilon: float = 0.3, seed: int = 0) -> Memories:
    """Watch a round of agents, one per environment.

    Args:
        net: who drives them. env: a T-maze with one agent. epsilon: chance of a random action,
            so that they are seen at different places at the same time.
    """
    obs = env.reset(seed)
    chance = torch.Generator().manual_seed(seed)
    hidden = net.start(env.num_envs, 1)
    kept = []
    for _ in range(env.max_steps):
        alive, cell = env.alive[:, 0], env.cell[:, 0]
        q, hidden = net(obs, hidden)
        kept.append((hidden[:, 0], cell, alive))
        obs, *_ = env.step(epsilon_greedy(q, epsilon, env.available, chance))
        if not env.running.any():
            break
    hidden, cells, living = (torch.stack(part, 1) for part in zip(*kept, strict=True))
    return Memories(hidden, cells, env.sign[:, 0] == UP, living)


class Probe(NamedTuple):
    """p(the sign said up) = sigmoid(weight . hidden + bias)."""

    weight: Float[Tensor, " U"]
    bias: Float[Tensor, ""]

    def read(self, hidden: Float[Tensor, "*B U"]) -> Float[Tensor, "*B"]:
        """How probable it is, by this memory, that the sign said up."""
        return torch.sigmoid(hidden @ self.weight + self.bias)


def fit_probe(
    hidden: Float[Tensor, "M U"], says_up: Bool[Tensor, " M"], shrink: float = 1e-2
) -> Probe:
    """Logistic regression by Newton's method, weights held small.

    Args:
        hidden: memories. says_up: what the sign had said. shrink: pulls weights to 0.
    """
    x = torch.cat([hidden, torch.ones_like(hidden[:, :1])], 1).double()
    y, w = says_up.double(), torch.zeros(x.shape[1], dtype=torch.float64)
    hold = shrink * torch.ones_like(w)
    hold[-1] = 1e-6
    for _ in range(20):
        p = torch.sigmoid(x @ w)
        gradient = x.T @ (p - y) / len(y) + hold * w
        curvature = (x.T * (p * (1 - p))) @ x / len(y) + torch.diag(hold)
        w = w - torch.linalg.solve(curvature, gradient)
    return Probe(w[:-1].float(), w[-1].float())


def probe_of(net: Any, length: int = 10, agents: int = 400, seed: int = 1) -> Probe:
    """A probe for this agent's memory, wherever it stands in the corridor."""
    seen = record(net, TMaze(length, num_envs=agents), seed=seed)
    up = seen.says_up[:, None].expand_as(seen.alive)
    return fit_probe(seen.hidden[seen.alive], up[seen.alive])


def readable(net: Any, length: int = 10, agents: int = 400) -> list[float]:
    """How often a probe reads the sign right, by where the agent stands.

    One probe for all cells, trained on some agents, who explore, and tried on others, who are
    greedy: `[accuracy in cell 0, in cell 1, ..., at the junction]`.
    """
    probe = probe_of(net, length, agents, seed=1)
    seen = record(net, TMaze(length, num_envs=agents), epsilon=0.0, seed=2)
    right = (probe.read(seen.hidden) > 0.5) == seen.says_up[:, None]
    found = []
    for cell in range(length + 1):
        there = seen.alive & (seen.cell == cell)
        found.append(right[there].float().mean().item() if there.any() else float("nan"))
    return found


class Led(nn.Module):
    """Goes straight on and turns UP at the junction, whatever is remembered on the way."""

    def __init__(self, net: Any):
        super().__init__()
        self.net = net

    def start(self, num_envs: int, n_agents: int) -> Tensor:
        """As the network's."""
        return self.net.start(num_envs, n_agents)

    def forward(self, obs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One step; the network remembers, and is not asked."""
        there = obs[..., JUNCTION, None] == 1
        q = torch.where(there, torch.eye(3)[UP], torch.eye(3)[FORWARD])
        return q, self.net(obs, hidden)[1]


def untrained(experiment: str = EXPERIMENT, seed: int = 0) -> Led:
    """A network as training begins with it, led down the corridor."""
    torch.manual_seed(seed)
    cfg: Any = catalogue.EXPERIMENTS[experiment].cfg
    return Led(drqn.build(cfg, catalogue.make_env(experiment)))


# -- the interventions ----------------------------------------------------------------------------

Change = Callable[[Tensor, TMaze], Tensor]  # (hidden (B, N, U), environment) -> another hidden


def erased(hidden: Tensor, env: TMaze) -> Tensor:
    """Nothing is remembered: zeros, as at the start of an episode."""
    return torch.zeros_like(hidden)


def exchanged(hidden: Tensor, env: TMaze) -> Tensor:
    """Everybody gets the memory of somebody who read the *other* sign."""
    up, down = ((env.sign[:, 0] == UP) == side for side in (True, False))
    changed = hidden.clone()
    for mine, theirs in ((up, down), (down, up)):
        donors = theirs.nonzero()[:, 0]
        takers = mine.nonzero()[:, 0]
        changed[takers] = hidden[donors[torch.arange(len(takers)) % len(donors)]]
    return changed


def shuffled(hidden: Tensor, env: TMaze) -> Tensor:
    """Everybody gets the memory of somebody, whatever sign that one read."""
    order = torch.randperm(len(hidden), generator=torch.Generator().manual_seed(0))
    return hidden[order]


def noisy(amount: float) -> Change:
    """Noise is added, in units of the spread of all numbers remembered."""

    def change(hidden: Tensor, env: TMaze) -> Tensor:
        noise = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0))
        return hidden + amount * hidden.std() * noise

    return change


def rounded(bits: int) -> Change:
    """Every number is rounded to so many bits, between -1 and 1 (an LSTM's cell: -4 and 4)."""

    def change(hidden: Tensor, env: TMaze) -> Tensor:
        span = torch.ones(hidden.shape[-1])
        span[hidden.shape[-1] // 2 :] = 4.0
        levels = 2**bits
        cut = ((hidden / span).clamp(-1, 1) + 1) / 2 * levels
        return ((cut.floor().clamp_max(levels - 1) + 0.5) / levels * 2 - 1) * span

    return change


class Tampered(nn.Module):
    """A agent whose memory is changed once, before its step number `at` (counted from 0)."""

    def __init__(self, net: Any, env: TMaze, change: Change, at: int = MIDWAY):
        super().__init__()
        self.net, self.env, self.change, self.at = net, env, change, at

    def start(self, num_envs: int, n_agents: int) -> Tensor:
        """As the agent's."""
        self.t = 0
        return self.net.start(num_envs, n_agents)

    def forward(self, obs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One step, of a changed memory where it is time for that."""
        if self.t == self.at:
            hidden = self.change(hidden, self.env)
        self.t += 1
        return self.net(obs, hidden)


CHANGES: dict[str, Change | None] = {
    "as trained": None,
    "exchanged": exchanged,
    "erased": erased,
    "shuffled": shuffled,
    "noise 0.5": noisy(0.5),
    "noise 1": noisy(1.0),
    "noise 2": noisy(2.0),
    "4 bits": rounded(4),
    "2 bits": rounded(2),
    "1 bit": rounded(1),
}


def intervene(net: Any, length: int = 10, episodes: int = 2000) -> dict[str, dict[str, float]]:
    """Right and wrong turns of an agent, as trained and tampered with: change -> shares.

    Who turns neither way before time is up makes up the rest.
    """
    env, found = TMaze(length, num_envs=250), {}
    for name, change in CHANGES.items():
        agent = net if change is None else Tampered(net, env, change)
        right = turned = 0
        for batch in range(episodes // 250):
            row = qlearning.rollout(agent, env, seed=10**6 + batch)[1]
            right += round(250 * float(row["success"]))
            turned += int((env.turned > 0).sum())
        found[name] = {"right": right / episodes, "wrong": (turned - right) / episodes}
    return found


def measure(experiment: str = EXPERIMENT) -> dict[str, Any]:
    """The interventions and the probe on every stored agent.

    Raises:
        FileNotFoundError: there is none; the message names the command.
    """
    seeds = list(by_seed(folders.POLICIES, f"{experiment}-seed", ".safetensors"))
    if not seeds:
        raise FileNotFoundError(
            f"no policy of {experiment!r} in {folders.POLICIES}; "
            + folders.how_to_make(f"marl_edu.experiments run {experiment}")
        )
    nets = [catalogue.load_policy(experiment, seed) for seed in seeds]
    rows = [intervene(net) for net in nets]
    return {
        "experiment": experiment,
        "seeds": seeds,
        "episodes": 2000,
        "right": {name: [row[name]["right"] for row in rows] for name in CHANGES},
        "wrong": {name: [row[name]["wrong"] for row in rows] for name in CHANGES},
        "readable": [readable(net) for net in nets],
        "untrained": [readable(untrained(experiment, seed)) for seed in seeds],
    }


def stored(
    path: str | Path = PATH,
) -> tuple[dict[str, Estimate], list[Estimate], Mapping[str, Any]]:
    """What `python -m marl_edu.experiments memory-probe` wrote.

    Returns:
        change -> right turns over all agents; the probe's accuracy cell by cell; the whole record.
    """
    record = folders.read(Path(path), "marl_edu.experiments memory-probe")
    episodes = record["episodes"]
    right = {name: results.score_interval(x, episodes) for name, x in record["right"].items()}
    by_cell = zip(*record["readable"], strict=True)
    return right, [results.interval(list(values)) for values in by_cell], record


def main() -> None:
    """Measure, and write the file."""
    torch.set_num_threads(1)
    storage.write_json(PATH, measure())
    print(f"written: {PATH}")
