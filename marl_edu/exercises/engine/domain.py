"""What an exercise may ask about: sizes, shapes and magnitudes, stated once.

From a domain hypothesis draws the inputs of the grader, and the sentence on the page is made of it.
Every extreme that a domain names (the largest numbers, a mask of nothing, the ends of a range) is
tried by itself at the largest sizes. So are the largest numbers together, and every size.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import torch

from marl_edu.exercises.engine.inputs import DTYPE, drawn, ints
from marl_edu.exercises.engine.kinds import (
    Draw,
    Flags,
    Kind,
    Number,
    Reals,
    Values,
    Whole,
    computed,
    said,
    spread_of,
)
from marl_edu.exercises.engine.trying import Case

WIDE = 1000  # larger numbers are tried in float64 only, where rounding leaves enough of them
STEPS = 24  # at most so many values of a size are tried, one by one
DRAWS = 16  # inputs beside those that try the extremes; every second has the largest sizes


@dataclass(frozen=True)
class Domain:
    """The inputs of an exercise.

    `given` says how each argument is drawn. What an argument is made of has a name that begins with
    an underscore, and `finish` makes arguments of it and of the sizes.
    """

    sizes: Mapping[str, tuple[int, int]]  # letter -> smallest, largest
    given: Mapping[str, Kind]
    finish: Callable[[Values, Mapping[str, int]], Values] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)  # of what `finish` makes, for the page

    def cases(self, names: Sequence[str], rng: torch.Generator, seed: int = 0) -> Iterator[Case]:
        """The inputs of the grader: the extremes, one by one, then what hypothesis draws."""
        lows = {letter: low for letter, (low, _) in self.sizes.items()}
        highs = {letter: high for letter, (_, high) in self.sizes.items()}
        usual = {name: kind.manners()[0] for name, kind in self.given.items()}
        pins: list[tuple[Mapping[str, int], Mapping[str, Any]]] = [(lows, {}), (highs, {})]
        for name, kind in self.given.items():  # the others as usual, lest they hide it
            pins += [(highs, {name: manner}) for manner in kind.manners()[1:]]
        pins += [(highs, manners) for manners in self._largest_together()]
        pins += [(sizes, usual) for sizes in self._every_size()]
        columns = [ints(*ends) for ends in self.sizes.values()]
        columns += [ints(0, len(kind.manners()) - 1) for kind in self.given.values()]
        pins += [({}, {}), (highs, {})] * (DRAWS // 2)
        plans = drawn(DTYPE, *columns, n=len(pins), number=seed)
        for (dtype, *numbers), (size_pin, manner_pin) in zip(cycle(plans), pins, strict=False):
            sizes = dict(zip(self.sizes, numbers, strict=False)) | dict(size_pin)
            picks = zip(self.given, numbers[len(self.sizes) :], strict=True)
            manners = {name: self.given[name].manners()[pick] for name, pick in picks}
            if manner_pin:
                manners = usual | dict(manner_pin)
            odd = {name: manner for name, manner in manner_pin.items() if manner != usual[name]}
            yield self._case(names, sizes, manners, odd, dtype, rng)

    def _largest_together(self) -> Iterator[Mapping[str, Any]]:
        """All numbers at their largest, in masks of half, a fifth, one in a row, or nothing.

        Where something is masked, scores lie far below 0 as well: lower than a number that an
        answer may fill in for what is masked.
        """
        reals = [(name, kind) for name, kind in self.given.items() if isinstance(kind, Reals)]
        flags = {name: kind for name, kind in self.given.items() if isinstance(kind, Flags)}
        numbers = [name for name, kind in self.given.items() if isinstance(kind, Number)]
        masked = flags or any(isinstance(kind, Whole) for kind in self.given.values())
        chances: list[Any] = [0.5, 0.2, "one"] if flags else ["any"] * 4
        if flags and all(0.0 in kind.manners() for kind in flags.values()):
            chances.append(0.0)
        plans = [(chance, 0, 0) for chance in chances]
        if masked:
            plans += [(chance, -1, sign) for chance in chances[1:3] for sign in (-1, 1)]
        for chance, *signs in plans:
            large = {name: kind.largest(signs[n > 0]) for n, (name, kind) in enumerate(reals)}
            yield large | dict.fromkeys(numbers, "high") | dict.fromkeys(flags, chance)

    def _every_size(self) -> Iterator[Mapping[str, int]]:
        """Each size takes all its values: all sizes grow together, then some against the others."""
        spans = {letter: high - low + 1 for letter, (low, high) in self.sizes.items()}
        count = min(STEPS, max(spans.values()))
        for back, steps in (False, range(count)), (True, range(1, count, 3)):
            sizes = {}
            for place, (letter, span) in enumerate(spans.items()):
                part = [round(step * (span - 1) / (count - 1)) if span > count else step % span
                        for step in steps]  # fmt: skip
                sizes[letter] = part[::-1] if back and place % 2 else part
            for k in range(len(steps)):
                yield {letter: self.sizes[letter][0] + sizes[letter][k] for letter in spans}

    def _case(
        self,
        names: Sequence[str],
        sizes: Mapping[str, int],
        manners: Mapping[str, Any],
        pinned: Mapping[str, Any],
        dtype: torch.dtype,
        rng: torch.Generator,
    ) -> Case:
        if any(spread_of(manner) > WIDE for manner in pinned.values()):
            dtype = torch.float64
        values: Values = {}
        for name, kind in self.given.items():
            manner = manners[name]
            if spread_of(manner) > WIDE and dtype is torch.float32:
                manner = kind.manners()[0]
            shape = tuple(computed(part, sizes) for part in kind.shape.split())
            values[name] = kind.draw(manner, Draw(shape, sizes, dtype, rng))
        unused = {name for name, manner in manners.items() if manner == ("unused",)}
        given = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
        special = "".join(f", `{name}` {said(manner)}" for name, manner in pinned.items())
        what = f"drawn inputs ({given}{special}, {str(dtype).removeprefix('torch.')})"
        return Case(what, self.arguments(names, values, sizes, unused))

    def arguments(
        self, names: Sequence[str], values: Values, sizes: Mapping[str, int], unused: set[str]
    ) -> tuple[Any, ...]:
        """Arguments of what was drawn; those in `unused` are NaN where they must not matter."""
        if self.finish is not None:
            values = self.finish(values, sizes)
        for name in unused:
            where = getattr(self.given.get(name), "unused", None)
            if where is not None:
                values[name] = values[name].masked_fill(where(values), torch.nan)
        return tuple(values[name] for name in names)

    def sentence(self, told: str) -> str:
        """What the grader tries, for a page on which the sizes in `told` have been explained."""
        sizes = ", ".join(
            f"{letter} {low}–{high}"
            for letter, (low, high) in self.sizes.items()
            if re.search(rf"\b{letter}\b", told)
        )
        named = {name: kind.words() for name, kind in self.given.items() if name[0] != "_"}
        by_words: dict[str, list[str]] = {}
        for name, words in (named | dict(self.notes)).items():
            if words:
                by_words.setdefault(words, []).append(f"`{name}`")
        parts = [f"{', '.join(names)} {words}" for words, names in by_words.items()]
        return "The grader tries: " + "; ".join(part for part in [sizes, *parts] if part) + "."
