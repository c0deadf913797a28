"""The live payoffs: JavaScript agrees with Python, and every control does what it says."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

from marl_edu.core.payoff_fits import additive_fit, best_fit, reached_fit
from marl_edu.envs.games import CLIMBING_GAME, QTRAN_GAME, TWO_STEP_PAYOFFS
from marl_edu.plots.untrusted import drawn_once
from marl_edu.widgets.payoff.figure import (
    GAMES,
    HINTS,
    PayoffFigure,
    colours,
    describe,
    number,
    written,
)
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

SVG = "{http://www.w3.org/2000/svg}"


def words(payoff: Any = QTRAN_GAME, **settings: Any) -> str:
    """What the figure says of these payoffs."""
    shown = PayoffFigure(payoff, **settings)
    shown.close()
    return describe(shown.moment())


def alone(cost: int) -> tuple[tuple[int, ...], ...]:
    """QTRAN's game with another payoff of going alone."""
    return ((8, cost, cost), (cost, 0, 0), (cost, 0, 0))


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payoff",
    [[[1, 2]], [[1, 2], [3]], [[1, 2], [3, 100]], [[0.5, 1], [2, 3]], "1,2", "1,2;3,x", None,
     [[float("nan"), 1], [2, 3]], [[0] * 4] * 4],
)  # fmt: skip
def test_payoffs_that_cannot_be_shown_are_named(payoff) -> None:
    with pytest.raises(Exception, match="payoff must have two or three rows and columns of whole"):
        PayoffFigure(payoff)


def test_other_bad_settings_are_named() -> None:
    with pytest.raises(TypeError, match="takes no colour"):
        PayoffFigure(colour="red")
    fine = PayoffFigure()
    for name, value, message in (
        ("weight", 5, r"weight must lie in 10\.\.100 hundredths, got 5"),
        ("qmix", "worst", r"qmix must be one of \['best', 'reached'\], got 'worst'"),
        ("payoff", "8", "got '8'"),
    ):
        with pytest.raises(Exception, match=message):
            fine.set_trait(name, value)
    fine.close()


def test_it_says_what_the_chapter_tells_the_reader_to_find() -> None:
    assert "QMIX plays B or C with B or C: expects 0, gets 0; the best is 8." in words(alone(-9))
    assert words(alone(-8)) == (
        "VDN finds all pairs alike: expects −2.67, gets between −8 and 8; the best is 8. "
        "QMIX plays A with A: expects 8, gets 8, the best."
    )
    assert "VDN plays A with A: expects −1.78, gets 8, the best." in words(alone(-7))
    assert "OW-QMIX plays A with A" in words(weight=55)
    assert "OW-QMIX plays B or C" in words(weight=60)
    assert "VDN plays B with B: expects 6.5, gets 8" in words(TWO_STEP_PAYOFFS[1])
    assert "QMIX plays A with A: expects 8, gets 8, the best." in words(qmix="best")


@pytest.mark.parametrize("payoff", GAMES.values())
@pytest.mark.parametrize("weight", [100, 50])
def test_the_still_picture_is_well_formed_and_says_what_it_shows(payoff, weight) -> None:
    shown = PayoffFigure(payoff, weight=weight)
    still = shown.to_html()
    svg = ET.fromstring(re.search(r"<svg.*</svg>", still, re.S)[0])
    said = describe(shown.moment())
    assert said in svg.attrib["aria-label"] and said in still
    texts = [one.text for one in svg.iter(f"{SVG}text")]
    now = shown.moment()
    for table in (payoff, now.vdn.table.tolist(), now.qmix.table.tolist()):
        for x in np.array(table).flatten().tolist():
            texts.remove(number(x))
    shown.close()


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = PayoffFigure()
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    assert len(shown.to_html()) + len(figure_script("payoff")) < 50_000
    shown.close()


# -- JavaScript against Python -------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    names = "additiveFit, bestFit, reachedFit, compute, describe, readState, number, cellStyle"
    page = functions(browser, names, "payoff/state.js", "shared/kit.js")
    yield page
    page.close()


def test_fits_in_the_page_are_those_of_python(js: Page) -> None:
    """To 1e-6, for payoffs drawn at random, many of them equal, and for every weight."""
    rng = np.random.default_rng(0)
    for k in range(150):
        shape, most = rng.integers(2, 4, 2), int(rng.choice([2, 9, 99]))
        payoff = rng.integers(-most, most + 1, shape).tolist()
        weight = 1.0 if k % 2 else float(rng.integers(2, 21) / 20)
        theirs = js.evaluate(
            """([y, weight]) =>
                [J.additiveFit(y), J.reachedFit(y, weight), J.bestFit(y, weight)]""",
            [payoff, weight],
        )
        ours = [additive_fit(payoff), reached_fit(payoff, weight), best_fit(payoff, weight)]
        for mine, other in zip(ours, theirs, strict=True):
            assert np.abs(np.array(other["table"]) - mine.table.numpy()).max() < 1e-6
            assert other["error"] == pytest.approx(mine.error, abs=1e-6)
            assert other["greedy"] == list(mine.greedy)


