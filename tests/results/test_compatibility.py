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
                {"environment": "puma", "trained": METHODS, "refused": {}},
                {"environment": "owl", "trained": [], "refused": dict.fromkeys(METHODS, "blind")},
                {"environment": "ant", "trained": ["DQN"], "refused": {"none": "a", "GAT": "b"}},
            ],
        }
    ],
}  # fmt: skip
ROW = {"tool": "Saw", "check": "It cuts.", "version": "3.1", "time": "2026-02-03T04:05:06+00:00"}
TOOLS = {
    "a": ROW | {"gave_way": [], "passed": ["X", "Y"], "refused": {}},
    "b": ROW
    | {"gave_way": ["numpy 1 instead of 2"], "passed": ["X"], "refused": {"Y": "no", "Z": "no"}},
    "d": ROW | {"gave_way": [], "passed": ["killed", "removed"], "refused": {}, "of": "trials"},
    "c": ROW | {"gave_way": [], "version": None, "said": "cannot be installed: gone"},
}


def test_what_came_of_several_environments_is_told_once(tmp_path):
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS))
    table = compatibility.pairs(tmp_path)
    assert {row[0] for row in table.rows} == {"zoo 1.5, cage 2.0"}
    assert [row[1:] for row in table.rows] == [
        ["lion, puma", "all train"],
        ["owl", "all refused: blind"],
        ["ant", "DQN train; none refused: a; GAT refused: b"],
    ]
    assert "2026-02-03" in table.caption and "torch 9.9" in table.caption


def test_tools_are_told_with_what_gave_way(tmp_path):
    (tmp_path / "field.json").write_text(json.dumps({"tools": TOOLS}))
    found = [row[1:5] for row in compatibility.tools(tmp_path).rows]
    assert found == [
        ["3.1", "2026-02-03", "all 2 environments pass", "nothing"],
        ["3.1", "2026-02-03", "1 of 3 environments pass; Y, Z: no", "numpy 1 instead of 2"],
        ["3.1", "2026-02-03", "all 2 trials pass", "nothing"],
        ["—", "2026-02-03", "not tried: cannot be installed: gone", "nothing"],
    ]


@pytest.mark.parametrize("name", ["pairs", "tools"])
def test_what_was_not_tried_names_its_command(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"in a checkout of .*\n  python tools/\w+\.py --s"):
        getattr(compatibility, name)(tmp_path)
