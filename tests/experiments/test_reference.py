"""What the rules score: the stored table is what the script measures, and exact values hold."""

import math

import pytest
import torch

from marl_edu.core import storage
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import SpeakerProbe, TMaze
from marl_edu.envs.baselines import TASKS
from marl_edu.envs.baselines.task import Always, UniformPolicy
from marl_edu.experiments import reference
from marl_edu.results import tables

STORED = storage.read_json(reference.WORLDS)["tasks"]


def test_every_task_is_stored_with_all_its_rules():
    assert list(STORED) == [task.name for task in TASKS]
    for task in TASKS:
        stored = STORED[task.name]
        named = [(scripted.name, scripted.role) for scripted in task.policies]
        assert [(scripted["name"], scripted["role"]) for scripted in stored["policies"]] == named
        assert (stored["score"], stored["isolates"]) == (task.score, task.isolates)
        assert task.show in [scripted.name for scripted in task.policies]
        assert min(scripted["n"] for scripted in stored["policies"]) >= 1000


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_random_blind_and_best_are_there_and_in_order(task):
    roles = {scripted.role for scripted in task.policies}
    assert {"random", "open-loop", "best"} <= roles
    assert roles <= {"random", "open-loop", "own view", "shared view", "best"}
    sign = 1 if task.higher_is_better else -1
    means = {
        scripted["name"]: sign * scripted["mean"] for scripted in STORED[task.name]["policies"]
    }
    best = max(means[scripted.name] for scripted in task.policies if scripted.role == "best")
    assert best >= max(means.values()) - 1e-6


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_measured_again_it_agrees(task):
    """On other episodes than the stored ones: the difference is within four standard errors."""
    for scripted, stored in zip(task.policies, STORED[task.name]["policies"], strict=True):
        found = reference.measure_rule(task, scripted, 60, 60, seed=777)
        width = (found.high - found.low + stored["high"] - stored["low"]) / 2 / 1.96
        assert abs(found.mean - stored["mean"]) <= 4 * width + 1e-6, scripted.name
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
    share = reference.interval(torch.tensor([1.0] * 8 + [0.0] * 2))
    z, n, p = 1.959964, 10, 0.8  # Wilson's formula
    centre = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    assert (share.low, share.high) == pytest.approx((centre - half, centre + half), abs=1e-5)
    mean = reference.interval(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    half = 3.182446 * math.sqrt(14 / 3) / 2  # Student's t with 3 degrees of freedom
    assert (mean.low, mean.high) == pytest.approx((3 - half, 3 + half), abs=1e-5)


def test_uniform_policy_draws_each_agents_own_actions():
    env = SpeakerProbe(1, 3, num_envs=3000)
    env.reset(0)
    counts = torch.bincount(UniformPolicy(1)(env).flatten(), minlength=3) / 9000
    assert torch.allclose(counts, torch.tensor(1 / 3), atol=0.02)
    assert (Always(2)(env) == 2).all()


def test_the_command_measures_some_and_keeps_the_others(tmp_path, capsys):
    path = tmp_path / "worlds.json"
    reference.main(["Two-step", "Levers", "--episodes", "20", "--out", str(path)])
    reference.main(["Two-step", "--episodes", "30", "--out", str(path)])
    stored = storage.read_json(path)["tasks"]
    assert {k: v["policies"][0]["n"] for k, v in stored.items()} == {
        "Two-step game": 30,
        "Levers, 5 of 500": 20,
    }
    with pytest.raises(SystemExit):
        reference.main(["no such world"])
    assert "names must begin some of" in capsys.readouterr().err


def test_the_table_shows_the_best_rule_of_each_role():
    table = tables.environments(names=["Speaker and listener", "T-maze, length 10"])
    listener, maze = table.rows
    assert "middle of the landmarks" in listener[3] and "told the goal" in listener[4]
    assert maze[2] == "= 50.0 (walk and guess)" and maze[4] == "—"
    assert "4,000 episodes" in table.caption
    with pytest.raises(ValueError, match="names must be some of .*, got 'chess'"):
        tables.environments(names=["chess"])
