"""What a final evaluation says, by a second route."""

import numpy as np
import pytest

from marl_edu.algos import maddpg
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import MultiAgentGridWorld, PredatorPrey, SpeakerListener, TMaze
from marl_edu.experiments import methods as m
from marl_edu.training import a2c, recurrent_ppo


def test_a_score_is_the_mean_and_the_spread_of_its_episodes():
    cfg = m.NONE.config(
        env=MultiAgentGridWorld, env_args={"grid_size": (4, 4), "n_agents": 3, "n_targets": 3}
    )
    net = m.NONE.build(cfg, m.env_of(cfg, 1, 0))
    found = m.score_team(net, cfg, 500)
    env = m.env_of(cfg, 50, 0)  # other batches, and the mean over all
    shares = play_episodes(env, a2c.TeamPolicy(net), 500)["success"].numpy()
    assert set(np.round(3 * shares)) <= {0, 1, 2, 3} and 0 < shares.mean() < 1
    assert found["episodes"] == 500 and found["success"] == pytest.approx(shares.mean(), abs=0.05)
    assert found["success_sd"] == pytest.approx(shares.std(), abs=0.05)
    assert found["success_sd"] < np.sqrt(found["success"] * (1 - found["success"])) - 0.05
    keys = {"success", "return", "episodes", "success_sampling", "steps"}
    assert set(found) == keys | {"success_sd", "return_sd", "success_sampling_sd"}


def test_actors_are_scored_greedily_and_as_they_were_trained():
    cfg = m.MADDPG.config(env=SpeakerListener)
    net = m.MADDPG.build(cfg, m.env_of(cfg, 1, 0))
    found = m.score_actors(net, cfg, 250)
    greedy, sampling = (
        play_episodes(m.env_of(cfg, 250, 0), maddpg.TeamPolicy(net, kind), 250)["return"]
        for kind in (True, False)
    )
    assert found["return"] == pytest.approx(greedy.mean().item(), rel=1e-5)
    assert found["return_sampling"] == pytest.approx(sampling.mean().item(), rel=1e-5)
    assert found["return"] != found["return_sampling"]


def test_right_or_wrong_spreads_as_a_coin_does():
    cfg = m.DQN.config(env=TMaze, env_args={"length": 3})
    found = m.score_q(m.DQN.build(cfg, m.env_of(cfg, 1, 0)), cfg, 250)
    assert found["success_sd"] == pytest.approx((found["success"] * (1 - found["success"])) ** 0.5)


def test_poles_are_scored_by_the_time_they_stand(monkeypatch):
    monkeypatch.setattr(m, "score_q", lambda *_: {"return": 250.0, "return_sd": 50.0})
    found = m.score_poles(None, m.DQN.config(env=TMaze), 1)
    assert found["success"] == 0.5 and found["success_sd"] == 0.1


def test_a_team_is_scored_without_its_critic():
    cfg = m.MAPPO.config(env=PredatorPrey, critic="state", hidden_dim=8)
    net = m.MAPPO.build(cfg, m.env_of(cfg, 1, 0))
    net.critic = None
    found = m.score_critics(net, cfg, 500)
    again = play_episodes(m.env_of(cfg, 50, 0), recurrent_ppo.TeamPolicy(net), 500)["return"]
    assert found["return"] == pytest.approx(again.mean().item(), abs=0.03)
    assert found["return_sampling"] != found["return"]
    assert {"success", "success_sampling", "return_sd", "steps", "episodes"} < set(found)
