"""Print the built book into one file, _build/html/marl-edu.pdf, and link it from the site.

usage: python tools/pdf.py       after make book

The browser of the tests prints page after page, in reading order. Live figures are stills on paper,
each with a link to the live one; what is folded is open, but for hints and solutions. Links between
pages lead to the public site. What was printed is opened again, and checked: its pages, its table
of contents, every still.
"""

import html
import io
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from browser import launch, on_this_machine
from playwright.sync_api import BrowserContext, PdfMargins, sync_playwright
from pypdf import PdfReader, PdfWriter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import marl_offline  # noqa: E402  an extension of this book

HTML = ROOT / "_build" / "html"
PDF = HTML / "marl-edu.pdf"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
TAKE_HOME = {PDF.name: "PDF", "marl-edu.epub": "EPUB"}
PLACE = re.compile("<p data-take-home.*?</p>")  # on the landing page, where the link belongs
# What works on a screen alone, and what the source code says better.
LEFT_OUT = ("book/api", "book/interview/cards", "book/interview/mock", "book/interview/readiness")
LARGEST = 40 * 10**6  # bytes
FOOT = (
    '<p style="width: 100%; margin: 0 1.6cm; font: 8px sans-serif; text-align: right">'
    '<span class="title"></span> · <span class="pageNumber"></span> / '
    '<span class="totalPages"></span></p>'
)
# A picture stays with its caption; nothing is cut off at the right; what stays folded is left out.
STYLE = """
figure, [data-figure], img, svg, tr { break-inside: avoid }
.bd-article pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.7rem }
.bd-article :is(table.table, .marl-table) { font-size: 0.7rem }
.bd-article :is(table.table, .marl-table) :is(th, td) { padding: 0.25rem }
.bd-article div.math { font-size: 0.85rem }
#jb-print-toc, details:not([open]) { display: none }
[data-more] { mask-image: none }
"""
# Makes a page fit for paper; returns its title and the captions of its live figures' stills.
PREPARE = """async ([here, base]) => {
    await window.MathJax?.startup?.promise;
    document.documentElement.dataset.theme = document.documentElement.dataset.mode = "light";
    for (const image of document.images) image.loading = "eager";
    for (const fold of document.querySelectorAll("details")) {
        fold.open = !/^(Hint|Solution)/.test(fold.querySelector("summary")?.textContent.trim());
    }
    const captions = [];
    for (const figure of document.querySelectorAll("[data-figure]")) {
        captions.push(figure.querySelector("figcaption")?.textContent ?? "");
        const link = document.createElement("a");
        link.href = base + location.href.slice(here.length);
        link.textContent = "Live on the site";
        figure.after(link);
    }
    for (const link of document.querySelectorAll("a[href]")) {
        const away = link.href.startsWith(here) && link.pathname !== location.pathname;
        if (away) link.href = base + link.href.slice(here.length);
    }
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    const heading = document.querySelector("article h1").cloneNode(true);
    heading.querySelectorAll(".headerlink").forEach((link) => link.remove());
    return [heading.textContent.trim(), captions];
}"""


class Printed(NamedTuple):
    """A page of the site on paper."""

    path: str  # in the site, without suffix
    title: str
    captions: list[str]  # of the stills of its live figures
    content: bytes


