"""The book on paper: what was printed is opened again."""

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from marl_edu import exercises
from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import pdf

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def parts(browser: Browser, html: Path) -> Iterator[list[pdf.Printed]]:
    """Two pages on paper, and their table of contents."""
    context = browser.new_context()
    found = list(pdf.printed(["book/index", "book/chapters/tarmac"], context, html.as_uri()))
    yield [*found, pdf.Printed("contents", "Contents", [], pdf.contents(found, context))]
    context.close()


def links(content: bytes) -> set[str]:
    sheets = PdfReader(io.BytesIO(content)).pages
    notes = [note.get_object() for sheet in sheets for note in sheet.get("/Annots", [])]
    return {str(note["/A"]["/URI"]) for note in notes if "/URI" in note.get("/A", {})}


def test_every_page_of_the_book_is_printed_or_left_out_on_purpose() -> None:
    wanted = pdf.pages()
    assert wanted[0] == "book/index" and "book/chapters/tarmac" in wanted
    assert all((pdf.HTML / f"{page}.html").exists() for page in [*wanted, *pdf.LEFT_OUT])


def test_what_was_bound_holds_pages_outline_and_stills(parts: list[pdf.Printed]) -> None:
    *printed, contents = parts
    content = pdf.bound(printed, contents.content)
    assert pdf.wrong(printed, content) == []
    found = PdfReader(io.BytesIO(content))
    assert len(found.pages) > 20
    # The junction, and a team that learns, on either page.
    assert sum(len(one.captions) for one in printed) == 4
    entries = [item for item in found.outline if not isinstance(item, list)]
    begins = [found.get_destination_page_number(item) for item in entries]
    assert begins[:2] == [0, 1] and begins[2] > 2
    table = found.pages[0].extract_text()
    assert f"TarMAC: choosing whom to listen to {begins[2] + 1}" in table


def test_what_is_missing_is_named(parts: list[pdf.Printed]) -> None:
    *printed, contents = parts
    half = pdf.bound(printed[:1], contents.content)
    assert any("outline: 2. TarMAC" in one for one in pdf.wrong(printed, half))
    lost = [printed[0]._replace(captions=["a picture that nobody printed"])]
    assert pdf.wrong(lost, half) == ["no still: 'a picture that nobody printed'"]


def test_the_landing_page_is_still_read_offline_when_it_has_its_link(
    html: Path, tmp_path: Path
) -> None:
    site = shutil.copytree(html, tmp_path / "site")
    (site / pdf.PDF.name).write_bytes(b"paper")
    (site / "marl-edu.epub").unlink(missing_ok=True)
    pdf.link(site)
    (site / "marl-edu.epub").write_bytes(b"0" * 650_000)
    pdf.link(site)  # a second call replaces what the first one said
    page = (site / "book" / "index.html").read_bytes()
    assert page.count(b"<p data-take-home") == 1
    assert b'<a href="../marl-edu.epub">EPUB</a> (0.7 MB).</p>' in page
    listed = json.loads((site / "sw.js").read_text("utf-8").split(";\n")[0].partition("=")[2])
    hashes = {path: digest for path, digest, _ in listed["files"]}
    assert hashes["book/index.html"] == hashlib.sha256(page).hexdigest()[:16]


def test_links_lead_to_the_public_site(parts: list[pdf.Printed], html: Path) -> None:
    found = links(parts[1].content)
    assert any(link.endswith("/book/notation.html") for link in found)
    assert any(link.endswith("/book/chapters/tarmac.html") for link in found)  # the live figure
    assert not any(link.startswith(html.as_uri()) for link in found)


def test_paper_shows_no_solution_and_all_else_that_is_folded(parts: list[pdf.Printed]) -> None:
    sheets = PdfReader(io.BytesIO(parts[1].content)).pages
    text = " ".join(sheet.extract_text() for sheet in sheets)
    assert "Exercise 2.1" in text and "def attention_weights" in text
    for folded in (exercises.masked_attention.hint, exercises.targeting.hint):
        assert pdf._letters(folded)[:40] not in pdf._letters(text)
    assert "Which number is which?" in text
