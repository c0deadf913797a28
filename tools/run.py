"""The project's commands, in Python alone: what make calls, and whoever has no make.

usage: python tools/run.py TARGET [TARGET ...]; without any, the list of them

As with make, VENV names the environment (.venv), PYTHON the interpreter to make it with, WORKERS
how many tests run at a time. The first command that fails ends it.
"""

from __future__ import annotations  # an older Python is to get as far as install's sentence

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import install

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / (os.environ.get("VENV") or ".venv")
BUILD = ROOT / "_build"
HTML = BUILD / "html"
BUILT = BUILD / ".built"  # as old as the sources that the site was built from
HELP = {
    "book": "build the book: _build/html/index.html",
    "quick": "style, types, the fast tests: two minutes, while you work",
    "test": "all but make deep: style, types, tests, notebooks, book, browser",
    "deep": "what takes long: slow tests, the labs, and whether the tests notice a changed line",
    "pdf": "print the book into one file: _build/html/marl-edu.pdf",
    "epub": "the book for an e-reader: _build/html/marl-edu.epub",
    "archive": "pack the built book: _build/site.tar.gz, and its checksum",
    "times": "how long quick, test and deep take, beside their limits; hours",
    "tools": "our algorithms on other environments, ours in other tools; half an hour",
    "lab": "open JupyterLab on copies of the chapters, to write in (LAB_OPTIONS=...)",
    "lab-test": "JupyterLab in a browser: every figure and panel",
    "serve": "serve the built book on http://localhost:8000",
    "format": "format the code, write the exercises' cells, strip the notebooks' outputs",
    "clean": "remove everything that was built, but not .venv",
}
# What a target needs first, each in its order.
NEEDS = {
    "quick": ("lint", "types", "fast"),
    "test": ("lint", "types", "tests", "book", "site"),
    "deep": ("slow", "lab-test", "mutants"),
    "site": ("book",),
    "pdf": ("book",),
    "epub": ("book",),
    "archive": ("book",),
    "serve": ("book",),
}

# Tests share the cores, and each process takes one. A file stays in one process, since the cells of
# a notebook share a kernel; files start in their order, notebooks and learning first, short ones
# last.
WORKERS = os.environ.get("WORKERS") or "logical"
PYTEST = ("-m", "pytest", "-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder")
SPREAD = (*PYTEST, "--dist", "worksteal")
JAVASCRIPT = ("tools/javascript.py", "test")
UNIT = "not site and not slow and not lab"
FAST = "not learning and not long and not slow and not browser and not site and not lab"
# What each target says, and what it runs with the environment's Python.
STEPS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "lint": (
        "style",
        (
            ("-m", "ruff", "check", "."),
            ("-m", "ruff", "format", "--check", "."),
            ("tools/javascript.py", "lint", "types", "format", "--check"),
            ("tools/exercise_cells.py", "--check"),
            ("tools/asides.py", "--check"),
            ("tools/prose.py",),
        ),
    ),
    "types": ("types", (("-m", "mypy"),)),
    "fast": (
        "tests that take no time: no learning, no browser",
        (JAVASCRIPT, (*PYTEST, "tests", "-m", FAST)),
    ),
    "unit": (
        "tests of the package and of the book's sources",
        (JAVASCRIPT, (*PYTEST, "tests", "-m", UNIT)),
    ),
    "notebooks": ("every notebook, cell by cell", ((*PYTEST, "--nbval-lax", "book"),)),
    "tests": (
        "all tests, and every notebook, cell by cell",
        (JAVASCRIPT, (*PYTEST, "--nbval-lax", "book", "tests", "-m", UNIT)),
    ),
    "site": (
        "the built site in a browser",
        (("tools/browser.py", *SPREAD, "tests/site", "-m", "site"),),
    ),
    "lab-test": (
        "the labs in JupyterLab and a browser",
        (("tools/browser.py", "-m", "pytest", "tests/lab", "-m", "lab"),),
    ),
    "slow": ("slow tests", ((*SPREAD, "tests", "-m", "slow"),)),
    "mutants": (
        "mutants: one changed line at a time, which the tests must notice",
        (("tools/mutants.py",),),
    ),
    "pdf": ("the book on paper", (("tools/pdf.py",),)),
    "epub": ("the book for an e-reader", (("tools/epub.py",),)),
    "times": ("", (("tools/times.py",),)),
    "tools": ("", (("tools/pairs.py", "--save"), ("tools/field.py", "--save"))),
    "lab": ("", (("tools/lab.py", *shlex.split(os.environ.get("LAB_OPTIONS", ""))),)),
    "serve": (
        "",
        (("-m", "http.server", "8000", "--bind", "localhost", "--directory", str(HTML)),),
    ),
}
ONE_THREAD = ("fast", "unit", "notebooks", "tests", "site", "slow", "lab-test")


