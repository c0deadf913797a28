"""The book for an e-reader: pages are rewritten as it wants them, and what was built is checked."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import epub

pytestmark = pytest.mark.site

STILL = (
    '<div data-figure="maze"><script>play()</script><button>Play</button>'
    '<svg viewBox="0 0 1 1"/></div>'
)
FORMULA = r'<div class="math" id="eq-a"><span class="eqno">(3)</span>\[\lVert x \rVert^2\]</div>'


# Stills of live figures on the site, which the pages of a short book have to show.
STILLS = {"book/index": 2, "book/chapters/tarmac": 2, "book/chapters/gat": 1, "book/glossary": 0}


@pytest.fixture(scope="module")
def built(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short book, made from the outputs of notebooks that the site shows."""
    place = tmp_path_factory.mktemp("epub") / "built"
    command = "import sys, epub, pathlib; epub.build(sys.argv[2:], pathlib.Path(sys.argv[1]))"
    made = subprocess.run(
        [sys.executable, "-c", command, place, *STILLS],
        cwd=ROOT / "tools", capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    return place / "pages" / epub.EPUB.name


def test_nothing_is_missing_in_what_was_built(built: Path, html: Path) -> None:
    assert list(epub.wrong(built, STILLS)) == []
    assert {
        page: (html / f"{page}.html").read_text("utf-8").count("<div data-figure=")
        for page in STILLS
    } == STILLS
    with zipfile.ZipFile(built) as file:
        page = file.read("book/chapters/tarmac.xhtml").decode()
        listed = file.read("content.opf").decode()
    assert page.count("<math") > 30 and r"\(" not in "".join(
        ElementTree.fromstring(page).itertext()
    )
    assert 'href="book/chapters/tarmac.xhtml" properties="mathml svg"' in listed


def test_a_figure_is_a_still_with_a_link_to_the_live_one() -> None:
    made = epub.for_a_reader(STILL, "book/x", {"book/x"})
    assert "play" not in made and "Play" not in made
    assert 'viewBox="0 0 1 1"' in made and f'href="{epub.BASE}book/x.html"' in made


def test_a_formula_is_mathml_and_keeps_its_number() -> None:
    made = ElementTree.fromstring(epub.for_a_reader(FORMULA, "book/x", {"book/x"}))
    formula = made.find(f"{epub.MATHML}math")
    assert formula is not None and "".join(formula.itertext()) == "‖x‖2"
    assert made.findtext("span") == "(3)" and made.get("id") == "eq-a"


def test_a_link_to_a_page_that_is_left_out_leads_to_the_public_site() -> None:
    body = '<p><a href="../api.xhtml#there">out</a> <a href="y.xhtml#here">in</a></p>'
    made = ElementTree.fromstring(epub.for_a_reader(body, "book/x/z", {"book/x/y"}))
    assert [link.get("href") for link in made.iter("a")] == [
        f"{epub.BASE}book/api.html#there",
        "y.xhtml#here",
    ]


def test_what_is_missing_is_named(built: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.epub"
    with zipfile.ZipFile(built) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "book/chapters/gat.xhtml":
                continue
            if name == "book/chapters/tarmac.xhtml":
                text = text.replace(b"data-figure=", b"data-nothing=").replace(
                    b"<mi>", b"<mi>\\so "
                )
            new.writestr(name, text)
    found = set(epub.wrong(broken, STILLS))
    assert "book/chapters/gat: no page" in found
    assert "book/chapters/tarmac: 0 stills of 2" in found
    assert any("a formula with \\so" in one for one in found)
    assert any("nothing at" in one and "gat.xhtml" in one for one in found)


def test_the_landing_page_names_what_was_made(built: Path, html: Path, tmp_path: Path) -> None:
    site = shutil.copytree(html, tmp_path / "site")
    shutil.copyfile(built, site / epub.EPUB.name)
    (site / epub.pdf.PDF.name).unlink(missing_ok=True)
    epub.pdf.link(site)
    page = (site / "book" / "index.html").read_text("utf-8")
    assert 'The book as <a href="../marl-edu.epub">EPUB</a>' in page
