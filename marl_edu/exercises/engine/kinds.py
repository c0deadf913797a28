"""The kinds of values that an exercise may ask about, and the manners in which each is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Values = dict[str, Any]  # by the names of arguments, and of what arguments are made of


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
            said = f"normal, s.d. up to {top:,g}" if top > 1 else "normal"
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
        top = computed(self.below, how.sizes)
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


def spread_of(manner: Any) -> int | float:
    """How large the numbers of a manner are; 0 where it does not say."""
    return abs(manner[1]) if isinstance(manner, tuple) and manner[0] in ("spread", "all") else 0


SAID = {
    ("ties", 0): "all 0",
    ("ties", 3): "of whole numbers",
    ("ends",): "at its ends",
    ("near",): "all but equal",
    ("unused",): "NaN where nothing counts",
    "one": "True once in a row",
    "low": "smallest",
    "high": "largest",
    "first": "all 0",
    "last": "all largest",
}


def said(manner: Any) -> str:
    """A manner in words, for the name of an input."""
    match manner:
        case ("spread", spread, centre):
            return f"around {centre:g}" if centre else f"of the size of {spread:g}"
        case ("all", size):
            return f"far {'below' if size < 0 else 'above'} 0"
        case float():
            return f"True with probability {manner:g}"
    return SAID.get(manner, str(manner))


def computed(text: str, sizes: Mapping[str, int]) -> int:
    """The number of "T+1" or "2*F", given the sizes."""
    return int(eval(text, {"__builtins__": {}}, dict(sizes)))
