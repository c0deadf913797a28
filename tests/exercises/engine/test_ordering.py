"""Lines to put in order: what a puzzle calls right is graded right, and what it calls wrong is."""

import ast
import random
import sys
from itertools import permutations

import pytest

from marl_edu.exercises.__main__ import ALL
from marl_edu.exercises.engine import ordering
from marl_edu.exercises.engine.ordering import needs, puzzle

PUZZLES = {name: found for name, one in ALL.items() if (found := puzzle(one))}
by_name = pytest.mark.parametrize("name", PUZZLES)
ORDERS = 4  # drawn for each puzzle


def function(name, order):
    """The function that these pieces make, in the order given."""
    scope = dict(vars(sys.modules[ALL[name].solution.__module__]))
    exec(PUZZLES[name].source(order), scope)
    return scope[ALL[name].solution.__name__]


def verdict(name, order):
    return ALL[name].judge(function(name, order))


def passes(name, order):
    return verdict(name, order).passed


def drawn(puzzle, rng, first=None):
    """An order that keeps `before`; with `first`, a pair of pieces, one right behind the other."""
    left, order = set(puzzle.own), []
    while left:
        free = [b for b in sorted(left) if not any((a, b) in puzzle.before for a in left)]
        if first and order and order[-1] == first[0]:
            free = [first[1]]  # all it needs is there: see `adjacent`
        elif first:
            free = [one for one in free if one != first[0]] or free
        order.append(rng.choice(free))
        left.remove(order[-1])
    return order


def adjacent(puzzle):
    """The pairs of `before` with nothing that must be between them."""
    return [
        (a, c)
        for a, c in puzzle.before
        if not any((a, b) in puzzle.before and (b, c) in puzzle.before for b in puzzle.own)
    ]


@pytest.mark.long
@by_name
def test_every_order_that_is_called_right_is_right(name):
    rng = random.Random(name)
    one = PUZZLES[name]
    for order in {one.own, *(tuple(drawn(one, rng)) for _ in range(ORDERS))}:
        assert verdict(name, order).passed, verdict(name, order)


@pytest.mark.long
@by_name
def test_every_order_that_is_called_wrong_is_wrong(name):
    """A pair at a time, which stands together otherwise."""
    rng = random.Random(name)
    for a, b in adjacent(PUZZLES[name]):
        order = drawn(PUZZLES[name], rng, (a, b))
        at = order.index(a)
        assert order[at + 1] == b
        order[at : at + 2] = b, a
        assert not passes(name, order), (PUZZLES[name].pieces[a], PUZZLES[name].pieces[b])


@pytest.mark.long
@by_name
def test_a_line_that_does_not_belong_is_refused_in_the_place_of_its_own(name):
    one = PUZZLES[name]
    for number, said in one.stray.items():
        assert said.endswith((".", "?"))
        orders = [tuple(number if n == at else n for n in one.own) for at in one.own]
        ran = []
        for order in orders:
            try:
                ran.append(passes(name, order))
            except SyntaxError:
                continue
        assert ran and not any(ran), one.pieces[number]


def test_there_are_enough_and_the_same_every_time():
    assert len(PUZZLES) >= 40
    one = ALL["masked_attention"]
    assert puzzle(one) == ordering.puzzle.__wrapped__(one)
    for name, found in PUZZLES.items():
        assert sorted([*found.own, *found.stray]) == list(range(len(found.pieces))), name
        assert list(found.own) != sorted(found.own) or len(found.own) < 4, f"{name} is in order"


@pytest.mark.parametrize(
    ("code", "pairs"),
    [
        ("a = 1\nb = 2\nreturn a + b", {(0, 2), (1, 2)}),
        ("a = 1\nb = a\na = 3\nreturn b", {(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)}),
        ("a = f()\na[0] = g\nb = [a for a in c]\nreturn b", {(0, 1), (0, 3), (1, 3), (2, 3)}),
        ("a.add_(1)\nb = a\nreturn b", {(0, 1), (0, 2), (1, 2)}),
        ("for i in x:\n    y += i\nz = y\nreturn z", {(0, 1), (0, 2), (1, 2)}),
    ],
)
def test_what_must_come_before_what(code, pairs):
    statements = ast.parse(f"def f():\n{ordering.textwrap.indent(code, '    ')}").body[0].body
    assert set(needs(statements)) == pairs


def test_one_puzzle_by_hand():
    """Of all orders of masked attention's three lines one is right."""
    one = PUZZLES["masked_attention"]
    right = [order for order in permutations(one.own) if passes("masked_attention", order)]
    assert right == [one.own]
