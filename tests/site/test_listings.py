"""From an equation of a chapter to the lines of the package that are it."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests import ROOT
from tests.site.conftest import Watched

pytestmark = pytest.mark.site

CHAPTERS = ("tarmac", "gat", "drqn", "qmix", "maddpg", "mappo", "icm", "rnd", "comparison")


def test_two_links_lead_from_an_equation_to_its_line(watched: Watched, server: str) -> None:
    """Of TarMAC's attention: the listing, then the line, whose text says it is the equation."""
    page = watched.page
    page.goto(f"{server}/book/chapters/tarmac.html")
    equation = page.locator("#equation-eq-tarmac-attention").first
    equation.locator("xpath=following::a[text()='in code'][1]").click()
    listing = page.locator(page.url.partition("#")[2].join(("#", "")))
    number = equation.locator(".eqno").inner_text().strip("()¶# \n")
    assert f"Equation ({number}) is eq. (3) of" in listing.inner_text()
    listing.locator("a", has_text="algos/tarmac.py").click()
    line = int(page.url.rpartition("#line-")[2])
    source = (ROOT / "marl_edu" / "algos" / "tarmac.py").read_text("utf-8").splitlines()
    first = source[line - 1]
    assert "score =" in first
    assert page.locator(f"#line-{line}").is_visible()
    shown = page.locator("pre").inner_text().splitlines()
    assert any(text.endswith(first) for text in shown if text.split()[:1] == [str(line)])
    assert any("# eq. (3)" in text for text in source[line - 1 : line + 4])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_nothing_lies_over_the_link_of_an_equation(watched: Watched, chapter: str) -> None:
    watched.open(f"book/chapters/{chapter}.html")
    watched.narrow()
    watched.page.locator("mjx-container").first.wait_for()
    covered = watched.page.evaluate(
        """() => {
            const links = [...document.querySelectorAll(".marl-in-code a")];
            const seen = links.filter((link) => link.checkVisibility());
            return [seen.length > 0, seen.filter((link) => {
                link.scrollIntoView({ block: "center", behavior: "instant" });
                const box = link.getBoundingClientRect();
                const place = [box.x + box.width / 2, box.y + box.height / 2];
                return document.elementFromPoint(...place) !== link;
            }).map((link) => link.hash)];
        }"""
    )
    assert covered == [True, []]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_listing_leads_to_its_line(html: Path, chapter: str) -> None:
    page = (html / "book" / "chapters" / f"{chapter}.html").read_text("utf-8")
    above = re.findall(
        r'href="\.\./\.\./(_modules/marl_edu/[\w/]+\.html)#line-(\d+)".*?</p>.*?<pre>(.*?)</pre>',
        page,
        re.DOTALL,
    )
    assert above
    for target, number, shown in above:
        module = (html / target).read_text("utf-8")
        marked = re.search(rf'id="line-{number}">.*?</span>(.*)', module)
        assert marked, (target, number)
        first = unescape(re.sub(r"<[^>]+>", "", shown)).splitlines()[0]
        assert unescape(re.sub(r"<[^>]+>", "", marked[1])).strip() == first.strip()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_label_is_left_on_a_page(html: Path, chapter: str) -> None:
    page = (html / "book" / "chapters" / f"{chapter}.html").read_text("utf-8")
    assert not re.search(r">eq-[a-z0-9-]+<", page)
