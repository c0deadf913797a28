"""benchmarks/vector_env.py at tiny settings: is it right, not how fast."""

import json
import sys
from pathlib import Path

from marl_edu import results

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import vector_env


def test_both_ways_are_measured_and_saved(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    vector_env.main(
        ["--num-envs", "3", "--steps", "25", "--warm-up", "2", "--rounds", "2", "--save"]
    )
    saved = json.loads((tmp_path / "benchmark-vector-env.json").read_text())
    assert [row["environment"] for row in saved["rows"]] == list(vector_env.ENVS)
    for row in saved["rows"]:
        assert row["ratio"] > 0
        assert {way: len(times) for way, times in row["seconds"].items()} == {
            "batch": 2,
            "vector": 2,
        }
        assert row["num_envs"] == 3 and row["steps_per_second"] > 0


def test_both_play_as_many_steps():
    """Where nothing is left to play, no step is played: the next ones, and no more."""
    for begin in (vector_env.batch_itself, vector_env.through_gymnasium):
        made = []

        def make(made=made, **k):
            made.append(vector_env.ENVS["T-maze"](**k))
            return made[0]

        play = begin(make, 2, 5)
        play(3)
        assert made[0].t == 3
        play(9)
        assert made[0].t == 5
