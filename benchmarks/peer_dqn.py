"""Stable-Baselines3's DQN on CartPole, for benchmarks/dqn.py; and how both are judged.

    python benchmarks/peer_dqn.py SEED

This file runs in the peer's own Python and needs nothing of this project. It trains until the goal
is reached and says how long that took, as a line of JSON. The settings are those of rl-zoo3
(hyperparams/dqn.yml, CartPole-v1, there for 50,000 steps).
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import gymnasium
import numpy as np

GOAL = 475.0  # mean return of POLES greedy episodes, at which CartPole-v1 counts as solved
POLES = 100
EVERY = 1000  # environment steps between two looks
SETTINGS: dict[str, Any] = {
    "learning_rate": 2.3e-3,
    "num_envs": 64,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}
STEPS = 50_000  # of the zoo's recipe; the exploration is annealed over 16 % of these
MOST = 200_000  # steps after which a run is given up


def mean_return(act: Callable[[np.ndarray], np.ndarray], seed: int) -> float:
    """The mean return of POLES fresh episodes; act: observations (n, 4) -> actions (n,)."""
    poles = gymnasium.make_vec(
        "CartPole-v1", num_envs=POLES, vectorization_mode="vector_entry_point"
    )
    obs, _ = poles.reset(seed=seed)
    running, total = np.ones(POLES, bool), 0
    while running.any():
        obs, _, terminated, truncated, _ = poles.step(act(obs))
        total += int(running.sum())
        running &= ~(terminated | truncated)
    poles.close()
    return total / POLES


class Clock:
    """Wall and core seconds of training; it stands still while somebody looks.

    Args:
        seed: of the poles that are looked at; others at each look.
    """

    def __init__(self, seed: int):
        self.seed, self.looks = 10**6 * (seed + 1), 0
        self.spent = np.zeros(2)
        self.row: dict[str, Any] = {}
        self.start = self._now()

    def _now(self) -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])

    def solved(self, act: Callable[[np.ndarray], np.ndarray], env_steps: int) -> bool:
        """Look at the policy; whether it has reached the goal."""
        wall, core = (before := self._now()) - self.start - self.spent
        found = mean_return(act, self.seed + self.looks)
        self.looks += 1
        self.spent += self._now() - before
        self.row = {"wall": wall, "core": core, "env_steps": env_steps, "return": found}
        solved = found >= GOAL
        self.row["solved"] = solved
        return solved


def train(seed: int) -> dict[str, Any]:
    """Stable-Baselines3's DQN with the zoo's settings, until the goal."""
    import torch
    from stable_baselines3 import DQN
    from stable_baselines3.common.callbacks import BaseCallback

    torch.set_num_threads(1)
    model = DQN("MlpPolicy", gymnasium.make("CartPole-v1"), seed=seed, device="cpu", **SETTINGS)

    @torch.no_grad()
    def act(obs: np.ndarray) -> np.ndarray:
        return np.asarray(model.q_net(torch.from_numpy(obs)).argmax(1))

    class Look(BaseCallback):
        def _on_step(self) -> bool:
            due = self.num_timesteps % EVERY == 0
            return not (due and clock.solved(act, self.num_timesteps))

    clock = Clock(seed)
    # The zoo's run is 50,000 steps; one that needs more goes on with the final exploration.
    model.learn(STEPS, callback=Look())
    while not clock.row["solved"] and model.num_timesteps < MOST:
        model.exploration_schedule = lambda _: SETTINGS["exploration_final_eps"]
        model.learn(STEPS, callback=Look(), reset_num_timesteps=False)
    versions = {name: version(name) for name in ("stable_baselines3", "torch", "gymnasium")}
    return {**clock.row, "versions": versions}


if __name__ == "__main__":
    print(json.dumps(train(int(sys.argv[1]))))
