"""What a page need not load: an icon script, fonts of unused icons, and menus of formulas."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from sphinx.application import Sphinx
from sphinx.config import Config

# MathJax in parts: TeX in, HTML with MathML for screen readers out. The file that holds all of it
# adds a menu and is half as large again.
MATHJAX = ["core", "input/tex", "output/chtml", "output/chtml/fonts/tex.js", "a11y/assistive-mml"]
THEME = "_static/styles/pydata-sphinx-theme.css"
FONTS = "_static/vendor/fontawesome/webfonts"
WOFF2 = r"url\([^)]*\.woff2\) ?format\([^)]*\),"  # named before each font that we make smaller


def load_mathjax_in_parts(app: Sphinx, config: Config) -> None:
    """Name the parts, after whoever else has set up MathJax."""
    options: dict[str, Any] = dict(config.mathjax3_config or {})
    config.mathjax3_config = options | {"loader": {"load": MATHJAX}}
    config.mathjax_path = "mathjax/startup.js"


def drop_mathjax(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Take it off pages that have no formula, where the theme asks for everything everywhere."""
    math: Any = app.env.get_domain("math")
    if not math.has_equations(page):
        context["script_files"] = [
            one
            for one in context["script_files"]
            if "mathjax" not in str(getattr(one, "filename", one)).lower()
            and "MathJax" not in (getattr(one, "attributes", {}).get("body") or "")
        ]


def icons_used(html: Path) -> set[int]:
    """The code points of all icons that pages and scripts name, and that style sheets hold."""
    style = (html / THEME).read_text("utf-8")
    named = {
        name: int(code, 16)
        for names, code in re.findall(
            r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"', style
        )
        for name in re.findall(r"fa-[\w-]+", names)
    }
    files = [*html.rglob("*.html"), *(html / "_static").glob("scripts/*theme.js")]
    words = set().union(*(re.findall(r"\bfa-[\w-]+", path.read_text("utf-8")) for path in files))
    sheets = "".join(path.read_text("utf-8") for path in (html / "_static").rglob("*.css"))
    private = {ord(letter) for letter in sheets if 0xE000 <= ord(letter) <= 0xF8FF}
    return private | {named[word] for word in words & named.keys()}


def keep_used_icons(app: Sphinx, exception: Exception | None) -> None:
    """Cut the icon fonts down to what is used."""
    if exception is not None or app.builder.format != "html":
        return
    html = Path(app.outdir)
    style, unicodes = html / THEME, sorted(icons_used(html))
    style.write_text(re.sub(WOFF2, "", style.read_text("utf-8")), "utf-8")
    for path in sorted((html / FONTS).glob("*.ttf")):
        options = subset.Options(notdef_outline=True, layout_features=[])
        font = subset.load_font(str(path), options)
        cut = subset.Subsetter(options)
        cut.populate(unicodes=unicodes)
        cut.subset(font)
        subset.save_font(font, str(path), options)
        path.with_suffix(".woff2").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("config-inited", load_mathjax_in_parts, priority=900)
    app.connect("html-page-context", drop_mathjax, priority=900)
    app.connect("build-finished", keep_used_icons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
