"""What an end is: of an agent, of an episode, of the time there is; and what is paid behind it."""

import pytest
import torch

from marl_edu.core.ends import in_time, is_over, outcome, take_step
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs.baselines.task import Always
from tests.training.scripted import Scripted, bools

# before, after, left -> ended, observed, learned from, paid to who is there
CASES = {
    "stays": ("1", "1", "0", "0", "1", "1", "1"),
    "dies": ("1", "0", "0", "1", "1", "1", "1"),  # it sees what it died of, and is paid for it
    "leaves": ("1", "0", "1", "1", "0", "1", "1"),  # nobody looks at an empty slot
    "is replaced at once": ("1", "1", "1", "1", "0", "0", "1"),  # a newcomer sees, and is paid
    "arrives": ("0", "1", "0", "1", "0", "0", "1"),  # it did nothing for what it is paid
    "is not there": ("0", "0", "0", "1", "0", "0", "0"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_an_agent(case):
    before, after, left, *expected = (bools([x]) for x in CASES[case])
    one, going = torch.full((1, 1), 7.0), torch.ones(1, dtype=torch.bool)
    info = {"alive": after, "completed": left}
    came = outcome(before, going, one, ~going, info)
    assert torch.equal(came.alive, before) and torch.equal(came.running, going)
    assert [came.terminated, came.observed, came.reward == 7, came.paid == 7] == expected
    if case == "stays":  # but its episode ends
        assert outcome(before, going, one, going, info).terminated.all()


def test_what_is_paid_to_nobody_is_no_number_that_spreads():
    nobody, going = bools(["0"]), torch.ones(1, dtype=torch.bool)
    came = outcome(
        nobody, going, torch.tensor([[torch.nan]]), ~going, {"alive": nobody, "completed": nobody}
    )
    assert came.reward.item() == came.paid.item() == 0


def test_steps_stand_one_behind_the_other_and_count_where_something_runs():
    env = Scripted(("11", "10", "00", "01"), paid=[[1.0, 2]] * 3, ends=(2,), num_envs=2)
    env.reset()
    steps = []
    while not is_over(env):
        steps.append(take_step(env, torch.zeros(2, 2, dtype=torch.int64))[1])
    came = in_time(steps)
    assert came.running.tolist() == [[True, True, False], [True] * 3]
    assert came.reward[1].tolist() == [[1, 2], [1, 0], [0, 0]]
    assert came.paid[1].tolist() == [[1, 2], [1, 0], [0, 2]]
    assert not came.paid[0, 2].any()  # its episode is over


def test_an_episode_goes_on_while_nobody_is_there():
    env = Scripted(("00", "00", "01", "00", "01"), ends=(3,), num_envs=2)
    env.reset()
    for expected in (False, False, False, False, True):
        assert is_over(env) == expected
        if not expected:
            take_step(env, torch.zeros(2, 2, dtype=torch.int64))
    env = Scripted(("1", "1", "1"), ends=(1, 1), num_envs=2)
    env.reset()
    take_step(env, torch.zeros(2, 1, dtype=torch.int64))
    assert is_over(env)  # all have terminated


def test_a_score_ends_with_the_agent_and_begins_with_it():
    """Paid 1 in each of 5 steps: slot 0 to its death in step 3; in slot 1 one that leaves in step
    2, when the next arrives; in slot 2 one that arrives in step 4."""
    env = Scripted(("110", "110", "110", "010", "011", "011"), ("000", "010", *["000"] * 3),
                   [[1.0] * 3] * 5, num_envs=2)  # fmt: skip
    found = play_episodes(env, Always(0), 2)
    assert found["return"].tolist() == pytest.approx([(3 + 5 + 2) / 3] * 2)
    assert found["steps"].tolist() == [5, 5]
