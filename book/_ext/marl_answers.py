"""Exercises on the site: where an answer is typed, the judge's data, and a page for each solution.

The cells of a notebook stay as they are; the site shows something else in their place. Instead of
the starter, which nobody has attempted there, stands a form that a script makes an editor of, if
numpy can express the exercise; else a line says where to solve it. Instead of the solution stands a
link to its page, so that neither the chapter, nor the search, nor the judge knows it.

The data take half a second per exercise; they are kept, by a hash of what they are made of.
"""

import hashlib
import html
import inspect
import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from marl_edu.exercises import NOTEBOOKS
from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import exporting
from marl_edu.exercises.engine.grading import Exercise, source_of

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "_build" / ".exercises"
DATA = "_static/python"
SOLUTIONS = "solutions"
# What the data of an exercise are made with, beside its own file.
MADE_BY = ("core", "training", "envs", "results", "algos", "exercises/engine")
LIBRARIES = ("torch", "numpy", "hypothesis")


def data_of(exercise: Exercise) -> str:
    """The data of an exercise for the judge in the page; "" if numpy cannot express it."""
    kept = KEPT / f"{exercise.name}-{fingerprint(exercise)}.json"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob(f"{exercise.name}-*.json"):
            old.unlink()
        possible = exporting.expressible(exercise)
        kept.write_text(exporting.page_data(exercise) if possible else "", encoding="utf-8")
    return kept.read_text(encoding="utf-8")


def fingerprint(exercise: Exercise) -> str:
    """A hash of what the data of an exercise are made of."""
    own = Path(inspect.getfile(exercise.solution))
    package = ROOT / "marl_edu"
    files = [own, *own.parent.glob("_*.py")]
    files += [path for folder in MADE_BY for path in (package / folder).rglob("*.py")]
    digest = hashlib.sha256(" ".join(map(version, LIBRARIES)).encode())
    for path in sorted(files):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def make_data(app: Sphinx) -> None:
    """Make the data before a page is written: a page says which exercises have any."""
    if app.builder.name == "html":
        app.marl_data = {name: data_of(one) for name, one in ALL.items()}  # type: ignore


def write_data(app: Sphinx, exception: Exception | None) -> None:
    """Write the data, and the files of the judge, into the site."""
    if exception is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir, DATA, "exercises")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in app.marl_data.items():  # type: ignore[attr-defined]
        if data:
            (folder / f"{name}.json").write_text(data, encoding="utf-8")
    judge = json.dumps(exporting.judge_files())
    (folder.parent / "judge.json").write_text(judge, encoding="utf-8")


def replace_cells(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """On the site, put forms in place of starters, and links in place of solutions."""
    if app.builder.name != "html":
        return
    for cell in list(doctree.findall(nodes.container)):
        given = cell.get("cell_metadata") or {}
        exercise, part = ALL.get(given.get("exercise", "")), given.get("part")
        if exercise is None:
            continue
        if part == "starter" and app.marl_data[exercise.name]:  # type: ignore[attr-defined]
            put(cell, form(exercise))
        elif part == "starter":
            send_home(cell, app.builder.get_relative_uri(page, "book/index"))
        elif part == "solution":
            address = app.builder.get_relative_uri(page, f"{SOLUTIONS}/{exercise.name}")
            put(cell, fold(exercise, address))


def put(cell: nodes.container, text: str) -> None:
    """HTML in the place of a cell, whose classes it does not take over."""
    cell.parent.replace(cell, nodes.raw("", text, format="html"))


def send_home(cell: nodes.container, index: str) -> None:
    """Under a starter that the page cannot run: where to solve it, instead of its verdict."""
    for output in list(cell.findall(nodes.container)):
        if "cell_output" in output["classes"]:
            output.parent.remove(output)
    text = f'This one needs torch: solve it <a href="{index}#how-to-read">in the lab</a>.'
    cell += nodes.raw("", f'<p class="in-the-lab">{text}</p>', format="html")


def form(exercise: Exercise) -> str:
    """Where an answer is typed. Without a script it is the starter, to read."""
    more = "true" if exporting.also(exercise) else "false"
    return (
        f'<div class="answer" data-exercise="{exercise.name}" '
        f'data-function="{exercise.solution.__name__}" data-gradients="{more}">'
        f'<pre class="starter">{html.escape(exercise.starter)}</pre>'
        "<noscript><p>To try an answer here, switch JavaScript on. In the lab, type it into this "
        "chapter’s notebook and run the cell.</p></noscript></div>"
    )


def fold(exercise: Exercise, address: str) -> str:
    """The link to a solution, folded as the notebook folds the solution itself."""
    return (
        '<div class="cell tag_hide-cell docutils container">'
        '<details class="admonition hide above-input">'
        '<summary aria-label="Toggle hidden content">'
        '<p class="collapsed admonition-title">Solution</p>'
        '<p class="expanded admonition-title">Solution</p></summary>'
        f'<p><a href="{address}">The solution of “{html.escape(exercise.title)}”</a>, '
        "on a page of its own.</p></details></div>"
    )


def solution_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each solution: none that the search knows."""
    if app.builder.name != "html":
        return
    for exercise in ALL.values():
        page = f"{SOLUTIONS}/{exercise.name}"
        back = app.builder.get_relative_uri(page, f"book/{NOTEBOOKS[exercise.page]}")
        highlighter = app.builder.highlighter  # type: ignore[attr-defined]
        code = highlighter.highlight_block(source_of(exercise.solution), "python")
        title = f"Solution: {html.escape(exercise.title)}"
        body = (
            f"<section><h1>{title}</h1>"
            f'<p><a href="{back}#{exercise.label}">Back to the exercise</a></p>'
            f'<div class="highlight-python notranslate">{code}</div>'
            f"<p>{marked_up(exercise.tried)}</p></section>"
        )
        yield page, {"title": title, "body": body, "parents": []}, "page.html"


def marked_up(text: str) -> str:
    """A sentence of Markdown as HTML: it has nothing but code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("builder-inited", make_data)
    app.connect("doctree-resolved", replace_cells)
    app.connect("html-collect-pages", solution_pages)
    app.connect("build-finished", write_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
