"""Exercises on their pages: lists come from the folders, cells of notebooks from the files."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from marl_edu import exercises
from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine.grading import Exercise, source_of
from tests.exercises.answers import PAGES as ANSWERS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import exercise_cells  # noqa: E402

PAGES = exercises.pages()
POSED = PAGES["chapters/tarmac"]


def notebook(name: str = "chapters/tarmac", root: Path = ROOT) -> dict:
    return json.loads((root / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_an_exercise_is_a_file_of_its_name_in_the_folder_of_its_page():
    folder = Path(exercises.__file__).parent
    files = [path for path in folder.glob("*/[!_]*.py") if path.parent.name != "engine"]
    named = {(path.parent.name, path.stem) for path in files}
    assert named == {(one.page, one.name) for one in ALL.values()}
    assert len(files) == len(ALL), "two pages have an exercise of one name"


def test_an_exercise_is_an_attribute_of_the_package():
    given: dict = {}
    exec("from marl_edu.exercises import *", given)
    assert given.items() >= ALL.items() and {*dir(exercises)} >= ALL.keys()
    assert exercises.__getattr__.__annotations__["return"] is Exercise  # for type checkers
    said = r"called 'masked_atention'\. Did you mean masked_atten"
    with pytest.raises(AttributeError, match=said):
        _ = exercises.masked_atention
    with pytest.raises(AttributeError, match=r"called 'zzz'. dir\(exercises\) lists them"):
        _ = exercises.zzz


def test_each_page_has_answers_to_its_own_exercises():
    for posed, answers in zip(PAGES.values(), ANSWERS, strict=True):
        assert answers.RIGHT.keys() == answers.WRONG.keys() == {one.name for one in posed}


def test_no_two_exercises_of_a_page_have_one_place():
    for posed in PAGES.values():
        places = [one.place for one in posed]
        assert places == sorted(set(places))


@pytest.mark.long
def test_chapters_pose_the_exercises_as_the_package_does():
    for page, posed in PAGES.items():
        cells = ["".join(cell["source"]) for cell in notebook(page)["cells"]]
        graded = re.findall(r"exercises\.(\w+)\.grade\(", "\n".join(cells))
        assert list(dict.fromkeys(graded)) == [one.name for one in posed]
        for one in posed:
            assert any(cell.startswith(one.starter) for cell in cells), one.name
            for text in (one.header, one.statement, one.hint):
                assert any(text in cell for cell in cells), f"{one.name}: {text}"
            if one.suspect is not None:
                assert any(source_of(one.suspect) in cell for cell in cells), one.name
            body = source_of(one.solution).partition("\n")[2]
            assert any(body in cell for cell in cells), one.name


@pytest.mark.parametrize("page", PAGES)
def test_the_cells_of_exercises_are_current(page):
    _, stale = exercise_cells.rewritten(notebook(page), PAGES[page], page)
    assert not stale, "make format writes them"


def test_no_other_notebook_has_cells_of_exercises():
    for path in (ROOT / "book").rglob("*.ipynb"):
        page = path.relative_to(ROOT / "book").with_suffix("").as_posix()
        if page not in PAGES and ".ipynb_checkpoints" not in path.parts:
            assert not any("exercise" in cell["metadata"] for cell in notebook(page)["cells"]), page


def place(cells: list[dict], part: str, name: str = "masked_attention") -> int:
    return next(
        number
        for number, cell in enumerate(cells)
        if (cell["metadata"].get("exercise"), cell["metadata"].get("part")) == (name, part)
    )


def leave_out(cells: list[dict]) -> None:
    del cells[place(cells, "hint")]


def double(cells: list[dict]) -> None:
    cells.append(deepcopy(cells[place(cells, "hint")]))


def rename(cells: list[dict]) -> None:
    cells.append({"metadata": {"exercise": "gone", "part": "hint"}})


def swap(cells: list[dict]) -> None:
    one, other = place(cells, "hint"), place(cells, "starter")
    cells[one], cells[other] = cells[other], cells[one]


@pytest.mark.parametrize(
    "spoil, said",
    [
        (
            leave_out,
            "no cell for the hint of masked_attention: add one, where it should stand, with the "
            'metadata {"exercise": "masked_attention", "part": "hint"}',
        ),
        (double, "2 cells for the hint of masked_attention: delete all but one"),
        (rename, "a cell for 'hint' of 'gone', which this page does not pose: delete the cell"),
        (swap, "the hint of masked_attention comes too early: exercises stand in the order of"),
    ],
)
def test_a_place_that_is_missing_doubled_or_wrong_is_told(spoil: Callable, said: str):
    spoilt = notebook()
    spoil(spoilt["cells"])
    with pytest.raises(exercise_cells.Misplaced) as told:
        exercise_cells.rewritten(spoilt, POSED, "chapters/tarmac")
    assert str(told.value).startswith(said) and "\n" not in str(told.value)


def test_what_is_typed_into_a_cell_of_an_exercise_is_written_over_and_nothing_else(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(exercise_cells, "ROOT", tmp_path)
    for page in PAGES:
        copy = tmp_path / "book" / f"{page}.ipynb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "book" / f"{page}.ipynb", copy)
    path = tmp_path / "book" / "chapters" / "tarmac.ipynb"
    before = path.read_bytes()
    spoilt = notebook()
    cells = spoilt["cells"]
    cells[place(cells, "hint")]["source"] = ["Think."]
    number = place(cells, "solution")
    cells[number] = {  # as a cell is that somebody has just added
        "cell_type": "markdown",
        "id": cells[number]["id"],
        "metadata": {"exercise": "masked_attention", "part": "solution"},
        "source": [],
    }
    path.write_text(json.dumps(spoilt), encoding="utf-8")
    assert exercise_cells.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"book/chapters/tarmac.ipynb: masked_attention: {part} is out of date"
        for part in ("hint", "solution")
    ]
    assert notebook(root=tmp_path) == spoilt
    assert exercise_cells.main([]) == 0 and path.read_bytes() == before
    assert exercise_cells.main(["--check"]) == 0


NEW = '''
"""Exercise: an echo. Sizes: N numbers."""

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.trying import Case


def _numbers(rng):
    yield Case("three numbers", (torch.randn(3, generator=rng),))


exercise = Exercise(
    place=45,
    title="An echo",
    difficulty=1,
    importance=1,
    minutes="1",
    statement="Say it again.",
    hint="What was said?",
    domain=Domain(sizes={"N": (1, 4)}, given={"x": Reals("N")}),
    inputs=_numbers,
)


@exercise.solved_by
def echo(x):
    """What was said: (N,).

    x: (N,).
    """
    return x.clone()
'''.lstrip()
SHOWN = """
import json, sys
from marl_edu import exercises
from marl_edu.exercises.__main__ import listing, page
sys.path += ["tools", "book/_ext"]
import exercise_cells, marl_interview
shown = {
    "dir": dir(exercises),
    "passed": exercises.new_echo.grade(exercises.new_echo.solution).passed,
    "order": [one.name for one in exercises.pages()["chapters/tarmac"]],
    "listing": listing(),
    "page": page("new_echo"),
    "ready": [one for one in marl_interview.all_exercises() if one["name"] == "new_echo"],
    "cells": exercise_cells.main([]),
}
print(json.dumps(shown))
"""


@pytest.mark.long
def test_a_new_file_shows_up_everywhere_by_itself(tmp_path):
    for name, left_out in (("marl_edu", "__pycache__"), ("tools", ""), ("book", "results")):
        ignored = shutil.ignore_patterns(left_out)
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("_toc.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "marl_edu" / "exercises" / "tarmac" / "new_echo.py").write_text(NEW)

    def python(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    run = python("-c", SHOWN)
    assert run.returncode == 0, run.stderr
    shown = json.loads(run.stdout)
    names = [one.name for one in POSED]
    here = names.index("mean_of_the_others")  # with place 50
    assert shown["order"] == [*names[:here], "new_echo", *names[here:]]
    assert "new_echo" in shown["dir"] and shown["passed"]
    assert "new_echo" in shown["listing"] and f"0 of {len(ALL) + 1} done" in shown["listing"]
    assert "# Say it again." in shown["page"] and "def echo(x):" in shown["page"]
    assert shown["ready"] == [
        {"name": "new_echo", "title": "An echo", "topic": "tarmac", "hunt": False}
    ]
    # Where it stands on the page only its author can say; the tool says how.
    assert shown["cells"] == 1
    asked = [json.loads(text) for text in re.findall(r"with the metadata (\{.*\})", run.stderr)]
    assert [each["part"] for each in asked] == ["statement", "starter", "hint", "solution"]
    given = notebook(root=tmp_path)
    number = place(given["cells"], "statement", "mean_of_the_others")
    given["cells"][number:number] = [
        {"cell_type": "markdown", "id": f"echo-{n}", "metadata": each, "source": []}
        for n, each in enumerate(asked)
    ]
    path = tmp_path / "book" / "chapters" / "tarmac.ipynb"
    path.write_text(json.dumps(given), encoding="utf-8")
    run = python("tools/exercise_cells.py")
    assert run.returncode == 0 and len(run.stdout.splitlines()) == 4, run.stderr
    cells = notebook(root=tmp_path)["cells"]
    written = ["".join(cell["source"]) for cell in cells[number : number + 4]]
    assert written[0].startswith(":::{exercise} An echo\n:label: ex-new-echo\n\ndifficulty ●○○○○")
    assert "exercises.new_echo.grade(solved_echo)" in written[3]
    assert cells[:number] + cells[number + 4 :] == notebook()["cells"]
