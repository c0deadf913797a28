"""A solution that is changed in one place is refused: counts and survivors are in the file beside.

`python -m tests.exercises.test_solution_mutants NAME ...` prints what it found.
"""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from marl_edu.exercises.__main__ import ALL
from tests.exercises.solution_mutants import judged, mutants

ROOT = Path(__file__).parents[2]
LISTED = tomllib.loads(Path(__file__).with_name("solution_mutants.toml").read_text("utf-8"))
ENOUGH, FEWEST, PARTS = 0.98, 15, 6


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_the_grader_refuses_what_gives_another_result(part):
    # In a process without the checks of types and shapes, which would refuse some in its place.
    command = [sys.executable, "-m", __name__, *list(ALL)[part::PARTS]]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        name, fate = json.loads(line)
        assert not fate["strict"], f"{name}: refused, but no other input shows a difference"
        assert fate["different"] >= FEWEST, name
        assert fate["refused"] / fate["different"] >= ENOUGH, (name, fate)
        assert [fate["different"], fate["refused"]] == LISTED["counts"][name], (name, fate)
        told = {one["what"] for one in LISTED.get("survivor", []) if one["in"] == name}
        assert set(fate["survivors"]) == told, name


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
        print(json.dumps([given, asdict(judged(ALL[given]))]), flush=True)
