"""What scripted policies score: what is stored is what is measured, and exact values hold."""

import math

import numpy as np
import pytest
import torch

from marl_edu.core import storage
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import SpeakerProbe, TMaze
from marl_edu.envs.baselines import TASKS, VARIANTS
from marl_edu.envs.baselines.task import Always, UniformPolicy
from marl_edu.experiments import command, reference
from marl_edu.results import mean_interval, tables

STORED = storage.read_json(tables.REFERENCE)["tasks"]
EVERY = (*TASKS, *VARIANTS)


def test_every_task_is_stored_with_all_its_policies():
    assert list(STORED) == [task.key for task in EVERY]
    for task in EVERY:
        stored = STORED[task.key]
        named = [(scripted.name, scripted.role) for scripted in task.policies]
        assert [(policy["name"], policy["role"]) for policy in stored["policies"]] == named
        kept = (stored["name"], stored["score"], stored["isolates"], stored["trivial"])
        assert kept == (task.name, task.score, task.isolates, task.trivial or None)
        assert stored["shown"] == bool(task.show)
        assert min(policy["n"] for policy in stored["policies"]) >= task.episodes


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_random_open_loop_and_best_are_there_and_in_order(task):
    roles = {scripted.role for scripted in task.policies}
    assert {"random", "open-loop", "best"} <= roles
    assert roles <= {"random", "open-loop", "own view", "shared view", "best"}
    sign = 1 if task.higher_is_better else -1
    means = {policy["name"]: sign * policy["mean"] for policy in STORED[task.key]["policies"]}
    best = max(means[scripted.name] for scripted in task.policies if scripted.role == "best")
    assert best >= max(means.values()) - 1e-6
    assert task.show in means


@pytest.mark.parametrize("task", [t for t in EVERY if t.trivial], ids=lambda task: task.key)
def test_the_trivial_policy_is_the_one_to_beat(task):
    means = {policy["name"]: policy["mean"] for policy in STORED[task.key]["policies"]}
    trivial, best = (next(s for s in task.policies if s.name == task.trivial),
                     next(s for s in task.policies if s.role == "best"))  # fmt: skip
    assert trivial.role in ("random", "open-loop") and means[trivial.name] < means[best.name]


@pytest.mark.long
@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.key)
def test_measured_again_it_agrees(task):
    """On other episodes than the stored ones: the difference is within four standard errors."""
    episodes = min(60, task.episodes)
    for scripted, stored in zip(task.policies, STORED[task.key]["policies"], strict=True):
        found = reference.measure_policy(task, scripted, episodes, episodes, seed=777)
        width = (found.high - found.low + stored["high"] - stored["low"]) / 2 / 1.96
        assert abs(found.value - stored["mean"]) <= 4 * width + 1e-6, scripted.name
        if scripted.exact is not None:
            own = (stored["high"] - stored["low"]) / 2 / 1.96
            rare = 1e-4 * max(1.0, abs(scripted.exact))  # what never occurred has no spread
            assert abs(stored["mean"] - scripted.exact) <= 4 * own + rare, scripted.name


def test_scores_of_a_known_episode():
    """Walks to the junction of length 3 and turns up: 4 steps, paid where the sign says up."""

    def up(env):
        return torch.full((env.num_envs, 1), 0 if env.t < 3 else 1)

    env = TMaze(3, num_envs=64)
    found = play_episodes(env, up, 100, seed=5)
    assert {k: len(v) for k, v in found.items()} == {"success": 128, "return": 128, "steps": 128}
    assert (found["steps"] == 4).all()
    assert torch.equal(found["success"], found["return"])
    assert 0.3 < found["success"].mean() < 0.7


def test_intervals_by_hand():
    share = mean_interval(np.array([1.0] * 8 + [0.0] * 2))
    z, n, p = 1.959964, 10, 0.8  # Wilson's formula
    centre = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    assert (share.low, share.high) == pytest.approx((centre - half, centre + half), abs=1e-5)
    mean = mean_interval(np.array([1.0, 2.0, 3.0, 6.0]))
    half = 3.182446 * math.sqrt(14 / 3) / 2  # Student's t with 3 degrees of freedom
    assert (mean.low, mean.high) == pytest.approx((3 - half, 3 + half), abs=1e-5)


def test_uniform_policy_draws_each_agents_own_actions():
    env = SpeakerProbe(1, 3, num_envs=3000)
    env.reset(0)
    counts = torch.bincount(UniformPolicy(1)(env).flatten(), minlength=3) / 9000
    assert torch.allclose(counts, torch.tensor(1 / 3), atol=0.02)
    assert (Always(2)(env) == 2).all()


def test_the_command_measures_some_and_keeps_the_others(tmp_path, capsys):
    out = ("--out", str(tmp_path / "scores.json"))
    assert command.main(["reference", "two-step", "levers", "--episodes", "20", *out]) == 0
    assert command.main(["reference", "two-step", "--episodes", "30", *out]) == 0
    stored = storage.read_json(tmp_path / "scores.json")["tasks"]
    assert {k: v["policies"][0]["n"] for k, v in stored.items()} == {"two-step": 30, "levers": 20}
    assert command.main(["reference", "chess", *out]) == 2
    assert "no task is called 'chess'; there are easy, medium" in capsys.readouterr().err


def test_the_table_shows_the_best_policy_of_each_role():
    table = tables.environments(tasks=["speaker-listener", "tmaze"])
    listener, maze = table.rows
    assert "middle of the landmarks" in listener[4] and "told the goal" in listener[5]
    assert maze[3] == "= 50.0 (walk and guess)" and maze[5] == "—"
    assert "4,000 episodes" in table.caption
    assert listener[0] == "Speaker and listener: return per agent ↑" and "(random)" not in maze[2]
    short, steps = tables.environments(tasks=["tmaze", "predator-prey5"], details=False).rows
    assert short[3] == "= 50.0" and steps[0].endswith("↓")
    with pytest.raises(ValueError, match=r"tasks must be some of .*, got 'chess'"):
        tables.environments(tasks=["chess"])
