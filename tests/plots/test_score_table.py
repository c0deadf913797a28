"""The comparison's table: the arithmetic by hand, the page by its structure."""

import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from marl_edu.plots.score_table import (
    Cell,
    Matrix,
    Row,
    _dark,
    _shade,
    normalised,
    normalised_curve,
)
from marl_edu.plots.small_curve import apart, draw, short
from marl_edu.results import Curve, Estimate
from tests import ROOT
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests

SITE_CSS = ROOT / "book" / "_static" / "marl.css"


def test_eq_normalised_by_hand():
    # guessing 25 %, best 100 %: 85 % is (85 - 25) / 75 = 80 % of the way
    got = normalised(Estimate(0.85, 0.70, 1.0, 5), 0.25, 1.0)
    assert got == pytest.approx((0.8, 0.6, 1.0, 5))
    # worse than guessing is below 0, better than the rule above 1: neither is cut off
    got = normalised(Estimate(0.10, 0.10, 0.40, 8), 0.25, 0.35)
    assert got == pytest.approx((-1.5, -1.5, 1.5, 8))


def test_normalised_where_lower_is_better():
    # steps: random 50, best 10; 20 steps are (20 - 50) / (10 - 50) = 3/4 of the way
    got = normalised(Estimate(20.0, 10.0, 30.0, 5), 50.0, 10.0)
    assert got == pytest.approx((0.75, 0.5, 1.0, 5))


def test_a_curve_is_normalised_point_by_point():
    curve = Curve(np.array([0.0, 10.0]), *np.array([[-40.0, -10.0], [-45, -11], [-30, -9]]), 5)
    got = normalised_curve(curve, -15.0, -5.0)
    assert got.iqm.tolist() == [-2.5, 0.5] and got.low.tolist() == [-3.0, 0.4]
    assert got.high.tolist() == [-1.5, 0.6] and got.steps is curve.steps and got.n == 5


def test_the_anchors_themselves_are_0_and_1():
    for trivial, best in ((0.25, 1.0), (50.0, 10.0), (-3.0, 4.0)):
        assert normalised(Estimate(trivial, trivial, trivial, 3), trivial, best).value == 0
        assert normalised(Estimate(best, best, best, 3), trivial, best).value == 1


def test_one_run_keeps_no_interval_and_equal_anchors_are_refused():
    got = normalised(Estimate(0.5, math.nan, math.nan, 1), 0.0, 1.0)
    assert got.value == 0.5 and math.isnan(got.low) and math.isnan(got.high)
    with pytest.raises(ValueError, match="trivial and best must differ"):
        normalised(Estimate(0.5, 0.4, 0.6, 5), 1.0, 1.0)


def a_curve(n=5):
    steps, value = np.array([0.0, 500.0, 1000.0]), np.array([0.2, 0.5, 0.9])
    low, high = value - 0.1, value + 0.1
    return Curve(steps, value, low, high, n)


def a_matrix(**scores):
    estimates = {
        "good": Estimate(0.98, 0.95, 1.0, 5),
        "bad": Estimate(-0.004, -0.02, 0.01, 5),
        **scores,
    }
    cells = {key: Cell(e, a_curve(), f"Run of {key}.") for key, e in estimates.items()}
    cells["none"] = Cell(None, None, "nobody to talk to")
    groups = {"talkers": {"good": "Good", "none": "None"}, "others": {"bad": "Bad & worse"}}
    row = Row("Maze <1>", "exploring", ("random", 0.0), ("shortest path", 1.0), cells)
    return Matrix(groups, {"maze": row}, "Good is best. Made by hand.", name="x")


