"""A mixer that a reader writes: what the exercise says of it, and that a team learns with it."""

import itertools

import pytest
import torch

from marl_edu import exercises
from marl_edu.algos import qmix
from marl_edu.core.evaluate import evaluate
from marl_edu.envs.games import TwoStepGame
from marl_edu.exercises.qmix.any_team import AnyTeam, team_with
from marl_edu.training import team_q
from marl_edu.training.qlearning import GreedyPolicy
from tests.unchecked import unchecked

mix = exercises.any_team.solution
# Uniform play, as the closed forms ask for it; 2 s of computing.
GAME = {"gamma": 0.99, "epsilon": 1.0, "epsilon_end": 1.0, "num_envs": 32, "hidden_dim": 32,
        "capacity": 500, "learning_starts": 64, "train_freq": 4.0, "updates": 600, "lr": 5e-3,
        "lr_end": 0.01, "target_update_interval": 50, "mixing_dim": 8}  # fmt: skip


@pytest.fixture
def team():
    """A mixer, the values of three agents with four actions each, and what they see."""
    torch.manual_seed(0)
    mixer = AnyTeam(mix, 2, 5).double()
    with torch.no_grad():
        mixer.v.normal_()
    return mixer, torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)


def total(mixer, q, obs):
    return mixer(q[None, None], obs.flatten()[None, None])[0, 0]


def test_the_order_of_the_agents_makes_no_difference(team):
    mixer, q, obs = team
    for order in itertools.permutations(range(3)):
        turned = total(mixer, q[list(order), 0], obs[list(order)])
        torch.testing.assert_close(turned, total(mixer, q[:, 0], obs))
    assert not total(mixer, q[[1, 0, 2], 0], obs).isclose(total(mixer, q[:, 0], obs))


def test_an_absent_agent_makes_no_difference(team):
    mixer, q, obs = team
    more = torch.cat([q[:, 0], q.new_zeros(2)]), torch.cat([obs, obs.new_zeros(2, 2)])
    torch.testing.assert_close(total(mixer, *more), total(mixer, q[:, 0], obs))


def test_each_agents_best_is_its_part_of_the_teams_best(team):
    mixer, q, obs = team
    joint = {
        actions: total(mixer, q[range(3), actions], obs).item()
        for actions in itertools.product(range(4), repeat=3)
    }
    assert joint[tuple(q.argmax(1).tolist())] == max(joint.values())


def reached(mix, seed: int) -> float:
    """The return of a team that was trained with this mixer on the two-step game."""
    cfg = qmix.Config(env=TwoStepGame, seed=seed, **GAME)
    with unchecked():
        net = team_q.train(cfg, team_with(mix)).net
    return evaluate(TwoStepGame(num_envs=4), GreedyPolicy(net), episodes=4)["return"]


@pytest.mark.learning
@pytest.mark.parametrize("seed", range(3))
def test_a_team_learns_with_it_what_a_sum_cannot_hold(seed):
    assert reached(mix, seed) == 8
    assert reached(exercises.any_team.mistakes["bent_one_by_one"], seed) == 7  # a sum, as VDN's


@pytest.mark.learning
def test_the_team_with_the_bug_believes_what_the_hunt_says():
    wrong, right = (rows[-1] for rows in exercises.sure_seven.curves().values())
    assert wrong["return"] < 7.2 and 0 <= wrong["believed"] <= 1
    assert right["return"] > 7.7 and right["believed"] == pytest.approx(0.99 * 8, abs=0.15)
    assert max(wrong["loss"], right["loss"]) < 0.1
