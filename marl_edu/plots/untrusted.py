"""Drawings that a notebook keeps where it is not trusted.

JupyterLab shows what another person ran without its SVG, of which only the words are left. An image
stays. So each drawing is there twice: as SVG, and as an image in a `<template>`, which a browser
does not show. What cleans a page drops that tag but keeps what it holds. `hidden` stays, too, and
with it the words of the SVG are gone. The site needs no image: `drawn_once` takes it out.
"""

import re
from urllib.parse import quote

# The last rule of the cascade, as long as somebody reads style sheets: then the SVG is shown.
RULE = "<style>.marl-drawn[hidden]{display:contents!important}</style>"
OPEN, CLOSE = '<span class="marl-drawn" hidden="hidden">', "</span>"
ON_PAPER = "background:#fff;color:#1f2328"  # an image knows neither the page's colours nor its font
AS_IT_IS = " =:/;,()'-._~!*+@$[]{}|^"  # in an address; whatever else is percent-encoded

_FIGURE = re.compile(r"<figure\b([^>]*)>")
_SVG = re.compile(r"<svg\b([^>]*)>.*?</svg>", re.DOTALL)
_KEPT = re.compile(
    rf"<template>.*?</template>{re.escape(OPEN)}(<svg\b.*?</svg>){re.escape(CLOSE)}", re.DOTALL
)


def kept(page: str, css: str = "") -> str:
    """HTML whose drawings survive where it is cleaned.

    Args:
        css: the style sheet of drawings that have classes.
    """
    around = _FIGURE.search(page)
    classes, style = (_attribute(name, around[1] if around else "") for name in ("class", "style"))

    def twice(found: re.Match[str]) -> str:
        box, alt = (_attribute(name, found[1]) for name in ("viewBox", "aria-label"))
        drawing = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" class="{classes}" '
            f'style="{ON_PAPER};{style}" font-family="system-ui,sans-serif">'
            f"{f'<style>{css}</style>' * ('class=' in found[0])}{found[0]}</svg>"
        )
        address = "data:image/svg+xml," + quote(drawing, safe=AS_IT_IS)
        image = f'<img alt="{alt}" style="width:100%;max-width:32rem" src="{address}"/>'
        return f"<template>{image}</template>{OPEN}{found[0]}{CLOSE}"

    shown = _SVG.sub(twice, page)
    return page if shown == page else RULE + shown


def drawn_once(page: str) -> str:
    """The HTML as it was before `kept`."""
    return _KEPT.sub(r"\1", page.replace(RULE, ""))


def _attribute(name: str, tag: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""
