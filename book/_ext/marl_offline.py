"""The book without a network: a manifest, and a service worker that stores it in reading order.

Python and what else exercises in the page load is no part of that: it is stored for readers who
have used it.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from marl_meta import reading_order
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
WORKER = Path(__file__).parent / "offline" / "worker.js"
MOST = 8_000_000  # bytes on a reader's device; files are stored packed
ON_REQUEST = "_static/python"
LEFT_OUT = ("book/api", "book/bibliography", "book/status", "book/interview/deck")
LEFT_OUT_FILES = re.compile(r"_static/pictures/|\.apkg$|_sources/|\.ipynb$|\.md$")
# What pages load that their text does not name.
FONTS = ("Main-Regular", "Main-Bold", "Main-Italic", "Math-Italic", "Math-BoldItalic",
         "AMS-Regular", "Size1-Regular", "Size2-Regular", "Size3-Regular", "Size4-Regular",
         "Calligraphic-Regular", "Zero", "Typewriter-Regular")  # fmt: skip
WOFF = "_static/mathjax/output/chtml/fonts/woff-v2"


def loaded_by(page: Path, out: Path) -> list[str]:
    """The files of the site that a page loads, fonts of its mathematics included."""
    text = page.read_text(encoding="utf-8")
    names = re.findall(r'(?:src|href)="([^"#?]+)', text) + re.findall(r'"at":"([^"]+)"', text)
    loaded = []
    for name in names:
        asset = (page.parent / name).resolve()
        if re.match(r"[a-z]+:", name) or not asset.is_file() or asset.suffix == ".html":
            continue
        where = asset.relative_to(out.resolve()).as_posix()
        if not LEFT_OUT_FILES.search(where):
            loaded.append(where)
            if "mathjax" in where:
                loaded += [f"{WOFF}/MathJax_{font}.woff" for font in FONTS]
    return loaded


def files(app: Sphinx) -> list[tuple[str, str]]:
    """What is stored, as (path, title), in reading order; a page stands behind what it loads."""
    out = Path(app.outdir)
    titles = {
        f"{page}.html": app.env.titles[page].astext()
        for page in reading_order(app)
        if not page.startswith(LEFT_OUT)
    }
    titles["search.html"] = "Search"
    found = {"index.html": "", "_static/basic.css": "", "searchindex.js": ""}
    for page, title in titles.items():
        found |= dict.fromkeys(loaded_by(out / page, out), "")
        found[page] = title
    return list(found.items())


def write_worker(out: Path, listed: Iterable[tuple[str, str]]) -> None:
    """The worker in the folder of a site, with these files: path, and title if it is a page."""

    def entry(path: str, title: str = "") -> tuple[str, str, str]:
        return path, hashlib.sha256((out / path).read_bytes()).hexdigest()[:16], title

    book = [entry(path, title) for path, title in listed]
    found = {path.relative_to(out).as_posix() for path in (out / ON_REQUEST).rglob("*.*")}
    later = [entry(path) for path in sorted(found - {path for path, _, _ in book})]
    version = hashlib.sha256(json.dumps([book, later]).encode()).hexdigest()[:16]
    stored = {"version": version, "files": book, "later": later}
    text = json.dumps(stored, separators=(",", ":"))
    worker = WORKER.read_text(encoding="utf-8")
    (out / "sw.js").write_text(f"self.BOOK = {text};\n{worker}", encoding="utf-8")


def list_again(out: Path) -> None:
    """Write the hashes of the same files again, after one of them has changed."""
    first = (out / "sw.js").read_text(encoding="utf-8").partition(";\n")[0]
    book = json.loads(first.removeprefix("self.BOOK = "))
    write_worker(out, [(path, title) for path, _, title in book["files"]])


def write(app: Sphinx, exception: Exception | None) -> None:
    """The worker with its list, and the manifest. Last of all: the list holds every file's hash."""
    if exception is not None or app.builder.format != "html":
        return
    out, listed = Path(app.outdir), files(app)
    size = sum(len(gzip.compress((out / path).read_bytes())) for path, _ in listed)
    if size > MOST:
        logger.warning("offline, the book takes %d bytes; at most %d", size, MOST)
    write_worker(out, listed)
    manifest = {
        "name": app.config.html_title,
        "short_name": "Agents",
        "lang": app.config.language,
        "start_url": f"{app.config.root_doc}.html",
        "scope": "./",
        "display": "minimal-ui",
        "background_color": "#ffffff",
        "theme_color": "#ffffff",
        "icons": [
            {"src": f"_static/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"}
            for side in (192, 512)
        ],
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (out / "manifest.webmanifest").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.add_js_file("offline.js", loading_method="defer")
    app.connect("build-finished", write, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
