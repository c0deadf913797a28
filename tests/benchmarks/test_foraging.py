"""benchmarks/foraging.py at tiny settings: is it right, not how fast."""

import json
import sys
from pathlib import Path

import pytest
import torch

from marl_edu import results

pytest.importorskip("lbforaging")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import foraging


def test_both_are_measured_and_saved(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    name = "Foraging-8x8-2p-2f-coop-v3"
    tiny = ["--names", name, "--num-envs", "2", "--seconds", "0.001", "--rounds", "2"]
    foraging.main([*tiny, "--save"])
    assert name in capsys.readouterr().out
    saved = json.loads((tmp_path / "benchmark-foraging.json").read_text())
    (row,) = saved["rows"]
    assert (row["name"], row["num_envs"]) == (name, 2) and row["ratio"] > 0
    assert {who: len(found) for who, found in row["microseconds"].items()} == {
        "ours": 2, "lbforaging": 2,
    }  # fmt: skip
    assert saved["provenance"]["versions"]["torch"] == torch.__version__


def test_both_play_as_many_steps_as_they_say(monkeypatch):
    name, taken = "Foraging-5x5-2p-1f-v3", []
    step = foraging.Foraging.step
    monkeypatch.setattr(foraging.Foraging, "step", lambda *a: (taken.append(3), step(*a))[1])
    assert foraging.ours(name, 3)(2) == sum(taken) == 300
    assert foraging.theirs(name)(2) == 100


def test_the_ratio_is_of_medians_in_turns_without_the_first(monkeypatch):
    asked = []

    def player(who, seconds):
        def play(episodes):
            asked.append(who)
            clock[0] += seconds[asked.count(who) - 1]
            return 100

        return play

    clock = [0.0]
    monkeypatch.setattr(foraging.time, "process_time", lambda: clock[0])
    monkeypatch.setattr(foraging, "ours", lambda name, n: player("ours", [9, 1, 8, 1]))
    monkeypatch.setattr(foraging, "theirs", lambda name: player("lbforaging", [9, 200, 1, 300]))
    row = foraging.measure("", 1, seconds=0.5, rounds=3)
    assert row["microseconds"]["ours"] == [1e4, 8e4, 1e4] and row["ratio"] == 200
    assert asked == ["ours", "lbforaging"] * 4
