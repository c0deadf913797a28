"""What the files around the package say of each other: contents, citations, versions, addresses."""

import ast
import fnmatch
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import run

BOOK = ROOT / "book"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = sorted(
    path
    for path in BOOK.rglob("*")
    if path.suffix in (".md", ".ipynb")
    and not {".ipynb_checkpoints", "_ext", "api"} & {*path.parts}
)


def contents(entry: dict) -> Iterator[str]:
    """Every file that the table of contents names."""
    yield from (entry[key] for key in ("root", "file") if key in entry)
    for key in ("parts", "chapters", "sections"):
        for below in entry.get(key, ()):
            yield from contents(below)


def test_contents_and_pages_are_the_same() -> None:
    named = list(contents(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))))
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in PAGES]
    assert sorted(named) == pages


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_citations_are_in_the_bibliography(path: Path) -> None:
    keys = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text("utf-8"), re.M))
    cited = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", path.read_text(encoding="utf-8"))
    assert {key.strip() for group in cited for key in group.split(",")} <= keys


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in found}


def test_what_is_pinned_is_what_is_declared() -> None:
    pinned = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [
        *PROJECT["project"]["dependencies"],
        *(line for extra in ("film", "book", "test", "dev") for line in extras[extra]),
    ]
    declared = requirements([line for line in lines if not line.startswith("marl-edu[")])
    assert pinned.keys() == declared.keys()
    for name, pin in pinned.items():
        (exact,) = pin.specifier
        assert exact.operator == "==", f"{name} is not pinned"
        assert exact.version in declared[name].specifier, name


def test_every_import_is_declared() -> None:
    used = set()
    for path in (ROOT / "marl_edu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(str(node.module).split(".")[0])
    used -= sys.stdlib_module_names | {"marl_edu"}
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    declared = requirements([*project["dependencies"], *extras["film"], *extras["ray"]])
    packages = packages_distributions()  # PIL is of Pillow
    distributions = {canonicalize_name(packages.get(name, [name])[0]) for name in used}
    assert distributions <= declared.keys()


def test_every_file_of_the_package_is_installed_with_it() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    forgotten = []
    for path in (ROOT / "marl_edu").rglob("*.*"):
        if path.suffix in (".py", ".pyc") or not path.is_file():
            continue
        package = ".".join(path.parent.relative_to(ROOT).parts)
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in data.get(package, ())):
            forgotten.append(path.relative_to(ROOT).as_posix())
    assert not forgotten, "add them to [tool.setuptools.package-data]"


def test_one_address_of_the_repository() -> None:
    address = CONFIG["repository"]["url"]
    owner_and_name = re.compile(r"https://github\.com/[\w.-]*marl[\w.-]*/[\w-]+")
    for name in ("README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "book/index.md"):
        found = owner_and_name.findall((ROOT / name).read_text(encoding="utf-8"))
        assert set(found) <= {address}, f"{name}: _config.yml says {address}"


def test_links_of_the_readme_work_where_the_package_is_listed() -> None:
    """All lead to the repository by its address, to files that are there."""
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    address = CONFIG["repository"]["url"]
    assert len(links) > 3 and all("://" in link for link in links)
    inside = re.compile(rf"{address}/(?:blob|raw)/{CONFIG['repository']['branch']}/(.+)")
    for link in links:
        if link.startswith(address):
            found = inside.fullmatch(link)
            assert found and (ROOT / found[1]).exists(), link


def test_addresses_and_python_versions_of_the_project() -> None:
    project = PROJECT["project"]
    assert project["urls"]["Repository"] == CONFIG["repository"]["url"]
    lowest = project["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {lowest}" in project["classifiers"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_local_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)|(?:src|href)=\"([^\"#]+)\"", text)
    local = {a or b for a, b in links if "://" not in (a or b)}
    assert not {link for link in local if not (ROOT / link).exists()}


def test_every_command_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.M)) <= run.TARGETS


def test_the_tests_that_the_design_page_names_exist() -> None:
    page = (BOOK / "interview" / "design.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)`: ([^|]+?) \|", page)
    assert len(named) >= 7
    for file, words in named:
        source = (ROOT / file).read_text("utf-8")
        assert f"def test_{re.sub(r'[ -]', '_', words)}" in source, f"{file}: {words}"
