"""What a page weighs, from a cold cache until its figure answers and the network is quiet."""

import sys
from pathlib import Path

import pytest

from .conftest import HTML

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import page as measured

pytestmark = pytest.mark.site
LIMITS = {"book/index.html": 400_000} | {
    path.relative_to(HTML).as_posix(): 600_000
    for path in sorted((HTML / "book" / "chapters").glob("*.html"))
}


@pytest.mark.parametrize("path", LIMITS)
def test_a_page_is_light(browser, server: str, path: str) -> None:
    with browser.new_context(viewport={"width": 375, "height": 740}) as context:
        found = measured.weigh(context, f"{server}/{path}")
    heaviest = sorted(found.items(), key=lambda item: -item[1])[:6]
    assert sum(found.values()) <= LIMITS[path], heaviest


def test_what_is_weighed_is_the_whole_page(browser, server: str) -> None:
    with browser.new_context() as context:
        found = measured.weigh(context, f"{server}/book/chapters/tarmac.html")
    names = {url.rpartition("/")[2] for url in found}
    assert {"tarmac.html", "junction.js", "book.js", "pydata-sphinx-theme.css"} <= names
    assert any(name.endswith(".woff") for name in names)
