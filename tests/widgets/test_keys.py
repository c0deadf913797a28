"""In JupyterLab a key pressed in a figure or panel is the figure's: "d d" deletes no cell."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from marl_edu.widgets import (
    CorridorFigure,
    CriticFigure,
    CuriosityFigure,
    ExploringFigure,
    Film,
    GraphFigure,
    JunctionFigure,
    LearningFigure,
    MixingFigure,
    PayoffFigure,
    SpeakerFigure,
)
from marl_edu.widgets.shared import bundle
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

# Of every element that can have the focus, whether Lab is told to leave it its keys.
TOLD = """root => [...document.querySelectorAll(root + ' *')]
    .filter((one) => { one.focus?.(); return one === document.activeElement; })
    .map((one) => [one.outerHTML.slice(0, 60), one.hasAttribute("data-lm-suppress-shortcuts")])"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" aria-label="a picture"/>'
FIGURES: dict[str, Callable[[], Any]] = {
    "corridor": CorridorFigure,
    "critic": CriticFigure,
    "curiosity": CuriosityFigure,
    "exploring": ExploringFigure,
    "film": lambda: Film([SVG, SVG], ["one", "two"], "A film."),
    "graph": GraphFigure,
    "junction": JunctionFigure,
    "learning": LearningFigure,
    "mixing": MixingFigure,
    "payoff": PayoffFigure,
    "speaker": SpeakerFigure,
}


def test_every_figure_is_listed() -> None:
    assert tuple(FIGURES) == bundle.FIGURES


@pytest.mark.long
@pytest.mark.parametrize("name", FIGURES)
def test_whatever_has_the_focus_in_a_figure_keeps_its_keys(
    name: str,
    browser: Browser,  # noqa: F811
    tmp_path: Path,
) -> None:
    pages = Pages(browser, tmp_path)
    page = pages.page(pages.write(FIGURES[name]()))
    page.locator(f"[data-figure={name}] button").first.wait_for()
    told = page.evaluate(TOLD, f"[data-figure={name}]")
    assert len(told) >= 2 and [one for one, kept in told if not kept] == []
    assert pages.wrong == []


def test_panels_keep_theirs_and_nothing_else_does(browser: Browser) -> None:  # noqa: F811
    page = functions(browser, "render", "shared/panel.js")
    page.set_content(
        "<div class=marl-panel><button>Train</button><input></div><main><button>x</button></main>"
    )
    page.add_script_tag(
        content=bundle.script(bundle.SHARED / "panel.js", last="render(); render();")
    )
    assert [kept for _, kept in page.evaluate(TOLD, ".marl-panel")] == [True, True]
    assert [kept for _, kept in page.evaluate(TOLD, "main")] == [False]
    page.close()
