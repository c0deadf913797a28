"""Redraws the picture of the README: `python -m marl_edu.widgets`."""

from marl_edu.core.storage import write_atomic
from marl_edu.results.folders import HOME
from marl_edu.widgets.junction.figure import JunctionFigure

PATH = HOME / "_static" / "junction.svg"


def picture() -> str:
    """Four cars of the trained team, each in a different place, and all their messages."""
    return JunctionFigure(("tarmac-easy",), seed=0, episode=36, step=10).picture(standalone=True)


if __name__ == "__main__":
    write_atomic(PATH, picture())