def pages() -> list[str]:
    """The pages of the book in reading order, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    chapters = [one["file"] for part in toc["parts"] for one in part["chapters"]]
    return [page for page in [toc["root"], *chapters] if page not in LEFT_OUT]


def printed(wanted: Sequence[str], context: BrowserContext, origin: str) -> Iterator[Printed]:
    """Print pages of the site that stands at `origin`, in a context of a browser."""
    context.route("**/_static/figures/*", lambda route: route.abort())  # so the stills remain
    page = context.new_page()
    page.emulate_media(media="print", color_scheme="light", reduced_motion="reduce")
    for path in wanted:
        page.goto(f"{origin}/{path}.html")
        page.add_style_tag(content=STYLE)
        title, captions = page.evaluate(PREPARE, [f"{origin}/", CONFIG["html"]["baseurl"]])
        content = page.pdf(
            format="A4",
            outline=True,
            tagged=True,
            print_background=True,
            display_header_footer=True,
            header_template="<p></p>",
            footer_template=FOOT,
            margin=PdfMargins(top="1.6cm", bottom="1.8cm", left="1.6cm", right="1.6cm"),
        )
        yield Printed(path, title, captions, content)
    page.close()


def contents(parts: Sequence[Printed], context: BrowserContext) -> bytes:
    """The table of contents: each page's title, and the sheet on which it begins."""
    rows, sheet = [], 2
    for one in parts:
        rows.append(f"<tr><td>{html.escape(one.title)}<td style='text-align: right'>{sheet}")
        sheet += len(PdfReader(io.BytesIO(one.content)).pages)
    page = context.new_page()
    page.set_content(
        "<body style='font: 15px/1.7 sans-serif'><h1>Contents</h1>"
        f"<table style='width: 100%'>{''.join(rows)}</table>"
    )
    margin = PdfMargins(top="2cm", right="2cm", bottom="2cm", left="2cm")
    content = page.pdf(format="A4", margin=margin)
    page.close()
    return content


def bound(parts: Sequence[Printed], first: bytes) -> bytes:
    """The contents and all parts in one file, with an outline of parts and their sections."""
    book = PdfWriter()
    book.append(io.BytesIO(first), outline_item="Contents")
    for one in parts:
        book.append(io.BytesIO(one.content), outline_item=one.title, import_outline=True)
    book.add_metadata({"/Title": CONFIG["title"], "/Author": CONFIG["author"]})
    book.compress_identical_objects()  # each part brings the same fonts
    file = io.BytesIO()
    book.write(file)
    return file.getvalue()


def wrong(parts: Sequence[Printed], content: bytes) -> list[str]:
    """What is missing in the bound file; nothing, if all is there."""
    found = PdfReader(io.BytesIO(content))
    outline = [item.title for item in found.outline if not isinstance(item, list)]
    missing = [f"no entry in the outline: {one.title}" for one in parts if one.title not in outline]
    text = _letters(" ".join(sheet.extract_text() for sheet in found.pages))
    missing += [f"no text: {one.title}" for one in parts if _letters(one.title) not in text]
    captions = [caption for one in parts for caption in one.captions]
    missing += [f"no still: {one!r}" for one in captions if not one or _letters(one) not in text]
    if len(content) > LARGEST:
        missing.append(f"{len(content) / 1e6:.1f} MB, and {LARGEST / 1e6:.0f} at most")
    return missing


def _letters(text: str) -> str:
    """Letters and digits alone: lines break as they come, and some letters stand as one sign."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text)))


def link(site: Path) -> None:
    """Say on the landing page what there is to take home, and list its new hash for offline."""
    there = [(site / name, what) for name, what in TAKE_HOME.items() if (site / name).exists()]
    said = " or ".join(
        f'<a href="../{path.name}">{what}</a> ({path.stat().st_size / 1e6:.1f} MB)'
        for path, what in there
    )
    landing = site / "book" / "index.html"
    line = f"<p data-take-home>The book as {said}.</p>"
    landing.write_text(PLACE.sub(line, landing.read_text("utf-8")), "utf-8")
    marl_offline.list_again(site)


def main() -> int:
    """Print, bind, check and write."""
    browser = on_this_machine()
    if browser is None:
        print("The PDF is printed by Chromium, Chrome or Edge, and there is none on this machine.")
        return 1
    with sync_playwright() as playwright:
        context = launch(playwright, browser).new_context()
        parts = list(printed(pages(), context, HTML.as_uri()))
        content = bound(parts, contents(parts, context))
    if missing := wrong(parts, content):
        print("\n".join(missing), file=sys.stderr)
        return 1
    PDF.write_bytes(content)
    link(HTML)
    sheets = len(PdfReader(io.BytesIO(content)).pages)
    stills = sum(len(one.captions) for one in parts)
    print(
        f"{PDF.relative_to(ROOT)}: {len(parts)} pages of the site on {sheets} sheets, "
        f"{stills} stills, {len(content) / 1e6:.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
