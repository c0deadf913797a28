"""The check of the book's sentences: what it reads, what it reports, and that it is switched on."""

import json
import sys
from pathlib import Path

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import prose
import run


def text_of(passages: object) -> list[str]:
    return [one.text for one in passages]  # type: ignore[attr-defined]


def test_markup_is_no_text() -> None:
    said = "The weight $\\alpha_{ij}$ of `a.b(c)`, see [this page](x.md), is {term}`attention`."
    (only,) = text_of(prose.of_markdown(said))
    assert only == "The weight Xx of Xx, see this page, is attention."


def test_directives_are_read_and_code_is_not() -> None:
    page = """\
# A heading

```{note}
:class: tip
Read me.
```

:::{glossary}
agent
  It decides.
:::

```python
one can read this
```

| a | b |
| - | - |
| first cell | second cell |
"""
    expected = ["A heading", "Read me.", "It decides.", "a", "b", "first cell", "second cell"]
    assert text_of(prose.of_markdown(page)) == expected


def test_a_docstring_is_read_without_its_equations_and_names() -> None:
    doc = """What it does.

    More of it, on
    two lines.

        x = y + 1

    Args:
        x: the first. (B, N).
        y, z: the others,
            which are long.
    """
    expected = ["What it does.", "More of it, on two lines.", "the first. (B, N)."]
    assert text_of(prose.of_docstring(doc)) == [*expected, "the others, which are long."]


def test_captions_and_public_docstrings_are_read() -> None:
    source = (
        'def f():\n    """Public."""\n\ndef _g():\n    """Private."""\n\nf(caption=f"{x} cars.")'
    )
    assert set(text_of(prose.of_python(source))) == {"Public.", "Xx cars."}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["Read me."]},
        {"cell_type": "markdown", "metadata": {"exercise": "x"}, "source": ["Not me."]},
        {"cell_type": "code", "metadata": {}, "source": ["%matplotlib\n", 'f(alt="A car.")']},
    ]
    assert text_of(prose.of_notebook(json.dumps({"cells": cells}))) == ["Read me.", "A car."]


def test_questions_are_read_without_formulas_and_links() -> None:
    entry = "- id: a-b\n  answer: >-\n    It is\n    {{iqm:x}}.\n  formula: one can\n"
    assert prose.of_questions(entry).__next__() == prose.Passage(2, "It is Xx.")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It ends. Another begins.", 2),
        ("See e.g. Figure 2, and Eq. (3). Then stop!", 2),
        ("As in Das et al. (2019). It works.", 2),
        ('He says "Stop." She does not.', 2),
        ("A value of 0.5 is no end", 1),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    assert len(list(prose.sentences(text))) == count


@pytest.mark.parametrize(
    "sentence",
    [
        "What one says in a minute.",
        "Here one can see it.",
        "It depends on one's own policy.",
        "If one looks closely, it moves.",
        "This is a matter of life.",
        "A hundred worlds run side by side.",
        " ".join(["word"] * 31) + ".",
    ],
)
def test_what_must_change_is_reported(sentence: str) -> None:
    assert list(prose.complaints(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "The last one can wait, and this one is better than that one.",
        "One agent is enough, one of the others is not.",
        "In a grid world the real world is far away.",
        "With one head it works, and each one has its own.",
        " ".join(["word"] * 30) + ".",
    ],
)
def test_what_is_right_is_not_reported(sentence: str) -> None:
    assert list(prose.complaints(sentence)) == []


def test_the_list_of_words_can_be_read() -> None:
    lines = [
        line for line in prose.WORDS.read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert all(" = " in line for line in lines) and lines == sorted(lines)
    assert len({line.partition(" = ")[0] for line in lines}) == len(lines)


def test_every_unfinished_pattern_leaves_out_a_file() -> None:
    assert [one for one in prose.unfinished() if not list(ROOT.glob(one))] == []


def test_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Fine\n\nHere one can see it.\n", encoding="utf-8")
    assert [line.partition(":")[0] for line in prose.offenders(page)] == ["3"]


def test_make_lint_checks_the_prose() -> None:
    assert ("tools/prose.py",) in run.STEPS["lint"][1]
