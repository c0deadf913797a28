"""Make the book's notebooks run where nobody has installed it: Colab, Kaggle, a bare Python.

The first cell of each notebook runs this file from a copy of the repository, and does nothing where
`marl_edu` can be imported. What the package needs is compared with what is there, by version, and
only what is missing is installed. Nothing that is there is replaced, so no kernel has to restart.
"""

from __future__ import annotations  # an older Python is to get as far as its sentence

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


class Sorry(Exception):
    """It cannot be made to run here; the message is one sentence that says why."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence alone."""
        return [str(self)]


def requirements(root: Path) -> list[Any]:
    """What the package needs, as its `pyproject.toml` says."""
    if sys.version_info < OLDEST:
        here = ".".join(map(str, sys.version_info[:2]))
        raise Sorry(f"The book needs Python 3.11 or newer, and this is {here}: choose another.")
    import tomllib

    try:
        packaging: Any = importlib.import_module("packaging.requirements")
    except ImportError:  # every pip brings its own
        packaging = importlib.import_module("pip._vendor.packaging.requirements")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return [packaging.Requirement(line) for line in project["dependencies"]]


def missing(
    needed: Iterable[Any], version: Callable[[str], str] = metadata.version
) -> list[tuple[Any, str | None]]:
    """What is not there, or in a version that does not do; with the version that is there."""
    found: list[tuple[Any, str | None]] = []
    for one in needed:
        try:
            there = version(one.name)
        except metadata.PackageNotFoundError:
            found.append((one, None))
            continue
        if not one.specifier.contains(there, prereleases=True):
            found.append((one, there))
    return found


def main(run: Callable[..., Any] = subprocess.run) -> None:
    """Install what is missing, and say so; then `marl_edu` can be imported.

    Raises:
        Sorry: it cannot be done here.
    """
    lacks = missing(requirements(ROOT))
    other = [f"{one.name}{one.specifier}, and here is {there}" for one, there in lacks if there]
    if other:
        raise Sorry(
            f"The book needs {'; '.join(other)}: nothing was changed; choose a newer runtime, or "
            "install the book with `make lab` on your machine."
        )
    names = [str(one) for one, _ in lacks]
    if names:
        print(f"Installing {', '.join(one.name for one, _ in lacks)}: a minute or two.", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", *names]
        done = run(command, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Sorry(
                "pip could not install it: is there a network, and may you write here? It said: "
                f"{last}"
            )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    importlib.invalidate_caches()
    print("The book is ready.")


if __name__ == "__main__":
    main()
