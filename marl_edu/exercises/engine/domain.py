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
from torch import Tensor

from marl_edu.exercises.engine.inputs import DTYPE, drawn, ints
from marl_edu.exercises.engine.trying import Case

Values = dict[str, Any]  # by the names of arguments, and of what arguments are made of
WIDE = 1000  # larger numbers are tried in float64 only, where rounding leaves enough of them
STEPS = 24  # at most so many values of a size are tried, one by one
DRAWS = 16  # inputs beside those that try the extremes; every second has the largest sizes


@dataclass(frozen=True)
class Draw:
    """With what a value is drawn: its shape, and the sizes, dtype and numbers of its input."""

    shape: tuple[int, ...]
    sizes: Mapping[str, int]
    dtype: torch.dtype
    rng: torch.Generator

    def uniform(self) -> Tensor:
        """Numbers from 0 to 1, of the value's shape."""
        return torch.rand(self.shape, generator=self.rng, dtype=self.dtype)


@dataclass(frozen=True)
class Reals:
    """Floating-point numbers: normal, of several spreads and centres, or uniform in a range."""

    shape: str  # letters of sizes, or what is computed of them without spaces: "B T+1 2*N"
    spreads: Sequence[int | float] = (1, 40, 200, 1e4)
    centres: Sequence[int | float] = (0,)
    between: tuple[int | float, int | float] | None = None
    ties: bool = False  # also whole numbers, and zeros alone
    unused: Callable[[Values], Tensor] | None = None  # where it must not matter, NaN included

    def manners(self) -> list[Any]:
        """The ways in which it is drawn."""
        if self.between:
            return [("between",), ("ends",), ("near",)]
        spreads = [("spread", s, 0) for s in self.spreads]
        centres = [("spread", 1, c) for c in self.centres if c]
        ties = [("ties", 3), ("ties", 0)] if self.ties else []
        return [*spreads, *centres, *ties, *([("unused",)] if self.unused else [])]

    def draw(self, manner: Any, how: Draw) -> Tensor:
        """A tensor, drawn in one of the manners."""
        if self.between:
            low, high = self.between
            shares = how.uniform()
            if manner == ("ends",):  # a third at either end, and yet no ties
                shares = 0.999 * (3 * shares - 1).clamp(0, 1) + 1e-3 * shares
            elif manner == ("near",):  # one like the other
                shares = (shares.mean() + 1e-3 * shares).clamp(0, 1)
            return low + (high - low) * shares
        numbers = torch.randn(how.shape, generator=how.rng, dtype=how.dtype)
        kind, *sizes = manner
        if kind == "all":
            return sizes[0] * (1 + numbers.abs().clamp(max=3))
        if kind == "spread":
            return sizes[0] * numbers + sizes[1]
        return (numbers * sizes[0] / 2).round() if kind == "ties" else numbers

    def largest(self, sign: int = 0) -> Any:
        """The manner with the largest numbers, of either sign, or all of one."""
        if self.between:
            return self.manners()[0]
        return ("all", sign * max(self.spreads)) if sign else ("spread", max(self.spreads), 0)

    def words(self) -> str:
        """Which numbers these are, for the page."""
        if self.between:
            said = f"from {self.between[0]:g} to {self.between[1]:g}"
        else:
            top = max(self.spreads)
            said = f"normal, with a spread up to {top:,g}" if top > 1 else "normal"
            if any(self.centres):
                said += f" or around ±{max(self.centres):g}"
        return said + (", with NaN where nothing counts" if self.unused else "")


@dataclass(frozen=True)
class Flags:
    """Booleans."""

    shape: str
    row: bool = False  # whether each row (along the last axis) has one True at least
    any: bool = False  # whether there is one True at least

    def manners(self) -> list[Any]:
        """The ways in which it is drawn: the probability of True, or one in each row."""
        return [0.5, 1.0, "one", *([] if self.row or self.any else [0.0]), 0.2, 0.8]

    def draw(self, manner: Any, how: Draw) -> Tensor:
        """A tensor, drawn in one of the manners."""
        chance = 0.0 if manner == "one" else manner
        flags = torch.rand(how.shape, generator=how.rng) < chance
        if not flags.numel():
            return flags
        chosen = torch.rand(how.shape, generator=how.rng)
        if self.row or manner == "one":
            flags |= chosen == chosen.amax(-1, keepdim=True)
        elif self.any and not flags.any():
            flags = chosen == chosen.max()
        return flags

    def words(self) -> str:
        """Which masks these are, for the page."""
        if self.row:
            return "with one True in each row at least"
        return "with one True at least" if self.any else ""


