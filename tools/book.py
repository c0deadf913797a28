"""Build the book, check that it is there, and print how long each notebook ran.

Notebooks run through jupyter-cache, which looks at their cells alone. What they import and read
counts as well, so a fingerprint of it is kept beside the cache: when it changes, all run again.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from jupyter_cache import get_cache

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
FINGERPRINT = BUILD / ".ran-with"
RUN_WITH = ("marl_edu/**/*", "book/results/**/*", "book/checkpoints/**/*", "requirements.txt")


def fingerprint() -> str:
    """A hash over every file a notebook may import or read."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in RUN_WITH for path in ROOT.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def forget_outputs() -> None:
    """Drop stored outputs, and the pages made from them."""
    for folder in (CACHE, BUILD / ".doctrees", BUILD / "html"):
        shutil.rmtree(folder, ignore_errors=True)


def print_runtimes() -> None:
    """One line per notebook: the seconds its cells took when they last ran."""
    cache = get_cache(str(CACHE))
    seconds = {}
    for project in cache.list_project_records():
        record = cache.get_cached_project_nb(project.uri)
        if record is not None and Path(project.uri).exists():
            seconds[Path(project.uri).relative_to(ROOT)] = record.data.get("execution_seconds", 0)
    print("Notebooks (seconds to run; stored outputs are used again until something changes):")
    for path, taken in sorted(seconds.items()):
        print(f"  {taken:7.1f} s  {path}")
    print(f"  {sum(seconds.values()):7.1f} s  all")


def main() -> int:
    """Build; the exit code is Sphinx's own."""
    ran_with = fingerprint()
    if not FINGERPRINT.exists() or FINGERPRINT.read_text() != ran_with:
        forget_outputs()
    BUILD.mkdir(exist_ok=True)
    FINGERPRINT.write_text(ran_with)
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [str(jupyter_book), "build", ".", "-W", "-n", "--keep-going"]
    failed = subprocess.run(command, cwd=ROOT).returncode
    if failed:
        for report in sorted((BUILD / "html" / "reports").rglob("*.log")):
            print(f"== {report.relative_to(ROOT)}\n{report.read_text()}", file=sys.stderr)
        return failed
    # Other major versions of Jupyter Book can end without an error and without any page.
    if not (BUILD / "html" / "index.html").is_file():
        print("the build ended without _build/html/index.html", file=sys.stderr)
        return 1
    print_runtimes()
    return 0


if __name__ == "__main__":
    sys.exit(main())
