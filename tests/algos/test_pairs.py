"""Every algorithm in every environment: it trains there, or says why not; and one that was stopped
ends the same."""

import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from marl_edu import envs
from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import pairs

METHODS, SOURCES = pairs.METHODS, pairs.SOURCES
# One of each source meets each loop in `make test`; all pairs are tried in `make deep`, and our own
# environments below.
LOOPS = ("none", "TarMAC", "DRQN", "ICM")
FAST = {
    "simple_speaker_listener_v4", "Foraging-5x5-2p-1f-v3", "rware-tiny-2ag-v2",
    "MiniGrid-Empty-5x5-v0", "popgym-AutoencodeEasy-v0", "tictactoe_v3", "Blackjack-v1",
    "Pendulum-v1",
}  # fmt: skip


def pair(source, name, method):
    marks = [] if name in FAST and method in LOOPS else [pytest.mark.slow]
    return pytest.param(source, name, method, id=f"{method}-{name}", marks=marks)


@pytest.mark.parametrize(
    ("source", "name", "method"),
    [
        pair(source, name, method)
        for source, found in SOURCES.items()
        if source != "marl_edu"
        for name in found.places
        for method in METHODS
    ],
)
def test_a_pair_trains_or_says_why_not(source, name, method):
    try:
        pairs.installed(source)
    except PackageNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    place = SOURCES[source].places[name]
    said = pairs.try_pair(method, place)
    assert (place.refused in said) if place.refused else not said


def test_every_source_has_one_that_is_tried_often():
    tried = {source for source, found in SOURCES.items() if FAST & found.places.keys()}
    assert tried == SOURCES.keys() - {"marl_edu"}
    assert set().union(*(found.places for found in SOURCES.values())) >= FAST


@pytest.mark.parametrize(
    ("rows", "weight", "message"),
    [
        ([{"update": 3, "loss": float("nan")}], 1.0, "not finite: loss"),
        ([{"update": 1, "loss": float("inf")}, {"update": 3}], 1.0, "not finite: loss"),
        ([{"update": 3}], float("inf"), r"not finite: net\.weight"),
        ([{"update": 2}], 1.0, "2 updates instead of 3"),
    ],
)
def test_a_pair_that_goes_wrong_is_not_counted(monkeypatch, rows, weight, message):
    net = nn.Linear(1, 1)
    nn.init.constant_(net.weight, weight)
    result = SimpleNamespace(rows=rows, net=net)
    fake = pairs.Method(lambda **given: given, lambda cfg: result)
    monkeypatch.setitem(METHODS, "fake", fake)
    with pytest.raises(pairs.Wrong, match=message):
        pairs.try_pair("fake", pairs.Place(envs.TMaze))


def test_a_refusal_counts_only_for_the_reason_that_was_given():
    refusing = SOURCES["gymnasium"].places["Pendulum-v1"]
    assert "discretise" in pairs.try_pair("none", refusing)
    with pytest.raises(TypeError, match="must be Discrete"):
        pairs.try_pair("none", refusing._replace(refused="some other reason"))
    with pytest.raises(pairs.Wrong, match="trained, but 'too large' should"):
        pairs.try_pair("none", pairs.Place(envs.TMaze, {}, "too large"))


# -- our own: stopped, and gone on with -----------------------------------------------------------

LOGGED = {"num_envs": 4, "hidden_dim": 8, "log_every": 1, "checkpoint_every": 1}


class PowerCut(Exception):
    """What interrupts a run."""


def without_times(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rows without the time they took."""
    return [{key: x for key, x in row.items() if key != "cpu_seconds"} for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES["marl_edu"].places)
@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_was_stopped_ends_with_the_same_numbers(method, name, tmp_path):
    (config, train, _), env = METHODS[method], getattr(envs, name)
    cfg = config(env=env, updates=3, **LOGGED)
    if method in ("DQN", "DRQN"):  # three rounds of 20 updates
        made = env(num_envs=4)
        often = {"train_freq": 4 * made.n_agents * made.max_steps / 20, "updates": 60}
        cfg = replace(cfg, **often, learning_starts=1, batch_size=8, capacity=300)
    whole = train(cfg)
    assert whole.rows[-1]["update"] == cfg.updates
    path = tmp_path / "run.safetensors"

    def cut(row: dict[str, float]) -> None:
        if path.exists():
            raise PowerCut

    with pytest.raises(PowerCut):
        train(cfg, cut, path)
    again = train(cfg, None, path)
    assert without_times(again.rows) == without_times(whole.rows)
    for one, other in zip(whole.net.parameters(), again.net.parameters(), strict=True):
        assert torch.isfinite(one).all() and torch.equal(one, other)
