"""Make the book for an e-reader, _build/html/marl-edu.epub, and link it from the site.

usage: python tools/epub.py       after make book, whose outputs of notebooks it shows

Sphinx's own builder makes it, with mathematics as MathML. What is left out, since it works on a
site alone or since the source code says it better, is linked where it stands. A live figure is its
still, with a link to the live one. The file is opened again, and checked: every page, the table of
contents, every link, still and formula.
"""

import posixpath
import re
import shutil
import sys
import zipfile
from collections.abc import Collection, Container, Iterator
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pdf
import yaml
from bs4 import BeautifulSoup, Tag
from docutils import nodes
from jupyter_book.config import get_final_config
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder
from sphinx.util.docutils import docutils_namespace

import marl_edu

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))
import marl_site  # noqa: E402  an extension of this book

ASIDE = ROOT / "_build" / "epub"
EPUB = pdf.HTML / "marl-edu.epub"
XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
# Extensions whose work is a site's: its theme, its scripts, its pages of source.
ONLY_SITE = {
    "sphinx_book_theme", "sphinx_thebe", "sphinx_comments", "sphinx_copybutton",
    "sphinx-mathjax-offline", "sphinx.ext.viewcode", "sphinx.ext.mathjax",
}  # fmt: skip
OURS = ("marl_interview",)
ALL = {*pdf.pages(), *pdf.LEFT_OUT}
BASE = pdf.CONFIG["html"]["baseurl"]
PARSER = "html5lib"  # the parser that keeps the capitals of SVG's names
# What cannot be used, and the second of two texts of which a site shows one.
DROPPED = "script, form, style, link, button, input, select, canvas, .headerlink, [hidden]"
DROPPED += ", summary .collapsed"
# Commands that latex2mathml leaves as they are, and their signs.
UNKNOWN = dict.fromkeys((r"\lVert", r"\rVert", r"\Vert"), "‖")
UNKNOWN |= dict.fromkeys((r"\lvert", r"\rvert"), "|") | {r"\arg": "arg"}
STYLES = ("_static/pygments.css", "_static/epub.css", "_static/reader.css")
OWN_STYLE = """
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.8em }
svg { max-width: 100%; height: auto }
th, td { padding: 0.2em 0.4em; vertical-align: top }
th small, td small { display: block; font-weight: normal }
.marl-matrix td a { color: inherit }
.math { overflow-x: auto }
"""
NEEDS_SAYING = {"mathml": "<math", "svg": "<svg"}  # properties of a file that its list names


def settings(toc: Path) -> dict[str, Any]:
    """The configuration of the site, without what only a site has."""
    config, _ = get_final_config(
        user_yaml=ROOT / "_config.yml",
        sourcedir=ROOT,
        cli_config={"latex_individualpages": False},  # popped without a default
    )
    own = {name for name in config["extensions"] if str(name).startswith("marl_")}
    dropped = (ONLY_SITE | own) - set(OURS)
    config["extensions"] = [name for name in config["extensions"] if name not in dropped]
    config["extensions"] += ["sphinx.ext.mathjax", Path(__file__).stem]
    return config | {
        "external_toc_path": str(toc),
        "nb_execution_cache_path": str(ROOT / "_build" / ".jupyter_cache"),  # the site's outputs
        "templates_path": [],  # a theme's, corrected for the site
        "html_static_path": [str(toc.parent / "static")],
        "epub_css_files": ["reader.css"],
        "version": marl_edu.__version__,
        "language": "en",
        "epub_theme": "epub",
        "epub_show_urls": "no",
        "epub_title": pdf.CONFIG["title"],
        "epub_description": "A course in multi-agent reinforcement learning, with its code.",
        "epub_identifier": pdf.CONFIG["html"]["baseurl"],
        "epub_uid": "book",
        "epub_scheme": "URL",
        "epub_basename": EPUB.stem,
        "epub_tocdepth": 2,
        "epub_exclude_files": ["search.html", "genindex.html"],
        "epub_use_index": False,
        "epub_tocscope": "includehidden",
        "nb_mime_priority_overrides": [["epub", "text/html", 1]],  # as on the site
    }


