"""A saved notebook sorts the keys of a widget's state: a figure then computes the same."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from marl_edu.envs import TrafficJunction
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.widgets import (
    CorridorFigure,
    CriticFigure,
    CuriosityFigure,
    ExploringFigure,
    Film,
    LearningFigure,
    MixingFigure,
    PayoffFigure,
    SpeakerFigure,
)
from marl_edu.widgets.shared.figure import LiveFigure
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets import test_corridor, test_critic, test_graph, test_junction, test_speaker
from tests.widgets.pages import Pages

FIGURES: dict[str, Callable[[], LiveFigure]] = {
    "junction": lambda: test_junction.figure(step=12, arrival=0.9, selected=None),
    "corridor": lambda: CorridorFigure(test_corridor.WALKERS, trail="wfffxff"),
    "curiosity": lambda: CuriosityFigure(trail="w3333t4p17.", method="icm"),
    "critic": lambda: CriticFigure(test_critic.CRITICS, critic="team", hunt=1, step=4, off="tm"),
    "graph": lambda: test_graph.figure(cut="1-2"),
    "exploring": lambda: ExploringFigure(bonus="counts", beside="rnd", seed=2),
    "learning": lambda: LearningFigure(distractors=1, beside="nobody", heads=2),
    "mixing": lambda: MixingFigure(beside="vdn", seed=2),
    "payoff": lambda: PayoffFigure(weight=50),
    "speaker": lambda: SpeakerFigure(test_speaker.PAIRS, trail="tssm0", word="1"),
    "film": lambda: Film.record(TrafficJunction("easy", num_envs=1), UniformPolicy(), steps=4),
}


class Saved:
    """A figure as a notebook gives it back: all of its state through JSON with sorted keys."""

    def __init__(self, figure: LiveFigure):
        self.NAME, self.figure = figure.NAME, figure
        self.close = figure.close

    def to_html(self) -> str:
        before, _, after = self.figure.to_html().partition(">{")
        text, _, after = after.partition("}</script>")
        saved = json.dumps(json.loads("{" + text + "}"), sort_keys=True)
        return f"{before}>{saved.replace('<', chr(92) + 'u003c')}</script>{after}"


@pytest.fixture
def pages(browser: Browser, tmp_path: Path) -> Iterator[Pages]:  # noqa: F811
    pages = Pages(browser, tmp_path)
    yield pages
    pages.close()


def shown(pages: Pages, figure: Any) -> dict[str, Any]:
    """What a reader sees: all words and numbers, and every picture with its label."""
    page = pages.page(pages.write(figure), reduced_motion="reduce")
    page.locator("[data-figure] input, [data-figure] button").first.wait_for()
    page.wait_for_timeout(600)  # until it has said what it shows
    return page.evaluate(
        """() => ({
            words: document.querySelector("[data-figure]").innerText.split("\\n").sort(),
            pictures: [...document.querySelectorAll("[data-figure] svg")].map(svg => svg.outerHTML),
        })"""
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_saved_figure_shows_the_same_numbers(pages: Pages, name: str) -> None:
    fresh, saved = FIGURES[name](), Saved(FIGURES[name]())
    assert shown(pages, saved) == shown(pages, fresh)


@pytest.mark.long
def test_keys_are_in_another_order_when_they_are_sorted() -> None:
    """So the test above tests something."""
    for name in set(FIGURES) - {"film"}:
        figure = FIGURES[name]()
        state = {key: getattr(figure, key) for key in figure.STATE}
        assert json.dumps(state) != json.dumps(state, sort_keys=True)
        figure.close()
