"""The first use of a glossary word in a chapter leads to its entry; a script explains it."""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
EXPLAINED = re.compile(r"book/(chapters/|tour$)")
# Words of everyday English, and what is explained where the book begins.
NOT_LINKED = {"return", "agent", "channel", "head", "ceiling"}
LONGEST = 300  # letters of an explanation
# Text inside of these is not touched.
APART = (
    *(nodes.title, nodes.rubric, nodes.caption, nodes.table, nodes.reference),
    *(nodes.literal, nodes.literal_block, nodes.math, nodes.raw),
)


def entries(app: Sphinx) -> dict[str, tuple[str, str]]:
    """The glossary: word -> the name of its entry on the page, and what it means."""
    if not hasattr(app.env, "marl_terms"):
        found = {}
        for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
            meaning = in_words(item)
            if len(meaning) > LONGEST:
                meaning = meaning[:LONGEST].rsplit(" ", 1)[0] + " …"
            for term in item.findall(nodes.term) if meaning else ():
                found[term.astext()] = (term["ids"][0], meaning)
        app.env.marl_terms = found  # type: ignore[attr-defined]
    terms: dict[str, tuple[str, str]] = app.env.marl_terms  # type: ignore[attr-defined]
    return terms


def in_words(item: nodes.Node) -> str:
    """A definition without citations, without sentences that hold a formula."""
    whole = " ".join(item.children[-1].astext().split())
    whole = re.sub(r" ?\b[a-z]+\d{4}\w+", "", whole)  # the keys of citations
    formulas = [one.astext() for one in item.findall(nodes.math)]
    hard = [formula for formula in formulas if len(formula) > 3 or "\\" in formula]
    sentences = re.split(r"(?<=[.:;]) ", whole)
    return " ".join(one for one in sentences if not any(formula in one for formula in hard))


def texts(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The running text of a page."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        for text in list(paragraph.findall(nodes.Text)):
            parent = text.parent
            while parent is not None and not isinstance(parent, APART):
                parent = parent.parent
            if parent is None:
                yield text


def explain(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of the first use of every word."""
    if not EXPLAINED.match(page) or GLOSSARY not in app.env.found_docs:
        return
    known = {word.lower(): one for word, one in entries(app).items() if word not in NOT_LINKED}
    to = app.builder.get_relative_uri(page, GLOSSARY)
    for text in texts(doctree):
        if not known:
            return
        longest_first = sorted(map(re.escape, known), key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w-])({'|'.join(longest_first)})(s?)(?![\w-])", re.IGNORECASE)
        parts: list[nodes.Node] = []
        rest = text.astext()
        while known and (found := pattern.search(rest)):
            entry = known.pop(found[1].lower(), None)
            cut = found.end()
            parts.append(nodes.Text(rest[: found.start()] if entry else rest[:cut]))
            if entry:
                name, meaning = entry
                link = nodes.reference(
                    "", found[0], refuri=f"{to}#{name}", internal=True, classes=["marl-term"]
                )
                link["marl-meaning"] = meaning
                parts.append(link)
            rest = rest[cut:]
        if len(parts) > 1:
            text.parent.replace(text, [*parts, nodes.Text(rest)])


def visit_reference(self: Any, node: nodes.reference) -> None:
    """As Sphinx writes it, with the meaning of a glossary's word."""
    before = len(self.body)
    type(self).marl_visit_reference(self, node)
    if "marl-meaning" in node:
        meaning = self.attval(node["marl-meaning"])
        self.body[before] = self.body[before].replace("<a ", f'<a data-meaning="{meaning}" ', 1)


def teach(app: Sphinx) -> None:
    """Let the writer of pages know what a glossary's word is."""
    vars(app.env).pop("marl_terms", None)  # of an earlier build
    writer = app.builder.default_translator_class
    if app.builder.format == "html" and not hasattr(writer, "marl_visit_reference"):
        writer.marl_visit_reference = writer.visit_reference  # type: ignore[attr-defined]
        writer.visit_reference = visit_reference  # type: ignore[method-assign]


def give_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """To pages with such words, the script that explains them."""
    if "data-meaning=" in context.get("body", ""):
        app.add_js_file("terms.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("builder-inited", teach)
    app.connect("doctree-resolved", explain)
    app.connect("html-page-context", give_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
