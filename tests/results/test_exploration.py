"""Counting seeds: from stored rows to shares, waits and curves."""

import math

import pytest
import torch

from marl_edu.algos import counts
from marl_edu.core import storage
from marl_edu.envs.key_door_maze import WATCH, KeyDoorMaze
from marl_edu.results import exploration, share_interval
from marl_edu.training import bonus, ppo


@pytest.fixture
def folder(tmp_path):
    """Three seeds: one finds the goal at once and learns, one late and does not, one never."""
    for seed, (first, final) in enumerate([(1, 1.0), (3, 0.5), (99, 0.0)]):
        rows = [
            {"env_steps": 100 * k, "found": 0.0 if k < first else 0.5 if k == first else 1.0}
            for k in range(1, 5)
        ]
        storage.write_rows(tmp_path / "rnd-x" / f"seed-{seed}.csv", rows)
        record = {"evaluation": {"success_sampling": final, "episodes": 10}}
        storage.write_json(tmp_path / "rnd-x" / f"seed-{seed}.json", record)
    return tmp_path


def test_seeds_are_counted(folder):
    assert exploration.first_rewards("rnd-x", folder) == [100.0, 300.0, math.inf]
    assert exploration.waits("rnd-x", folder) == (300.0, 100.0, math.inf, 3)
    solved = exploration.solved("rnd-x", folder)
    assert solved.value == pytest.approx(1 / 3) and solved.n == 3
    assert 0 < solved.low < 1 / 3 < solved.high < 1


def test_the_curve_of_finders_only_rises(folder):
    curve = exploration.found_curve("rnd-x", folder)
    assert curve.steps.tolist() == [100, 200, 300, 400]
    assert curve.iqm.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert (curve.low < curve.iqm).all() and (curve.iqm < curve.high).all() and curve.n == 3


def test_wilson_s_interval_of_none_and_all():
    none, every = share_interval(0, 10), share_interval(10, 10)
    assert (none.value, none.low) == (0, 0) and none.high == pytest.approx(0.2775, abs=1e-3)
    assert (every.value, every.high) == (1, 1) and every.low == pytest.approx(0.7225, abs=1e-3)


class Surprised(bonus.NoBonus):
    """Pays for the cell, the key and the open door that are seen, each in its own decimal."""

    def __init__(self, env):
        super().__init__()
        self.place = env.place

    def reward(self, obs, action, next_obs):
        P = self.place.shape[1]
        cell = (next_obs[..., :P] @ self.place.T).argmax(-1)
        return cell + 0.1 * next_obs[..., P] + 0.01 * next_obs[..., P + 1]


@pytest.mark.parametrize("key", [False, True])
def test_a_map_of_curiosity_pays_each_step_as_the_environment_takes_it(key):
    env = KeyDoorMaze(num_envs=1)
    near = exploration.near(env)
    assert near.tolist() == [row < 4 for row, _ in env.free]
    pays = exploration.bonus_map(Surprised(env), env, key)
    assert pays.shape == (5, env.n_cells)
    for cell in range(env.n_cells):
        for action in range(5):
            env.reset()
            env.cell[:], env.has_key[:], env.door_open[:] = cell, key, not near[cell]
            obs = env.step(torch.full((1, 1), action))[0]
            right = Surprised(env).reward(obs, None, obs).item()
            assert pays[action, cell].item() == pytest.approx(right)
    assert pays[WATCH].int().tolist() == list(range(env.n_cells))


def test_visits_are_counted_beside_the_bonus():
    env = KeyDoorMaze(num_envs=3)
    seen = ppo.rollout(ppo.ActorCritic(42, 5, 8), env, torch.Generator().manual_seed(0))
    watched = exploration.Watched(counts.CountBonus(42), env)
    steps = (seen.obs[:, :-1], seen.action, seen.obs[:, 1:])
    watched.update(*steps, seen.alive)
    assert watched.visits.sum() == seen.alive.sum()
    for cell in range(env.n_cells):
        assert watched.visits[:, cell].sum() == (seen.cell[seen.alive] == cell).sum()
    assert torch.equal(watched.reward(*steps), watched.bonus.reward(*steps))
    assert torch.equal(watched.loss(*steps), watched.bonus.loss(*steps))


def test_counts_agree_with_novelty_and_their_opposite_disagrees():
    env = KeyDoorMaze(num_envs=8)
    seen = ppo.rollout(ppo.ActorCritic(42, 5, 8), env, torch.Generator().manual_seed(0))
    watched = exploration.Watched(counts.CountBonus(42), env)
    watched.update(seen.obs[:, :-1], seen.action, seen.obs[:, 1:], seen.alive)
    found = exploration.agreement(watched, env)
    assert found.with_visits < -0.5 and found.unseen_first > 0.9
    watched.bonus.reward = lambda *steps: -counts.CountBonus.reward(watched.bonus, *steps)
    found = exploration.agreement(watched, env)
    assert found.with_visits > 0.5 and found.unseen_first < 0.1
