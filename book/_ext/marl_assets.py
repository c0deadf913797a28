"""What a page loads, and no more: scripts, styles, mathematics, the weights of its figures."""

import base64
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import marl_css
import marl_interview
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from marl_edu.widgets.shared import bundle

FIGURES = "_static/figures"
# The parts of MathJax that this book needs, in their order, as one script: without its menu and
# the macros of chemistry and physics it is half as large.
MATHJAX = "book.js"
MATHJAX_PARTS = (
    "startup", "core", "input/tex-base", "input/tex/extensions/ams",
    "input/tex/extensions/boldsymbol", "output/chtml", "output/chtml/fonts/tex",
    "a11y/assistive-mml",
)  # fmt: skip
MATHJAX_CONFIG = {
    "loader": {"load": []},
    "tex": {"packages": ["base", "ams", "boldsymbol"]},
}
# Scripts and styles that serve one kind of element: the words by which it is known on a page.
SERVES = {
    "mathjax": ('class="math',),
    "clipboard": ("highlight",),
    "copybutton": ("highlight",),
    "design-tabs": ("sd-tab-set",),
    "sphinx-design": ('"sd-', " sd-"),
    "exercise": ("admonition exercise", "solution"),
    "mystnb": ("cell_", "output"),
    "wide": ('class="math', "<table"),
    "pygments": ("highlight",),
}
# These set what scripts in the page itself read at once.
AT_ONCE = ("documentation_options",)
PRUNED = ("styles/pydata-sphinx-theme.css", "sphinx-design.min.css", "mystnb.*.css", "basic.css")
UNUSED = ("scripts/fontawesome.js*", "vendor/fontawesome", "webpack-macros.html", "**/*.map",
          "sbt-webpack-macros.html", "sphinx-thebe.js", "sphinx-thebe.css", "locales")  # fmt: skip


def choose_mathjax(app: Sphinx, config: Config) -> None:
    """MathJax as `write_mathjax` writes it; its extension named another file."""
    config.mathjax_path = f"mathjax/{MATHJAX}"
    config.mathjax3_config = MATHJAX_CONFIG


def write_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Join the parts of MathJax; of the rest, keep the fonts alone."""
    folder = Path(app.outdir, "_static", "mathjax")
    if exception is not None or not folder.is_dir():
        return
    parts = [(folder / f"{part}.js").read_text(encoding="utf-8") for part in MATHJAX_PARTS]
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.suffix != ".woff":
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    (folder / MATHJAX).write_text(";\n".join(parts), encoding="utf-8")


def keep_what_is_used(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Of scripts and styles, those that the page has a use for; no script holds up the page."""
    body = context.get("body", "")
    by_script = page in {f"{marl_interview.FOLDER}/{name}" for name in marl_interview.SCRIPTS}

    def used(asset: Any) -> bool:
        path = str(getattr(asset, "filename", None) or "")
        settings = (getattr(asset, "attributes", {}).get("body") or "").partition("=")[0]
        name = "mathjax" if "mathjax" in path or "MathJax" in settings else Path(path).name
        if name == "mathjax" and by_script:  # formulas in answers, which a script shows
            return True
        serves = next((words for start, words in SERVES.items() if name.startswith(start)), None)
        return serves is None or any(word in body for word in serves)

    def deferred(script: Any) -> Any:
        name = str(getattr(script, "filename", None) or "")
        # The search page's own scripts take all others for there.
        if not name or page == "search" or any(one in name for one in AT_ONCE):
            return script
        # A copy, since all pages share the script.
        attributes = {**script.attributes, "defer": "defer"}
        return type(script)(script.filename, priority=script.priority, **attributes)

    context["script_files"] = [deferred(one) for one in context["script_files"] if used(one)]
    context["css_files"] = [one for one in context["css_files"] if used(one)]


def give_figure_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """To pages with a live figure its script, behind the last one: it waits for no other script.

    Teams that the figure does not open with leave their weights to a script of their own, which is
    loaded when they are chosen.
    """
    body = context.get("body", "")
    root = context["pathto"]("_static/figures", 1)
    for name in bundle.FIGURES:
        begins = f'<div data-figure="{name}">'
        if begins not in body:
            continue
        end = body.index("</script></div>", body.rindex(begins)) + len("</script></div>")
        code = zlib.crc32(Path(app.outdir, FIGURES, f"{name}.js").read_bytes())
        script = f'<script async src="{root}/{name}.js?v={code:08x}"></script>'
        body = body[:end] + script + body[end:]
    lighter = re.compile(r'(<div data-figure="junction">.*?<script type="application/json">)(.*?)'
                         r"(</script></div>)", re.DOTALL)  # fmt: skip

    def lighten(found: re.Match[str]) -> str:
        state = json.loads(found[2])
        for difficulty, teams in state["policies"].items():
            for team, policy in teams.items():
                if (difficulty, team) != (state["difficulty"], state["team"]):
                    policy["at"] = f"{root}/{_store(app, policy.pop('weights'))}"
        text = json.dumps(state, separators=(",", ":")).replace("<", "\\u003c")
        return found[1] + text + found[3]

    context["body"] = lighter.sub(lighten, body)


def _store(app: Sphinx, weights: str) -> str:
    """Write a script that holds these weights, unless it is there. Its name."""
    name = base64.b32encode(zlib.crc32(weights.encode()).to_bytes(4)).decode().strip("=").lower()
    path = Path(app.outdir, FIGURES, f"{name}.js")
    if not path.exists():
        text = f'(self.marlWeights ??= {{}})["{name}"] = "{weights}";\n'
        path.write_text(text, encoding="utf-8")
    return path.name


def write_figure_scripts(app: Sphinx) -> None:
    """The scripts that bring live figures to life, each in one file that runs from disk, too."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir, FIGURES)
    folder.mkdir(parents=True, exist_ok=True)
    for name in bundle.FIGURES:
        (folder / f"{name}.js").write_text(bundle.figure_script(name), encoding="utf-8")


def lighten_site(app: Sphinx, exception: Exception | None) -> None:
    """Take off the styles what no page uses, and remove what no page loads."""
    if exception is not None or app.builder.format != "html":
        return
    root = Path(app.outdir, "_static")
    for path in [path for pattern in UNUSED for path in root.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    words = set()
    for path in (*Path(app.outdir).rglob("*.html"), *root.rglob("*.js")):
        if not {"mathjax", "pyodide", "editor"} & set(path.parts):
            words |= marl_css.words(path.read_text(encoding="utf-8"))
    for pattern in PRUNED:
        for path in root.glob(pattern):
            css = path.read_text(encoding="utf-8")
            path.write_text(marl_css.prune(css, words), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("config-inited", choose_mathjax, priority=900)
    app.connect("builder-inited", write_figure_scripts)
    app.connect("html-page-context", give_figure_scripts)
    app.connect("html-page-context", keep_what_is_used, priority=950)
    app.connect("build-finished", write_mathjax, priority=900)
    app.connect("build-finished", lighten_site, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