def mathml(formula: Tag) -> None:
    """A formula, as Sphinx leaves it to a script in a page, becomes MathML; its number stays."""
    number = formula.select_one(".eqno")
    if number is not None:
        number.extract()
    tex = re.sub(r"^\\[\[(]|\\[\])]$", "", formula.get_text().strip())
    made = convert(tex, display="block" if formula.name == "div" else "inline")
    for unknown, sign in UNKNOWN.items():
        made = made.replace(f">{unknown}<", f">{sign}<")
    formula.clear()
    for one in (number, BeautifulSoup(made, PARSER).math):
        if one is not None:
            formula.append(one)


def for_a_reader(body: str, page: str, known: Container[str]) -> str:
    """The body of a page as an e-reader wants it: XML, no scripts, stills with a link.

    `known` are the pages of the file; a link to any other leads to the public site.
    """
    soup = BeautifulSoup(body, PARSER)
    for figure in soup.select("[data-figure]"):
        link = soup.new_tag("a", href=f"{BASE}{page}.html")
        link.string = "Live on the site"
        figure.insert_after(link)
    for one in soup.select(DROPPED):
        one.decompose()
    for formula in soup.select("span.math, div.math"):
        mathml(formula)
    for heading in soup.select("summary p"):
        heading.name = "span"
    for label in soup.select("label"):
        label.unwrap()
    for drawing in soup.select("svg"):
        drawing["xmlns"] = "http://www.w3.org/2000/svg"
    for link in soup.select("a[href]"):
        there, place = target(page, str(link["href"]))
        if there and there.removesuffix(".xhtml") not in known:
            link["href"] = BASE + there.replace(".xhtml", ".html") + (place and f"#{place}")
    drop_attributes(soup)
    return cast(Tag, soup.body).decode_contents(formatter="minimal")


def target(page: str, address: str) -> tuple[str, str]:
    """The file that a link on a page leads to, and the place in it; no file: another machine."""
    path, _, place = address.partition("#")
    if re.match("[a-z]+:", path):
        return "", ""
    there = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    return there, place


def drop_attributes(soup: BeautifulSoup) -> None:
    """Handlers of events, and ids that an element before has."""
    seen: set[str] = set()
    for one in soup.find_all(True):
        for name in [name for name in one.attrs if name.startswith("on")]:
            del one[name]
        if one.get("id") in seen:
            del one["id"]
        seen.add(str(one.get("id", "")))


def link_what_is_left_out(app: Sphinx, doctree: nodes.document) -> None:
    """A reference to a page of the site that is not in the file leads to the public site."""
    here = posixpath.dirname(app.env.docname)
    for reference in list(doctree.findall(addnodes.pending_xref)):
        path, _ = posixpath.splitext(reference["reftarget"])
        named = {path, posixpath.normpath(posixpath.join(here, path))}
        for page in named & ALL - app.env.found_docs:
            words = reference.astext() or posixpath.basename(page)
            reference.replace_self(nodes.reference("", words, refuri=f"{BASE}{page}.html"))


