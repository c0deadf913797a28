"""Write the exercises of the package into the cells of the notebooks that pose them.

    python tools/exercise_cells.py            rewrite the cells that are out of date
    python tools/exercise_cells.py --check    name them, and fail if there are any

A cell with the metadata {"exercise": "masked_attention", "part": "statement"} is written from
`marl_edu/exercises/tarmac/masked_attention.py`, whatever stands in it. The parts are statement,
starter, hint and solution, and suspect in a bug hunt. All other cells are written by hand.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from marl_edu import exercises
from marl_edu.exercises.engine.grading import Exercise, source_of

ROOT = Path(__file__).resolve().parent.parent
FOLDED = {
    "jupyter": {"source_hidden": True},
    "mystnb": {"code_prompt_hide": "Solution", "code_prompt_show": "Solution"},
    "tags": ["hide-cell"],
}
Json = dict[str, Any]  # a notebook, or a cell of one
Place = tuple[str, str]  # exercise and part


class Misplaced(Exception):
    """The cells of a notebook are not one for each part of its exercises; the message says more."""


def texts(exercise: Exercise, page: str) -> dict[str, str]:
    """What stands in the cell of each part, in the order of the page, whose path is in `book`."""
    asked = exercise.solution.__name__
    solution = source_of(exercise.solution).replace(f"def {asked}(", f"def solved_{asked}(", 1)
    suspect = {"suspect": source_of(exercise.suspect)} if exercise.suspect is not None else {}
    topic = os.path.relpath(f"interview/{exercise.counts_for}.md", Path(page).parent)
    return {
        "statement": f":::{{exercise}} {exercise.title}\n:label: {exercise.label}\n\n"
        f"{exercise.header} · [without typing]({topic}#code-{exercise.name})\n\n"
        f"{exercise.statement}\n\n{exercise.tried}\n:::",
        **suspect,
        "starter": f"{exercise.starter}\n\n\n"
        f"verdict = exercises.{exercise.name}.grade({asked})\nverdict",
        "hint": f":::{{dropdown}} Hint\n{exercise.hint}\n:::",
        # Says nothing where it passes: the verdict on a page is that on the reader's answer.
        "solution": f"{solution}\n\n\nchecked = exercises.{exercise.name}.grade(solved_{asked})\n"
        "assert checked.passed, checked",
    }


def written(cell: Json, text: str) -> Json:
    """A cell with the text of its part; of what it was, its id and its outputs stay."""
    place = {key: cell["metadata"][key] for key in ("exercise", "part")}
    new = {"id": cell["id"], "source": text.splitlines(keepends=True)}
    if place["part"] in ("statement", "hint"):
        return new | {"cell_type": "markdown", "metadata": place}
    ran = {"execution_count": cell.get("execution_count"), "outputs": cell.get("outputs", [])}
    folded = FOLDED if place["part"] == "solution" else {}
    return new | ran | {"cell_type": "code", "metadata": place | folded}


def misplaced(found: list[Place], wanted: list[Place]) -> list[str]:
    """What is wrong with the places of a notebook, one line each."""
    wrong = [
        f"no cell for the {part} of {name}: add one, where it should stand, with the metadata "
        + json.dumps({"exercise": name, "part": part})
        for name, part in wanted
        if (name, part) not in found
    ]
    wrong += [
        f"{found.count((name, part))} cells for the {part} of {name}: delete all but one"
        for name, part in wanted
        if found.count((name, part)) > 1
    ]
    wrong += [
        f"a cell for {part!r} of {name!r}, which this page does not pose: delete the cell"
        for name, part in found
        if (name, part) not in wanted
    ]
    if not wrong and found != wanted:
        name, part = next(one for one, due in zip(found, wanted, strict=True) if one != due)
        wrong = [
            f"the {part} of {name} comes too early: exercises stand in the order of their `place`, "
            "and each as statement, suspect, starter, hint, solution"
        ]
    return wrong


def rewritten(notebook: Json, posed: tuple[Exercise, ...], page: str) -> tuple[Json, list[str]]:
    """A notebook with its exercises as the package has them, and the parts that were otherwise.

    Raises:
        Misplaced: a part has no cell or several, or stands where it should not.
    """
    wanted = {(one.name, part): text for one in posed for part, text in texts(one, page).items()}
    places = [
        (cell["metadata"].get("exercise"), cell["metadata"].get("part"))
        for cell in notebook["cells"]
    ]
    if wrong := misplaced([place for place in places if place[0] is not None], list(wanted)):
        raise Misplaced("\n".join(wrong))
    cells = [
        written(cell, wanted[place]) if place in wanted else cell
        for cell, place in zip(notebook["cells"], places, strict=True)
    ]
    stale = [
        f"{place[0]}: {place[1]}"
        for place, old, new in zip(places, notebook["cells"], cells, strict=True)
        if old != new
    ]
    return notebook | {"cells": cells}, stale


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 1 if something is misplaced, or was found stale."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if stale")
    check = parser.parse_args(arguments).check
    failed = False
    for name, posed in exercises.pages().items():
        path = ROOT / "book" / f"{name}.ipynb"
        try:
            notebook, stale = rewritten(json.loads(path.read_text(encoding="utf-8")), posed, name)
        except Misplaced as error:
            failed = True
            for line in str(error).splitlines():
                print(f"{path.relative_to(ROOT)}: {line}", file=sys.stderr)
            continue
        for part in stale:
            print(f"{path.relative_to(ROOT)}: {part} {'is out of date' if check else 'rewritten'}")
        if stale and check:
            failed = True
        elif stale:
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            path.write_text(text + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
