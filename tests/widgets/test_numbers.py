"""What the JavaScript tests compare with is what Python computes."""

import json
from typing import Any

import pytest

from tests.widgets import numbers

STORED = json.loads(numbers.PATH.read_text(encoding="utf-8"))
COMPUTED = json.loads(json.dumps(numbers.compute(STORED["records"])))


def same(ours: Any, theirs: Any) -> bool:
    """Nested values are equal, numbers up to the rounding of another machine."""
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == pytest.approx(theirs, abs=1e-6) if isinstance(ours, float) else ours == theirs


@pytest.mark.parametrize("part", STORED["results"])
def test_stored_numbers_are_those_of_python(part: str) -> None:
    assert same(COMPUTED[part], STORED["results"][part]), "python -m tests.widgets.numbers"
