"""What the site needs beyond its configuration: no third party, no dead script, an API page."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import index, pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging

from marl_edu.exercises import NOTEBOOKS
from marl_edu.plots.untrusted import drawn_once

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parents[2]
# These hold the solutions of exercises.
UNSHOWN = tuple(f"marl_edu.exercises.{page}" for page in NOTEBOOKS)
# Rebuilt every time: they say what else is there.
OVERVIEWS = {"book/api", "book/status"}
# Where a page opened from disk may not read its neighbours, search goes without excerpts.
SEARCH_FROM_DISK = (
    'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'
)
REDIRECT = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0; url={page}">
<link rel="icon" href="data:,">
<link rel="canonical" href="{page}">
<title>{title}</title>
</head>
<body><main><h1>{title}</h1><p><a href="{page}">Open the book</a></p></main></body>
</html>
"""


def floors() -> list[list[str]]:
    """The folders of the package, lowest floor first: the list that import-linter goes by."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    return [layer.split(" | ") for layer in reversed(layers)]


def public_modules(package: str = "marl_edu") -> list[str]:
    """Every module of the package that has a docstring to show, lowest floor first."""
    root = importlib.import_module(package)
    names = [found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.")]
    names = [name for name in names if not name.rsplit(".", 1)[-1].startswith("_")]
    names = [name for name in names if not name.startswith(UNSHOWN)]
    order = [folder for floor in floors() for folder in floor]
    return sorted(names, key=lambda name: (order.index(name.split(".")[1]), name))


MODULE_PAGES = frozenset(public_modules())


def write_api_pages(folder: Path = ROOT / "book" / "api") -> None:
    """A page per module, for Sphinx to find; pages of modules that are gone go, too."""
    folder.mkdir(exist_ok=True)
    pages = {
        f"{name}.md": f"(api-{name})=\n# {name.removeprefix('marl_edu.')}\n\n"
        f"```{{eval-rst}}\n.. automodule:: {name}\n```\n"
        for name in public_modules()
    }
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def write_api_list(app: Sphinx, docname: str, source: list[str]) -> None:
    """On the API page, the floors and their modules in place of its mark."""
    if docname != "book/api":
        return
    names = public_modules()
    floor_of = {folder: number for number, floor in enumerate(floors()) for folder in floor}
    text = ""
    for number, floor in enumerate(floors(), 1):
        folders = " ".join(f"`{folder}`" for folder in floor)
        text += f"\n{number}. {folders}\n\n"
        for name in names:
            if floor_of[name.split(".")[1]] == number - 1:
                short = name.removeprefix("marl_edu.")
                text += f"    - [{short}](api/{name}.md)\n"
    source[0] = source[0].replace("%modules%", text)


def show_module_pages_as_written(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """A module's docstring is a page of text with aligned tables: keep its line breaks."""
    if what != "module" or not any(lines):
        return
    text = list(lines)
    while text and not text[-1].strip():
        text.pop()
    body = [f"   {line}" for line in text[1:]]
    lines[:] = [text[0], ""]
    if any(line.strip() for line in body):
        lines += [".. code-block:: text", "", *body, ""]


