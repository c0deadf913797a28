"""Answers in a file: what it defines, and one of its functions, always in the answer's own process.

Nothing of the file ever runs in the process that judges it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from marl_edu.exercises.engine.isolation import OutOfTime, Stopped, run_apart
from marl_edu.exercises.engine.refusing import no_start

LOAD_SECONDS = 20  # of computing, for all that a file does before it is graded
_NAME = "answer_file"  # not __main__: what stands behind `if` is not run


class Misuse(Exception):
    """What was asked for cannot be done; the message says why."""


class AnswerFile:
    """A file of Python with answers, and the names of what it defines.

    Raises:
        Misuse: it is no such file, raises, ends its process or does not come to an end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.suffix != ".py":
            raise Misuse(f"{path} is no Python file: its name must end in .py")
        if path.exists() and not path.is_file():  # a pipe, say, which may never have an end
            raise Misuse(f"{path} is no file")
        try:
            self.source = path.read_bytes()
        except OSError as error:
            raise Misuse(f"{path} cannot be read: {error.strerror}") from None
        try:
            found = run_apart(self._names, LOAD_SECONDS).result
        except OutOfTime:
            raise Misuse(
                f"{path} was stopped after {LOAD_SECONDS} seconds: is there a loop that never ends?"
            ) from None
        except Stopped as error:
            why = str(error) and f": it took {error}"
            raise Misuse(f"{path} ended the whole process that it was tried in{why}") from None
        if isinstance(found, str):
            raise Misuse(f"{path} {found}")
        self.functions, self.own = (list(map(str, names)) for names in found)

    def function(self, name: str) -> Callable[..., Any]:
        """Run the file and return one of its functions: for the process of the answer alone."""
        return _callables(self._run())[name]

    def _run(self) -> ModuleType:
        sys.path.insert(0, str(self.path.resolve().parent))  # as for a file that is run
        module = ModuleType(_NAME)
        module.__file__ = str(self.path)
        sys.modules[_NAME] = module
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)
        return module

    def _names(self) -> list[list[str]] | str:
        """What can be called in the file, and what of it is its own; or what went wrong."""
        try:
            found = _callables(self._run())
        except BaseException as error:  # also sys.exit
            return no_start(error, str(self.path))
        return [[*found], [name for name, value in found.items() if _home(value) == _NAME]]


def _callables(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """What can be called in a file, without what was imported from the package."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and not _home(value).startswith("marl_edu")
    }


def _home(value: Any) -> str:
    try:
        return str(getattr(value, "__module__", ""))
    except BaseException:  # a callable may do anything when asked for an attribute
        return ""
