"""Draws the picture of the README anew: `python -m marl_edu.widgets`."""

from marl_edu.results import RESULTS
from marl_edu.storage import write_atomic
from marl_edu.widgets.junction import JunctionFigure

if __name__ == "__main__":
    write_atomic(
        RESULTS.parent / "_static" / "junction.svg",
        JunctionFigure(("tarmac-easy",), seed=0, episode=36, step=10).picture(standalone=True),
    )
