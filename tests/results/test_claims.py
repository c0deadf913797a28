"""What a page says of a run: strict where the book is made, a sentence for who tries settings."""

import ast
import json
import re

import pytest

from marl_edu.results import claim, claim_that
from marl_edu.results.claims import STRICT
from tests import ROOT


def test_what_holds_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    claim(0.96, above=0.95)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("share", "found"), [(0.57, "57.0%"), (0.95, "95.0%"), (float("nan"), "no number")]
)
def test_in_a_lab_it_is_a_sentence(
    share: float, found: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STRICT, raising=False)
    claim(share, above=0.95)
    said = capsys.readouterr().out
    assert said == f"This page says more than 95%; with your settings it is {found}.\n"


def test_where_the_book_is_made_it_ends_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(AssertionError, match="with your settings it is 57"):
        claim(0.57, above=0.95)


@pytest.mark.parametrize("file", ["book/conftest.py", "tools/book.py"])
def test_tests_and_the_build_are_strict(file: str) -> None:
    assert f'os.environ["{STRICT}"] = "1"' in (ROOT / file).read_text("utf-8")


def test_a_claim_of_any_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STRICT, raising=False)
    claim_that(True, "a return of 8", "7")
    claim_that(False, "a return of 8", "7")
    said = "This page says a return of 8; with your settings it is 7."
    assert capsys.readouterr().out == f"{said}\n"
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(AssertionError, match=said):
        claim_that(False, "a return of 8", "7")


CHAPTERS = ("tarmac", "gat", "drqn", "icm", "rnd", "comparison", "qmix", "maddpg", "mappo")
OTHERS = ("environments", "../tour")


@pytest.mark.parametrize("name", [*CHAPTERS, *OTHERS])
def test_a_chapter_has_one_cell_of_parameters_and_no_claim_on_them_that_ends_it(name: str) -> None:
    text = (ROOT / "book" / "chapters" / f"{name}.ipynb").read_text("utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    tagged = [k for k, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    (made,) = ast.parse("".join(cells[tagged[0]]["source"])).body
    assert isinstance(made, ast.Assign) and ast.unparse(made.targets[0]) == "cfg"
    trains = "".join(cells[tagged[0] + 1]["source"])
    assert "cfg = " not in trains and "train" in trains
    for cell in cells:
        source = "".join(cell["source"])
        assert not re.search(r"^assert .*\b(fresh|huge|run\.rows)\b", source, re.MULTILINE)


def test_qmix_claims_what_the_games_came_to_in_the_two_cells_behind_its_parameters() -> None:
    cells = json.loads((ROOT / "book" / "chapters" / "qmix.ipynb").read_text("utf-8"))["cells"]
    (k,) = [k for k, c in enumerate(cells) if "parameters" in c["metadata"].get("tags", [])]
    for cell in cells[k + 1 : k + 3]:
        source = "".join(cell["source"])
        assert "results.claim_that(" in source and "assert" not in source


@pytest.mark.parametrize("name", [*CHAPTERS, *OTHERS])
def test_a_chapter_asks_for_a_prediction_with_its_answer_and_leaves_a_task_open(name: str) -> None:
    text = (ROOT / "book" / "chapters" / f"{name}.ipynb").read_text("utf-8")
    cells = json.loads(text)["cells"]
    words = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    (asked,) = [text for text in words if text.startswith("**Predict, then run.** ")]
    assert re.search(r"\?\n\n:::\{dropdown\} Answer\n.+\.\n:::\n?", asked)
    assert sum(text.count("**Open task") for text in words) == 1
