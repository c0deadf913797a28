"""Open JupyterLab on copies of the chapters, in which you can write without losing anything.

usage: python tools/lab.py [OPTION ...]           options go to JupyterLab

The copies lie in `lab`, which git ignores: `git pull` never touches what you wrote, and `make book`
never shows it. Where a chapter has changed since it was copied, a copy that you have not edited is
replaced; beside one that you have, the new chapter is put as `NAME.new.ipynb`.

As root, in a container: `make lab LAB_OPTIONS="--allow-root --ip 0.0.0.0"`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK, LAB = ROOT / "book", ROOT / "lab"
COPIED = ".copied.json"  # of each copy, what was written of it
FIRST = "tour.ipynb"


def notebooks(book: Path) -> list[Path]:
    """The notebooks of the book, relative to it."""
    found = (path.relative_to(book) for path in book.rglob("*.ipynb"))
    return sorted(path for path in found if not any(part[0] in "._" for part in path.parts))


def written(path: Path) -> str:
    """A hash of the cells that somebody wrote; outputs and metadata do not count."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    text = json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells])
    return hashlib.sha256(text.encode()).hexdigest()


def refresh(book: Path, lab: Path) -> list[str]:
    """Bring the copies up to date; a line for each new chapter that is put beside an edited one."""
    lab.mkdir(exist_ok=True)
    record = lab / COPIED
    copied = json.loads(record.read_text("utf-8")) if record.exists() else {}
    said = []
    for name in notebooks(book):
        source, copy, key = book / name, lab / name, name.as_posix()
        if copied.get(key) == written(source) and copy.exists():
            continue
        if copy.exists() and written(copy) not in (copied.get(key), written(source)):
            copy = copy.with_suffix(".new.ipynb")
            said.append(f"{key} has changed. Yours stays; the new one is {copy.relative_to(lab)}.")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copied[key] = written(source)
        record.write_text(json.dumps(copied, indent=1), "utf-8")
    return said


def main(options: list[str]) -> int:
    """Copy, say what was kept, and open Lab."""
    print("\n".join(refresh(BOOK, LAB)), end="")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and "--allow-root" not in options:
        print(
            "JupyterLab does not run as root by itself. In a container:\n"
            '    make lab LAB_OPTIONS="--allow-root --ip 0.0.0.0"',
            file=sys.stderr,
        )
        return 1
    command = [sys.executable, "-m", "jupyter", "lab", *options, FIRST]
    return subprocess.run(command, cwd=LAB).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
