"""benchmarks/environments.py at tiny settings, without the peers: is it right, not how fast."""

import json
import math
import os
import sys
from pathlib import Path

import pytest
import torch

from marl_edu import results
from marl_edu.envs.speaker_listener import SpeakerListener

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import environments
import peer_environments

PYTHON = Path(sys.executable)


def row(batch, **ratios):
    return {"batch": batch, "ratios": ratios}


def test_without_peers_everything_else_is_measured_and_saved(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(environments, "LONGEST", 2)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)  # this process has others to run
    tiny = ["--batches", "1", "3", "--agents", "8", "16", "--seconds", "0.001", "--rounds", "1"]
    environments.main([*tiny, "--save", "--peers", str(tmp_path / "nowhere")])
    shown = capsys.readouterr().out
    assert "No peers" in shown and "--install" in shown
    saved = json.loads((tmp_path / "benchmark-environments.json").read_text())
    assert [r["batch"] for r in saved["cooperative_navigation"]] == [1, 3]
    assert all(
        list(r["agent_steps_per_second"]) == ["ours"] for r in saved["cooperative_navigation"]
    )
    assert saved["goals"] == []
    assert {r["environment"] for r in saved["environments"]} >= {"TrafficJunction", "SpeakerProbe"}
    assert all(r["agent_steps_per_second"] > 0 for r in saved["environments"])
    assert [r["n_agents"] for r in saved["grid_world"]] == [8, 16]
    assert saved["provenance"]["versions"]["torch"] == torch.__version__


def test_a_goal_is_checked_where_it_applies_and_only_there():
    rows = [row(1, VMAS=1.0, mpe2=2.0, JaxMARL=0.1), row(1024, VMAS=3.0, mpe2=100.0), row(8192)]
    found = [(g["beside"], g["batch"], g["reached"]) for g in environments.goals_of(rows)]
    assert found == [("VMAS", 1, False), ("VMAS", 1024, True), ("mpe2", 1024, True)]


def test_turns_give_the_median_of_an_episode_and_as_many_episodes_as_fit():
    asked = []

    def play(episodes):
        asked.append(episodes)
        return 0.25 * episodes * (9 if len(asked) == 3 else 1)  # one slow round

    assert environments.in_turns({"one": play}, rounds=3, seconds=1.0) == {"one": 0.25}
    assert asked == [1, 4, 4, 4]


def test_an_episode_is_a_reset_and_steps_also_where_agents_have_fewer_actions():
    env = SpeakerListener(max_steps=30, num_envs=64, seed=0)
    assert len(set(env.action_counts)) > 1
    episode = environments.episode_of(env, 30)  # more than the actions that are drawn
    episode(), episode()
    assert env.t == 30


@pytest.mark.long
def test_the_time_of_ours_is_shared_out_among_operations():
    parts = environments.where_time_goes(batch=2, top=5)
    assert len(parts) == 5 and all(0 < part["share"] < 1 for part in parts)
    assert parts == sorted(parts, key=lambda part: -part["share"])


def test_growth_is_the_slope_in_logarithms(monkeypatch):
    taken = iter([1.0, 8.0])
    monkeypatch.setattr(environments, "seconds_per_call", lambda call, seconds: next(taken))
    first, second = environments.growing([16, 64], 0.0)
    assert first["growth_exponent"] is None and first["grid_size"] == 8
    assert math.isclose(second["growth_exponent"], 1.5)


def test_a_peer_whose_process_ends_or_that_is_not_installed_says_so():
    with environments.peer("nobody", 1, PYTHON) as (_, said):
        assert said == {"error": "its process ended"}


def test_a_peer_answers_with_the_seconds_of_its_episodes():
    pytest.importorskip("mpe2")
    with environments.peer("mpe2", 1, PYTHON) as (play, said):
        assert set(said["ready"]) == set(peer_environments.PEERS["mpe2"][1])
        assert play(1) > 0 and play(2) > 0
