"""In the maze, curiosity finds what random play does not, and the policy learns from it."""

from dataclasses import replace

import pytest

from marl_edu.algos import icm, rnd
from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.training import ppo

pytestmark = pytest.mark.learning

LAST = 140  # updates, of the 150 of the book's own runs


class Enough(Exception):
    """Stops a run that has shown what it should."""


@pytest.mark.parametrize(
    "name, train, seed",
    [("rnd-maze", rnd.train, 0), ("rnd-maze", rnd.train, 1), ("icm-maze", icm.train, 3)],
)
def test_a_curious_agent_finds_the_goal_and_learns_the_way(name, train, seed):
    def log(row):
        if row["success"] > 0.9:
            raise Enough
        assert row["update"] < LAST, "150 rounds, and the goal is not learned"

    with pytest.raises(Enough):
        train(replace(EXPERIMENTS[name].cfg, seed=seed), on_log=log)


def test_without_a_bonus_nobody_comes_through_the_door():
    run = ppo.train(replace(EXPERIMENTS["none-maze"].cfg, updates=40))
    assert run.rows[-1]["found"] == 0 and run.rows[-1]["coverage"] < 0.55
