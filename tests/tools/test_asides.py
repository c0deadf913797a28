"""Cells that only draw or assert have one tag, and their folding follows from it."""

import json
import sys
from pathlib import Path

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import asides


@pytest.mark.parametrize(
    "source",
    [
        'plots.show(figure, "alt", "caption")',
        "assert a < b\nassert b < c",
        "from marl_edu import plots\n\nfor x in y:\n    plots.show(x)\n    assert x",
        "JunctionFigure(team)",
        "exercises.widgets.TrainingPanel()",
        'tables.overview(names=["a"])',
    ],
)
def test_what_only_draws_or_asserts_is_known(source: str) -> None:
    assert asides.only_shows(source)


@pytest.mark.parametrize(
    "source",
    ["import torch", "x = f()\nplots.show(x)", "run = train(cfg)", "print(x)", "toy(z)", "x"],
)
def test_what_does_more_is_left_to_its_author(source: str) -> None:
    assert not asides.only_shows(source)


def notebook(source: str, **metadata: object) -> str:
    cell = {"cell_type": "code", "id": "a", "metadata": metadata, "source": [source]}
    return json.dumps({"cells": [cell]}, indent=1, sort_keys=True) + "\n"


def test_the_folding_follows_from_the_tag() -> None:
    new, wrong = asides.of_notebook(notebook("assert x", tags=["hide-input", "aside"]))
    assert wrong == []
    meta = json.loads(new)["cells"][0]["metadata"]
    assert meta == {"tags": ["aside", "remove-input"], "jupyter": {"source_hidden": True}}
    assert asides.of_notebook(new) == (new, [])


def test_an_untagged_cell_is_named_and_so_is_folding_by_hand() -> None:
    assert asides.of_notebook(notebook("plots.show(x)"))[1] == [
        "cell 0 only draws or asserts: tag it aside"
    ]
    text = notebook("x = 1", tags=["hide-input"])
    assert asides.of_notebook(text) == (
        text,
        ["cell 0 is folded by hand (hide-input): tag it aside"],
    )
    exercise = notebook("plots.show(x)", exercise="a", tags=["hide-cell"])
    assert asides.of_notebook(exercise) == (exercise, [])


def test_pages_have_the_same_tag() -> None:
    page = "Text.\n\n```{code-cell} ipython3\n:tags: [hide-input, aside]\nplots.show(x)\n```\n"
    new, wrong = asides.of_page(page)
    assert wrong == [] and ":tags: [aside, remove-input]\n" in new
    assert asides.of_page(page.replace(", aside", ""))[1] and asides.of_page(new) == (new, [])


def test_it_writes_and_checks_files(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(notebook("assert x", tags=["aside"]), encoding="utf-8")
    assert asides.main(["--check", str(path)]) == 1
    assert asides.main([str(path)]) == 0 and asides.main(["--check", str(path)]) == 0


def test_every_cell_of_the_book_that_only_draws_or_asserts_is_tagged() -> None:
    assert asides.main(["--check"]) == 0