@pytest.mark.parametrize("payoff", [*GAMES.values(), alone(-8), alone(-7), [[1, 1, 1], [1, 1, 1]]])
@pytest.mark.parametrize("settings", [{}, {"weight": 35}, {"qmix": "best"}])
def test_a_moment_in_words_is_that_of_python(js: Page, payoff, settings) -> None:
    traits = {"payoff": written(payoff), "weight": 100, "qmix": "reached"} | settings
    theirs = js.evaluate(
        "t => { const s = J.readState(t, t); return J.describe(s, J.compute(s)); }", traits
    )
    assert theirs == words(payoff, **settings)


def test_numbers_and_colours_are_those_of_python(js: Page) -> None:
    numbers = [k / 8 for k in range(-40, 41)] + [k / 9 for k in range(-40, 41)] + [-1e-9, 12921.777]
    assert js.evaluate("x => x.map(J.number)", numbers) == [number(x) for x in numbers]
    for share in np.linspace(-0.2, 1.2, 57).tolist():
        theirs = js.evaluate("x => J.cellStyle(x)", share)
        ground, ink = colours(share)
        ours = [int(ground[k : k + 2], 16) for k in (1, 3, 5)]
        off = np.abs(np.array(re.findall(r"\d+", theirs["background"]), dtype=int) - ours)
        assert off.max() <= 3 and theirs["color"] == ink


