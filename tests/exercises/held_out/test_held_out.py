"""A second library of answers, which no other test imports: what the statements demand decides."""

import pytest

from marl_edu.exercises.__main__ import ALL
from tests.exercises.held_out import arrays, chapters, extremes, maddpg, mappo, qmix, whiteboard

LIBRARIES = chapters, qmix, maddpg, mappo, whiteboard, arrays, extremes


def gathered(which):
    """Exercise -> its answers of all libraries."""
    found = {name: [] for name in ALL}
    for library in LIBRARIES:
        for name, answers in getattr(library, which).items():
            found[name] += answers
    return found


RIGHT, WRONG = gathered("RIGHT"), gathered("WRONG")


def test_there_are_enough_of_them():
    assert sum(map(len, WRONG.values())) >= 100 and sum(map(len, RIGHT.values())) >= 60
    assert all(WRONG.values())


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_wrong_ones_are_refused_and_right_ones_pass(name):
    for number, answer in enumerate(WRONG[name]):
        assert not ALL[name].judge(answer).passed, f"wrong answer {number} passes"
    for number, answer in enumerate(RIGHT[name]):
        verdict = ALL[name].judge(answer)
        assert verdict.passed, f"right answer {number}: {verdict}"
