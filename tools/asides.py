"""Fold the cells that only draw or assert, on the site and in the lab, by their one tag: aside.

    python tools/asides.py            write the folding of all notebooks and pages
    python tools/asides.py --check    name the cells that are wrong, and fail if there are any

The site shows what such a cell draws, without its code; the lab folds the code. An exercise's cells
have a folding of their own (tools/exercise_cells.py).
"""

import argparse
import ast
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prose import ROOT

PAGES = ("book/**/*.ipynb", "book/**/*.md")
FOLDING = {"hide-input", "remove-input", "hide-cell", "remove-cell"}  # tags that the site knows
# What a statement calls that shows something; besides it, names of live figures end on these.
SHOWS = {"plots", "tables", "lines", "compatibility", "display", "HTML", "SVG", "Markdown", "plt"}
LIVE = ("Figure", "Panel", "Lab")
TAGS = re.compile(r"^(:tags:) *\[(.*)\] *$", re.MULTILINE)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)
Json = dict[str, Any]  # a notebook, or a cell of one


def only_shows(source: str) -> bool:
    """Whether all that a cell does is to draw, to show and to assert, imports aside."""
    body = ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)).body
    rest = [one for one in body if not isinstance(one, ast.Import | ast.ImportFrom)]
    return bool(rest) and all(_shows(one) for one in rest)


def _shows(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.For | ast.If | ast.With):
        return all(_shows(one) for one in [*statement.body, *getattr(statement, "orelse", [])])
    if isinstance(statement, ast.Assert):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    called = statement.value.func
    last = called.attr if isinstance(called, ast.Attribute) else ""
    while isinstance(called, ast.Attribute):
        called = called.value
    first = called.id if isinstance(called, ast.Name) else ""
    return first in SHOWS or (last or first).endswith(LIVE)


def tagged(tags: Sequence[str]) -> list[str]:
    """The tags of a cell as they should be: an aside has those of the site's folding too."""
    own = [tag for tag in tags if tag not in FOLDING]
    return [*own, "remove-input"] if "aside" in own else list(tags)


def complaints(source: str, tags: Sequence[str]) -> list[str]:
    """What somebody has to decide about a cell."""
    if "aside" in tags:
        return []
    if only_shows(source):
        return ["only draws or asserts: tag it aside"]
    return [f"is folded by hand ({tag}): tag it aside" for tag in tags if tag in FOLDING]


def of_notebook(text: str) -> tuple[str, list[str]]:
    """A notebook with its folding, and what somebody has to decide, one line a cell."""
    notebook: Json = json.loads(text)
    wrong = []
    for number, cell in enumerate(notebook["cells"]):
        meta = cell["metadata"]
        if cell["cell_type"] != "code" or "exercise" in meta:
            continue
        tags = meta.get("tags", [])
        wrong += [f"cell {number} {one}" for one in complaints("".join(cell["source"]), tags)]
        if "aside" in tags:
            meta["tags"] = tagged(tags)
            meta["jupyter"] = meta.get("jupyter", {}) | {"source_hidden": True}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", wrong


def of_page(text: str) -> tuple[str, list[str]]:
    """The same for a page of Markdown with code cells."""
    wrong = []
    for number, found in enumerate(CELL.finditer(text)):
        tags = [tag.strip() for one in TAGS.finditer(found[1]) for tag in one[2].split(",")]
        wrong += [f"cell {number} {one}" for one in complaints(found[2], tags)]

    def folded(found: re.Match[str]) -> str:
        tags = tagged([tag.strip() for tag in found[2].split(",")])
        return f"{found[1]} [{', '.join(tags)}]"

    return TAGS.sub(folded, text), wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 1 if a cell must change."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if stale")
    parser.add_argument("paths", nargs="*", type=Path, help="default: all")
    options = parser.parse_args(arguments)
    everything = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    failed = False
    for path in [path.resolve() for path in options.paths] or sorted(everything):
        if ".ipynb_checkpoints" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        new, wrong = of_notebook(text) if path.suffix == ".ipynb" else of_page(text)
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        if new != text and options.check:
            wrong.append("its folding is out of date: make format")
        elif new != text:
            path.write_text(new, encoding="utf-8")
        failed |= bool(wrong)
        for line in wrong:
            print(f"{name}: {line}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
