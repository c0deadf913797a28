"""Drawings that stay where a notebook is not trusted: an image beside each, and not on the site."""

import re
import xml.etree.ElementTree as ElementTree
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import pytest
from matplotlib.figure import Figure

from marl_edu.plots import show
from marl_edu.plots.untrusted import drawn_once, kept
from marl_edu.widgets.shared.figure import LiveFigure
from tests import ROOT

ALT = "a &quot;b&quot; &lt;c&gt;"
SVG = f'<svg viewBox="0 0 4 2" aria-label="{ALT}"><text>50 % &amp; "5"</text></svg>'
FRAMED = f'<figure class="mx still" style="--ink:#123">{SVG}<figcaption>c</figcaption></figure>'


class Drawn(LiveFigure):
    """A figure whose still has a class that its style sheet knows."""

    _esm, _css, NAME, STATE = "export default {}", ".mx .a{fill:red}", "drawn", ()

    def _still(self) -> str:
        return FRAMED.replace("<text>", '<text class="a">')


def images(page: str) -> list[str]:
    """What the addresses of the images hold."""
    assert all(found.isascii() for found in re.findall(r'src="([^"]*)"', page))
    found = re.findall(r'<template><img [^>]*src="data:image/svg\+xml,([^"]*)"/></template>', page)
    return [unquote(one) for one in found]


@pytest.mark.parametrize("page", [SVG, FRAMED, FRAMED * 2, "<p>none</p>"])
def test_a_page_of_the_site_is_as_it_was(page: str) -> None:
    assert drawn_once(kept(page)) == page
    assert (kept(page) == page) == (SVG not in page)


def test_the_site_draws_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    draw_once: Any = import_module("marl_site").draw_once
    page, none = {"body": f"<main>{kept(FRAMED)}</main>"}, {"title": "Search"}
    for context in (page, none):
        draw_once(None, "a", "page.html", context, None)
    assert page == {"body": f"<main>{FRAMED}</main>"} and none == {"title": "Search"}


def test_an_image_is_a_whole_drawing_with_what_is_around_it() -> None:
    (image,) = images(kept(FRAMED))
    drawing = ElementTree.fromstring(image)
    assert drawing.get("viewBox") == "0 0 4 2" and drawing.get("class") == "mx still"
    assert "--ink:#123" in (drawing.get("style") or "")
    (text,) = drawing.iter("{http://www.w3.org/2000/svg}text")
    assert text.text == '50 % & "5"'
    assert f'alt="{ALT}"' in kept(FRAMED)


def test_words_of_the_drawing_are_hidden_by_what_a_cleaner_keeps() -> None:
    """An attribute without a value is dropped. So is the style sheet, which alone shows them."""
    page = kept(FRAMED)
    assert f'<span class="marl-drawn" hidden="hidden">{SVG}</span>' in page
    assert page.startswith("<style>.marl-drawn[hidden]{display:contents!important}</style>")


def test_a_live_figure_and_a_plot_keep_theirs() -> None:
    (image,) = images(Drawn()._repr_mimebundle_()[0]["text/html"])
    assert "<style>.mx .a{fill:red}</style>" in image
    figure = Figure()
    figure.subplots().plot([1, 2])
    (image,) = images(show(figure, alt="It rises.", caption="It rises.")._repr_html_())
    ElementTree.fromstring(image)
    assert "color:#1f2328" in image  # what currentColor stands for
