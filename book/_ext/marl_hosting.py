"""What a school needs to host the site: pages under a strict Content-Security-Policy, and licences.

Themes and extensions write scripts into their pages, which such a policy forbids. When all pages
are written, these scripts move into files; equal ones share one. The policy itself is written for
Netlify and Cloudflare (`_headers`), Apache (`.htaccess`) and nginx (`hosting/nginx.conf`).

The worker that runs Python compiles WebAssembly, which a policy has to allow. A worker has the
policy that its own file is sent with: so that file has another one, and no page may do it.
"""

import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sphinx.application import Sphinx

sys.path.append(str(Path(__file__).parents[2] / "tools"))
import page_python

ROOT = Path(__file__).parents[2]
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "worker-src 'self' blob:",  # the live figures' and MathJax's
        "style-src 'self' 'unsafe-inline'",  # formulas and figures bring sizes with them
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
WORKER = "_static/python/worker.js"
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
POLICY_LINE = "Content-Security-Policy: {policy}"
HOSTS = {
    ".htaccess": '<IfModule mod_headers.c>\nHeader set Content-Security-Policy "{policy}"\n'
    'Header set X-Content-Type-Options "nosniff"\n'
    '<Files "{file}">\nHeader set Content-Security-Policy "{worker_policy}"\n</Files>\n'
    "</IfModule>\n",
    "hosting/nginx.conf": "# Inside of the site's `server` or `location`.\n"
    'add_header Content-Security-Policy "{policy}" always;\n'
    'add_header X-Content-Type-Options "nosniff" always;\n'
    "location ~ /{worker}$ {{\n"
    '    add_header Content-Security-Policy "{worker_policy}" always;\n'
    '    add_header X-Content-Type-Options "nosniff" always;\n'
    "}}\n",
}
FOLDER = "_static/inline"
FIRST = "_static/site.js"  # before every other script of a page
LICENCES = "licences.txt"

SCRIPT = re.compile(r"<script((?:\s[^>]*)?)>(.*?)</script>", re.DOTALL)
HEAD = re.compile(r'<meta charset="utf-8" ?/?>')
HANDLER = re.compile(r'\sonclick="(?:window\.)?(\w+)\(\)"')
# sphinx-thebe's, which is off, and a page's name, of which only a choice of versions makes use.
UNUSED = re.compile(r"\s*(kernelName = |DOCUMENTATION_OPTIONS\.pagename = )")

