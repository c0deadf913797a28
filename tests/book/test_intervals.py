"""Pages call an interval by what it holds, and say "second-hand" of what nobody here has read."""

import re

import pytest

from marl_edu.results import tables
from tests import ROOT

PAGES = sorted(
    path
    for path in (ROOT / "book").rglob("*")
    if path.suffix in (".md", ".ipynb", ".yml") and ".ipynb_checkpoints" not in path.parts
)
# Read at the source: TarMAC, IC3Net, RND, ICM, MADDPG.
READ = ("1810.11187", "1812.09755", "1810.12894", "1705.05363", "1706.02275")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_intervals_of_runs_are_called_by_their_level(page):
    """Wilson's interval of a share of seeds is a 95 % one; see test_coverage.py."""
    for line in page.read_text(encoding="utf-8").splitlines():
        for found in re.finditer(r"\d+ % interval", line):
            shares = "Wilson" in line or "'solved'" in line
            level = "95 %" if shares else tables.INTERVAL
            assert found[0].startswith(level), line.strip()[:120]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_was_read_at_its_source_is_not_called_second_hand(page):
    for line in page.read_text(encoding="utf-8").splitlines():
        assert not ("second-hand" in line and any(paper in line for paper in READ)), line.strip()
