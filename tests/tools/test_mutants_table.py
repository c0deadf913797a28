"""The table of mutants names files, functions and lines that are there."""

import ast
import sys
import tomllib

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import mutants

TABLE = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text("utf-8"))
SURVIVORS = TABLE.get("survivor", [])


def functions(file: str) -> set[str]:
    """Functions and methods of a file: `gae`, `Dense.mix`."""
    body = ast.parse((ROOT / file).read_text("utf-8")).body
    methods = {
        f"{node.name}.{part.name}"
        for node in body
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.FunctionDef)
    }
    return methods | {node.name for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", TABLE["mutate"])
def test_what_is_to_be_changed_is_there(file: str) -> None:
    parts = TABLE["mutate"][file]
    assert parts == "all" or set(parts) <= functions(file)


def test_the_tests_that_judge_are_there() -> None:
    assert not [path for path in TABLE["tests"] if not (ROOT / path).is_file()]


@pytest.mark.parametrize("one", SURVIVORS, ids=lambda one: one["in"])
def test_a_listed_survivor_is_a_line_of_its_file_and_has_a_reason(one: dict[str, str]) -> None:
    file, _, function = one["in"].partition(": ")
    assert function in functions(file)
    lines = [line.strip() for line in (ROOT / file).read_text("utf-8").splitlines()]
    assert one["was"] in lines and one["now"] != one["was"] and one["why"]


def test_what_is_listed_is_found_among_mutmut_s_names() -> None:
    mutate = {"marl_edu/core/ops.py": "all", "marl_edu/algos/icm.py": ["loss", "Module.errors"]}
    assert mutants.patterns(mutate) == [
        "marl_edu.core.ops.*",
        "marl_edu.algos.icm.x_loss__mutmut_*",
        "marl_edu.algos.icm.xǁModuleǁerrors__mutmut_*",
    ]
