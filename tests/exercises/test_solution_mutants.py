"""A solution that is changed in one place is refused: counts and survivors are in the file beside.

`python -m tests.exercises.test_solution_mutants NAME ...` prints what the file should say.
"""

import sys
import tomllib
from pathlib import Path

import pytest
import torch

from marl_edu.exercises.__main__ import ALL
from tests.exercises.solution_mutants import judged, mutants

LISTED = tomllib.loads(Path(__file__).with_name("solution_mutants.toml").read_text("utf-8"))
ENOUGH, FEWEST = 0.98, 15


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_grader_refuses_what_gives_another_result(name):
    fate = judged(ALL[name])
    assert not fate.strict, "refused, but no other input shows a difference"
    assert fate.different >= FEWEST and fate.refused / fate.different >= ENOUGH, fate
    assert {"different": fate.different, "refused": fate.refused} == LISTED["counts"][name]
    told = {one["what"] for one in LISTED.get("survivor", []) if one["in"] == name}
    assert set(fate.survivors) == told


def test_the_file_names_every_exercise_and_gives_reasons():
    assert LISTED["counts"].keys() == ALL.keys()
    assert all(len(one["why"].split()) > 3 for one in LISTED.get("survivor", []))


def test_mutants_are_what_they_say():
    changed = dict(mutants(ALL["slow_target"]))
    target, online = torch.zeros(2), torch.ones(3, 2)
    right = ALL["slow_target"].solution(target, online, 0.5)
    assert torch.equal(changed["tau = 1.0"](target, online, 0.5), online)
    assert torch.equal(changed["return -r"](target, online, 0.5), -right)
    assert not changed["tau = x / 2".replace("x", "tau")](target, online, 0.5).equal(right)
    assert len(changed) > 30


if __name__ == "__main__":
    torch.set_num_threads(1)
    for given in sys.argv[1:] or ALL:
        found = judged(ALL[given])
        print(f"{given} = {{different = {found.different}, refused = {found.refused}}}", flush=True)
        for survivor in found.survivors:
            print(f"# survives: {survivor}", flush=True)
        for strict in found.strict:
            print(f"# refused without reason: {strict}", flush=True)
