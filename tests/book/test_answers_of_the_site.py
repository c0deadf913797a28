"""What the site shows instead of an exercise's starter: a form, or where to solve it."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document

from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import exporting
from tests import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import marl_answers


def shown(name: str, data: str) -> str:
    """A chapter with one starter, which was graded unattempted, as the site has it."""
    said = nodes.paragraph(text="Not attempted yet.")
    verdict = nodes.container("", said, classes=["cell_output"])
    source = nodes.container("", nodes.literal_block(text="return ..."), classes=["cell_input"])
    metadata = {"exercise": name, "part": "starter"}
    page = new_document("chapter")
    page += nodes.container("", source, verdict, cell_metadata=metadata, classes=["cell"])
    builder = SimpleNamespace(name="html", get_relative_uri=lambda page, to: f"../{to}.html")
    app: Any = SimpleNamespace(builder=builder, marl_data={name: data})
    marl_answers.replace_cells(app, page, "book/chapters/chapter")
    return page.astext() + "".join(raw.astext() for raw in page.findall(nodes.raw))


@pytest.mark.parametrize("name", ["smaller_twin", "upside_down", "sure_seven"])
def test_where_the_page_cannot_run_an_exercise_it_says_where_to_solve_it(name: str) -> None:
    assert not exporting.expressible(ALL[name])
    page = shown(name, data="")
    assert "This one needs torch: solve it" in page and "return ..." in page
    assert 'href="../book/index.html#how-to-read"' in page and "Not attempted" not in page


def test_where_it_can_there_is_a_form_alone() -> None:
    page = shown("act_alone", data="{}")
    assert 'class="answer" data-exercise="act_alone"' in page
    assert "needs torch" not in page and "Not attempted" not in page
