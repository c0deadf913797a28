"""Change one line of the core at a time: do the tests notice?

usage: python tools/mutants.py [PATTERN ...]      e.g. "marl_edu.core.ops.*"

tests/mutants.toml says what is changed and which tests have to notice, and lists the survivors:
the changes that no test notices, each with the reason why none can. This fails if fewer are
noticed than asked for there, if a survivor is not listed, or if one that is listed was noticed.

mutmut does the work, in a copy of the project: _build/mutants, where `mutmut show NAME` shows one.
It runs the tests without the checks of shapes, which would notice some mutants in their place.
"""

import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "mutants.toml"
COPY = ROOT / "_build" / "mutants"
NOTICED = {"killed", "timeout", "segfault", "suspicious"}  # a loop that never ends is noticed, too
SETTINGS = """

[tool.mutmut]
source_paths = ["marl_edu"]
only_mutate = {files}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-x", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers"]
"""


class Change(NamedTuple):
    """What a mutant changes: in which function of which file, from which line to which."""

    where: str  # file: function
    was: str
    now: str


def patterns(mutate: dict[str, Any]) -> list[str]:
    """mutmut's names of all mutants of what is listed: `marl_edu.training.a2c.x_loss__mutmut_*`."""
    found = []
    for file, parts in mutate.items():
        module = file.removesuffix(".py").replace("/", ".")
        for part in [parts] if isinstance(parts, str) else parts:
            kind, _, name = part.rpartition(".")
            mangled = f"xǁ{kind}ǁ{name}" if kind else f"x_{name}"
            found.append(f"{module}.*" if part == "all" else f"{module}.{mangled}__mutmut_*")
    return found


def copy_project(table: dict[str, Any]) -> None:
    """A fresh copy of what the tests need, with mutmut's settings."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in ("marl_edu", "tests"):
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = SETTINGS.format(files=list(table["mutate"]), tests=table["tests"])
    (COPY / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8") + settings)


def mutmut(*arguments: str, quiet: bool = True) -> str:
    """What mutmut prints."""
    program = Path(sys.executable).with_name("mutmut")
    out = subprocess.PIPE if quiet else None
    done = subprocess.run([program, *arguments], cwd=COPY, stdout=out, text=True)
    if done.returncode:
        sys.exit(f"mutmut {arguments[0]} failed:\n{done.stdout or ''}")
    return done.stdout or ""


def run(names: Sequence[str]) -> dict[str, str]:
    """The fate of each mutant whose name fits."""
    mutmut("run", *names, quiet=False)
    lines = [line.strip().partition(": ") for line in mutmut("results", "--all", "1").splitlines()]
    return {
        name: fate for name, _, fate in lines if any(fnmatch(name, pattern) for pattern in names)
    }


def change(name: str) -> Change:
    """What this mutant changes."""
    file, removed, added = "", [], []
    for line in mutmut("show", name).splitlines():
        if line.startswith("--- "):
            file = line[4:].strip()
        elif line.startswith("-"):
            removed.append(line[1:].strip())
        elif line.startswith("+") and not line.startswith("+++ "):
            added.append(line[1:].strip())
    mangled = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Change(f"{file}: {function}", " ".join(removed), " ".join(added))


def print_table(fates: dict[str, str]) -> float:
    """One line per file; the share that was noticed."""
    count = Counter((name.partition(".x")[0], fate in NOTICED) for name, fate in fates.items())
    print(f"{'':32}{'mutants':>8}{'noticed':>9}")
    for module in sorted({module for module, _ in count}):
        noticed, survived = count[module, True], count[module, False]
        print(f"{module:32}{noticed + survived:8}{noticed / (noticed + survived):9.1%}")
    share = sum(fate in NOTICED for fate in fates.values()) / len(fates)
    print(f"{'all':32}{len(fates):8}{share:9.1%}")
    return share


def main(chosen: Sequence[str]) -> int:
    """Run, print, judge. With patterns, only those mutants, and nothing is said of the rest."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    listed = {Change(one["in"], one["was"], one["now"]) for one in table.get("survivor", ())}
    copy_project(table)
    fates = run(chosen or patterns(table["mutate"]))
    if not fates:
        sys.exit("no mutant has such a name")
    share = print_table(fates)
    found = {change(name): name for name, fate in fates.items() if fate not in NOTICED}
    wrong = [f"survived ({found[it]}): {it}" for it in found.keys() - listed]
    if not chosen:
        wrong += [f"listed, but was noticed: {it}" for it in listed - found.keys()]
        if share < table["enough"]:
            wrong.append(f"{share:.1%} were noticed, {table['enough']:.0%} are asked for")
    print("\n".join(wrong or ["Every survivor is listed in tests/mutants.toml, with its reason."]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
