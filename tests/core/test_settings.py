"""Settings are compared by what they do: by value, by id, or by code, closure and arguments."""

import enum
import functools
import threading
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from mpe2 import simple_spread_v3, simple_tag_v3

from marl_edu.core.registry import name_of, register, registered
from marl_edu.core.settings import plain
from marl_edu.envs import TMaze


@dataclass(frozen=True)
class Settings:
    env: type = TMaze
    sizes: tuple[int, ...] = (3, 4)
    rate: float = 0.1


class Colour(enum.Enum):
    RED = 1


def cell(source: str, **names):
    """What a notebook's cell leaves behind under the name `make`."""
    space = {"__name__": "__main__", "functools": functools, "np": np, **names}
    exec(compile(source, "a cell", "exec"), space)
    return space["make"]


def test_values_are_themselves():
    assert plain(Settings()) == {"env": "t-maze", "sizes": [3, 4], "rate": 0.1}
    assert plain({1: Path("a") / "b", "d": torch.float32}) == {"1": "a/b", "d": "torch.float32"}
    assert plain([None, True, Colour.RED, dict]) == [None, True, "Colour.RED", "builtins.dict"]
    assert plain({3, 1}) == plain({1, 3}) != plain({1, 2})


@pytest.mark.parametrize(
    "number, expected",
    [(np.int64(2), 2), (np.float32(0.5), 0.5), (np.float64(0.1), 0.1), (np.bool_(True), True)],
)
def test_numpy_numbers_are_numbers(number, expected):
    found = plain({"a": [number]})["a"][0]
    assert found == expected and type(found) is type(expected)


def test_arrays_are_compared_by_their_numbers():
    assert plain(np.arange(3)) == plain(np.arange(3)) != plain(np.arange(3).astype(float))
    assert plain(torch.zeros(2, 1)) == plain(torch.zeros(2, 1)) != plain(torch.zeros(1, 2))
    assert plain(torch.tensor([1.0, 2.0])) != plain(torch.tensor([2.0, 1.0]))


@pytest.mark.parametrize(
    "one, other",
    [
        ("make = lambda: max(+1, 0)", "make = lambda: max(-1, 0)"),
        ("make = lambda: max(1)", "make = lambda: min(1)"),
        ("make = lambda: (lambda: 3)", "make = lambda: (lambda: 4)"),
        ("make = lambda a=1: a", "make = lambda a=2: a"),
        ("def make(*, a=1): return a", "def make(*, a=2): return a"),
        ("make = (lambda pay: lambda: pay)(1)", "make = (lambda pay: lambda: pay)(-1)"),
        ("pay = 1\nmake = lambda: pay", "pay = -1\nmake = lambda: pay"),
        ("pay = np.ones(2)\nmake = lambda: pay", "pay = np.zeros(2)\nmake = lambda: pay"),
        (
            "def f(): return 1\ndef make(): return [f() for _ in 'ab']",
            "def f(): return 2\ndef make(): return [f() for _ in 'ab']",
        ),
        (
            "make = functools.partial(lambda a, b: a + b, 1, b=2)",
            "make = functools.partial(lambda a, b: a + b, 1, b=3)",
        ),
        (
            "class make:\n    def step(self): return 1",
            "class make:\n    def step(self): return -1",
        ),
        ("class make:\n    pay = 1", "class make:\n    pay = -1"),
        (
            "class make:\n    @property\n    def pay(self): return 1",
            "class make:\n    @property\n    def pay(self): return 2",
        ),
        (
            "class A:\n    def f(self): return 1\nclass make(A): pass",
            "class A:\n    def f(self): return 2\nclass make(A): pass",
        ),
        (
            "class A:\n    @staticmethod\n    def f(): return 1\nmake = A.f",
            "class A:\n    @staticmethod\n    def f(): return 2\nmake = A.f",
        ),
        (
            "class A:\n    @classmethod\n    def f(cls): return cls.x\n    x = 1\nmake = A.f",
            "class A:\n    @classmethod\n    def f(cls): return cls.x\n    x = 2\nmake = A.f",
        ),
        (
            "@functools.cache\ndef make(): return 1",
            "@functools.cache\ndef make(): return 2",
        ),
    ],
)
def test_code_that_does_something_else_is_another_setting(one, other):
    assert plain(cell(one)) == plain(cell(one))
    assert plain(cell(one)) != plain(cell(other))


def test_comments_docstrings_and_lines_do_not_count():
    first = cell("def make(n):\n    'Old words.'\n    return {n, 'a', 'b'}")
    moved = cell("\n\n# a comment\ndef make(n):\n    'New.'\n\n    return {n, 'a', 'b'}  # same")
    assert plain(first) == plain(moved)


def test_functions_that_call_themselves_or_their_class():
    assert plain(cell("def make(n): return n and make(n - 1)")).startswith("__main__.make, ")
    assert plain(cell("class make:\n    def copy(self): return make()")).startswith("__main__.make")


def test_dataclasses_in_a_cell():
    source = "from dataclasses import dataclass, field\n@dataclass\nclass make:\n    n: int = {}\n"
    source += (
        "    rows: list = field(default_factory={})\n    def __call__(self): return self.n * 2"
    )
    one = cell(source.format(1, "list"))
    assert plain(one) == plain(cell(source.format(1, "list")))
    assert plain(one) != plain(cell(source.format(2, "list")))
    assert plain(one) != plain(cell(source.format(1, "dict")))
    assert plain(one(5)) == plain(one(np.int64(5))) != plain(one(6))
    assert plain(one(5)) != plain(cell(source.format(1, "list").replace("* 2", "* 3"))(5))


def test_installed_packages_are_known_by_name_and_what_they_made_by_its_closure():
    assert plain(gymnasium.make) == "gymnasium.envs.registration.make"
    pole = plain(functools.partial(gymnasium.make, "CartPole-v1"))
    assert pole == {
        "function": "gymnasium.envs.registration.make", "args": ["CartPole-v1"], "keywords": {}
    }  # fmt: skip
    spread, tag = simple_spread_v3.parallel_env, simple_tag_v3.parallel_env
    assert (spread.__module__, spread.__qualname__) == (tag.__module__, tag.__qualname__)
    assert plain(spread) == plain(simple_spread_v3.parallel_env) != plain(tag)


def test_what_cannot_be_compared_is_refused_by_its_place_with_a_way_out():
    lock = threading.Lock()
    with pytest.raises(TypeError, match=r"^config\.args\.lock must be .* got <.*core.registry"):
        plain({"args": {"lock": lock}}, "config")
    with pytest.raises(TypeError, match=r"\(__main__\.<lambda>\)\.globals\.lock must be"):
        plain(cell("make = lambda: lock", lock=lock))
    with pytest.raises(TypeError, match="or train without checkpoint"):
        plain(np.array([None]))


def test_an_id_stands_for_whatever_it_is_given_to_again():
    source = "@register('settings-test')\ndef make(): return {}"
    first = cell(source.format(1), register=register)
    again = cell(source.format(2), register=register)  # the cell is run again, edited
    assert plain(first) != plain(again) == "settings-test" and name_of(first) is None
    assert registered()["settings-test"] is again
    with pytest.raises(ValueError, match="'settings-test' is the name of make already"):
        register("settings-test")(Settings)
