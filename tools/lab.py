"""Open JupyterLab on copies of the chapters, in which you can write without losing anything.

usage: python tools/lab.py [OPTION ...]           options go to JupyterLab

Directives and equations show as on the site, by the extension jupyterlab-myst. What it cannot know,
papers, terms and pages that are no notebooks, become links to the public site in the copies.

The copies lie in `lab`, which git ignores: `git pull` never touches what you wrote, and `make book`
never shows it. Where a chapter has changed since it was copied, a copy that you have not edited is
replaced; beside one that you have, the new chapter is put as `NAME.new.ipynb`.

As root, in a container: `make lab LAB_OPTIONS="--allow-root --ip 0.0.0.0"`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parent.parent
BOOK, LAB = ROOT / "book", ROOT / "lab"
# A notebook keeps the state of its figures, so that they are there when it is opened again; Lab
# asks nobody whether it may bring news.
SETTINGS = ROOT / "tools" / "lab_settings"
BASE = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
COPIED = ".copied.json"  # of each copy, what was written of it
FIRST = "tour.ipynb"


def notebooks(book: Path) -> list[Path]:
    """The notebooks of the book, relative to it."""
    found = (path.relative_to(book) for path in book.rglob("*.ipynb"))
    return sorted(path for path in found if not any(part[0] in "._" for part in path.parts))


@cache
def papers(references: Path) -> dict[str, tuple[str, str]]:
    """Of each paper of the bibliography, who wrote it and when."""
    found = {}
    for key, entry in parse_file(str(references)).entries.items():
        names = [" ".join(one.last_names) for one in entry.persons["author"]]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        found[key] = who, str(entry.fields["year"])
    return found


@cache
def labels(page: Path, label: str) -> bool:
    """Whether an equation of the page has this label."""
    text = page.read_text("utf-8")
    return f":label: {label}\\n" in text or f"$$ ({label})" in text


def title(page: Path) -> str:
    """The first heading of a page."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1] if found else page.stem


def readable(text: str, page: Path, book: Path) -> str:
    """The text of a cell for Lab, where nobody knows the other pages of the book.

    Args:
        page: the notebook that the text is from.
    """

    def cite(found: re.Match[str]) -> str:
        known = [papers(book / "references.bib")[key.strip()] for key in found[2].split(",")]
        said = [f"{who} ({year})" if found[1] else f"{who}, {year}" for who, year in known]
        link = f"[{'; '.join(said)}]({BASE}book/bibliography.html)"
        return link if found[1] else f"({link})"

    def term(found: re.Match[str]) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", found[1].lower())
        return f"[{found[1]}]({BASE}book/glossary.html#term-{slug})"

    def link(found: re.Match[str]) -> str:
        words, path, kind, place = found.groups()
        target = (page.parent / f"{path}.{kind}").resolve()
        words = words or title(target)
        if kind == "ipynb":
            return f"[{words}]({path}.{kind}{place or ''})"
        there = target.relative_to(book.resolve()).with_suffix(".html").as_posix()
        return f"[{words}]({BASE}book/{there}{place or ''})"

    def equation(found: re.Match[str]) -> str:
        label = found[1]
        where = next((one for one in notebooks(book) if labels(book / one, label)), None)
        if where is None or (book / where).resolve() == page.resolve():
            return found[0]
        there = where.with_suffix(".html").as_posix()
        return f"[an equation of another page]({BASE}book/{there}#equation-{label})"

    text = re.sub(r"\{eq\}`([\w-]+)`", equation, text)
    text = re.sub(r"\{cite(:t)?\}`([^`]+)`", cite, text)
    text = re.sub(r"\{term\}`([^`<]+)`", term, text)
    return re.sub(r"\[([^\]\n]*)\]\(([\w./-]+)\.(md|ipynb)(#[\w-]+)?\)", link, text)


def for_lab(source: Path, book: Path) -> str:
    """A notebook of the book as it is copied."""
    notebook = json.loads(source.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = readable("".join(cell["source"]), source, book)
            cell["source"] = text.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def written(notebook: str) -> str:
    """A hash of the cells that somebody wrote; outputs and metadata do not count."""
    cells = json.loads(notebook)["cells"]
    text = json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells])
    return hashlib.sha256(text.encode()).hexdigest()


def refresh(book: Path, lab: Path) -> list[str]:
    """Bring the copies up to date; a line for each new chapter that is put beside an edited one."""
    lab.mkdir(exist_ok=True)
    record = lab / COPIED
    copied = json.loads(record.read_text("utf-8")) if record.exists() else {}
    said = []
    for name in notebooks(book):
        copy, key, fresh = lab / name, name.as_posix(), for_lab(book / name, book)
        if copied.get(key) == written(fresh) and copy.exists():
            continue
        mine = written(copy.read_text("utf-8")) if copy.exists() else None
        if mine not in (None, copied.get(key), written(fresh)):
            copy = copy.with_suffix(".new.ipynb")
            said.append(f"{key} has changed. Yours stays; the new one is {copy.relative_to(lab)}.")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(fresh, "utf-8")
        copied[key] = written(fresh)
        record.write_text(json.dumps(copied, indent=1), "utf-8")
    return said


def options() -> list[str]:
    """What Lab is started with here."""
    return [f"--LabApp.app_settings_dir={SETTINGS}"]


def main(given: list[str]) -> int:
    """Copy, say what was kept, and open Lab."""
    for line in refresh(BOOK, LAB):
        print(line)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and "--allow-root" not in given:
        print(
            "JupyterLab does not run as root by itself. In a container:\n"
            '    make lab LAB_OPTIONS="--allow-root --ip 0.0.0.0"',
            file=sys.stderr,
        )
        return 1
    command = [sys.executable, "-m", "jupyter", "lab", *options(), *given, FIRST]
    return subprocess.run(command, cwd=LAB).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