# -- the figure on a page ------------------------------------------------------------------------


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)
        self.get_by_label = self.root.get_by_label

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name).click()

    def payoff(self, pair: str) -> Locator:
        return self.root.get_by_label(f"Payoff of {pair}")

    @property
    def payoffs(self) -> str:
        inputs = self.root.locator(".mp-payoffs tbody tr").all()
        rows = [[one.input_value() for one in row.locator("input").all()] for row in inputs]
        return ";".join(",".join(row) for row in rows)

    @property
    def words(self) -> str:
        return " ".join(self.root.locator("figcaption").all_text_contents())

    def fit(self, name: str) -> list[str]:
        return self.root.locator(f"[data-fit={name}] tbody td").all_text_contents()

    def marked(self, name: str, part: str = "[data-fit=qmix]") -> list[str]:
        cells = self.root.locator(f"{part} .mp-{name}").all()
        return [
            one.get_attribute("data-at") or one.locator("input").get_attribute("data-pair")
            for one in cells
        ]


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, *figures: PayoffFigure, **context: Any) -> Figure:
        return Figure(self.page(self.write(*(figures or (PayoffFigure(),))), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_it_opens_with_qtrans_game_and_marks_the_best_and_what_is_played(opened: Opened) -> None:
    shown = opened()
    assert shown.words == words()
    assert shown.fit("vdn")[:2] == ["−6.22", "−4.89"] and shown.fit("qmix")[:5][-1] == "0"
    assert shown.marked("best") == ["0,0"] == shown.marked("best", ".mp-payoffs")
    assert shown.marked("played") == ["1,1", "1,2", "2,1", "2,2"]
    tags = shown.root.locator(".mp-payoffs td > span").all_text_contents()
    assert tags[0] == "" and tags[4] == "VDN QMIX" and tags[1] == ""


def test_going_alone_becomes_less_costly_at_a_press(opened: Opened) -> None:
    """Four payoffs change together, and keep doing so when others come to equal them."""
    shown = opened()
    pairs = ["0,1", "0,2", "1,0", "2,0"]
    assert shown.marked("chosen-pair", ".mp-payoffs") == pairs
    for cost in range(-11, 3):
        shown.press("+1")
        assert shown.payoffs == written(alone(cost)) and shown.words == words(alone(cost))
        assert shown.marked("chosen-pair", ".mp-payoffs") == pairs
    shown.press("−1")
    assert shown.payoffs == written(alone(1))
    shown.press("Reset")
    assert shown.payoffs == written(QTRAN_GAME)


def test_a_payoff_is_typed_and_stepped_by_keys(opened: Opened) -> None:
    shown = opened()
    cell = shown.payoff("A with A")
    cell.focus()
    shown.page.keyboard.press("ArrowDown")
    assert shown.payoffs == "7,-12,-12;-12,0,0;-12,0,0"
    cell.fill("20")
    assert shown.words == words([[20, -12, -12], [-12, 0, 0], [-12, 0, 0]])
    assert shown.root.locator("[data-name=game]").input_value() == ""
    for nonsense in ("", "1.5", "700"):
        cell.fill(nonsense)
        assert "QMIX plays A with A: expects 20, gets 20, the best." in shown.words
    cell.blur()
    assert cell.input_value() == "20"


def test_equal_payoffs_change_together_or_one_by_one(opened: Opened) -> None:
    shown = opened()
    shown.payoff("B with C").focus()
    shown.page.keyboard.press("ArrowUp")
    assert shown.payoffs == "8,-12,-12;-12,1,1;-12,1,1"
    shown.get_by_label("equal payoffs change together").uncheck()
    shown.press("−1, B with C")
    assert shown.payoffs == "8,-12,-12;-12,1,0;-12,1,1"


def test_a_payoff_stays_in_its_range(opened: Opened) -> None:
    shown = opened(PayoffFigure([[98, 0], [1, 2]]))
    shown.payoff("A with A").focus()
    shown.press("+1")
    assert shown.payoffs == "99,0;1,2"
    assert shown.root.get_by_role("button", name="+1").is_disabled()


def test_other_games_and_weights_and_fits(opened: Opened) -> None:
    shown = opened()
    for name, payoff in GAMES.items():
        shown.root.locator("[data-name=game]").select_option(label=name)
        assert shown.payoffs == written(payoff) and shown.words == words(payoff)
    shown.press("Reset")
    slider = shown.get_by_label("Weight of overestimates")
    slider.focus()
    for _ in range(9):
        shown.page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "0.55: OW-QMIX"
    assert shown.words == words(weight=55)
    shown.press("Reset")
    shown.get_by_label("the best of all orders").check()
    assert shown.words == words(qmix="best")
    assert shown.root.locator(".mp-errors").text_content() == "Errors: VDN 455.11, QMIX 288."


def test_each_game_has_a_hint_of_its_own_which_is_true(opened: Opened) -> None:
    assert HINTS.keys() == GAMES.keys()
    shown = opened()
    hint = shown.root.locator(".mp-try")
    for name in GAMES:
        shown.root.locator("[data-name=game]").select_option(label=name)
        assert hint.inner_text() == f"Try this: {HINTS[name]}"
    shown.press("+1")  # still the last game's: 1 and 1 pay 2 now, and only QMIX says so
    assert hint.inner_text() == f"Try this: {HINTS[name]}"
    errors = shown.root.locator(".mp-errors").text_content()
    assert errors.endswith("QMIX 0.") and "VDN 0," not in errors
    assert words(TWO_STEP_PAYOFFS[1]).startswith("VDN plays B with B: expects 6.5, gets 8")
    assert "QMIX plays B with B" in words(TWO_STEP_PAYOFFS[1])
    assert "OW-QMIX plays A with A: expects 11" in words(CLIMBING_GAME, weight=10)
    assert opened(PayoffFigure(hint="read on.")).root.locator(".mp-try").inner_text() == (
        "Try this: read on."
    )


def test_what_it_shows_is_said_aloud_once_it_stands_still(opened: Opened) -> None:
    shown = opened()
    shown.press("+1")
    shown.press("+1")
    said = shown.root.locator("[role=status]")
    shown.page.wait_for_function(
        "words => document.querySelector('[role=status]').textContent === words",
        arg=words(alone(-10)),
    )
    assert said.text_content() == words(alone(-10))


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    url = opened.write(PayoffFigure(), PayoffFigure(CLIMBING_GAME))
    page = opened.page(url)
    assert "#" not in page.url
    shown = Figure(page, 1)
    shown.payoff("A with B").fill("-5")
    shown.get_by_label("Weight of overestimates").fill("50")
    assert page.url.startswith(f"{url}#payoff-1?payoff=11,-5,0;-5,7,6;0,0,5&weight=50")
    again = Figure(opened.page(page.url), 1)
    assert again.words == shown.words == words([[11, -5, 0], [-5, 7, 6], [0, 0, 5]], weight=50)
    again.press("Reset")
    assert again.words == words(CLIMBING_GAME)
    nonsense = Figure(opened.page(f"{url}#payoff-0?payoff=__proto__&weight=x&qmix=constructor"))
    assert nonsense.words == words(weight=10)


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(java_script_enabled=False)
    assert shown.root.locator("svg").count() == 1
    assert shown.root.locator("figcaption").inner_text().startswith(words())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(PayoffFigure(), PayoffFigure(CLIMBING_GAME, weight=50), theme=theme)
    page = opened.page(url, viewport={"width": width, "height": 900})
    page.wait_for_selector("[data-do=reset]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_finger_finds_what_is_pressed_and_all_of_it_is_on_one_screen(opened: Opened) -> None:
    shown = opened(viewport={"width": 375, "height": 740}, has_touch=True)
    shown.root.locator(".mp-payoffs").wait_for()
    top = shown.root.bounding_box()["y"]
    for one in shown.root.locator(".mp-scene :is(button, input, select)").all():
        box = one.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44
    for fit in shown.root.locator("[data-fit]").all():
        box = fit.bounding_box()
        assert box["y"] + box["height"] - top <= 684
    shown.root.get_by_role("button", name="+1").tap()
    assert shown.words == words(alone(-11))