def python(*arguments: str, **variables: str) -> None:
    """Run the environment's Python in the project's folder; exits where it fails."""
    command = [str(install.python_of(VENV)), *arguments]
    failed = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}).returncode
    if failed:
        print(f"failed ({failed}): python {' '.join(arguments)}", file=sys.stderr)
        sys.exit(failed if failed > 0 else 1)


def sources() -> list[Path]:
    """What the site is built from, without what the build itself writes beside it."""
    makers = ("tools/book.py", "tools/page_python.py")
    found = [ROOT / name for name in ("_config.yml", "_toc.yml", *makers)]
    written = {"__pycache__", ".ipynb_checkpoints", "api"}
    for folder in ("book", "marl_edu"):
        for path in (ROOT / folder).rglob("*"):
            if not written & set(path.parts) and path.is_file():
                found.append(path)
    return found


def book() -> None:
    """Build the site, unless it is newer than all its sources."""
    python("tools/page_python.py")  # says so where it cannot be had; the book is built without
    stamps = (VENV / ".installed", *VENV.glob("share/marl-edu-page-*/*"), *sources())
    newest = max(path.stat().st_mtime for path in stamps)
    if not BUILT.exists() or BUILT.stat().st_mtime < newest or not HTML.is_dir():
        python("tools/book.py")
        BUILT.touch()
        os.utime(BUILT, (newest, newest))  # what is saved meanwhile is newer
    print(f"The book: {(HTML / 'index.html').as_uri()}   (make serve: http://localhost:8000)")


def archive() -> None:
    """Pack the site, and note the sha256 of the file, as `sha256sum --check` reads it."""
    path = BUILD / "site.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.add(HTML, "html")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (BUILD / f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n", "utf-8")


def format_() -> None:
    """Lay out code and notebooks."""
    python("-m", "ruff", "check", "--fix", ".")
    python("-m", "ruff", "format", ".")
    python("tools/javascript.py", "format")
    python("tools/exercise_cells.py")
    python("tools/asides.py")
    notebooks = [path for path in (ROOT / "book").rglob("*.ipynb") if path.parent.name[0] != "."]
    python("-m", "nbstripout", "--keep-id", *map(str, notebooks))


def clean() -> None:
    """Remove what was built."""
    for name in ("_build", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)


def show_help() -> None:
    """List the targets."""
    print("\n".join(f"  make {name:10} {what}" for name, what in HELP.items()))


OWN = {
    "book": book, "archive": archive, "format": format_, "clean": clean, "help": show_help
}  # fmt: skip
TARGETS = {*OWN, *STEPS, *NEEDS}


def give_home() -> None:
    """Where the home cannot be written, matplotlib, IPython and Jupyter get one: else they warn,
    and the book would show it."""
    if not os.access(os.path.expanduser("~"), os.W_OK):
        (BUILD / ".home").mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(BUILD / ".home")
        for name in [name for name in os.environ if name.startswith("XDG_")]:
            del os.environ[name]


def run(target: str, done: set[str]) -> None:
    """A target and what it needs, each once."""
    for needed in NEEDS.get(target, ()):
        run(needed, done)
    if target in done:
        return
    done.add(target)
    said, commands = STEPS.get(target, ("", ()))
    if said:
        print(f"== {said}", flush=True)
    for command in commands:
        python(*command, **({"OMP_NUM_THREADS": "1"} if target in ONE_THREAD else {}))
    if target in OWN:
        OWN[target]()


def main(arguments: list[str]) -> int:
    """Run the targets in the order given."""
    unknown = [name for name in arguments if name not in TARGETS]
    if unknown:
        print(f"no target is called {unknown[0]!r}; there are:", file=sys.stderr)
        show_help()
        return 2
    done: set[str] = set()
    give_home()
    try:
        for target in arguments or ["help"]:
            if target not in ("help", "clean"):
                install.install(VENV, os.environ.get("PYTHON", ""))
            run(target, done)
    except install.Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
