"""benchmarks/maddpg.py at tiny settings, beside a peer that is made up: is it right."""

import json
import sys
from pathlib import Path

import pytest

from marl_edu import results

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import maddpg

PEER = """import sys
sizes = sys.argv[1:]
for line in sys.stdin:
    print(float(sizes[2]), flush=True)
"""


@pytest.fixture
def made_up(monkeypatch, tmp_path) -> Path:
    """A peer that answers the number of its gradient steps."""
    path = tmp_path / "peer.py"
    path.write_text(PEER, encoding="utf-8")
    monkeypatch.setattr(maddpg, "PEER", path)
    monkeypatch.setattr(maddpg, "versions_of", lambda python: {"benchmarl": "0"})
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


def test_both_are_measured_and_saved(monkeypatch, made_up: Path, capsys) -> None:
    monkeypatch.setattr(maddpg, "ours", lambda num_envs, updates: lambda: 20.0 * num_envs)
    arguments = ["--peer", sys.executable, "--updates", "2", "8", "--num-envs", "2"]
    maddpg.main([*arguments, "--rounds", "3", "--save"])
    saved = json.loads((made_up / "benchmark-maddpg.json").read_text())
    assert [(row["updates"], row["ratio"]) for row in saved["rows"]] == [(2, 20), (8, 5)]
    assert saved["rows"][0]["turns"] == {"ours": [40.0] * 3, "reference": [2.0] * 3}
    assert saved["provenance"]["versions"]["benchmarl"] == "0"
    assert capsys.readouterr().out.count("below 10") == 1


def test_without_benchmarl_the_rows_say_so(monkeypatch, capsys) -> None:
    monkeypatch.setattr(maddpg, "ours", lambda num_envs, updates: lambda: 1.0)
    maddpg.main(["--rounds", "1"])
    assert capsys.readouterr().out.count("no BenchMARL: --peer PYTHON") == len(maddpg.UPDATES)


def test_a_round_plays_and_takes_as_many_gradient_steps(monkeypatch) -> None:
    taken = []
    loss = maddpg.maddpg.critic_loss
    monkeypatch.setattr(
        maddpg.maddpg, "critic_loss", lambda *a: (taken.append(a[2].obs.shape), loss(*a))[1]
    )
    clock = iter([0.0, 2.0])
    monkeypatch.setattr(maddpg.time, "process_time", lambda: next(clock))
    assert maddpg.ours(12, 3)() == 12 * maddpg.STEPS / 2
    assert [tuple(shape[:2]) for shape in taken] == 3 * [(maddpg.BATCH, 3)]


def test_saving_needs_the_peer(capsys) -> None:
    with pytest.raises(SystemExit):
        maddpg.main(["--save"])
    assert "--save needs --peer PYTHON" in capsys.readouterr().err
