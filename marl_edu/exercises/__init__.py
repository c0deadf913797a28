"""Exercises with graders: `exercises.masked_attention.grade(my_function)` gives a verdict.

An answer is tried in a process of its own; the verdict says what is wrong, and which classic
mistake behaves just so. An exercise is a file in the folder of its page and is called after it.
The file has all there is to it, from the header to the classic mistakes; the cells of the notebook
are written from it. It is read when somebody asks for the exercise.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from marl_edu.core.checks import did_you_mean
from marl_edu.exercises.engine.grading import Exercise

# Which notebook of the book poses the exercises of a folder; in the book's order.
NOTEBOOKS = {
    "environments": "chapters/environments",
    "tarmac": "chapters/tarmac",
    "gat": "chapters/gat",
    "drqn": "chapters/drqn",
    "qmix": "chapters/qmix",
    "maddpg": "chapters/maddpg",
    "mappo": "chapters/mappo",
    "icm": "chapters/icm",
    "rnd": "chapters/rnd",
    "comparison": "chapters/comparison",
    "whiteboard": "interview/whiteboard",
}
# The folder of each exercise. What exercises share is in files that begin with an underscore.
_FOLDER = {
    file.name: folder
    for folder in NOTEBOOKS
    for file in iter_modules([str(Path(__file__).parent / folder)])
    if not file.name.startswith("_")
}

__all__ = ["NOTEBOOKS", "pages", *_FOLDER]


def __getattr__(name: str) -> Exercise:
    if name not in _FOLDER:
        hint = did_you_mean(name, _FOLDER, "dir(exercises) lists them.")
        raise AttributeError(f"no exercise is called {name!r}.{hint}")
    exercise: Exercise = import_module(f"{__name__}.{_FOLDER[name]}.{name}").exercise
    return exercise


def __dir__() -> list[str]:
    return sorted({*globals(), *_FOLDER})


@cache
def pages() -> dict[str, tuple[Exercise, ...]]:
    """The exercises that each notebook of the book poses, in order."""
    return {
        notebook: tuple(
            sorted(
                (__getattr__(name) for name, where in _FOLDER.items() if where == folder),
                key=lambda exercise: exercise.place,
            )
        )
        for folder, notebook in NOTEBOOKS.items()
    }