# Whose files the site ships: what they are, an installed package ("" for this repository), and the
# file in it that holds the licence.
SHIPPED = (
    ("Code of the book and its figures", "", "LICENSE"),
    ("Text and figures of the book", "", "LICENSE-text"),
    ("Sphinx: scripts and styles of its pages", "sphinx", "LICENSE.rst"),
    ("PyData Sphinx Theme", "pydata-sphinx-theme", "LICENSE"),
    ("Sphinx Book Theme", "sphinx-book-theme", "LICENSE"),
    ("Sphinx Design", "sphinx-design", "LICENSE"),
    ("Sphinx Copybutton", "sphinx-copybutton", "LICENSE"),
    ("Sphinx Togglebutton", "sphinx-togglebutton", "LICENSE"),
    ("Sphinx Exercise", "sphinx-exercise", "LICENSE"),
    ("MyST-NB: styles of notebooks", "myst-nb", "LICENSE"),
    ("Pygments: colours of code", "pygments", "LICENSE"),
    ("Accessible Pygments: colours of code", "accessible-pygments", "LICENSE"),
    (
        "MathJax, copyright The MathJax Consortium, its TeX fonts among it: Apache License 2.0",
        "packaging",
        "LICENSE.APACHE",
    ),
    (
        "Pyodide: Mozilla Public License 2.0; its source: https://github.com/pyodide/pyodide",
        "pathspec",
        "LICENSE",
    ),
    ("Python and its standard library, inside of Pyodide", "typing-extensions", "LICENSE"),
)
FREE = """\
Copyright {holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
# What comes inside of those packages and of what exercises in the page load, under the MIT licence.
INSIDE = {
    "Bootstrap": "2011-2024 The Bootstrap Authors",
    "clipboard.js": "Zeno Rocha",
    "CodeMirror and Lezer, with style-mod, w3c-keyname, crelt and find-cluster-break": "2016-2026 "
    "by Marijn Haverbeke <marijn@haverbeke.berlin> and others",
    "Emscripten, inside of Pyodide": "2010-2014 Emscripten authors",
    "libffi, inside of Pyodide": "1996-2024 Anthony Green, Red Hat, Inc and others",
}


def without_inline_scripts(page: str, root: str) -> tuple[str, dict[str, str]]:
    """A page whose scripts are files, and what those files hold.

    Args:
        page: HTML. root: the way from it to the site's folder, such as "../".
    """
    files: dict[str, str] = {}
    groups: list[list[re.Match[str]]] = []
    for found in SCRIPT.finditer(page):
        if not _runs_inline(found[1]):
            continue
        # Scripts that follow each other become one.
        if groups and not page[groups[-1][-1].end() : found.start()].strip():
            groups[-1].append(found)
        else:
            groups.append([found])
    parts, end = [], 0
    for group in groups:
        parts.append(page[end : group[0].start()])
        end = group[-1].end()
        bodies = [one[2].strip() for one in group if not UNUSED.match(one[2])]
        if bodies:
            text = "\n".join(bodies) + "\n"
            name = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.js"
            files[name] = text
            parts.append(f'<script src="{root}{FOLDER}/{name}"></script>')
    page = "".join([*parts, page[end:]])
    page = re.sub(r'<script type="text/x-thebe-config">.*?</script>', "", page, flags=re.DOTALL)
    page = HANDLER.sub(r' data-call="\1"', page)
    first = rf'\g<0>\n    <script src="{root}{FIRST}"></script>'
    return HEAD.sub(first, page, count=1), files


def _runs_inline(attributes: str) -> bool:
    """Whether a script with these attributes is run, and is no file."""
    kind = re.search(r'\btype="([^"]*)"', attributes)
    runs = kind is None or kind[1] in ("", "text/javascript", "module")
    return runs and not re.search(r"\bsrc=", attributes)


def rewrite_pages(folder: Path) -> None:
    """Move the scripts of all pages of a site into files, and forget those that nobody uses."""
    used = set()
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        root = "../" * (len(path.relative_to(folder).parts) - 1)
        if FIRST not in page and HEAD.search(page) and root + "_static" in page:
            page, files = without_inline_scripts(page, root)
            page = page.replace(f'href="{LICENCES}"', f'href="{root}{LICENCES}"')
            for name, text in files.items():
                (place / name).write_text(text, encoding="utf-8")
            path.write_text(page, encoding="utf-8")
        used |= set(re.findall(rf"{FOLDER}/(\w+\.js)", page))
    for path in place.iterdir():
        if path.name not in used:
            path.unlink()


def licences() -> str:
    """The licences of all that the site ships."""
    return "\n\n".join(f"{'=' * 90}\n{name}\n{'=' * 90}\n\n{text}" for name, text in _texts())


def _texts() -> Iterator[tuple[str, str]]:
    for name, package, file in SHIPPED:
        text = _of_package(package, file) if package else (ROOT / file).read_text("utf-8")
        yield name, text.strip()
    if text := _of_numpy():
        yield "NumPy, for exercises in the page", text
    for name, holders in INSIDE.items():
        yield f"{name}: MIT licence", FREE.format(holders=holders).strip()


def _of_numpy() -> str:
    """The licences in NumPy's wheel; none where it was not brought."""
    wheel = page_python.folder() / "pyodide" / page_python.NUMPY
    if not wheel.is_file():
        return ""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if Path(name).name.startswith("LICENSE")]
        return "\n\n".join(f"{name}\n\n{archive.read(name).decode()}" for name in names)


def _of_package(package: str, ending: str) -> str:
    """A file of an installed package. Raises LookupError where there is none."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        raise LookupError(f"{package} is not installed, but the site ships parts of it") from None
    for path in files:
        if path.name == ending:
            return Path(str(path.locate())).read_text("utf-8")
    raise LookupError(f"{package} has no {ending}")


def headers(folder: Path) -> str:
    """Netlify's and Cloudflare's file: the policy for every path of the site but the worker's.

    Of two rules that fit a path such a host sends both policies, and both would hold. So these
    paths do not overlap: `*` is anything, `:file` one name.
    """
    rules = [("/*", "X-Content-Type-Options: nosniff")]
    rules += [(path, POLICY_LINE.format(policy=POLICY)) for path in _others(folder, WORKER)]
    rules.append((f"/{WORKER}", POLICY_LINE.format(policy=WORKER_POLICY)))
    return "".join(f"{path}\n  {line}\n" for path, line in rules)


def _others(folder: Path, without: str, at: str = "/") -> Iterator[str]:
    """Paths that cover all of a folder but one file."""
    first, _, rest = without.partition("/")
    if rest:
        yield from ("/", "/:file") if at == "/" else (f"{at}:file",)
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != first:
            yield f"{at}{path.name}/*"
        elif path.is_file() and not rest and path.name != first:
            yield f"{at}{path.name}"
    if rest and (folder / first).is_dir():
        yield from _others(folder / first, rest, f"{at}{first}/")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """When all pages are there."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    rewrite_pages(folder)
    (folder / LICENCES).write_text(licences() + "\n", encoding="utf-8")
    named = {"policy": POLICY, "worker": WORKER.replace(".", r"\."), "worker_policy": WORKER_POLICY}
    for name, text in HOSTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = text.format(file=Path(WORKER).name, **named)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "_headers").write_text(headers(folder), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
