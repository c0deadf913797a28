"""Count the words that a reader of the built book sees when a page opens.

    python tools/visible_words.py                 a table: words before, now, and their ratio
    python tools/visible_words.py FOLDER          the same for another built site
    python tools/visible_words.py --json FOLDER   its counts alone, as in tests/site/words.json

Counted is the article: text, captions, tables. Not counted are code and what it prints, exercises
with their section, what is folded, pictures, and what the theme adds. A formula is one word.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
BEFORE = ROOT / "tests" / "site" / "words.json"
MOST = 2 / 3  # of the words before
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
UNSEEN = {"script", "style", "svg", "pre", "template", "noscript", "select", "nav", "button"}
LEFT_OUT = {
    "exercise",
    "solution",
    "headerlink",
    "cell_input",
    "stream",
    "text_plain",
    "tag_hide-cell",
}
SECTIONS = {"exercise", "exercises"}
PAGES = {"worlds": "environments"}  # what a page was called before


class Article(HTMLParser):
    """The visible words of a page's article, in `words`."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._open: list[tuple[str, bool]] = []  # tags, and whether their text is seen
        self._in_article = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go into an element: it is seen where its parent is, unless something hides it."""
        if tag in VOID:
            return
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        seen = self._open[-1][1] if self._open else False
        if tag == "article":
            seen = "bd-article" in classes
        hidden = tag in UNSEEN or classes & LEFT_OUT or "hidden" in given
        if tag == "section" and given.get("id") in SECTIONS:
            hidden = True
        if tag == "section" and "aria-label" in given:  # a curve of the comparison: a link opens it
            hidden = True
        if self._open and self._open[-1][0] == "folded" and tag != "summary":
            hidden = True
        if "math" in classes:
            self.words += ["formula"] * (seen and not hidden)
            hidden = True
        # What folds code says so in its summary, which is code's.
        if tag == "details" and "hide" in classes:
            hidden = True
        folded = tag == "details" and "open" not in given
        self._open.append(("folded" if folded else tag, bool(seen and not hidden)))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if tag in VOID:
            return
        names = {tag, "folded"} if tag == "details" else {tag}
        while self._open and self._open.pop()[0] not in names:
            pass

    def handle_data(self, data: str) -> None:
        """Take the words of a text, if it is seen."""
        if self._open and self._open[-1][1]:
            self.words += [one for one in data.split() if any(map(str.isalnum, one))]


def count(path: Path) -> int:
    """The visible words of a built page."""
    article = Article()
    article.feed(path.read_text(encoding="utf-8"))
    return len(article.words)


def counts(html: Path) -> dict[str, int]:
    """The words of the tour and of each chapter of a built site, by the name it has today."""
    pages = [html / "book" / "tour.html", *sorted((html / "book" / "chapters").glob("*.html"))]
    return {PAGES.get(page.stem, page.stem): count(page) for page in pages}


def table(html: Path) -> str:
    """Words before and now, page by page."""
    before, now = json.loads(BEFORE.read_text(encoding="utf-8"))["words"], counts(html)
    lines = [f"{'page':14} before    now  ratio"]
    lines += [
        f"{page:14} {before[page]:6} {now[page]:6}  {now[page] / before[page]:5.2f}"
        for page in before
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="the counts alone")
    parser.add_argument("html", nargs="?", type=Path, default=HTML, help="a built site")
    options = parser.parse_args(arguments)
    print(json.dumps(counts(options.html)) if options.json else table(options.html))
    return 0


if __name__ == "__main__":
    sys.exit(main())
