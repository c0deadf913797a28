"""What answers are tried on: drawn by hypothesis, the same everywhere, and down to the edges."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine.inputs import DTYPE, drawn, ints


def described(case) -> str:
    """What a case holds in numbers: functions among its arguments are named by an address."""
    return str([case.what, *(arg.tolist() for arg in case.args if isinstance(arg, torch.Tensor))])


PROGRAM = """
import my_notes
from tests.exercises.engine.test_inputs import ALL, described
print(sorted(described(case) for exercise in ALL.values() for case in exercise.cases()))
"""


@pytest.mark.long
def test_every_reader_s_answer_is_tried_on_the_same_inputs_and_no_file_is_left(tmp_path):
    root = Path(__file__).parents[3]
    said = []
    for reader, numbers in (("one", [1, 2, 3, 4]), ("other", [5, 6, 7, 8, 9])):
        here = tmp_path / reader
        here.mkdir()
        # Hypothesis reads numbers out of the reader's own modules for its integers.
        (here / "my_notes.py").write_text(f"numbers = {numbers}\n")
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=here,
            env={"PYTHONPATH": f"{here}:{root}", "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(run.stdout)
        assert {file.name for file in here.iterdir()} <= {"my_notes.py", "__pycache__"}
    assert said[0] == said[1]
    assert len(said[0]) > 10_000


@pytest.mark.long
def test_every_exercise_lists_odd_inputs_and_draws_more():
    for exercise in ALL.values():
        cases = exercise.cases()
        assert len(cases) >= 8 and any("drawn" in case.what for case in cases), exercise
        assert not all("drawn" in case.what for case in cases), exercise


def test_what_is_drawn_keeps_to_its_bounds_and_reaches_each_value():
    rows = drawn(ints(1, 4), DTYPE, n=60)
    ways = [(n, dtype) for n in range(1, 5) for dtype in (torch.float32, torch.float64)]
    assert len(rows) == len(ways) and set(rows) == set(ways)  # none twice: there are no more
    assert rows == drawn(ints(1, 4), DTYPE, n=60)
    assert rows != drawn(ints(1, 4), DTYPE, n=60, number=1)
