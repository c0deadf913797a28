"""A notebook as one HTML file, as it was run, that asks no other machine for anything.

usage: python tools/as_html.py NOTEBOOK ...        writes NOTEBOOK.html beside each

Live figures and panels are their stills, as on a page without JavaScript; equations are set by the
MathJax that the site uses, which is written into the file. nbconvert itself would link five scripts
of other machines.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbconvert.exporters.html import HTMLExporter
from nbformat import read as read_notebook
from traitlets.config import Config

# Of an output, what is shown is the first of these that it has: never a widget.
SHOWN = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain"]
TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock html_head_js -%}
{%- block html_head_js_mathjax -%}
<script>
window.MathJax = {tex: {inlineMath: [["$", "$"]], processEscapes: true, tags: "ams"}};
</script>
<script>{{ resources.mathjax }}</script>
{%- endblock html_head_js_mathjax -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
"""


def mathjax() -> str:
    """MathJax as one script."""
    found = find_spec("sphinx-mathjax-offline")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("sphinx-mathjax-offline is not installed: make lab installs it")
    folder = Path(found.submodule_search_locations[0])
    text = (folder / "static" / "mathjax" / "tex-svg.js").read_text("utf-8")
    return text.replace("</script", "<\\/script")


def converted(notebook: Path) -> str:
    """The HTML of a notebook."""
    config = Config()
    config.NbConvertBase.display_data_priority = SHOWN
    make: Any = HTMLExporter  # its types are unknown
    exporter = make(config=config, raw_template=TEMPLATE)
    resources = {"mathjax": mathjax(), "metadata": {"name": notebook.stem}}
    read: Any = read_notebook
    found = read(notebook, as_version=4)
    found.metadata.pop("widgets", None)  # their state; nothing here could show it
    return str(exporter.from_notebook_node(found, resources)[0])


def main(arguments: Sequence[str]) -> int:
    """Convert the notebooks that are named."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for name in arguments:
        page = Path(name).with_suffix(".html")
        page.write_text(converted(Path(name)), "utf-8")
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
