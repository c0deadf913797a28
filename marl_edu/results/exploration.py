"""What stored runs say about exploring: who found the reward, when, and who learned from it.

With one reward far away, most runs score 0 or 1, and a mean of scores says little. So here runs are
counted: the share of seeds that had ever been paid by a given step, and the steps that took. There
is also the share of seeds whose policy reaches the goal in the end. And there are two ways to look
into a bonus module: what it would pay where, and how often each place was visited meanwhile.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy  # which imports its parts when they are used; stats takes a second
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.results import statistics
from marl_edu.results.folders import RESULTS
from marl_edu.results.statistics import Curve, Estimate, share_interval

ENOUGH = 0.9  # share of fresh episodes, sampled actions, from which on a seed has solved the maze


class Wait(NamedTuple):
    """Environment steps until the first reward, over seeds; infinite where it never came."""

    median: float
    first: float
    last: float
    n: int


def solved(experiment: str, folder: Path = RESULTS) -> Estimate:
    """The share of seeds that reach the goal in at least `ENOUGH` of their final episodes."""
    final = statistics.scores(experiment, "success_sampling", folder)
    return share_interval(int((final >= ENOUGH).sum()), len(final))


def first_rewards(experiment: str, folder: Path = RESULTS) -> list[float]:
    """Environment steps until the row of the log in which a seed was first paid, seed by seed."""
    return [
        next((float(row["env_steps"]) for row in record["rows"] if row["found"] > 0), np.inf)
        for record in statistics.load(experiment, folder)
    ]


def waits(experiment: str, folder: Path = RESULTS) -> Wait:
    """Median, shortest and longest wait for the first reward."""
    steps = first_rewards(experiment, folder)
    # "higher": half of the seeds had found it by then, also where the others never did.
    middle = float(np.quantile(steps, 0.5, method="higher"))
    return Wait(middle, min(steps), max(steps), len(steps))


def found_curve(experiment: str, folder: Path = RESULTS) -> Curve:
    """The share of seeds that had ever been paid, along training, with Wilson's interval."""
    steps = [row["env_steps"] for row in statistics.load(experiment, folder)[0]["rows"]]
    first = np.array(first_rewards(experiment, folder))
    shares = [share_interval(int((first <= step).sum()), len(first)) for step in steps]
    value, low, high = (np.array([s[k] for s in shares]) for k in range(3))
    return Curve(np.array(steps, dtype=float), value, low, high, len(first))


def near(env: Any) -> Bool[Tensor, " C"]:
    """The cells that can be reached without the key."""
    found = torch.zeros(env.n_cells, dtype=torch.bool)
    found[env.start] = True
    for _ in range(env.n_cells):
        found[env.leads[0][:, found].flatten()] = True
    return found


@torch.no_grad()
def bonus_map(bonus: Any, env: Any, key: bool) -> Float[Tensor, "A C"]:
    """A map of curiosity: what each action would pay in each cell of a `KeyDoorMaze`.

    Whoever is beyond the door has opened it; for everybody else it is still shut.

    Args:
        bonus: a bonus module. env: the maze. key: whether the agent has it.

    Returns:
        (actions, cells). The last action stays: it pays what arriving in the cell would.
    """
    A, C, P = env.n_actions, env.n_cells, env.place.shape[1]
    seen = torch.zeros(C, env.obs_dim)
    seen[:, :P], seen[:, P], seen[:, P + 1] = env.place, float(key), ~near(env)
    action = torch.arange(A)[:, None].expand(A, C)
    there = env.leads[int(key), action, torch.arange(C)]
    after = seen[there]
    after[..., P] = ((there == env.key) | key).float()
    after[..., P + 1] = torch.maximum(after[..., P + 1], seen[:, P + 1])  # a door stays open
    return bonus.reward(seen.expand(A, C, -1), action, after)


class Watched(nn.Module):
    """A bonus module, with a count of the visits to every cell beside it.

    `visits` is (2, cells): without the key, with it.
    """

    def __init__(self, bonus: nn.Module, env: Any):
        super().__init__()
        self.bonus: Any = bonus
        self.place = env.place
        self.visits: Tensor
        self.register_buffer("visits", torch.zeros(2, env.n_cells))

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """The module's."""
        return self.bonus.reward(obs, action, next_obs)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """The module's."""
        return self.bonus.loss(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Count where each step led."""
        self.bonus.update(obs, action, next_obs, alive)
        P = self.place.shape[1]
        cell = (next_obs[..., :P] @ self.place.T).argmax(-1)[alive]
        key = next_obs[..., P].long()[alive]
        self.visits.index_put_((key, cell), torch.ones(()), accumulate=True)


class Agreement(NamedTuple):
    """How far a bonus is a measure of novelty: -1 and 1 if it is nothing else."""

    with_visits: float  # rank correlation of visits and bonus, over cells seen without the key
    unseen_first: float  # chance that a state never seen would pay more than one seen


def agreement(watched: Watched, env: Any) -> Agreement:
    """Compare what a bonus would pay with where the agents have been.

    States are cells without the key, as far as the door lets an agent come, and cells with it; each
    pays the mean over the actions there.
    """
    pays = torch.stack([bonus_map(watched, env, key).mean(0) for key in (False, True)])
    seen = watched.visits > 0
    possible = torch.stack([near(env), torch.ones(env.n_cells, dtype=torch.bool)])
    rank = scipy.stats.spearmanr(watched.visits[0][seen[0]], pays[0][seen[0]]).statistic
    new, old = pays[possible & ~seen], pays[possible & seen]
    return Agreement(float(rank), (new[:, None] > old).float().mean().item())
