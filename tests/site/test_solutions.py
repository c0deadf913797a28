"""Where an answer is typed on the site, the judge's data, and the pages of solutions."""

import html as entities
import json
import re
from pathlib import Path

import pytest

from marl_edu.exercises import NOTEBOOKS
from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine.grading import source_of

pytestmark = pytest.mark.site


def text(path: Path) -> str:
    """The text of a page, without its tags."""
    return entities.unescape(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))


def lines(name: str) -> list[str]:
    """The lines of a solution that say most, without its docstring."""
    body = source_of(ALL[name].solution).rpartition('"""')[2].splitlines()
    return [line.strip() for line in body if len(line.strip()) > 20]


@pytest.mark.parametrize("name", ALL)
def test_a_solution_has_a_page_and_is_nowhere_else(html: Path, name: str) -> None:
    chapter = html / "book" / f"{NOTEBOOKS[ALL[name].page]}.html"
    page, written = text(html / "solutions" / f"{name}.html"), chapter.read_text(encoding="utf-8")
    assert all(line in page for line in lines(name))
    assert f'href="../../solutions/{name}.html"' in written
    assert f"solved_{ALL[name].solution.__name__}" not in written
    data = html / "_static" / "python" / "exercises" / f"{name}.json"
    if data.exists():
        assert not any(line in data.read_text(encoding="utf-8") for line in lines(name))
        form = re.search(rf'<div class="answer" data-exercise="{name}"[^>]*>', written)
        assert form and f'data-function="{ALL[name].solution.__name__}"' in form[0]
    else:
        assert f'data-exercise="{name}"' not in written


def test_the_search_the_map_and_the_judge_know_no_solution(html: Path) -> None:
    index = (html / "searchindex.js").read_text(encoding="utf-8")
    assert '"solutions/' not in index
    assert "solutions/" not in (html / "sitemap.xml").read_text(encoding="utf-8")
    judge = json.loads((html / "_static" / "python" / "judge.json").read_text(encoding="utf-8"))
    assert "marl_edu/exercises/engine/in_page.py" in judge
    assert not any("import torch" in source for source in judge.values())