def rewrite(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Give Sphinx's template the rewritten body."""
    if "body" in context:
        context["body"] = for_a_reader(context["body"], page, app.env.found_docs)
        context["script_files"] = []
        context["css_files"] = [one for one in context["css_files"] if one.filename in STYLES]


class Builder(Epub3Builder):
    """Sphinx's, which also says in the list of files what each page needs."""

    def toc_metadata(self, level: int, navpoints: list[Any]) -> dict[str, Any]:
        """With the identifier that the list of files has."""
        return super().toc_metadata(level, navpoints) | {"uid": self.config.epub_identifier}

    def build_content(self) -> None:
        """Write the list of files."""
        super().build_content()
        path = Path(self.outdir, "content.opf")
        text = path.read_text("utf-8")
        for file in self.files:
            if file.endswith(".xhtml"):
                page = Path(self.outdir, file).read_text("utf-8")
                needs = " ".join(name for name, tag in NEEDS_SAYING.items() if tag in page)
                if needs:
                    text = text.replace(f'href="{file}"', f'href="{file}" properties="{needs}"', 1)
        path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above, for Sphinx."""
    app.add_builder(Builder, override=True)
    app.connect("doctree-read", link_what_is_left_out)
    app.connect("html-page-context", marl_site.name_what_ran)
    app.connect("html-page-context", marl_site.drop_citation_roles)
    app.connect("html-page-context", marl_site.draw_once)
    app.connect("html-page-context", rewrite, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def build(wanted: Collection[str], place: Path) -> Path:
    """Build a file of the landing page and these pages in a new folder; returns the file."""
    place.mkdir(parents=True)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    for part in toc["parts"]:
        part["chapters"] = [one for one in part["chapters"] if one["file"] in wanted]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    (place / "static").mkdir()
    (place / "static" / "reader.css").write_text(OWN_STYLE, "utf-8")
    contents = place / "_toc.yml"
    contents.write_text(yaml.safe_dump(toc), "utf-8")
    with docutils_namespace():
        app = Sphinx(
            srcdir=ROOT,
            confdir=None,
            outdir=place / "pages",
            doctreedir=place / "doctrees",
            buildername="epub",
            confoverrides=settings(contents),
        )
        app.build()
    return place / "pages" / EPUB.name


def wrong(path: Path, stills: dict[str, int]) -> Iterator[str]:
    """What is missing in the file; nothing, if all is there.

    `stills` are the pages that should be there, and how many stills of live figures each has.
    """
    with zipfile.ZipFile(path) as file:
        names = set(file.namelist())
        pages = {
            name: ElementTree.fromstring(file.read(name))  # an error says what is no XML, and where
            for name in names
            if name.endswith(".xhtml")
        }
    listed = {
        str(one.get("href")).partition("#")[0] for one in pages["nav.xhtml"].iter(f"{XHTML}a")
    }
    for page, number in stills.items():
        if (name := f"{page}.xhtml") not in pages:
            yield f"{page}: no page"
            continue
        if name not in listed:
            yield f"{page}: not in the contents"
        figures = (one for one in pages[name].iter() if one.get("data-figure"))
        drawn = [one for one in figures if one.find(f".//{SVG}svg") is not None]
        if len(drawn) != number:
            yield f"{page}: {len(drawn)} stills of {number}"
    yield from dead_ends(pages, names)
    if path.stat().st_size > pdf.LARGEST:
        yield f"{path.stat().st_size / 1e6:.1f} MB, and {pdf.LARGEST / 1e6:.0f} at most"


def dead_ends(pages: dict[str, Element], names: Container[str]) -> Iterator[str]:
    """Formulas with a command that nobody translated, and links that lead nowhere."""
    places = {name: {one.get("id") for one in tree.iter()} | {""} for name, tree in pages.items()}
    for name, tree in pages.items():
        for one in tree.iter():
            if one.tag.startswith(MATHML) and "\\" in (one.text or ""):
                yield f"{name}: a formula with {one.text}"
            for address in filter(None, (one.get("href"), one.get("src"))):
                there, place = target(name, address)
                if there and (there not in names or place not in places.get(there, {place})):
                    yield f"{name}: nothing at {address}"


def main() -> int:
    """Build, check, put in place."""
    stills = {
        page: (pdf.HTML / f"{page}.html").read_text("utf-8").count("<div data-figure=")
        for page in pdf.pages()
    }
    shutil.rmtree(ASIDE, ignore_errors=True)
    built = build(stills, ASIDE)
    if missing := list(wrong(built, stills)):
        print("\n".join(missing), file=sys.stderr)
        return 1
    shutil.copyfile(built, EPUB)
    pdf.link(pdf.HTML)
    print(
        f"{EPUB.relative_to(ROOT)}: {len(stills)} pages, {sum(stills.values())} stills, "
        f"{EPUB.stat().st_size / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
