"""The tables of what was tried say what the records say."""

import json

import pytest

from marl_edu.results import compatibility

METHODS = ["none", "DQN", "GAT"]
PAIRS = {
    "updates": 3, "methods": METHODS, "time": "2026-02-03T04:05:06+00:00", "torch": "9.9",
    "sources": [
        {
            "source": "zoo",
            "packages": {"zoo": "1.5", "cage": "2.0"},
            "rows": [
                {"environment": "lion", "trained": METHODS, "refused": {}},
                {"environment": "owl", "trained": [], "refused": dict.fromkeys(METHODS, "blind")},
                {"environment": "ant", "trained": ["DQN"], "refused": {"none": "a", "GAT": "b"}},
            ],
        }
    ],
}  # fmt: skip
ROW = {"tool": "Saw", "check": "It cuts.", "version": "3.1", "time": "2026-02-03T04:05:06+00:00"}
TOOLS = {
    "a": ROW | {"gave_way": [], "passed": ["X", "Y"], "refused": {}},
    "b": ROW | {"gave_way": ["numpy 1 instead of 2"], "passed": ["X"], "refused": {"Y": "no"}},
    "c": ROW | {"gave_way": [], "version": None, "said": "cannot be installed: gone"},
}


def test_pairs_are_told_by_environment_with_each_reason_once(tmp_path):
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS))
    table = compatibility.pairs(tmp_path)
    assert [row[0] for row in table.rows] == ["lion", "owl", "ant"]
    assert {row[1] for row in table.rows} == {"zoo 1.5, cage 2.0"}
    assert [row[2] for row in table.rows] == [
        "all train", "all refused: blind", "DQN train; none refused: a; GAT refused: b",
    ]  # fmt: skip
    assert "2026-02-03" in table.caption and "torch 9.9" in table.caption


def test_tools_are_told_with_what_gave_way(tmp_path):
    (tmp_path / "field.json").write_text(json.dumps({"tools": TOOLS}))
    found = [row[1:2] + row[3:] for row in compatibility.tools(tmp_path).rows]
    assert found == [
        ["3.1", "all 2 environments pass", "nothing", "2026-02-03"],
        ["3.1", "1 of 2 environments pass; Y: no", "numpy 1 instead of 2", "2026-02-03"],
        ["—", "not tried: cannot be installed: gone", "nothing", "2026-02-03"],
    ]


@pytest.mark.parametrize("name", ["pairs", "tools"])
def test_what_was_not_tried_names_its_command(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"in a checkout of .*\n  python tools/\w+\.py --s"):
        getattr(compatibility, name)(tmp_path)