@dataclass(frozen=True)
class Whole:
    """Integers from 0, in a tensor."""

    shape: str
    below: str  # a size, or what is computed of sizes

    def manners(self) -> list[Any]:
        """The ways in which it is drawn: as they come, all the smallest, all the largest."""
        return ["any", "first", "last"]

    def draw(self, manner: Any, how: Draw) -> Tensor:
        """A tensor, drawn in one of the manners."""
        top = _computed(self.below, how.sizes)
        numbers = torch.randint(top, how.shape, generator=how.rng)
        if manner == "any":
            return numbers
        return torch.full_like(numbers, top - 1 if manner == "last" else 0)

    def words(self) -> str:
        """Which integers these are, for the page."""
        return f"whole, from 0 to {self.below}{' − 1' * (not self.below.endswith('+1'))}".replace(
            "+1", ""
        )


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`, whole if both are."""

    low: int | float
    high: int | float

    shape = ""

    def manners(self) -> list[Any]:
        """The ways in which it is drawn: between the ends, or one of them."""
        return ["between", "low", "high"]

    def draw(self, manner: Any, how: Draw) -> int | float:
        """A number, drawn in one of the manners."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            inside: int | float = int(torch.randint(self.low, self.high + 1, (), generator=how.rng))
        else:
            inside = round(self.low + (self.high - self.low) * how.uniform().item(), 3)
        return {"low": self.low, "high": self.high}.get(manner, inside)

    def words(self) -> str:
        """Which number this is, for the page."""
        return f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Truth:
    """True or False."""

    shape = ""

    def manners(self) -> list[Any]:
        """Both."""
        return [False, True]

    def draw(self, manner: Any, how: Draw) -> bool:
        """One of both."""
        return bool(manner)

    def words(self) -> str:
        """Which it may be, for the page."""
        return "True or False"


Kind = Reals | Flags | Whole | Number | Truth
KINDS = Reals, Flags, Whole, Number, Truth


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

        Where something is left out, also far below 0, below what stands for what does not count.
        """
        names = {kind: [n for n, one in self.given.items() if type(one) is kind] for kind in KINDS}
        chances: list[Any] = [0.5, 0.2, "one"] if names[Flags] else ["any"] * 4
        if names[Flags] and all(0.0 in self.given[name].manners() for name in names[Flags]):
            chances.append(0.0)
        plans = [(chance, 0, 0) for chance in chances]
        if names[Flags] or names[Whole]:
            plans += [(chance, -1, sign) for chance in chances[1:3] for sign in (-1, 1)]
        for chance, *signs in plans:
            reals = {
                name: self.given[name].largest(signs[place > 0])  # type: ignore[union-attr]
                for place, name in enumerate(names[Reals])
            }
            others = dict.fromkeys(names[Number], "high") | dict.fromkeys(names[Flags], chance)
            yield reals | others

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
        if any(_spread(manner) > WIDE for manner in pinned.values()):
            dtype = torch.float64
        values: Values = {}
        for name, kind in self.given.items():
            manner = manners[name]
            if _spread(manner) > WIDE and dtype is torch.float32:
                manner = kind.manners()[0]
            shape = tuple(_computed(part, sizes) for part in kind.shape.split())
            values[name] = kind.draw(manner, Draw(shape, sizes, dtype, rng))
        unused = {name for name, manner in manners.items() if manner == ("unused",)}
        given = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
        special = "".join(f", `{name}` {_said(manner)}" for name, manner in pinned.items())
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


def _spread(manner: Any) -> int | float:
    return abs(manner[1]) if isinstance(manner, tuple) and manner[0] in ("spread", "all") else 0


SAID = {
    **{("ties", 0): "all 0", ("ties", 3): "of whole numbers", ("ends",): "at its ends"},
    **{("near",): "all but equal", ("unused",): "NaN where nothing counts"},
    **{"one": "True once in a row", "low": "smallest", "high": "largest"},
    **{"first": "all 0", "last": "all largest"},
}


def _said(manner: Any) -> str:
    """A manner in words, for the name of an input."""
    match manner:
        case ("spread", spread, centre):
            return f"around {centre:g}" if centre else f"of the size of {spread:g}"
        case ("all", size):
            return f"far {'below' if size < 0 else 'above'} 0"
        case float():
            return f"True with probability {manner:g}"
    return SAID.get(manner, str(manner))


def _computed(text: str, sizes: Mapping[str, int]) -> int:
    """The number of "T+1" or "2*F", given the sizes."""
    return int(eval(text, {"__builtins__": {}}, dict(sizes)))
