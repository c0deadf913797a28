"""The plan of the house: floors, map, order, docstrings, lengths, names, equations, listings."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
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
# The parts of an algorithm's file, top to bottom. Modules (classes) come before the first.
ORDER = ("loss", "act", "train")
LONGEST_FILE, LONGEST_TRAIN = 350, 40  # lines


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


FILES = sorted(PACKAGE.rglob("*.py"))
ALGORITHMS = sorted(path for path in (PACKAGE / "algos").glob("*.py") if path.stem != "__init__")


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# -- floors ---------------------------------------------------------------------------------------


def floors() -> list[list[str]]:
    """The folders of the package, highest floor first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    found = next(one for one in contracts["contracts"] if one["type"] == "layers")
    return [layer.split(" | ") for layer in found["layers"]]


def linted(root: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the package below `root`."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": str(root)}
    )


def test_the_floors_are_kept() -> None:
    result = linted(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "file, line, broken",
    [
        ("core/ops.py", "from marl_edu.envs import relay", "Five floors"),
        ("training/a2c.py", "import marl_edu.envs", "Five floors"),
        ("algos/tarmac.py", "from marl_edu.plots import style", "Five floors"),
        ("algos/tarmac.py", "from marl_edu.algos import gat", "No algorithm"),
        ("core/ops.py", "from marl_edu.core import graphs", "No circle"),
    ],
)
def test_a_forbidden_import_is_told(tmp_path: Path, file: str, line: str, broken: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "marl_edu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    changed = tmp_path / "marl_edu" / file
    changed.write_text(f"{changed.read_text('utf-8')}\n\n{line}\n", encoding="utf-8")
    result = linted(tmp_path)
    assert result.returncode != 0
    assert re.search(rf"^{broken}.* BROKEN", result.stdout, re.MULTILINE), result.stdout


def test_there_are_at_most_five_floors_and_ten_folders() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {folder for floor in floors() for folder in floor} == folders
    assert len(floors()) <= 5 and len(folders) <= 10


def test_the_root_of_the_package_is_empty() -> None:
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert files == {"__init__.py", "py.typed"}
    assert not any(
        isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree(FILES[0]))
    )


def test_contributing_shows_the_floors_that_are_kept() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(len(floors()), 0, -1))
    assert [re.findall(r"`(\w+)`", folders) for _, folders in rows] == floors()


# -- the map --------------------------------------------------------------------------------------


def tracked() -> list[str]:
    found = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return found.stdout.splitlines()


