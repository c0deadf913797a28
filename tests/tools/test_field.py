"""`make tools`: what goes wrong becomes a row, and the stored rows are those of the tools."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from marl_edu.envs.registration import NAMES
from marl_edu.results.folders import RESULTS
from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import field
import field_checks
import pairs


def test_every_tool_has_a_check_that_says_what_it_does():
    assert field.TOOLS.keys() == field_checks.CHECKS.keys()
    assert all(check.__doc__ for check in field_checks.CHECKS.values())


def test_what_a_tool_says_of_one_environment_stops_no_other():
    def check(name):
        if name == "TMaze":
            raise KeyError("masks\nand much more")

    found = field_checks.run(check)
    assert found["refused"] == {"TMaze": "KeyError: 'masks\\nand much more'"}
    assert found["passed"] == [name for name in NAMES if name != "TMaze"]


def test_what_gave_way_is_told_with_our_range_where_it_is_outside():
    there = field.pins()
    assert there["torch"] == version("torch") and field.gave_way(there) == []
    numpy, gymnasium = there["numpy"], there["gymnasium"]
    asked = field.ranges()["gymnasium"].specifier
    assert field.gave_way(there | {"numpy": "2.0.1", "gymnasium": "0.29.1"}) == [
        f"numpy 2.0.1 instead of {numpy}",
        f"gymnasium 0.29.1 instead of {gymnasium}, outside of {asked}",
    ]


def attempts(monkeypatch, answers):
    """The calls of pip, which gives these answers in turn."""
    calls, left = [], iter(answers)
    monkeypatch.setattr(
        field, "pip", lambda python, *words: calls.append(list(map(str, words))) or next(left)
    )
    monkeypatch.setattr(field, "installed", lambda python: {"numpy": "1.0"})
    monkeypatch.setattr(field, "newest", lambda requirement: "3.1")
    return calls


def test_our_pins_then_our_ranges_then_the_tool_alone(monkeypatch, tmp_path):
    tool, torch = field.Tool("Saw", "saw"), f"torch=={version('torch')}"
    for answers in ([""], ["no", ""], ["no", "no", "gone"], ["no", "no", "", "", ""]):
        calls = attempts(monkeypatch, answers)
        said = field.install(Path("python"), tool, Path("w.whl"), tmp_path)
        assert said == answers[-1] and len(calls) == len(answers)
        assert calls[0] == ["w.whl", "saw==3.1", "--constraint", str(tmp_path / "pins.txt")]
    assert calls[1:3] == [["w.whl", "saw==3.1", torch], ["saw==3.1", torch]]
    assert "numpy" not in calls[3] and "scipy" in calls[3]
    assert calls[4] == ["--no-deps", "w.whl"]


def test_a_tool_of_which_there_is_no_release_is_not_asked_for(monkeypatch, tmp_path):
    calls = attempts(monkeypatch, [])
    monkeypatch.setattr(field, "newest", lambda requirement: "")
    said = field.install(Path("python"), field.Tool("Saw", "saw"), Path("w.whl"), tmp_path)
    assert said == "pip finds no release of saw" and calls == []


def test_a_tool_that_cannot_be_installed_is_a_row(monkeypatch, tmp_path, capsys):
    attempts(monkeypatch, ["a", "b", "ERROR: no such release"])
    monkeypatch.setattr(field, "build_wheel", lambda folder: folder / "w.whl")
    monkeypatch.setattr(field.results, "RESULTS", tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)  # no environment is made
    monkeypatch.setattr(field, "git_commit", dict)
    assert field.main(["skrl", "--save"]) == 0
    stored = json.loads((tmp_path / "field.json").read_text())["tools"]["skrl"]
    assert stored["said"] == "cannot be installed: ERROR: no such release"
    assert stored["version"] is None and "no such release" in capsys.readouterr().out


@pytest.mark.long
def test_a_check_runs_in_the_python_that_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = field.check("epymarl", Path(sys.executable), tmp_path)
    assert found == {"passed": list(NAMES), "refused": {}}
    broken = field.check("no such tool", Path(sys.executable), tmp_path)
    assert "KeyError" in broken["said"]


# Newer than what is stored: `make tools` tries them, and they leave this list.
UNTRIED = {"Foraging"}


def test_what_is_stored_is_what_would_be_tried():
    """Or else the page is old: run `make tools`."""
    stored = json.loads((RESULTS / "field.json").read_text())["tools"]
    assert stored.keys() == field.TOOLS.keys()
    for tool, row in stored.items():
        names = set(field_checks.TRIALS.get(tool, {*NAMES} - UNTRIED))
        assert "said" in row or {*row["passed"], *row["refused"]} == names
        assert row.get("of", "environments") == ("trials" if tool == "ray" else "environments")
    record = json.loads((RESULTS / "pairs.json").read_text())
    assert record["methods"] == list(pairs.METHODS)
    assert [one["source"] for one in record["sources"]] == list(pairs.SOURCES)
    for one in record["sources"]:
        tried = pairs.SOURCES[one["source"]].places.items()
        places = {name: place for name, place in tried if name not in UNTRIED}
        assert [row["environment"] for row in one["rows"]] == list(places)
        for row in one["rows"]:
            assert bool(row["refused"]) == bool(places[row["environment"]].refused)
            assert {*row["trained"], *row["refused"]} == set(pairs.METHODS)
