"""What all live figures have in common: a widget in the lab, and a piece of a page on the site.

A figure is a folder's `<name>.js` (an ES module that names itself in FIGURE), `<name>.css` behind
`figure.css`, and a class derived from `LiveFigure`.
"""

import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget

HERE = Path(__file__).parent


def style(name: str) -> str:
    """The style sheet of a figure: what all figures share, then its own."""
    return "".join((HERE / f"{file}.css").read_text(encoding="utf-8") for file in ("figure", name))


class LiveFigure(anywidget.AnyWidget):
    """A widget that also shows itself as HTML, with all it needs, where there is no kernel.

    A class derived from it gives `_esm`, `_css`, `NAME`, `STATE` and `_still`.
    """

    NAME: ClassVar[str]  # FIGURE in its module, and the name of its files
    STATE: ClassVar[tuple[str, ...]]  # the traits that the page starts from
    AT_FIRST: ClassVar[dict[str, Any]] = {"playing": False}  # traits that a page starts from anyhow

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # the widget was closed
            return None
        return {**bundle[0], "text/html": self.to_html()}, bundle[1]

    def to_html(self) -> str:
        """The figure as a piece of a page: all it needs, and a still picture until it is alive."""
        state = {key: getattr(self, key) for key in self.STATE} | self.AT_FIRST
        text = json.dumps(state, separators=(",", ":")).replace("<", "\\u003c")  # no end of script
        module = "".join(
            (HERE / file).read_text(encoding="utf-8") for file in (f"{self.NAME}.js", "host.js")
        )
        return (
            f'<div data-figure="{self.NAME}"><style>{style(self.NAME)}</style>{self._still()}'
            f'<script type="application/json">{text}</script></div>'
            f'<script type="module">{module}</script>'
        )

    def _still(self) -> str:
        """What is there without JavaScript: a picture, and the numbers."""
        raise NotImplementedError
