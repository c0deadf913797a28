"""What exercises in the page load: scripts on the pages that have some, Python, the editor.

Nothing of it is loaded before a reader presses a button or touches an answer, but one small script
and its styles. What tools/page_python.py has not brought is left out; the script then says so.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from marl_edu.exercises.engine import exporting
from marl_edu.widgets.shared import bundle

sys.path.append(str(Path(__file__).parents[2] / "tools"))
import page_python

ASSETS = "python"  # in the site's _static
SOURCES = Path(__file__).parents[1] / "_static" / ASSETS
SCRIPT, STYLE = "answers.js", "answers.css"
ALONE = ("worker.js", "editor.js")  # files that the script loads, as they are
MARK = 'class="answer"'


def keep_sources(app: Sphinx, config: Config) -> None:
    """Do not copy the modules that the script is joined from."""
    config.exclude_patterns.append(f"{ASSETS}/*.js")


def built() -> dict[str, Any]:
    """What the script knows of this build: what is there, and what it weighs.

    `megabytes` are loaded, compressed as web hosts do it; `bytes` they become; an answer may take
    so many `seconds`.
    """
    place = page_python.folder()
    files = [path.read_bytes() for path in (place / "pyodide").glob("*")]
    return {
        "python": bool(files),
        "editor": (place / "editor").is_dir(),
        "megabytes": round(sum(len(gzip.compress(data, 6)) for data in files) / 1e6),
        # The scripts among them are not counted as they come.
        "bytes": sum(path.stat().st_size for path in place.glob("pyodide/*")
                     if path.suffix != ".js"),
        "seconds": exporting.SECONDS,
    }  # fmt: skip


def write_files(app: Sphinx) -> None:
    """Scripts, Python and the editor."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", ASSETS)
    folder.mkdir(parents=True, exist_ok=True)
    for part in page_python.PARTS:
        shutil.rmtree(folder / part, ignore_errors=True)
        if (page_python.folder() / part).is_dir():
            shutil.copytree(page_python.folder() / part, folder / part)
    for name in ALONE:
        shutil.copy(SOURCES / name, folder / name)
    known = f"window.marlPython = {json.dumps(built())};\n"
    (folder / SCRIPT).write_text(known + bundle.script(SOURCES / SCRIPT), encoding="utf-8")


def give_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """The script, on pages with an exercise that runs."""
    if MARK in context.get("body", ""):
        app.add_css_file(f"{ASSETS}/{STYLE}")
        app.add_js_file(f"{ASSETS}/{SCRIPT}", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("config-inited", keep_sources)
    app.connect("builder-inited", write_files)
    app.connect("html-page-context", give_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
