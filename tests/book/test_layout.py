"""The plan of the house, read from the source: floors, leaves, order, docstrings, equations."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tests import ROOT

PACKAGE = ROOT / "marl_edu"
NOTEBOOKS = sorted(
    path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)

# A module imports from its own floor or a lower one.
FLOOR = {
    **dict.fromkeys(("ops", "graphs", "layers", "replay", "rollout", "storage"), 0),
    "envs": 1,
    "a2c": 2,
    "explore": 2,
    "qlearning": 2,
    "algos": 3,
    **dict.fromkeys(
        ("agents", "channel", "bench", "discovery", "memory", "runs", "catalogue", "experiments"), 4
    ),
    **dict.fromkeys(("results", "tables", "listing", "exercises", "nodes", "scaling"), 4),
    "combine": 4,
    "tour": 4,
    **dict.fromkeys(("plots", "charts", "matrix", "widgets"), 4),
}
LEAVES = ("plots", "charts", "matrix", "widgets")  # may use each other; nothing else uses them
# The parts of an algorithm's file, top to bottom. Modules (classes) come between the first two.
ORDER = ("Config", "loss", "act", "train")


def name_of(path: Path) -> str:
    """`marl_edu/algos/tarmac.py` is `marl_edu.algos.tarmac`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> set[str]:
    """The modules of the package that this one imports, wherever in its text."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join(above + ([source] if source else []))
            # `from package import name` takes a module or something in one.
            for alias in node.names:
                full = f"{source}.{alias.name}"
                found.add(full if full in MODULES else source)
    return {name for name in found if name in MODULES and name != module}


def word(module: str) -> str:
    """The part of the house a module belongs to: `marl_edu.algos.tarmac` to `algos`."""
    return (module.split(".") + [""])[1]


INSIDE = [module for module in MODULES if module != "marl_edu"]


@pytest.mark.parametrize("module", INSIDE)
def test_every_module_has_a_floor_and_imports_nothing_above_it(module: str) -> None:
    assert word(module) in FLOOR, f"give {word(module)} a floor in {Path(__file__).name}"
    used = imports(module) - {"marl_edu"}
    above = {one for one in used if FLOOR.get(word(one), 9) > FLOOR[word(module)]}
    assert not above


def test_the_package_itself_imports_none_of_its_modules() -> None:
    assert imports("marl_edu") == set()


@pytest.mark.parametrize("module", [one for one in INSIDE if word(one) == "algos"])
def test_algorithms_do_not_import_each_other(module: str) -> None:
    assert not {one for one in imports(module) if word(one) == "algos"}


@pytest.mark.parametrize("module", [one for one in MODULES if word(one) not in LEAVES])
def test_nothing_imports_a_leaf(module: str) -> None:
    assert not {one for one in imports(module) if word(one) in LEAVES}


def test_no_circle_of_imports() -> None:
    left = {module: imports(module) for module in MODULES}
    while free := {module for module, used in left.items() if not used & left.keys()}:
        left = {module: used for module, used in left.items() if module not in free}
    assert not left


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_says_what_it_is(module: str) -> None:
    body = tree(MODULES[module])
    silent = [] if ast.get_docstring(body) else [module]
    for node in body.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                silent.append(f"{module}.{node.name}")
    assert not silent


@pytest.mark.parametrize("module", [one for one in INSIDE if one.startswith("marl_edu.algos.")])
def test_an_algorithm_is_told_in_order(module: str) -> None:
    lines: dict[str, int] = {}
    classes = []
    for node in tree(MODULES[module]).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            lines[node.name] = node.lineno
        if isinstance(node, ast.ClassDef) and node.name not in ("Config", "Result"):
            if not node.name.startswith("_"):
                classes.append(node.lineno)
    assert "Config" in lines and "train" in lines
    present = [name for name in ORDER if name in lines]
    assert all(lines[first] < lines[second] for first, second in pairwise(present))
    last = min(lines[name] for name in present if name != "Config")
    assert all(lines["Config"] < line < last for line in classes)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    run = [
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None)
    ]
    assert not run, f"cells {run} hold outputs: make format strips them"


def labels(text: str) -> set[str]:
    """The labels of displayed equations: a `{math}` block's, or one behind `$$`."""
    return set(re.findall(r"^(?::label: |\$\$ ?\()(eq-[\w-]+)", text, re.MULTILINE))


@cache
def names_of_tests() -> frozenset[str]:
    """The names of all test functions."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_equation_of_a_chapter_has_its_test(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    untested = {
        label
        for label in labels(text)
        if not any(label.replace("-", "_") in name for name in names_of_tests())
    }
    assert not untested, "an equation eq-name needs a test whose name contains eq_name"
