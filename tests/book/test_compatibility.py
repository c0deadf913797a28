"""The page on what works with what does what it says."""

import re

import pytest

from tests import ROOT
from tests.unchecked import unchecked


@pytest.mark.long
def test_the_ways_in_that_the_page_shows():
    page = (ROOT / "book" / "compatibility.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict = {"__name__": "a_notebook"}
    with unchecked():
        exec(block, names)
    sizes = [(names[one].n_actions, names[one].max_steps) for one in ("pole", "turns", "points")]
    assert sizes == [(2, 500), (9, 9), (5, 200)]
    assert names["result"].rows[-1]["update"] == 2
