"""Every algorithm in every environment: it trains there, and one that was stopped ends the same."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from marl_edu import envs
from marl_edu.algos import commnet, counts, dqn, drqn, gat, ic3net, icm, qmix, rnd, tarmac
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.training import a2c, ppo

pytestmark = pytest.mark.slow

ENVS = [
    env
    for env in (getattr(envs, name) for name in envs.__all__)
    if issubclass(env, BatchedEnv) and env not in (envs.AgentId, envs.Flicker)  # those need another
]
SMALL = {"num_envs": 4, "hidden_dim": 8, "log_every": 1, "checkpoint_every": 1}
ROUNDS = {"updates": 3}
STEPS = {
    "updates": 60,
    "learning_starts": 1,
    "batch_size": 8,
    "capacity": 300,
}  # 20 a round, see below
ALGORITHMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "none": (a2c.Config, a2c.train, ROUNDS),
    "commnet": (commnet.Config, commnet.train, ROUNDS),
    "tarmac": (tarmac.Config, tarmac.train, ROUNDS),
    "ic3net": (ic3net.Config, ic3net.train, ROUNDS),
    "gat": (gat.Config, gat.train, ROUNDS),
    "dqn": (dqn.Config, dqn.train, STEPS),
    "drqn": (drqn.Config, drqn.train, STEPS),
    "qmix": (qmix.Config, qmix.train, STEPS),  # IQL and VDN are it without the mixer
    "ppo": (ppo.Config, ppo.train, ROUNDS),
    "counts": (counts.Config, counts.train, ROUNDS),
    "icm": (icm.Config, icm.train, ROUNDS),
    "rnd": (rnd.Config, rnd.train, ROUNDS),
}


PAIRS = [
    pytest.param(name, env, id=f"{name}-{env.__name__}") for name in ALGORITHMS for env in ENVS
]


class PowerCut(Exception):
    """What interrupts a run."""


def numbers(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rows without the time they took."""
    return [{key: x for key, x in row.items() if key != "cpu_seconds"} for row in rows]


@pytest.mark.parametrize("name, env", PAIRS)
def test_a_run_that_was_stopped_ends_with_the_same_numbers(name, env, tmp_path):
    config, train, settings = ALGORITHMS[name]
    if settings is STEPS:
        made = env(num_envs=4)
        settings = STEPS | {"train_freq": 4 * made.n_agents * made.max_steps / 20}
    cfg = config(env=env, **SMALL, **settings)
    whole = train(cfg)
    assert whole.rows[-1]["update"] == cfg.updates
    path = tmp_path / "run.safetensors"

    def cut(row: dict[str, float]) -> None:
        if path.exists():
            raise PowerCut

    with pytest.raises(PowerCut):
        train(cfg, cut, path)
    again = train(cfg, None, path)
    assert numbers(again.rows) == numbers(whole.rows)
    for one, other in zip(whole.net.parameters(), again.net.parameters(), strict=True):
        assert torch.isfinite(one).all() and torch.equal(one, other)
