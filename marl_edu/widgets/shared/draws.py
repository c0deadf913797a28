"""Random numbers that Python and JavaScript draw alike."""

import torch
from jaxtyping import Float
from torch import Tensor

_32 = 0xFFFFFFFF


def uniforms(seed: int, episode: int, count: int) -> Float[Tensor, " count"]:
    """The first `count` random numbers in [0, 1) of an episode; multiples of 2^-24.

    The generator is mulberry32: five lines in any language, so that Python and JavaScript agree.
    """
    state = (seed * 0x9E3779B1 ^ (episode + 1) * 0x85EBCA6B) & _32
    numbers = []
    for _ in range(count):
        state = (state + 0x6D2B79F5) & _32
        t = (state ^ state >> 15) * (1 | state) & _32
        t = (t + ((t ^ t >> 7) * (61 | t) & _32)) & _32 ^ t
        numbers.append((t ^ t >> 14) >> 8)
    return torch.tensor(numbers, dtype=torch.float32) / 2**24