def show_signature_as_written(
    app: Sphinx, what: str, name: str, obj: Any, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Signatures with the shapes of the source: `Float[Tensor, "B N D"]`, not what it became."""
    fields = what == "class" and (hasattr(obj, "__dataclass_fields__") or hasattr(obj, "_fields"))
    if what == "class" and not fields:
        obj = vars(obj).get("__init__")
    elif what not in ("class", "function", "method"):
        return None
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(obj)))
        node: Any = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if fields:
        written = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
        return f"({', '.join(written)})", ""
    if not isinstance(node, ast.FunctionDef):
        return None
    arguments = ast.unparse(node.args)
    if what != "function":
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    return f"({arguments})", ast.unparse(node.returns) if node.returns and what != "class" else ""


def outdated_overviews(
    app: Sphinx, env: object, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The overview pages, in every build."""
    return sorted(OVERVIEWS & app.env.found_docs)


WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def drop_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Take off the page what it does not use.

    sphinx-thebe: off or not, its script declares one constant twice. The state of ipywidgets: the
    live figures carry their own, and it holds all their weights once more.
    """

    def unused(script: object) -> bool:
        attributes = getattr(script, "attributes", {})
        body = attributes.get("body") or ""
        thebe = "thebe" in str(getattr(script, "filename", script)).lower() or "thebe" in body
        return thebe or attributes.get("type") == WIDGET_STATE

    context["script_files"] = [one for one in context["script_files"] if not unused(one)]
    context["css_files"] = [one for one in context["css_files"] if not unused(one)]


def name_folds_of_contents(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Say in words what a chevron beside the contents folds out; the theme shows it alone."""
    contents = context["generate_toctree_html"]

    def named(*given: Any, **options: Any) -> str:
        html = str(contents(*given, **options))
        return html.replace("<summary><span", '<summary aria-label="Pages below"><span')

    context["generate_toctree_html"] = named


def link_listings(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make links of what stands above a listing, and one from each equation to its listing.

    `eq-name` becomes the number that the equation has in the book; `marl_edu/….py`, line 12 leads
    to that line of the module's page.
    """
    listed = set()
    for paragraph in doctree.findall(nodes.paragraph):
        for literal in list(paragraph.findall(nodes.literal)):
            text, after = literal.astext(), literal.next_node(descend=False, siblings=True)
            if re.fullmatch(r"eq-[a-z0-9-]+", text):
                paragraph["ids"].append(f"listing-{text}")
                listed.add(text)
                literal.replace_self(equation_link(app, page, text, not paragraph.index(literal)))
            elif match := re.fullmatch(r"(marl_edu/[\w/]+)\.py", text):
                line = re.match(r", line (\d+)", after.astext() if after else "")
                wrap_in_link(app, page, literal, match[1], line[1] if line else None)
    for equation in list(doctree.findall(nodes.math_block)):
        if equation.get("label") in listed:
            link = nodes.reference("", "in code", refid=f"listing-{equation['label']}")
            place = equation.parent.index(equation) + 1
            equation.parent.insert(place, nodes.paragraph("", "", link, classes=["marl-in-code"]))


def equation_link(app: Sphinx, page: str, label: str, first: bool) -> list[nodes.Node]:
    """*Equation (3)*, and of which page if it is another one."""
    math: Any = app.env.get_domain("math")
    target = math.equations.get(label)
    link = target and math.resolve_xref(
        app.env, page, app.builder, "eq", label, pending_xref(), nodes.Text(label)
    )
    if not link:
        logger.warning("no equation is called %s", label, location=page)
        return [nodes.literal(text=label)]
    shown: list[nodes.Node] = [nodes.Text("Equation " if first else "equation "), link]
    if target[0] != page:
        shown.append(nodes.Text(f" of {app.env.titles[target[0]].astext()}"))
    return shown


def wrap_in_link(
    app: Sphinx, page: str, literal: nodes.literal, path: str, line: str | None
) -> None:
    """The name of a file as a link to its page, if it has one."""
    module = path.removesuffix("/__init__")
    if module.replace("/", ".") in MODULE_PAGES:
        uri = app.builder.get_relative_uri(page, f"_modules/{module}")
        link = nodes.reference(internal=True, refuri=f"{uri}#line-{line}" if line else uri)
        literal.replace_self(link)
        link += literal


def name_lines(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """On the page of a module, give every line a name that a listing can lead to.

    The list of these pages nests lists in a way that HTML does not know: it becomes one.
    """
    if page == "_modules/index":
        head, _, listed = context["body"].partition("<ul>")
        context["body"] = f"{head}<ul>{re.sub('</?ul>', '', listed)}</ul>"
    elif page.startswith("_modules/"):
        numbered = r'<span class="linenos">( *(\d+))</span>'
        named = r'<span class="linenos" id="line-\2">\1</span>'
        context["body"] = re.sub(numbered, named, context["body"])


def name_modules(app: Sphinx, doctree: nodes.document) -> None:
    """Let the search find modules by names without dots, which it would take for classes.

    It looks for a section by the first of its names, and for an index entry by its only one: so
    these have none. `py-modindex.html` lists all modules.
    """
    for section in doctree.findall(nodes.section):
        section["ids"].sort(key=lambda name: "." in name)
    for entry in doctree.findall(index):
        entry["entries"] = [one for one in entry["entries"] if not one[2].startswith("module-")]


def drop_citation_roles(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Take off the citations' ARIA roles: deprecated, and a list that has no list items."""
    if "citation-list" in context.get("body", ""):
        body = context["body"].replace(' role="doc-biblioentry"', "")
        context["body"] = body.replace('<div role="list" class="citation-list">', "<div>")


def draw_once(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Take out the images that a notebook keeps for where it is not trusted: a page is."""
    if "body" in context:
        context["body"] = drawn_once(context["body"])


def name_what_ran(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """In the table of notebooks: titles for file names, and words for pictograms."""
    if page != "book/status":
        return
    body = context["body"].replace("✅", "ran to its end").replace("❌", "stopped")
    for document, title in app.env.titles.items():
        body = body.replace(f">{document}<", f">{title.astext()}<")
    context["body"] = body


def write_front_door(app: Sphinx, exception: Exception | None) -> None:
    """The landing page is book/index.html; index.html leads there."""
    if exception is None and app.builder.format == "html" and app.config.root_doc != "index":
        html = REDIRECT.format(
            language=app.config.language,
            page=app.builder.get_target_uri(app.config.root_doc),
            title=app.config.html_title,
        )
        Path(app.outdir, "index.html").write_text(html, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("source-read", write_api_list)
    # Before napoleon, which would read a Symbols table as a section.
    app.connect("autodoc-process-docstring", show_module_pages_as_written, priority=100)
    app.connect("autodoc-process-signature", show_signature_as_written)
    app.connect("env-get-outdated", outdated_overviews)
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("html-page-context", drop_citation_roles)
    app.connect("html-page-context", name_folds_of_contents, priority=900)
    app.connect("html-page-context", name_lines)
    app.connect("html-page-context", draw_once)
    app.connect("doctree-resolved", link_listings)
    app.connect("doctree-read", name_modules)
    app.connect("html-page-context", name_what_ran)
    app.connect("build-finished", write_front_door, priority=900)
    app.add_js_file(None, body=SEARCH_FROM_DISK, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