def mapped() -> set[str]:
    """The paths that README's map names."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## Map\n\n```\n(.*?)```", readme, re.DOTALL)
    assert block
    found, above = set(), ""
    for line in block[1].splitlines():
        if not (names := re.match(r"( *)((?:[\w.]+(?:/|\.\w+) *)+)(?: {2}|$)", line)):
            continue  # a second line of words
        if len(names[1]) > 4:
            continue
        if not names[1]:
            above = ""
        found |= {above + name for name in names[2].split()}
        if not names[1]:
            above = names[2].split()[0]
    return found


def test_the_map_names_what_is_there() -> None:
    missing = {name for name in mapped() if not (ROOT / name).exists()}
    assert not missing


def test_the_map_leaves_nothing_out() -> None:
    folders = {f"{path.partition('/')[0]}/" for path in tracked() if "/" in path}
    folders |= {"/".join(path.split("/")[:2]) + "/" for path in tracked() if path.count("/") > 1
                and path.startswith(("marl_edu/", "book/"))}  # fmt: skip
    hidden = {folder for folder in folders if folder.startswith(".")}
    assert folders - hidden <= mapped()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
@pytest.mark.parametrize("what", ["a paper", "an environment", "an exercise", "a figure"])
def test_one_table_says_where_a_new_thing_goes(document: str, what: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    row = re.search(rf"^\| {what} \|(.*)", text, re.MULTILINE)
    assert row
    for path in re.findall(r"`([^`]+)`", row[1]):
        folder = ROOT / re.split(r"/(?:x|test_x|<)", path)[0]
        assert folder.exists(), path


def test_tests_stand_in_the_folders_of_what_they_test() -> None:
    more = {"book", "benchmarks", "interview", "lab", "learning", "site", "tools"}
    tests = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert tests - more == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*FILES, *sorted(PACKAGE.rglob("*.js"))], ids=short)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=short)
def test_everything_public_says_what_it_is(path: Path) -> None:
    body = tree(path)
    silent = [] if ast.get_docstring(body) else [short(path)]
    for node in body.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            silent += [] if ast.get_docstring(node) else [node.name]
    assert not silent


@pytest.mark.parametrize("path", [one for one in ALGORITHMS if one.stem != "combined"], ids=short)
def test_an_algorithm_is_told_in_order(path: Path) -> None:
    lines: dict[str, int] = {}
    classes = []
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            lines[node.name] = node.lineno
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            classes.append(node.lineno)
    assert "Config" in lines and "train" in lines
    present = [name for name in ORDER if name in lines]
    assert all(lines[first] < lines[second] for first, second in pairwise(present))
    assert max(classes) < min(lines[name] for name in present)


def loops() -> list[tuple[Path, ast.FunctionDef]]:
    return [
        (path, node)
        for folder in ("training", "algos")
        for path in sorted((PACKAGE / folder).glob("*.py"))
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("train")
    ]


@pytest.mark.parametrize(
    "path, train", [pytest.param(*one, id=f"{one[0].stem}.{one[1].name}") for one in loops()]
)
def test_a_loop_can_be_read_at_one_go(path: Path, train: ast.FunctionDef) -> None:
    first = train.body[1] if ast.get_docstring(train) else train.body[0]
    assert train.end_lineno
    assert train.end_lineno - first.lineno + 1 <= LONGEST_TRAIN


# -- names ----------------------------------------------------------------------------------------

NOTATION = (ROOT / "book" / "notation.md").read_text("utf-8")
SINGLE = r"(?<![\w*.])[A-Z](?!\w)"  # a letter that stands alone in a shape, such as B in "B N D"


def annotated(path: Path) -> set[str]:
    """The shapes in the annotations of a file: `B N D` of `Float[Tensor, "B N D"]`."""
    return {
        node.slice.elts[1].value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Tuple)
        and len(node.slice.elts) == 2
        and isinstance(node.slice.elts[0], ast.Name)
        and node.slice.elts[0].id == "Tensor"
        and isinstance(node.slice.elts[1], ast.Constant)
        and isinstance(node.slice.elts[1].value, str)
    }


@pytest.mark.parametrize("path", [p for p in FILES if any(annotated(p))], ids=short)
def test_every_letter_of_a_shape_is_explained(path: Path) -> None:
    axes = set(re.findall(r"^\| \$([A-Z])\$", NOTATION, re.MULTILINE))
    text = path.read_text("utf-8")
    said = " ".join(ast.get_docstring(node) or "" for node in ast.walk(tree(path))
                    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef))  # fmt: skip
    said += " ".join(re.findall(r"#.*", text))
    unknown = {
        letter
        for shape in annotated(path)
        for letter in re.findall(SINGLE, shape)
        if letter not in axes and not re.search(rf"\b{letter} [a-z]", said)
    }
    assert not unknown


def test_the_notation_uses_names_of_the_code() -> None:
    used = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            used |= {getattr(node, key) for key in ("id", "attr", "arg", "name")
                     if isinstance(getattr(node, key, None), str)}  # fmt: skip
    letters = NOTATION.partition("## Letters")[2].partition("## How")[0]
    named = re.findall(r"`(\w+)(?:\[[^`]*\])?`", letters)
    assert len(named) > 30
    assert not set(named) - used


# What became the field's word: no identifier goes back to it.
PLAIN = {
    "world", "worlds", "lives", "goes_on", "lasting", "stays", "target_every",
    "steps_per_update", "clip", "value_cost", "lam", "criticise", "hears", "foreign", "nearby",
    "walker", "walkers", "television", "owed", "worth", "Silence", "Diary", "Moments", "Lives",
    "Transitions", "OwnBonus", "ReturnScale", "anchor", "anchors", "World",
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=short)
def test_names_are_the_fields_words(path: Path) -> None:
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    assert not found & PLAIN


# -- chapters -------------------------------------------------------------------------------------


def shown(path: Path) -> set[str]:
    """The files of the package whose lines a chapter shows."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells
             if cell.cell_type == "code"]  # fmt: skip
    nodes = [
        node for cell in cells if not cell.startswith("%") for node in ast.walk(ast.parse(cell))
    ]
    where: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marl_edu"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}".replace(".", "/")
                module = full if (ROOT / f"{full}.py").is_file() else full.rpartition("/")[0]
                where[alias.asname or alias.name] = f"{module}.py"
    found = set()
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "lines"
        ):
            root = node.args[0]
            while isinstance(root, ast.Attribute):
                root = root.value
            assert isinstance(root, ast.Name)
            found.add(where[root.id])
    return found


@pytest.mark.parametrize(
    "paper", ["tarmac", "gat", "drqn", "qmix", "maddpg", "mappo", "icm", "rnd"]
)
def test_a_chapter_leads_through_few_files(paper: str) -> None:
    """Its paper's file and core/; the loop is the third. A second paper it tells adds its own."""
    files = shown(ROOT / "book" / "chapters" / f"{paper}.ipynb")
    assert f"marl_edu/algos/{paper}.py" in files
    others = {file for file in files if not file.startswith("marl_edu/algos/")}
    loop = {file for file in others if file.startswith("marl_edu/training/")}
    core = {file for file in others if file.startswith("marl_edu/core/")}
    assert others == loop | core
    assert len(loop) <= 1 and len(core) <= 1
    assert len(files) <= 4


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
