"""What all live figures have in common: a widget in the lab, and a piece of a page on the site.

A figure is a folder with a class derived from `LiveFigure`, a `figure.css` behind the shared one,
and ES modules that `bundle` joins. Of these `figure.js` says what the figure is called (FIGURE),
what a link to it holds (LINKED) and how it is drawn (render).
"""

import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget

from marl_edu.plots.untrusted import kept

FOLDER = Path(__file__).parents[1]


def style(*names: str) -> str:
    """The style sheet of a figure: what all figures share, then its own, the last; between them
    those of figures that it resembles."""
    return "".join(
        (FOLDER / each / "figure.css").read_text(encoding="utf-8") for each in ("shared", *names)
    )


class LiveFigure(anywidget.AnyWidget):
    """A widget that also shows itself as HTML where there is no kernel.

    A class derived from it gives `_esm`, `_css`, `NAME`, `STATE` and `_still`.
    """

    NAME: ClassVar[str]  # FIGURE in its module, and the name of its folder
    STATE: ClassVar[tuple[str, ...]]  # the traits that the page starts from
    AT_FIRST: ClassVar[dict[str, Any]] = {"playing": False}  # traits that a page starts from anyhow

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # the widget was closed
            return None
        return {**bundle[0], "text/html": kept(self.to_html(), self._css)}, bundle[1]

    def to_html(self) -> str:
        """The figure as a piece of a page: a still picture, and the state that it comes alive with.

        The page brings it to life by the script that `bundle.figure_script` gives.
        """
        state = {key: getattr(self, key) for key in self.STATE} | self.AT_FIRST
        text = json.dumps(state, separators=(",", ":")).replace("<", "\\u003c")  # no end of script
        return (
            f'<div data-figure="{self.NAME}"><style>{self._css}</style>{self._still()}'
            f'<script type="application/json">{text}</script></div>'
        )

    def _still(self) -> str:
        """What is there without JavaScript: a picture, and the numbers."""
        raise NotImplementedError