class Tags(HTMLParser):
    """Tags that open and close, ids, links and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.found = [], [], [], []
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.found.append((tag, attrs))
        if tag not in ("path", "polygon", "polyline"):
            self.open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_number_is_a_link_to_its_curve_and_back():
    page = Tags(a_matrix()._repr_html_())
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    for address in ("x-maze-good", "x-maze-bad"):
        assert page.links.count(f"#{address}") == 1 and page.links.count(f"#{address}-number") == 1
    assert "x-maze-none" not in page.ids


def test_it_needs_no_script_and_nothing_from_elsewhere():
    text = a_matrix()._repr_html_()
    assert "<script" not in text and not re.search(r"\bon\w+=", text) and "http" not in text
    assert "section{display:none" in text and "section:target{display:block}" in text


def test_numbers_intervals_and_reasons_can_be_read():
    text = a_matrix()._repr_html_()
    assert "<b>98</b><small>95–100</small>" in text
    assert "<b>0</b><small>−2 to 1</small>" in text  # rounded, and no minus before a 0
    assert "<b>–</b><small>nobody to talk to</small>" in text
    assert "Maze &lt;1&gt;" in text and "Bad &amp; worse" in text
    heads = [attrs for tag, attrs in Tags(text).found if tag == "th"]
    assert [h["scope"] for h in heads] == [
        "col",
        "colgroup",
        "colgroup",
        "col",
        "col",
        "col",
        "row",
    ]


def test_a_count_can_stand_in_the_place_of_the_interval():
    matrix = a_matrix()
    cells = matrix.rows["maze"].cells
    cells["good"] = cells["good"]._replace(below="8 of 10")
    text = matrix._repr_html_()
    assert "<b>98</b><small>8 of 10</small>" in text and "95–100</small>" not in text


def test_as_text():
    text = repr(a_matrix())
    assert text.splitlines()[1].split("  ")[0] == "environment"
    assert "98 (95–100)" in text and "—" in text and "0 (−2 to 1)" in text
    for few in (Estimate(0.5, math.nan, math.nan, 1), Estimate(0.5, 0.4, 0.6, 4)):
        assert f"50 (n = {few.n})" in repr(a_matrix(bad=few))
        assert f"<b>50</b><small>n = {few.n}</small>" in a_matrix(bad=few)._repr_html_()


def test_links_from_elsewhere():
    matrix = a_matrix()
    assert matrix.address("maze", "good") == "x-maze-good"
    assert matrix.link("maze", "good", "here") == '<a href="#x-maze-good">here</a>'
    assert ">Good, maze &lt;1&gt;: 98 (95–100)<" in matrix.link("maze", "good")
    with pytest.raises(ValueError, match="no cell"):
        matrix.address("maze", "better")
    with pytest.raises(ValueError, match="has no curve"):
        matrix.address("maze", "none")


def test_a_row_must_have_all_columns():
    row = Row("Maze", "exploring", ("random", 0.0), ("best", 1.0), {})
    with pytest.raises(ValueError, match="row 'maze' lacks good"):
        Matrix({"all": {"good": "Good"}}, {"maze": row}, "Caption.")


def test_text_stands_out_from_every_shade():
    def luminance(colour):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for value in np.linspace(-0.5, 1.5, 81):
        shade = _shade(float(value))
        ink = 1.0 if _dark(shade) else 0.0
        light, dark = sorted((luminance(shade), ink), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    order = [luminance(_shade(v)) for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert order == sorted(order, reverse=True)  # one sequence, in grey print too


def test_the_curve_is_drawn_to_scale():
    svg = ET.fromstring(draw(a_curve(), ("guess", 0.25), ("all", 1.0), "T & T", "#123456"))
    line = next(e for e in svg.iter() if e.tag == "polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
    left, right, bottom, top = 34, 340 - 52, 190 - 34, 12
    expected = [(0, 0.2), (0.5, 0.5), (1, 0.9)]
    for (x, y), (a, b) in zip(points, expected, strict=True):
        assert x == pytest.approx(left + a * (right - left), abs=0.06)
        assert y == pytest.approx(bottom - b * (bottom - top), abs=0.06)
    assert sum(e.tag == "polygon" for e in svg.iter()) == 1
    alt = svg.get("aria-label")
    assert "T & T" in alt and "ends at 90 percent" in alt and "guess 25" in alt and "all 100" in alt


def test_a_curve_below_the_trivial_policy_has_an_axis_that_goes_down_to_it():
    def lowest(values):
        steps, value = np.array([0.0, 1000.0]), np.array(values)
        curve = Curve(steps, value, value, value, 5)
        svg = ET.fromstring(draw(curve, ("t", 0.0), ("b", 1.0), "T", "#123456", "normalised score"))
        assert "Normalised score along training" in svg.get("aria-label")
        line = next(e for e in svg.iter() if e.tag == "polyline").get("points").split()
        texts = [e.text for e in svg.iter() if e.tag == "text"]
        assert "normalised score (%)" in texts
        return texts[0], float(line[0].split(",")[1])

    foot = 190 - 34
    assert lowest([-0.3, 0.5]) == ("−50", pytest.approx(foot - 144 * 0.2 / 1.5, abs=0.06))
    assert lowest([-7.0, 0.5]) == ("−100", foot)  # not below that
    assert lowest([0.0, 0.5]) == ("0", foot)


def test_few_runs_have_no_band():
    assert "polygon" not in draw(a_curve(4), ("guess", 0.25), ("all", 1.0), "T", "#123456")
    nan = np.full(3, np.nan)
    curve = a_curve(1)._replace(low=nan, high=nan)
    assert "polygon" not in draw(curve, ("guess", 0.25), ("all", 1.0), "T", "#123456")


@pytest.mark.parametrize("heights", [[12, 12, 12], [156, 156, 156], [20, 150, 154], [100, 12, 50]])
def test_names_beside_a_curve_do_not_lie_upon_each_other(heights):
    moved = apart([float(h) for h in heights], 13.0)
    order = sorted(moved)
    assert all(b - a >= 13 - 1e-9 for a, b in pairwise(order))
    assert max(moved) <= 156 and sorted(range(3), key=moved.__getitem__) == sorted(
        range(3), key=heights.__getitem__
    )


def test_steps_in_short():
    assert [short(float(n)) for n in (640, 9600, 153_600, 1_440_000)] == [
        "640",
        "9.6 k",
        "154 k",
        "1.4 M",
    ]


# ---- in a browser --------------------------------------------------------------------------------


def shown(browser: Browser, folder: Path, width: int = 900, theme: str = "light") -> Page:  # noqa: F811
    """The table on a page in a file, without JavaScript."""
    paper = {"light": "#ffffff", "dark": "#14181e"}[theme]
    style = (
        f"{SITE_CSS.read_text('utf-8')} body{{background:{paper};color:var(--marl-ink);margin:8px}}"
    )
    style += (
        f" .marl-matrix{{--pst-color-background:{paper};--pst-color-text-base:var(--marl-ink)}}"
    )
    style += " .marl-matrix section a{color:var(--pst-color-link)}"
    file = folder / "page.html"
    file.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
        f"<title>Table</title><style>{style}</style><main><h1>Table</h1>"
        f"{a_matrix()._repr_html_()}<p style='height:90rem'>more</p></main></html>",
        encoding="utf-8",
    )
    page = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 700}
    ).new_page()
    page.goto(file.as_uri())
    return page


def test_a_cell_opens_its_curve_by_keyboard_and_closes_again(browser, tmp_path):  # noqa: F811
    page = shown(browser, tmp_path)
    assert page.locator("section:visible").count() == 0
    page.keyboard.press("Tab")  # the table itself, which may scroll
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    curve = page.locator("section:visible")
    assert curve.count() == 1 and "Good, maze <1>: 98 (95–100)" in curve.inner_text()
    assert curve.locator("svg").is_visible() and "Run of good." in curve.inner_text()
    page.keyboard.press("Tab")  # from where the link has led to
    page.keyboard.press("Enter")
    assert page.locator("section:visible").count() == 0 and page.url.endswith("#x-maze-good-number")
    page.go_back()
    assert page.locator("section:visible").count() == 1
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_scrolls_sideways(browser, tmp_path, theme):  # noqa: F811
    page = shown(browser, tmp_path, 375, theme)
    page.locator("td a").last.click()
    assert page.locator("section:visible").bounding_box()["width"] <= 375
    page.context.close()
    context = browser.new_context(viewport={"width": 375, "height": 700})
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri() + "#x-maze-bad")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert violations(page) == []
    # A row is a card: its cells lie below its name, three side by side, each under its own head.
    table = page.locator(".marl-table")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth")
    name, *cells = [one.bounding_box() for one in page.locator("tbody th, tbody td").all()]
    assert {round(cell["y"]) for cell in cells} == {round(cells[0]["y"])}
    assert cells[0]["y"] >= name["y"] + name["height"]
    heads = page.locator("tbody td").evaluate_all(
        "all => all.map(one => getComputedStyle(one, '::before').content)"
    )
    assert heads == ['"Good"', '"None"', '"Bad & worse"']
    assert page.locator("td a").first.bounding_box()["height"] >= 44
    assert page.get_by_role("cell").count() == 3 and page.get_by_role("rowheader").count() == 1
    context.close()
