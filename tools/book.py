"""Build the book, check that it is there, and print how long each notebook ran.

Notebooks run before Sphinx starts, as many at a time as there are cores, and only those that are
not in the cache yet. The tests of the notebooks fill the same cache (book/conftest.py), so what
they have run does not run again.

Sphinx builds aside; what it built then takes the place of the site, whole. A build that fails, or
is interrupted, leaves the site as it was.

The cache, jupyter-cache's, looks at a notebook's cells alone. What they import and read counts as
well, so a fingerprint of it is kept beside the cache: when it changes, all run again. Sphinx for
its part writes a page again only if its source changed, so what makes pages has a fingerprint, too.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
ASIDE = BUILD / "aside"
HTML = BUILD / "html"
FINGERPRINT, MADE_WITH = BUILD / ".ran-with", BUILD / ".made-with"
# Every file a notebook may import or read, and every file that makes a page of what is written.
RUN_BY = ("marl_edu/**/*", "book/results/**/*", "book/checkpoints/**/*", "requirements.txt")
MADE_BY = ("book/_ext/**/*", "book/_templates/**/*", "_config.yml", "_toc.yml", "book/glossary.md")


def fingerprint(patterns: tuple[str, ...] = RUN_BY) -> str:
    """A hash over files."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def forget_stale_outputs() -> None:
    """Drop outputs if what the notebooks use has changed, and pages if what makes them has."""
    BUILD.mkdir(exist_ok=True)
    for stamp, patterns, folders in (
        (FINGERPRINT, RUN_BY, (CACHE, ASIDE)),
        (MADE_WITH, MADE_BY, (ASIDE,)),
    ):
        now = fingerprint(patterns)
        if not stamp.exists() or stamp.read_text() != now:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
        stamp.write_text(now)


def notebooks() -> list[Path]:
    """Every notebook of the book, the largest first: the last to end should be a short one."""
    found = [path for path in (ROOT / "book").rglob("*.ipynb") if path.parent.name[0] != "."]
    return sorted(found, key=lambda path: path.stat().st_size, reverse=True)


def run_notebooks() -> list[str]:
    """Run what is not in the cache. Returns one traceback for each notebook that failed."""
    cache = get_cache(str(CACHE))
    records = [cache.add_nb_to_project(str(path)) for path in notebooks()]
    os.environ["OMP_NUM_THREADS"] = "1"  # a notebook has a core, not the machine
    os.environ["MARL_EDU_STRICT"] = "1"  # a claim that does not hold ends it: results/claims.py
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]
    load_executor("local-parallel", cache).run_and_cache(
        filter_pks=[record.pk for record in records], timeout=timeout
    )
    failed = cache.list_unexecuted(filter_pks=[record.pk for record in records])
    return [f"== {record.uri}\n{record.traceback or 'it could not be run'}" for record in failed]


def put_in_place(built: Path, place: Path) -> None:
    """A copy of what was built takes the place of a folder, whole."""
    new, old = (place.with_name(f".{place.name}-{which}") for which in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(built, new)
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def print_runtimes() -> None:
    """One line per notebook: the seconds its cells took when they last ran."""
    cache = get_cache(str(CACHE))
    seconds = {}
    for project in cache.list_project_records():
        record = cache.get_cached_project_nb(project.uri)
        # The folder may have been moved, and with it the cache.
        if record is not None and Path(project.uri).exists() and ROOT in Path(project.uri).parents:
            seconds[Path(project.uri).relative_to(ROOT)] = record.data.get("execution_seconds", 0)
    print("Notebooks (seconds to run; stored outputs are used again until something changes):")
    for path, taken in sorted(seconds.items()):
        print(f"  {taken:7.1f} s  {path}")
    print(f"  {sum(seconds.values()):7.1f} s  all")


def main() -> int:
    """Build; the exit code is Sphinx's own."""
    forget_stale_outputs()
    if failed := run_notebooks():
        print("\n".join(failed), file=sys.stderr)
        return 1
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    import marl_site  # knows the modules; the tests of the notebooks need no more than the cache

    marl_site.write_api_pages()
    built = ASIDE / "_build" / "html"
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [str(jupyter_book), "build", ".", "-W", "-n", "--keep-going", "--path-output"]
    failed_with = subprocess.run([*command, str(ASIDE)], cwd=ROOT).returncode
    if failed_with:
        for report in sorted((built / "reports").rglob("*.log")):
            print(f"== {report.relative_to(ROOT)}\n{report.read_text()}", file=sys.stderr)
        return failed_with
    # Other major versions of Jupyter Book can end without an error and without any page.
    if not (built / "index.html").is_file():
        print(f"the build ended without {built / 'index.html'}", file=sys.stderr)
        return 1
    put_in_place(built, HTML)
    print_runtimes()
    return 0


if __name__ == "__main__":
    sys.exit(main())
