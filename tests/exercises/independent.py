"""Inputs of an exercise that its grader does not draw: another generator, other distributions.

It knows the domain of an exercise and nothing of how the grader draws from it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.kinds import Flags, Kind, Number, Reals, Truth, Whole

WIDE = 1000


def inputs(domain: Domain, names: list[str], seed: int) -> Iterator[tuple[Any, ...]]:
    """Arguments, without end."""
    rng = np.random.default_rng(seed)
    while True:
        sizes = {
            letter: int(rng.integers(low, high, endpoint=True))
            for letter, (low, high) in domain.sizes.items()
        }
        wide = bool(rng.random() < 0.5)
        values = {name: value(kind, sizes, wide, rng) for name, kind in domain.given.items()}
        unused = {name for name in names if rng.random() < 0.3}
        yield domain.arguments(names, values, sizes, unused)


def value(kind: Kind, sizes: Mapping[str, int], wide: bool, rng: np.random.Generator) -> Any:
    """A value of an argument."""
    shape = tuple(int(eval(part, {}, dict(sizes))) for part in kind.shape.split())
    match kind:
        case Truth():
            return bool(rng.random() < 0.5)
        case Number(low, high):
            if isinstance(low, int) and isinstance(high, int):
                return int(rng.integers(low, high, endpoint=True))
            return float(rng.choice([low, high, *rng.uniform(low, high, 4)]))
        case Whole():
            return torch.from_numpy(
                rng.integers(int(eval(kind.below, {}, dict(sizes))), size=shape)
            )
        case Flags():
            flags = np.array(rng.random(shape) < rng.choice([0.0, 1.0, rng.random(), rng.random()]))
            if kind.row and flags.size:
                chosen = rng.integers(shape[-1], size=(*shape[:-1], 1))
                np.put_along_axis(flags, chosen, True, -1)
            elif kind.any and flags.size:
                flags.flat[rng.integers(flags.size)] = True
            return torch.from_numpy(flags)
        case Reals():
            return torch.from_numpy(np.array(reals(kind, shape, wide, rng))).to(
                torch.float64 if wide else torch.float32
            )


def reals(
    kind: Reals, shape: tuple[int, ...], wide: bool, rng: np.random.Generator
) -> np.ndarray | float:
    """Numbers in the range of `kind`."""
    if kind.between:
        return rng.uniform(*kind.between, size=shape)
    if kind.ties and rng.random() < 0.2:
        return rng.integers(-2, 3, size=shape)
    spreads = [spread for spread in kind.spreads if wide or spread <= WIDE]
    low, high = min(spread for spread in spreads if spread), max(spreads)
    spread = np.exp(rng.uniform(np.log(min(low, 0.3)), np.log(high)))
    centre = 0.0
    if any(kind.centres) and rng.random() < 0.3:
        spread, centre = 1.0, rng.uniform(min(kind.centres), max(kind.centres))
    return centre + spread * rng.normal(size=shape)
