"""Trained teams in larger environments, and with links cut: sizes, tampering, files."""

import pytest
import torch

from marl_edu import results
from marl_edu.algos import gat
from marl_edu.core import storage
from marl_edu.envs.grid_world import MultiAgentGridWorld
from marl_edu.envs.relay import Relay
from marl_edu.experiments import catalogue, scaling


def test_environments_grow_at_the_same_density():
    for n in scaling.AGENTS:
        env = scaling.larger("gat-grid", n)
        assert isinstance(env, MultiAgentGridWorld) and env.n_agents == n
        trained = scaling.larger("gat-grid", scaling.TRAINED)
        density = trained.n_agents / (trained.rows * trained.columns)
        assert n / (env.rows * env.columns) == pytest.approx(density, rel=0.05)
        assert env.n_targets / n == pytest.approx(trained.n_targets / trained.n_agents, rel=0.05)
        assert (env.hearing, env.max_steps) == (trained.hearing, trained.max_steps)
    assert isinstance(scaling.larger("gat-relay2-layers2", 4096), Relay)


def test_at_the_size_of_training_the_environment_is_that_of_training():
    args = catalogue.EXPERIMENTS["gat-grid"].cfg.env_args
    env = scaling.larger("gat-grid", scaling.TRAINED)
    assert (env.rows, env.columns) == args["grid_size"]
    assert (env.n_agents, env.n_targets) == (args["n_agents"], args["n_targets"])


def test_even_attention_is_the_mean_over_the_neighbourhood():
    torch.manual_seed(0)
    net = gat.build(gat.Config(hidden_dim=8, layers=2), Relay(6, num_envs=1))
    mask = torch.rand(1, 6, 6) < 0.5
    scaling.even(net)
    _, attention = net.communicate(torch.randn(1, 6, 8), mask)
    hood = (mask | torch.eye(6, dtype=torch.bool)).float()
    expected = (hood / hood.sum(-1, keepdim=True))[:, None].expand_as(attention)
    torch.testing.assert_close(attention, expected)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A random team where the trained one would be, and folders of its own."""
    torch.manual_seed(0)
    name = "gat-relay2-layers2"
    net = gat.build(catalogue.EXPERIMENTS[name].cfg, catalogue.make_env(name)).eval()
    monkeypatch.setattr(catalogue, "load_policy", lambda name, seed=0: net)
    monkeypatch.setattr(scaling, "FOLDER", tmp_path)
    return name, net


@pytest.mark.long
def test_cutting_tries_every_tampering_and_a_team_that_guesses_guesses_in_all(kept):
    name, net = kept
    found = scaling.cut(name, 0, episodes=250)
    assert list(found) == [
        "as trained",
        "half of the links cut",
        "another environment's links",
        "all links cut",
        "attention made even",
    ]
    assert all(0 <= one["success"] <= 1 and one["episodes"] == 250 for one in found.values())
    assert net.communicate.rewire is None


def test_what_is_stored_is_found_again_with_its_interval(tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python -m marl_edu\.experiments scaling"):
        scaling.stored("gat-grid")
    with pytest.raises(FileNotFoundError, match=r"python -m marl_edu\.experiments scaling"):
        scaling.stored_cuts("gat-grid")
    for seed, score in enumerate((0.2, 0.4, 0.6)):
        one = {"success": score, "success_sd": 0.1, "episodes": 100}
        rows = [one | {"agents": 10}, one | {"agents": 100, "success": score / 2}]
        storage.write_json(tmp_path / f"gat-grid-seed{seed}.json", {"rows": rows})
        storage.write_json(tmp_path / f"cut-gat-grid-seed{seed}.json", {"success": {"a": one}})
    found = scaling.stored("gat-grid")
    assert found[10].value == pytest.approx(0.4) and found[100].value == pytest.approx(0.2)
    assert found[10].n == 3 and found[10].low < 0.4 < found[10].high
    assert scaling.stored_cuts("gat-grid")["gat-a"].value == pytest.approx(0.4)
    storage.write_json(tmp_path / "gat-grid-seed2 (1).json", {"rows": rows})
    storage.write_json(tmp_path / "cut-gat-grid-seed2 - Copy.json", {"success": {"a": one}})
    with pytest.warns(UserWarning, match="not counted"):
        assert scaling.stored("gat-grid")[10] == found[10]
    with pytest.warns(UserWarning, match="not counted"):
        assert scaling.stored_cuts("gat-grid")["gat-a"].n == 3


def test_the_teams_that_are_played_are_experiments_that_keep_every_seed():
    for name in {*scaling.TEAMS, *scaling.CUT}:
        experiment = catalogue.EXPERIMENTS[name]
        assert experiment.keep_policy == tuple(range(experiment.seeds))
    assert results.RESULTS in scaling.FOLDER.parents
