"""Words of the glossary are explained at their first use in a chapter."""

import re
from pathlib import Path

import pytest

from .conftest import HTML, Watched

pytestmark = pytest.mark.site
CHAPTER = "book/chapters/tarmac.html"
CHAPTERS = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("book/chapters/*.html"))


@pytest.mark.parametrize("path", CHAPTERS or [CHAPTER])
def test_each_word_is_explained_once_and_leads_to_its_entry(html: Path, path: str) -> None:
    text = (html / path).read_text(encoding="utf-8")
    glossary = (html / "book" / "glossary.html").read_text(encoding="utf-8")
    links = re.findall(r'<a data-meaning="([^"]*)"[^>]*href="\.\./glossary\.html#([^"]+)"', text)
    names = [name for _, name in links]
    assert len(names) == len(set(names)) >= 5
    for meaning, name in links:
        assert f'id="{name}"' in glossary and len(meaning) > 20
        assert not re.search(r"[a-z]+\d{4}[a-z]", meaning)  # no key of a citation


def test_a_pointer_and_the_keyboard_show_what_it_means(watched: Watched) -> None:
    watched.open(CHAPTER)
    word, tip = watched.page.locator(".marl-term").first, watched.page.get_by_role("tooltip")
    assert tip.count() == 0
    word.hover()
    assert tip.inner_text() == word.get_attribute("data-meaning")
    watched.page.keyboard.press("Escape")
    assert tip.count() == 0
    word.focus()
    assert tip.is_visible() and word.get_attribute("aria-describedby") == "marl-tip"
    watched.page.keyboard.press("Enter")
    watched.page.wait_for_url("**/glossary.html#term-*")
    assert watched.wrong == []


def test_the_first_tap_explains_and_the_second_leads_on(browser, server: str) -> None:
    phone = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
    context = browser.new_context(**phone)
    page = context.new_page()
    page.goto(f"{server}/{CHAPTER}")
    word, tip = page.locator(".marl-term").first, page.get_by_role("tooltip")
    word.tap()
    assert tip.inner_text().startswith(word.get_attribute("data-meaning"))
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    word.tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


def test_without_scripts_it_is_a_link(browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/{CHAPTER}")
    page.locator(".marl-term").first.click()
    assert "/glossary.html#term-" in page.url
    context.close()
