"""benchmarks/qlearning.py at tiny settings, beside a peer that is made up: is it right."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch

from marl_edu import results

pytest.importorskip("lbforaging")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import qlearning

GAME = "Foraging-5x5-2p-1f-v3"
PEER = """import sys
for line in sys.stdin:
    method, episodes, seconds = line.split()
    print({"qmix": 2.0, "vdn": 4.0}[method] * (1 + int(episodes)), flush=True)
"""


@pytest.fixture
def checkout(monkeypatch, tmp_path) -> Path:
    """A folder that looks like EPyMARL's, and a peer that answers 2 or 4 times 1 + episodes."""
    (tmp_path / "src" / "learners").mkdir(parents=True)
    path = tmp_path / "peer.py"
    path.write_text(PEER, encoding="utf-8")
    monkeypatch.setattr(qlearning, "PEER", path)
    monkeypatch.setattr(qlearning, "EPISODES", (0, 1, 2))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


def test_both_are_measured_and_saved(monkeypatch, checkout: Path, capsys) -> None:
    monkeypatch.setattr(qlearning, "per_second", lambda play, episodes, seconds: 120.0)
    tiny = ["--games", GAME, "--num-envs", "2", "--seconds", "0", "--rounds", "2"]
    qlearning.main([*tiny, "--reference", str(checkout), "--save"])
    saved = json.loads((checkout / "benchmark-qlearning.json").read_text())
    assert [(row["method"], row["episodes"], row["ratio"]) for row in saved["rows"]] == [
        ("qmix", 0, 60), ("qmix", 1, 30), ("qmix", 2, 20),
        ("vdn", 0, 30), ("vdn", 1, 15), ("vdn", 2, 10),
    ]  # fmt: skip
    assert {len(found) for row in saved["rows"] for found in row["turns"].values()} == {2}
    assert saved["provenance"]["versions"]["torch"] == torch.__version__
    printed = capsys.readouterr().out
    assert printed.count("below 20") == 2 and "vdn learns every 2" in printed


def test_without_a_checkout_the_rows_say_so(monkeypatch, capsys) -> None:
    monkeypatch.setattr(qlearning, "per_second", lambda *a: 5.0)
    qlearning.main(["--games", GAME, "--rounds", "1"])
    printed = capsys.readouterr().out
    assert printed.count("no checkout: --reference PATH") == 2 * len(qlearning.EPISODES)
    assert torch.get_num_threads() >= 1


@pytest.mark.parametrize("method", qlearning.METHODS)
def test_as_many_gradient_steps_are_taken_as_are_due(monkeypatch, method: str) -> None:
    taken = []
    loss = qlearning.team_q.loss
    monkeypatch.setattr(
        qlearning.team_q, "loss", lambda *a: (taken.append(len(a[2].obs)), loss(*a))[1]
    )
    play = qlearning.ours(method, GAME, 4)
    for episodes, due in ((0, 0), (1, 4), (2, 2), (4, 1)):
        taken.clear()
        steps = play(episodes)
        assert taken == [32] * due and 4 <= steps <= 4 * 50


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--num-envs", "65"], "--num-envs must be a multiple of 64, .* got 65"),
        (["--save"], "--save needs --reference PATH"),
        (["--reference", "nowhere"], "--reference must be a checkout of EPyMARL, got nowhere"),
    ],
)
def test_bad_arguments_are_named(capsys, arguments, message: str) -> None:
    with pytest.raises(SystemExit):
        qlearning.main(arguments)
    assert re.search(message, capsys.readouterr().err)


def test_a_peer_that_ends_is_an_error(checkout: Path) -> None:
    (checkout / "peer.py").write_text("raise SystemExit\n", encoding="utf-8")
    with (
        pytest.raises((ValueError, BrokenPipeError)),
        qlearning.peer(str(checkout), GAME) as ask,
    ):
        ask("qmix", 0, 0.1)
