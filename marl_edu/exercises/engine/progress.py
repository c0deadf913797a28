"""Which exercises a reader has passed: a small file that the book's readiness page imports.

It has the shape of what that page exports (book/_static/interview/state.js), and version 2:

    {"version": 2,
     "exercises": {"masked_attention": {"done": true, "at": "2026-11-24T09:30:00.000Z"}}}

The page checks values alone. Where the lab checks gradients too, a pass in the page has the entry
{"done": false, "values": true, "at": ...}, which counts for half. This package keeps it.

`at` is when the entry was made, in UTC. Of two entries the newer one counts, and whoever changes an
entry makes it newer than it was, even by a clock that is wrong. Version 1 had "done" in place of
an entry, and no `version`. What else the file holds, such as cards, stays as it is.
"""

import contextlib
import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marl_edu.core import storage

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FILE = "marl_edu_exercises.json"
VERSION = 2
UNDATED = "1970-01-01T00:00:00.000Z"  # when an entry of version 1 was made
ABOVE = Path(__file__).resolve().parents[3]
CHECKOUT = ABOVE if (ABOVE / "_toc.yml").exists() else None  # not where the package is installed
PATIENCE = 10.0  # seconds to wait for another process that notes something
# What an entry of version 1 is in version 2, in each part of the file.
MIGRATED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "exercises": lambda old: {"done": old == "done"},
    "quizzes": lambda old: {"right": old},
    "asked": lambda old: {"on": old},
    "settings": lambda old: {"value": old},
    "cards": lambda old: dict(old) if isinstance(old, dict) else {"was": old},
}


class Unreadable(Exception):
    """The file is not what this module writes; the message says why."""


def path() -> Path:
    """Where it is noted: beside the contents of the book around this folder, or of the one that
    the package lies in, wherever it is called from; else here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").exists():
            return folder / FILE
    return (CHECKOUT or here) / FILE


def done() -> set[str]:
    """The names of the exercises that passed.

    Raises:
        Unreadable: the file that notes them cannot be read.
    """
    noted = _read(path())["exercises"]
    return {name for name, entry in noted.items() if is_entry(entry) and entry["done"]}


def note(name: str) -> str:
    """Add an exercise to those that are done. Returns a sentence that says where, or why not.

    Two processes may do so at once. A link to the file stays one, and the file keeps its mode.
    """
    try:
        file = path()
        target = Path(os.path.realpath(file))
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            kept = _read(target)
            old = kept["exercises"].get(name)
            if not (is_entry(old) and old["done"]):
                kept["exercises"][name] = {"done": True, "at": _now(after=old)}
                storage.write_atomic(target, json.dumps(kept, indent=1) + "\n")
        return f"Noted in {os.path.relpath(file)}, which the readiness page imports."
    except (OSError, Unreadable) as error:  # a folder that was removed, too, is an OSError
        return f"It could not be noted: {error}."


def is_readers(answer: Any, name: str) -> bool:
    """Whether an answer that passed is a reader's work, which is noted.

    A page that runs a solution, the package's own or one of another name, has not passed anything.

    Args:
        answer: a function, or a partial, lambda or object that can be called.
        name: what the starter calls the function.
    """
    try:
        while isinstance(answer, functools.partial):
            answer = answer.func
        module, called = str(answer.__module__), getattr(answer, "__name__", "")
    except BaseException:  # an answer may raise whatever it likes when asked
        return True
    return not module.startswith("marl_edu") and called in (name, "<lambda>", "")


def is_entry(entry: Any) -> bool:
    """Whether an entry of an exercise holds what it should: `done`, perhaps `values`, and a moment
    that exists."""
    if not (isinstance(entry, dict) and isinstance(entry.get("done"), bool)):
        return False
    if not isinstance(entry.get("values", False), bool):
        return False
    at = entry.get("at")
    if not (isinstance(at, str) and re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", at)):
        return False
    try:
        return _written(datetime.fromisoformat(at)) == at >= UNDATED
    except ValueError:
        return False


def _read(file: Path) -> dict[str, Any]:
    """The file as version 2, with `exercises`; without a file, one that says nothing."""
    if not file.exists():
        return {"version": VERSION, "exercises": {}}
    try:
        if not file.is_file():
            raise ValueError("no file")
        kept = json.loads(file.read_text(encoding="utf-8-sig"))  # Windows may mark its UTF-8
        kept["exercises"].items()
        json.dumps(kept, allow_nan=False)  # the page could not read what is not finite
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"{file} is not what the exercises write ({type(error).__name__}: {error}); "
            "move it away and try again"
        ) from None
    version = kept.get("version", 1)
    if isinstance(version, bool) or version not in (1, VERSION):
        raise Unreadable(
            f"{file} has version {version!r}, and this marl_edu reads up to {VERSION}: update it, "
            "or move the file away"
        )
    return _migrated(kept) if version == 1 else kept


def _migrated(kept: dict[str, Any]) -> dict[str, Any]:
    """A file of version 1 in the shape of version 2."""
    for part, entry_of in MIGRATED.items():
        if isinstance(kept.get(part), dict):
            kept[part] = {k: entry_of(old) | {"at": UNDATED} for k, old in kept[part].items()}
    return {"version": VERSION} | kept | {"version": VERSION}


def _now(after: Any) -> str:
    """This moment, or the one just after that of an entry from the future."""
    now = _written(datetime.now(UTC))
    if not is_entry(after):
        return now
    try:
        following = datetime.fromisoformat(after["at"]) + timedelta(milliseconds=1)
    except OverflowError:  # the last moment that there is
        return str(after["at"])
    return max(now, _written(following))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While it lasts, no other process notes anything in this folder.

    Raises:
        OSError: another one has done so for too long.
    """
    if sys.platform == "win32":  # folders cannot be locked there
        opened = os.open(folder / f".{FILE}.lock", os.O_RDWR | os.O_CREAT)
    else:
        opened = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + PATIENCE
    try:
        while not _locked(opened):
            if time.monotonic() > deadline:
                raise OSError(f"another process has been writing in {folder} for too long")
            time.sleep(0.01)
        yield
    finally:
        os.close(opened)  # and with it the lock


def _locked(opened: int) -> bool:
    """Whether the lock is ours now. A disk that knows no locks gives it to everybody."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError | PermissionError)
    return True
