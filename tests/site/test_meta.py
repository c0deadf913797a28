"""What machines read of the pages, and what a reader meets where there is no page."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from .conftest import HTML, Watched

pytestmark = pytest.mark.site
ROOT = HTML.parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
BASE = CONFIG["html"]["baseurl"]
PAGES = sorted(path.relative_to(HTML).as_posix() for path in (HTML / "book").rglob("*.html"))


def tags(text: str, kind: str) -> dict[str, str]:
    return dict(re.findall(rf'<meta {kind}="([^"]+)" content="([^"]*)"', text))


@pytest.mark.parametrize("path", PAGES or ["book/index.html"])
def test_a_shared_link_has_a_title_a_text_and_a_picture(html: Path, path: str) -> None:
    text = (html / path).read_text(encoding="utf-8")
    assert text.count('name="viewport"') == 1
    title = re.search("<title>(.*)</title>", text)[1]
    parts = title.split(" — ")
    assert len(parts) == len(set(parts)) and CONFIG["title"] in parts
    said, shown = tags(text, "name"), tags(text, "property")
    assert 20 <= len(said["description"]) <= 170
    assert said["twitter:card"] == "summary_large_image"
    assert shown["og:url"] == urljoin(BASE, path) and shown["og:description"]
    picture = html / shown["og:image"].removeprefix(BASE)
    assert picture.is_file() and picture.read_bytes()[1:4] == b"PNG"
    assert (
        (html / path).parent.joinpath(re.search('rel="manifest" href="([^"]+)"', text)[1]).is_file()
    )


def test_the_map_lists_pages_that_are_there(html: Path) -> None:
    listed = re.findall("<loc>(.*?)</loc>", (html / "sitemap.xml").read_text(encoding="utf-8"))
    assert urljoin(BASE, "book/index.html") in listed and len(listed) == len(set(listed))
    assert all((html / place.removeprefix(BASE)).is_file() for place in listed)


def test_the_manifest_names_what_is_there(html: Path) -> None:
    manifest = json.loads((html / "manifest.webmanifest").read_text(encoding="utf-8"))
    for icon in manifest["icons"]:
        side = int(icon["sizes"].partition("x")[0])
        head = (html / icon["src"]).read_bytes()[16:24]
        assert head == side.to_bytes(4) * 2
    assert (html / manifest["start_url"]).is_file()


def test_a_missing_page_leads_on(html: Path, watched: Watched) -> None:
    root = urlsplit(BASE).path
    watched.open("404.html")
    links = watched.page.locator("main a").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert len(links) == 3 + len(list((html / "book" / "chapters").glob("*.html")))
    assert all((html / link.removeprefix(root)).is_file() for link in links)
    assert watched.page.get_by_role("searchbox", name="Search").is_visible()


def test_search_finds_chapters_before_the_package(watched: Watched) -> None:
    watched.open("search.html?q=attention")
    results = watched.page.locator("#search-results li a")
    results.first.wait_for()
    watched.page.wait_for_load_state("networkidle")
    links = results.evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links[0].startswith("book/chapters/")
    package = [k for k, link in enumerate(links) if link.startswith("book/api")]
    assert package and min(package) > max(
        k for k, link in enumerate(links) if not link.startswith(("book/api", "_modules/"))
    )
    excerpts = watched.page.locator("#search-results").inner_text()
    assert not re.search("Binder|Colab|Toggle|fullscreen", excerpts)
