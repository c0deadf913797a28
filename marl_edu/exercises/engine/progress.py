"""Which exercises a reader has passed: a small file that the book's readiness page imports."""

import json
import os
from pathlib import Path

from marl_edu.core import storage

FILE = "marl_edu_exercises.json"


class Unreadable(Exception):
    """The file is not what this module writes; the message says why."""


def path() -> Path:
    """Where it is noted: beside the book's contents, for all its notebooks, or else here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").exists():
            return folder / FILE
    return here / FILE


def done() -> set[str]:
    """The names of the exercises that passed.

    Raises:
        Unreadable: the file that notes them cannot be read.
    """
    file = path()
    if not file.exists():
        return set()
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))["exercises"]
        return {name for name, state in noted.items() if state == "done"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(
            f"{file} is not what the exercises write ({type(error).__name__}: {error}); "
            "move it away and try again"
        ) from None


def note(name: str) -> str:
    """Add an exercise to those that are done. Returns a sentence that says where, or why not."""
    try:
        names = sorted(done() | {name})
        storage.write_atomic(path(), json.dumps({"exercises": dict.fromkeys(names, "done")}) + "\n")
    except (OSError, Unreadable) as error:
        return f"It could not be noted: {error}."
    return f"Noted in {os.path.relpath(path())}, which the readiness page imports."
